"""What a command wrote, read for a page; proofs are checked anew, counterexamples replayed.

May import: kernel, proof, the floor's own parts. Must not know: the command line, templates.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from verifai.kernel.check import read
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.files.certificate import DIGEST, MAGIC
from verifai.report.page import Section
from verifai.report.proved import Origin, proved

FEW = 250  # nodes of each tree, where a page has several
MANY = 64  # proofs of a folder that are shown


def sections_of(path: Path, *, is_alone: bool = True) -> Iterator[Section]:
    """The sections of a page about one result.

    Args:
        path: a certificate with its files beside it, or a folder of them.
        is_alone: whether the page is about nothing else, so that there is room.

    Raises:
        InputError: it is nothing that can be shown; it says what can.
        OSError: it cannot be read.
    """
    if path.is_dir():
        yield from _folder(path)
    else:
        yield certificate_section(path, most=None if is_alone else FEW)


def certificate_section(path: Path, *, most: int | None = None, name: str = "") -> Section:
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
    source = Origin(name or path.name, (shlex.join(words),))
    try:
        found = read(network.read_bytes(), query.read_bytes())
        return proved(found, data, source, most=most)
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
    """The proofs of a folder."""
    found = sorted(path.glob("*.cert"), key=lambda p: (len(p.name), p.name))
    if not found:
        raise InputError(f"{path}: no certificates (*.cert) in this folder")
    for each in found[:MANY]:
        name = f"{path.name}: {each.stem}"
        yield certificate_section(each, most=FEW if len(found) > 1 else None, name=name)
