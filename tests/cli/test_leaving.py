"""The process of a command ends fast, and yet does what was to be done at its end."""

from __future__ import annotations

import subprocess
import sys

import pytest

ENDINGS = {
    "a function for the end": "atexit.register(print, 'last words')",
    "another thread": "threading.Timer(0.3, print, ['last words']).start()",
    "a library's own buffer": (
        "sys.stdout.flush(); ctypes.CDLL(None).printf(b'last words\\n')  # C keeps it to the end"
    ),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=list(ENDINGS))
def test_nothing_is_lost_at_the_end(ending: str) -> None:
    program = f"""
import atexit, ctypes, sys, threading
from verifai.cli import group, main
@group.result_callback()
def last(code, **_):
    {ending}
    return 2
sys.argv = ["verifai", "supports", "--vnnlib-versions"]
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "last words" in done.stdout + done.stderr
    assert done.returncode == 2, done.stderr
