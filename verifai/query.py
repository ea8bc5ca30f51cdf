"""The query as people hold it: the kernel's, which also says its digest and goes out as VNN-LIB.

May import: kernel, proof, files. Must not know: how a query is decided, what it is read from.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from verifai.kernel.query import Query as KernelQuery

if TYPE_CHECKING:
    from typing import Self


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
