"""What a page says about a proof: statement, trust, the certificate's tree, one leaf, the files.

May import: kernel, proof, bounds, the floor's own parts. Must not know: the search, templates.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from verifai.bounds.threads import one_thread
from verifai.kernel.check import check
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import Proof, decode_certificate
from verifai.kernel.query import Query
from verifai.proof.files import Files
from verifai.proof.upgrade import upgraded
from verifai.report.drawings import icicle
from verifai.report.function import WholeFunction, function_of
from verifai.report.leaf import LeafArithmetic, leaf_arithmetic
from verifai.report.reference import reference_of
from verifai.report.said import Said, said_of
from verifai.report.tree import Tree, tree_of, watched
from verifai.report.words import many

STEM = "proof"
MAX_INSIDE = 3 << 18  # bytes of files that are kept inside the page


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a result comes from, and what re-checks it.

    Attributes:
        name: of the result, for headings.
        commands: lines for a shell.
        remarks: what else was said, such as that a second reader agreed.
    """

    name: str
    commands: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A file inside the page."""

    name: str
    size: int
    address: str


@dataclass(frozen=True, slots=True, eq=False)
class Proved:
    """A section about a proof that the kernel accepted while the page was made."""

    template: ClassVar[str] = "proved.html"
    verdict: ClassVar[str] = "verified"
    origin: Origin
    said: Said
    semantics: str
    assumptions: tuple[str, ...]
    vacuous: bool
    size: int
    digests: tuple[tuple[str, str], ...]
    tree: Tree
    figure: Markup
    leaf: LeafArithmetic | None
    function: WholeFunction | None
    files: tuple[Kept, ...]

    @property
    def decides(self) -> str:
        """What the verdict rests on, in a few words."""
        said = "VACUOUS, the domain is empty; " if self.vacuous else ""
        return f"{said}{many(self.tree.items[0].leaves, 'leaf', 'leaves')}, margin {self.margin}"

    @property
    def margin(self) -> str:
        """The smallest bound of a leaf."""
        return "none" if self.tree.least is None else str(self.tree.least)


def proved(query: Query, certificate: bytes, origin: Origin, *, most: int | None = None) -> Proved:
    """The section about a certificate, which the kernel reads and checks now.

    Args:
        query: what it is about.
        certificate: its bytes.
        origin: where it comes from.
        most: how many nodes of the tree are listed; None: as many as are good to read.

    Raises:
        Rejection: the certificate does not prove the query; the rule is named.
        InputError: the query cannot be written.
    """
    files = Files.of(query)
    certificate = upgraded(certificate, files)
    with one_thread():
        accepted = check(files.network, files.query, certificate)
        read, proof = accepted.query, decode_certificate(certificate, *files.digests)
        tree = tree_of(watched(read, proof), *(() if most is None else (most,)))
        leaf = None if tree.tightest is None else _leaf(read, proof, tree.tightest)
    named = {"network": files.network, "query.json": files.query, "certificate": certificate}
    digests = tuple((name, hashlib.sha256(data).hexdigest()) for name, data in named.items())
    return Proved(
        origin,
        said_of(query, reference_of(query)),
        query.semantics,
        query.assumptions,
        accepted.vacuous,
        len(certificate),
        digests,
        tree,
        icicle(tree),
        leaf,
        function_of(query),
        kept_files(named),
    )


def _leaf(query: Query, proof: Proof, position: int) -> LeafArithmetic | None:
    """The leaf written out; None where exact arithmetic, in its own contexts, leaves it open."""
    try:
        return leaf_arithmetic(query, proof, position)
    except Rejection:
        return None


def kept_files(named: Mapping[str, bytes]) -> tuple[Kept, ...]:
    """The files as addresses that hold them, unless they are too large."""
    if sum(map(len, named.values())) > MAX_INSIDE:
        return ()
    start = "data:application/octet-stream;base64,"
    return tuple(
        Kept(f"{STEM}.{name}", len(data), start + base64.b64encode(data).decode())
        for name, data in named.items()
    )
