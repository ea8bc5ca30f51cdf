"""`certify` in processes that are killed at random moments: what is then lost of its folder?"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.processes import is_left_alone
from verifai.certify.folder import RESULTS, Folder

MOST = 0.5
Answer = tuple[str, str, str]


def answers_in(folder: Path) -> set[Answer]:
    """What the lines of a folder say, each about its question and radius."""
    entries = Folder(folder).entries.values()
    return {(each.key, each.found.eps, each.found.status) for each in entries}


def survive(
    work: Callable[[int], object], folder: Path, kills: int, most: float = MOST
) -> set[Answer]:
    """What the folder says after all kills.

    Args:
        work: writes into the folder, in so many processes.
        folder: of `work`.
        kills: how often a process that works is killed.
        most: seconds that a process lives.

    Raises:
        AssertionError: after a kill a line that was there is gone, a line names evidence that is
            not there, or a process lives on.
    """
    rng, before = random.Random(1), set[Answer]()
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            os.setsid()
            try:
                work(rng.choice([1, 2]))
            finally:
                os._exit(0)
        rng.choice([1, 2])  # as the child did
        time.sleep(rng.uniform(0, most))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert is_left_alone(child)
        if not (folder / RESULTS).is_file():
            continue
        now = answers_in(folder)
        assert before <= now
        before = now
        kept = Folder(folder)
        for entry in kept.entries.values():
            if entry.found.by == entry.found.eps:
                assert kept.evidence(entry) is not None
    return before
