"""How JAX computes in a command."""

import os
import subprocess
import sys

import pytest
from cdjax.cli.compute import count_devices

PROGRAM = """
import jax
from cdjax.cli.compute import compute_on_every_core
{before}
compute_on_every_core()
print(jax.local_device_count("cpu"))
"""


def count(before="", **environment):
    command = [sys.executable, "-c", PROGRAM.format(before=before)]
    environment = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "", **environment}
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_every_core_is_a_device():
    assert count() == count_devices()


@pytest.mark.thorough
def test_what_is_given_or_has_begun_is_left_alone():
    assert count(XLA_FLAGS="--xla_force_host_platform_device_count=3") == 3
    assert count(JAX_NUM_CPU_DEVICES="5") == 5
    assert count("jax.devices()") == 1
    assert count("import os; os.sched_getaffinity = lambda process: range(40)") == 8
