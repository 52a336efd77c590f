"""What becomes of the memory of freed arrays."""

import platform
import subprocess
import sys

import pytest

# Arrays of many sizes, some kept: what glibc keeps of those that are freed, in MB.
PROGRAM = """
import numpy as np
from cdjax.memory import return_freed_arrays

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

# The same large array again and again: how many pages the system has cleared for it.
REPEATED = """
import resource
import numpy as np
from cdjax.memory import keep_freed_arrays

{call}
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for n in range(40):
    np.ones(6 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")


def measure(program, call):
    command = [sys.executable, "-c", program.format(call=call)]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)


def test_memory_of_freed_arrays_is_given_back():
    assert measure(PROGRAM, "return_freed_arrays()") < 5
    assert measure(PROGRAM, "") > 20  # else there is nothing to mend, and this test shows nothing


def test_memory_of_freed_arrays_is_kept():
    once, again = measure(REPEATED, "keep_freed_arrays()"), measure(REPEATED, "")
    assert again > 10 * once
