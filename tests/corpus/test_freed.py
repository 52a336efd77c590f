"""What a long job's arrays leave behind."""

import platform
import subprocess
import sys

import pytest

# Arrays of many sizes, some kept: what glibc keeps of those that are freed, in MB.
PROGRAM = """
import numpy as np
from cdjax.corpus.freed import return_freed_arrays

def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

{call}
kept, before = [], used()
for n in range(40):
    large = [np.ones((3 + (7 * k + n) % 19) << 17) for k in range(8)]
    kept.append(np.ones(1 << 10))
    del large
print(used() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_memory_of_freed_arrays_is_given_back():
    def kept(call):
        program = PROGRAM.format(call=call)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        return float(done.stdout)

    assert kept("return_freed_arrays()") < 5
    assert kept("") > 20  # else there is nothing to mend, and this test shows nothing
