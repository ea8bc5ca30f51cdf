"""What a command wrote, read for a page; proofs are checked anew, counterexamples replayed.

May import: kernel, proof, the floor's own parts. Must not know: the command line, templates.
"""

from __future__ import annotations

import csv
import json
import math
import shlex
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flint import fmpq

from verifai.api import query_from
from verifai.kernel.check import read
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.files.certificate import DIGEST, MAGIC
from verifai.kernel.number import rational
from verifai.kernel.query import Query
from verifai.proof.evidence import read_evidence
from verifai.report.page import Section
from verifai.report.proved import Origin, Proved, proved
from verifai.report.refuted import refuted
from verifai.report.several import benchmark, certification
from verifai.report.theorem import (
    STATEMENT,
    claims_sections,
    is_about_theorems,
    statement_section,
)
from verifai.report.undecided import undecided
from verifai.verdict import Counterexample, Effort, Unknown

FEW = 100  # nodes of each tree, where a page has several
MANY = 64  # proofs of a folder that are shown
ANSWERS = "answers.csv"  # in a folder of `certify`
BENCH = {"onnx", "vnnlib", "verdict", "wall_seconds"}
CERTIFY = {"input", "label", "answer", "eps", "status"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command may say beside the results.

    Attributes:
        model, property_file: of answers that do not name theirs.
        sides: of images among the inputs.
        is_alone: whether the page is about one result, so that there is room.
        peers: tables that are drawn beside each other.
    """

    model: Path | None = None
    property_file: Path | None = None
    sides: tuple[int, ...] | None = None
    is_alone: bool = True
    peers: tuple[Path, ...] = ()


def sections_of(path: Path, asked: Wanted) -> Iterator[Section]:
    """The sections of a page about one result.

    Args:
        path: a file of `verdict.save`, a certificate with its files beside it, a folder of them, a
            folder of `certify`, what `verify --json` printed, or a table of `bench` or `certify`.
        asked: what is known beside it.

    Raises:
        InputError: it is nothing that can be shown; it says what can.
        OSError: it cannot be read.
    """
    if path.is_dir():
        yield from _folder(path)
    elif zipfile.is_zipfile(path):
        yield evidence_section(path, asked)
    elif path.suffix == ".json" and is_about_theorems(path):
        yield from claims_sections(path)
    elif path.suffix == ".json":
        yield answer_section(path, asked)
    elif path.suffix == ".csv":
        yield table_section(path, asked.peers)
    else:
        yield certificate_section(path, most=None if asked.is_alone else FEW)


def evidence_section(path: Path, asked: Wanted) -> Section:
    """The section about a file of `verdict.save`, which the kernel judges now.

    Raises:
        InputError: it is no such file, or what it claims does not hold.
        OSError: as `sections_of`.
    """
    origin = Origin(path.name, (shlex.join(["verifai", "check", str(path)]),))
    try:
        found = read_evidence(path.read_bytes())
        query = found.files.question
        if found.certificate is not None:
            return proved(query, found.certificate, origin, most=None if asked.is_alone else FEW)
    except Rejection as rejection:
        raise InputError(f"{path}: the kernel rejects this evidence ({rejection})") from None
    counterexample = Counterexample(found.inputs or (), (), fmpq(0))
    return refuted(query, counterexample, origin, sides=asked.sides)


def answer_section(path: Path, asked: Wanted) -> Section:
    """The section about what `verify --json` printed.

    Raises:
        InputError: it is no such answer, its files are missing, or it is not so.
        OSError: as `sections_of`.
    """
    said = _answer(path)
    status = said.get("verdict")
    if status == "verified":
        certificate = said.get("certificate")
        if not isinstance(certificate, str):
            raise InputError(f"{path}: the proof was not kept: run verify with --certificate FILE")
        section = certificate_section(Path(certificate), most=None if asked.is_alone else FEW)
        return replace(
            section,
            origin=replace(section.origin, commands=(*_check(said), *section.origin.commands)),
        )
    query, command = _question(path, said, asked)
    if status == "falsified":
        origin = Origin(path.name, (command,))
        return refuted(query, _counterexample(path, said), origin, sides=asked.sides)
    if status in ("unknown", "timeout"):
        return undecided(query, _unknown(said), Origin(path.name, (command,)))
    raise InputError(f"{path}: no answer of `verifai verify --json` that can be shown")


def _unknown(said: dict[str, Any]) -> Unknown:
    """An open answer, with what it says about the search."""
    bound, share = said.get("bound"), said.get("open_fraction", 1.0)
    effort = Effort(_float(said.get("search_seconds")), 0.0, int(_float(said.get("nodes"))))
    return Unknown(
        str(said.get("reason", "")),
        is_timeout=said.get("verdict") == "timeout",
        bound=bound if isinstance(bound, float) else None,
        open_fraction=min(1.0, max(0.0, _float(share))),
        effort=effort,
    )


def _float(found: Any) -> float:
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else 0.0


def table_section(path: Path, peers: Sequence[Path] = ()) -> Section:
    """The section about a table that `bench --out` or `certify --out` wrote.

    Raises:
        InputError: it is no such table.
        OSError: as `sections_of`.
    """
    rows, origin = _rows(path), Origin(path.name if path.name != ANSWERS else path.parent.name)
    if rows and rows[0].keys() >= BENCH:
        others = {p.stem: _rows(p) for p in peers if p != path}
        return benchmark(origin, rows, {n: r for n, r in others.items() if r[0].keys() >= BENCH})
    if rows and rows[0].keys() >= CERTIFY:
        return certification(origin, rows)
    raise InputError(f"{path}: no table of `verifai bench --out` or `verifai certify --out`")


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        lines = path.read_bytes().decode("utf-8").splitlines()
        rows = [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(lines)]
    except (UnicodeDecodeError, csv.Error):
        rows = []
    if not rows:
        raise InputError(f"{path}: no table with a line of names and lines of results")
    return rows


def _check(said: dict[str, Any]) -> tuple[str, ...]:
    """The command that checks an answer's certificate against the files that it names."""
    found = [said.get(name) for name in ("model", "property", "certificate")]
    files = [each for each in found if isinstance(each, str)]
    if len(files) != len(found):
        return ()
    return (_command(said, "check", *files),)


def _command(said: dict[str, Any], *words: str) -> str:
    """A command of ours, with the semantics of an answer."""
    semantics, ulp = str(said.get("semantics", "real")), said.get("assume_ulp")
    meaning = [] if semantics == "real" else ["--semantics", semantics]
    meaning += [] if ulp is None else ["--assume-ulp", str(ulp)]
    return shlex.join(["verifai", *words, *meaning])


def _answer(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or "verdict" not in said:
        raise InputError(f"{path}: not what `verifai verify --json` prints")
    return said


def _question(path: Path, said: dict[str, Any], asked: Wanted) -> tuple[Query, str]:
    """The query that an answer is about, from the files themselves, and how to ask it again."""
    model = asked.model or _file(said.get("model")) or _files(said.get("networks"))
    stated = asked.property_file or _file(said.get("property"))
    if not model or stated is None:
        raise InputError(f"{path}: say what it is about with --model FILE --property FILE")
    semantics, ulp = str(said.get("semantics", "real")), said.get("assume_ulp")
    query = query_from(model, stated, semantics=semantics, assume_ulp=ulp)
    if isinstance(model, dict):
        pairs = [word for name, file in model.items() for word in ("--network", f"{name}={file}")]
        return query, _command(said, "verify", str(stated), *pairs)
    return query, _command(said, "verify", str(model), str(stated))


def _file(found: Any) -> Path | None:
    return Path(found) if isinstance(found, str) and found else None


def _files(found: Any) -> dict[str, str] | None:
    """The files of several networks, by their names."""
    return (
        {str(name): str(file) for name, file in found.items()} if isinstance(found, dict) else None
    )


def _counterexample(path: Path, said: dict[str, Any]) -> Counterexample:
    """The input of an answer; all else that it says is computed anew."""
    found = said.get("counterexample")
    inputs = found.get("inputs") if isinstance(found, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(x, str) for x in inputs):
        raise InputError(f"{path}: no counterexample in it")
    float32 = found.get("float32") if isinstance(found, dict) else None
    exact = tuple(rational(x) for x in inputs)
    return Counterexample(exact, (), fmpq(0), float32 if isinstance(float32, bool) else None)


def certificate_section(path: Path, *, most: int | None = None, name: str = "") -> Proved:
    """The section about a certificate: NAME, NAME.network and NAME.query.json.

    Args:
        path: of the certificate.
        most: how many nodes of its tree are listed; None: as many as are good to read.
        name: for the heading; empty: that of the file.

    Raises:
        InputError: a file is missing or unreadable, or the kernel does not accept the proof.
        OSError: as `sections_of`.
    """
    data = path.read_bytes()
    network, query = _network_of(path, data), path.with_name(path.name + ".query.json")
    if not query.is_file():
        raise InputError(f"{path}: no result: {query.name} is missing beside it")
    words = ["python", "-m", "verifai.kernel", str(network), str(query), str(path)]
    origin = Origin(name or path.name, (shlex.join(words),))
    try:
        found = read(network.read_bytes(), query.read_bytes())
        return proved(found, data, origin, most=most)
    except Rejection as rejection:
        raise InputError(f"{path}: the kernel rejects this certificate ({rejection})") from None


def _network_of(path: Path, data: bytes) -> Path:
    """The network beside a certificate, or in the folder above under its digest."""
    beside = path.with_name(path.name + ".network")
    start = len(MAGIC)
    above = path.parent.parent / f"{data[start : start + DIGEST].hex()[:12]}.network"
    if beside.is_file():
        return beside
    if above.is_file():
        return above
    raise InputError(f"{path}: no result that can be shown: {beside.name} is missing beside it")


def _folder(path: Path) -> Iterator[Section]:
    """The answers of a folder of `certify`, or the proofs of any other folder."""
    if (path / ANSWERS).is_file():
        yield table_section(path / ANSWERS)
        return
    found = sorted(path.glob("*.cert"), key=lambda p: (len(p.name), p.name))
    if (path / STATEMENT).is_file():
        yield statement_section(path, len(found))
    elif not found:
        raise InputError(f"{path}: no certificates (*.cert) in this folder")
    for each in found[:MANY]:
        name = f"{path.name}: {each.stem}"
        yield certificate_section(each, most=FEW if len(found) > 1 else None, name=name)
