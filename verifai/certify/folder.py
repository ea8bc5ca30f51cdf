"""A folder of answers: a certificate or counterexample is whole before the line that names it.

`results.jsonl` only ever grows, a line at a time; a line that was cut off is passed over. So the
folder can be gone on with after any end. Nothing in it is believed: who reads a line has the kernel
judge what it names.

May import: the standard library, ball, decide, files, kernel, proof. Must not know: processes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from verifai.api import ready
from verifai.certify.ball import DECIDED, BallAnswer, Balls, Evidence
from verifai.certify.decide import KnownAnswer
from verifai.files import write_atomically
from verifai.kernel.errors import InputError
from verifai.kernel.number import rational, text
from verifai.proof.files import Files

RESULTS, PROOFS, COUNTEREXAMPLES = "results.jsonl", "proofs", "counterexamples"
LONG = 40  # characters of a radius in a file's name
MAX_EVIDENCE = 1 << 32


@dataclass(frozen=True, slots=True)
class Entry:
    """A line: what was found for one input of a data set at one radius.

    Attributes:
        key: of the question: network, input, label, clip.
        number: where the input stands in the data set.
        label: what was asked.
        found: the answer, without its evidence.
        timeout: seconds that its search could take; None: no limit.
        file: where the evidence lies in the folder; empty where there is none of its own.
    """

    key: str
    number: int
    label: int
    found: BallAnswer
    timeout: float | None = None
    file: str = ""


class Folder:
    """Answers and their evidence in one folder."""

    def __init__(self, path: Path) -> None:
        """Makes the folder, if need be, and reads its lines.

        Raises:
            InputError: something else lies there.
            OSError: it cannot be made or read.
        """
        self.path = path
        results = path / RESULTS
        if path.exists() and not (path.is_dir() and (results.is_file() or not any(path.iterdir()))):
            raise InputError(f"{path}: this is no folder of results, nor empty: choose another")
        path.mkdir(parents=True, exist_ok=True)
        results.touch()  # first: a folder that holds it can be gone on with
        for part in (PROOFS, COUNTEREXAMPLES):
            (path / part).mkdir(exist_ok=True)
        data = results.read_bytes()
        self._is_cut = bool(data) and not data.endswith(b"\n")
        self.entries = {(e.key, e.found.eps): e for e in _entries(data)}

    def known(self, key: str, timeout: float | None) -> Iterator[KnownAnswer]:
        """What the lines say about a question; where nothing is known, if no more time is given."""
        for entry in self.of(key):
            found = entry.found
            if found.status in DECIDED:
                evidence = self.evidence(entry)
                if found.by == found.eps and evidence is not None:
                    yield KnownAnswer(found, evidence)
            elif entry.timeout is None or (timeout is not None and timeout <= entry.timeout):
                yield KnownAnswer(found, None)

    def of(self, key: str) -> list[Entry]:
        """The newest line for each radius of a question."""
        return [entry for (of, _), entry in self.entries.items() if of == key]

    def evidence(self, entry: Entry) -> Evidence:
        """What lies in the line's file; None where it is not what it should be."""
        path = self.path / entry.file
        if not entry.file or path.parent.parent != self.path:
            return None
        try:
            if path.stat().st_size > MAX_EVIDENCE:
                return None
            if entry.found.status == "verified":
                return path.read_bytes()
            inputs = json.loads(path.read_bytes())["inputs"]
            return tuple(rational(each) for each in inputs)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        except InputError:
            return None

    def keep(self, balls: Balls, entry: Entry) -> Entry:
        """The line, once the evidence lies in its file: beside a certificate the kernel's files.

        Raises:
            OSError: the disk is full, or the folder has gone.
        """
        found = entry.found
        name = f"{entry.number:05}_{entry.key[:12]}_{_short(found.eps)}"
        if isinstance(found.evidence, bytes):
            file = f"{PROOFS}/{name}.cert"
            files = Files.of(ready(balls.query(found.eps)))
            network = self.path / f"{files.digests[0][:12]}.network"
            if not network.exists():
                write_atomically(network, files.network)
            write_atomically(self.path / f"{file}.query.json", files.query)
            write_atomically(self.path / file, found.evidence)
        elif found.evidence is not None:
            file = f"{COUNTEREXAMPLES}/{name}.json"
            said = {"label": entry.label, "eps": found.eps}
            inputs = {"inputs": [text(x) for x in found.evidence]}
            write_atomically(self.path / file, json.dumps(said | inputs).encode())
        else:
            file = ""
        return replace(entry, found=replace(found, evidence=None), file=file)

    def append(self, entry: Entry) -> None:
        """Adds a line, unless the folder's newest on this question says the same.

        Raises:
            OSError: the disk is full, or the folder has gone.
        """
        before = self.entries.get((entry.key, entry.found.eps))
        if before is not None and _same(before, entry):
            return
        self.entries[entry.key, entry.found.eps] = entry
        line = json.dumps(_record(entry)).encode() + b"\n"
        target = os.open(self.path / RESULTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        with open(target, "ab", buffering=0) as file:
            file.write(b"\n" + line if self._is_cut else line)
        self._is_cut = False


def key_of(balls: Balls, network: str) -> str:
    """The digest of a question: all but the radius.

    Args:
        balls: around the input.
        network: the network's digest.
    """
    centre = [text(x) for x in balls.centre]
    asked = [network, balls.label, balls.classifier.clip_words, centre]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _same(before: Entry, now: Entry) -> bool:
    first, second = before.found, now.found
    if (first.status, first.by) != (second.status, second.by):
        return False
    return before.file == now.file or not now.file or first.by != first.eps


def _short(eps: str) -> str:
    """A radius as part of a file's name."""
    if len(eps) > LONG:
        return hashlib.sha256(eps.encode()).hexdigest()[:16]
    return eps.replace("/", "-")


def _record(entry: Entry) -> dict[str, Any]:
    found = entry.found
    return {
        "key": entry.key,
        "input": entry.number,
        "label": entry.label,
        "eps": found.eps,
        "status": found.status,
        "by": found.by,
        "file": entry.file,
        "reason": found.reason,
        "seconds": found.seconds,
        "timeout": entry.timeout,
    }


def _entries(data: bytes) -> Iterator[Entry]:
    """The lines that are whole."""
    for line in data.split(b"\n"):
        try:
            r = json.loads(line)
            texts = [r[name] for name in ("key", "eps", "status", "by", "file", "reason")]
            key, eps, status, by, file, reason = map(_text, texts)
            limit = None if r["timeout"] is None else float(r["timeout"])
            found = BallAnswer(text(rational(eps)), status, by, None, reason, float(r["seconds"]))
            yield Entry(key, int(r["input"]), int(r["label"]), found, limit, file)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError, InputError):
            continue


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
