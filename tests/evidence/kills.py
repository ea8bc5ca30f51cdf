"""Processes that keep evidence in a store and are killed at random moments: what is then lost?"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from verifai.evidence.store import AskedFor, Store
from verifai.proof.evidence import Evidence, read_evidence
from verifai.proof.files import Files

Kept = tuple[AskedFor, Evidence]
WRITERS = 2
MOST = 0.1  # seconds that writers live


def kept(files: Sequence[Files], certificates: Sequence[bytes]) -> list[Kept]:
    """What the writers keep, again and again."""
    pairs = zip(files, certificates, strict=True)
    return [(AskedFor.of(f"p{i}", f), Evidence(f, c)) for i, (f, c) in enumerate(pairs)]


def _write(folder: Path, items: Sequence[Kept], out: int, seed: int) -> None:
    """Keeps items for ever, in some order and other bytes each time, and says when one is kept."""
    rng, store = random.Random(seed), Store(folder)
    while True:
        i = rng.randrange(len(items))
        asked, evidence = items[i]
        store.keep(asked, replace(evidence, versions={"turn": str(rng.getrandbits(64))}))
        os.write(out, bytes([i]))


def _child(folder: Path, items: Sequence[Kept], out: int, seed: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            _write(folder, items, out, seed)
        finally:
            os._exit(1)
    return child


def survive(folder: Path, items: Sequence[Kept], kills: int, seed: int = 0) -> int:
    """How often something was kept; each kill is of two writers at the same time.

    Raises:
        AssertionError: after a kill a file is not whole, or one that was kept is missing.
    """
    rng, sure, count = random.Random(seed), set[int](), 0
    for kill in range(kills):
        read, write = os.pipe()
        seeds = [rng.getrandbits(32) for _ in range(WRITERS)]
        children = [_child(folder, items, write, each) for each in seeds]
        os.close(write)
        time.sleep(rng.uniform(0, MOST))
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
        with open(read, "rb") as heard:
            said = heard.read()
        sure |= {*said}
        count += len(said)
        check(folder, items, sure, kill)
    return count


def check(folder: Path, items: Sequence[Kept], sure: set[int], kill: int) -> None:
    """Returns if what is there is whole, and what was kept is there.

    Raises:
        AssertionError: otherwise.
    """
    store = Store(folder)
    for i, (asked, evidence) in enumerate(items):
        data, known = store.evidence(asked.query), store.asked(asked.name)
        assert i not in sure or (data is not None and known is not None), (
            f"kill {kill}: {i} is gone"
        )
        assert known in (None, asked), f"kill {kill}: a line is not whole"
        if data is not None:
            found = read_evidence(data)
            assert found.certificate == evidence.certificate, f"kill {kill}: another proof"
