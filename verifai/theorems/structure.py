"""Whether two networks are the same expression of their inputs: equal everywhere, by structure.

Every value becomes an affine form of *atoms*, which are the inputs, and a function or product of
such forms. Equal atoms are one, so that equal forms are the same function of real numbers. Unequal
forms may still be equal functions; nothing is said of them.

May import: kernel, solvers (rows), properties (entry). Must not know: any particular theorem.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from flint import fmpq

from verifai.kernel.network import Affine, Input, Network, Product, Pwl, Smooth, Square
from verifai.solvers.rows import AffineValue, affine_rows, pieces

ZERO, ONE = fmpq(0), fmpq(1)


@dataclass(frozen=True, slots=True)
class AtomSum:
    """Σ factor·atom + constant; the atoms by number, in order, no factor zero."""

    terms: tuple[tuple[int, fmpq], ...]
    constant: fmpq


@dataclass(slots=True)
class Atoms:
    """Numbers of atoms: what has one number is one function of the inputs."""

    numbers: dict[Hashable, int] = field(default_factory=dict)

    def form(self, key: Hashable) -> AtomSum:
        """The atom of this key as a form."""
        return AtomSum(((self.numbers.setdefault(key, len(self.numbers)), ONE),), ZERO)


def forms(network: Network, atoms: Atoms) -> list[AtomSum]:
    """The forms of the network's outputs, its inputs numbered in order.

    Raises:
        ValueError: a node that is not exact, or of another kind; it is named.
    """
    values: list[AtomSum] = []
    inputs = 0
    for position, node in enumerate(network.nodes):
        if isinstance(node, Input):
            count = network.sizes[position]
            values += [atoms.form(("input", inputs + k)) for k in range(count)]
            inputs += count
        elif isinstance(node, Affine):
            values += [_sum(row, values) for row in affine_rows(network, position)]
        elif isinstance(node, Product):
            sides = zip(
                _of(network, node.left, values), _of(network, node.right, values), strict=True
            )
            values += [_product(atoms, left, right) for left, right in sides]
        elif isinstance(node, Square):
            before = _of(network, node.source, values)
            values += [_product(atoms, each, each) for each in before]
        elif isinstance(node, Smooth):
            before = _of(network, node.source, values)
            values += [atoms.form((node.function, each)) for each in before]
        elif isinstance(node, Pwl):
            columns = [tuple(column) for column in pieces(node)]
            before = _of(network, node.source, values)
            columns *= len(before) if len(columns) == 1 else 1
            values += [atoms.form(pair) for pair in zip(columns, before, strict=True)]
        else:
            raise ValueError(f"node {node.name}: of a kind that is not compared by structure")
    return [values[value] for value in network.output_values]


def _of(network: Network, position: int, values: Sequence[AtomSum]) -> Sequence[AtomSum]:
    start = network.offsets[position]
    return values[start : start + network.sizes[position]]


def _product(atoms: Atoms, left: AtomSum, right: AtomSum) -> AtomSum:
    """The product, whose order does not matter."""
    return atoms.form(("product", frozenset((left, right))))


def _sum(row: AffineValue, values: Sequence[AtomSum]) -> AtomSum:
    if not row.is_exact:
        raise ValueError("a node whose weights are not exact is not compared by structure")
    total: dict[int, fmpq] = {}
    constant = row.constant
    for value, factor in row.terms:
        constant += factor * values[value].constant
        _add(total, factor, values[value].terms)
    return AtomSum(tuple(sorted((a, c) for a, c in total.items() if c != 0)), constant)


def _add(total: dict[int, fmpq], factor: fmpq, terms: Sequence[tuple[int, fmpq]]) -> None:
    for atom, share in terms:
        total[atom] = total.get(atom, ZERO) + factor * share


def are_same(first: Network, second: Network) -> bool:
    """Whether both compute, output for output, the same expression of their inputs.

    If so they are equal at every real input. If not, they may be equal all the same.

    Raises:
        ValueError: a node that is not exact, or of a kind that is not compared.
    """
    atoms = Atoms()
    return forms(first, atoms) == forms(second, atoms)


def sizes(network: Network) -> Mapping[str, int]:
    """How many atoms of which kind the network's values have; for reports."""
    atoms = Atoms()
    forms(network, atoms)
    found: dict[str, int] = {}
    for key in atoms.numbers:
        kind = key[0] if isinstance(key, tuple) and isinstance(key[0], str) else "piecewise linear"
        found[kind] = found.get(kind, 0) + 1
    return found
