"""Processes that tests start, watched by their group.

Limits are long, as the machine may be busy; no test waits for one that does as it should.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

PATIENCE = 120.0  # seconds


def members(group: int) -> list[int]:
    """The living processes of a group."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def is_left_alone(group: int) -> bool:
    """Whether the group has no process any more, a moment after its first has ended."""
    end = time.monotonic() + 20
    while members(group):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def wait_for_helper(process: subprocess.Popen[str]) -> None:
    """Returns once the search runs in two processes."""
    end = time.monotonic() + PATIENCE
    while len(members(process.pid)) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no second process was started"
        time.sleep(0.05)
    time.sleep(0.5)
