"""The query as people hold it: the kernel's, which also says its digest and goes out as VNN-LIB.

May import: kernel, entry, graph, proof, files. Must not know: how a query is decided or read.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Self

from verifai.kernel.errors import InputError
from verifai.kernel.query import Query as KernelQuery

if TYPE_CHECKING:
    from verifai.proof.vnnlib import ModelPart


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Query(KernelQuery):
    """Network, domain, unsafe set: one decision problem.

    The attributes are the kernel's. Equal to the kernel's own query of the same parts.
    """

    @classmethod
    def of(cls, query: KernelQuery) -> Self:
        """The same query with what people ask of it."""
        if isinstance(query, cls):
            return query
        return cls(*(getattr(query, part.name) for part in fields(query)))

    @property
    def digest(self) -> str:
        """The SHA-256 of its canonical file, which names the network's digest: its name for good.

        Raises:
            InputError: a number or a name that the kernel would not read.
        """
        from verifai.proof.files import Files

        return Files.of(self).digests[1]

    def to_vnnlib(self, path: str | PathLike[str], version: str = "1.0") -> None:
        """Writes the query as VNN-LIB about the model that its network was read from.

        Values of inputs and outputs have the names that the standard gives them; the conditions
        are those that the query was posed in. Read with the model, it is this query again.

        Args:
            path: the file.
            version: "1.0", or "2.0", which can also speak of several networks.

        Raises:
            InputError: something that VNN-LIB cannot say (float32 programs, integers, hidden
                values, for 1.0 several networks; it is named), or the file cannot be written.
        """
        from verifai.entry.rules import choice
        from verifai.entry.rules import path as file_path
        from verifai.entry.sentences import unreadable
        from verifai.files import write_atomically
        from verifai.proof.vnnlib import VERSIONS, vnnlib_text

        version = choice(*VERSIONS)(version, "version")
        written = vnnlib_text(self, self._parts_of_models(), version).encode()
        try:
            write_atomically(Path(file_path(path, "path")), written)
        except OSError as error:
            raise InputError(unreadable(error)) from None

    def _parts_of_models(self) -> list[ModelPart]:
        """The models that the network was read from; it is one itself where none is known."""
        from verifai.graph.reading import readings_of
        from verifai.proof.vnnlib import ModelPart

        net, found, seen = self.network, list[ModelPart](), dict[int, int]()
        for reading in readings_of(net):
            same = seen.setdefault(id(reading.original), len(found))
            is_new = same == len(found)
            found.append(ModelPart(reading.inputs, reading.outputs, None if is_new else same))
        return found or [ModelPart(net.inputs, net.outputs)]

    def _repr_html_(self) -> str:
        """For notebooks: what is asked, in words."""
        from html import escape

        from verifai.kernel.statement import statement

        said = escape(statement(self, verified=True))
        return f"<div><strong>asked</strong><pre>{said}</pre></div>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KernelQuery):
            return NotImplemented
        return self._parts(self) == self._parts(other)

    def __hash__(self) -> int:
        return hash(self._parts(self))

    @staticmethod
    def _parts(query: KernelQuery) -> tuple[object, ...]:
        return tuple(getattr(query, part.name) for part in fields(KernelQuery))

    def __repr__(self) -> str:
        count = len(self.lower)
        said = [f"{count} input{'s' * (count != 1)}"]
        if self.integers:
            said.append(f"{len(self.integers)} of them integers")
        if self.domain:
            said.append(f"{len(self.domain)} row{'s' * (len(self.domain) != 1)}")
        atoms = self._atoms()
        said.append(f"{atoms} unsafe condition{'s' * (atoms != 1)}")
        if self.assumptions:
            said.append("float32")
        return f"Query({self.network!r}: {', '.join(said)})"

    def _atoms(self) -> int:
        """The number of atoms in the unsafe formula."""
        from verifai.kernel.query import Atom, Formula

        found, todo = 0, list[Formula]([self.unsafe])
        while todo:
            part = todo.pop()
            if isinstance(part, Atom):
                found += 1
            else:
                todo += part.parts
        return found
