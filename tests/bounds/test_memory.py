"""A process that keeps its memory touches no fresh pages."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from verifai.bounds.memory import keep_memory
if sys.argv[1] == "keep":
    assert keep_memory()
def work():
    for _ in range(200):
        parts = [np.ones(60_000) for _ in range(4)]
work()
start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="about the C library of Linux")
def test_a_process_that_keeps_memory_touches_no_fresh_pages():
    faults = {}
    for mode in ("keep", "default"):
        command = [sys.executable, "-c", PROGRAM, mode]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if "AssertionError" in answer.stderr:
            pytest.skip("not glibc")
        faults[mode] = int(answer.stdout)
    assert faults["keep"] < 100
