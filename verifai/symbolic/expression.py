"""Networks as exact SymPy expressions.

May import: sympy, python-flint, entry, kernel, solvers.rows. Must not know: queries, files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import sympy
from flint import fmpq

from verifai.entry import rules
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import (
    Affine,
    Input,
    Network,
    Node,
    Product,
    Pwl,
    Sign,
    Smooth,
    Square,
)
from verifai.solvers.rows import AffineValue, Stretch, affine_rows, pieces

MAX_SIZE = 20_000


@dataclass(frozen=True, slots=True)
class Symbolic:
    """A network's outputs as SymPy expressions of its inputs; all numbers are exact.

    Attributes:
        inputs: real symbols x0, x1, …, one an input value.
        outputs: one expression an output value.
        names: what the inputs are called in the network.
    """

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    names: tuple[str, ...]

    def at(self, *point: Any) -> tuple[Any, ...]:
        """The outputs at a point given as SymPy numbers, integers or text such as "1/3".

        Raises:
            InputError: the number of inputs is wrong.
        """
        if len(point) != len(self.inputs):
            raise InputError(f"{len(point)} numbers for {len(self.inputs)} inputs")
        chosen = dict(zip(self.inputs, map(sympy.Rational, point), strict=True))
        return tuple(output.xreplace(chosen).doit() for output in self.outputs)

    def source(self) -> str:
        """Python text that defines the symbols and y0, y1, …; its numbers are exact."""
        lines = ["from sympy import *", ""]
        for symbol, name in zip(self.inputs, self.names, strict=True):
            shown = name if name.isprintable() else ascii(name)
            lines.append(f"{symbol} = Symbol({symbol.name!r}, real=True)  # {shown}")
        for k, output in enumerate(self.outputs):
            lines.append(f"y{k} = {sympy.sstr(output, sympy_integers=True, order='none')}")
        return "\n".join(lines) + "\n"


def rational_of(value: fmpq) -> Any:
    """The same number for SymPy."""
    return sympy.Rational(int(value.p), int(value.q))


@takes(net=rules.network, max_size=rules.count)
def to_sympy(net: Network, *, max_size: int = MAX_SIZE) -> Symbolic:
    """The network's outputs as exact expressions; relu is Max(0, ·).

    Args:
        net: the network, without radii: an expression is one function.
        max_size: how many operations and leaves all outputs together may have.

    Raises:
        InputError: a constant is only known up to a radius, or the expressions are too large.
    """
    symbols: list[Any] = []
    names: list[str] = []
    known: list[_Sized] = []
    for i, node in enumerate(net.nodes):
        if isinstance(node, Input):
            for k in range(net.sizes[i]):
                symbols.append(sympy.Symbol(f"x{len(symbols)}", real=True))
                names.append(net.describe(net.offsets[i] + k))
            fresh = symbols[-net.sizes[i] :]
            each = [_Sized(x, 1) for x in fresh]
        elif isinstance(node, Affine):
            each = [_affine(node, row, known, max_size) for row in affine_rows(net, i)]
        else:
            each = [_pointwise(net, node, k, known) for k in range(net.sizes[i])]
        for made in each:
            _require_small(node, made.size, max_size)
            known.append(made)
    results = [known[v] for v in net.output_values]
    total = sum(made.size for made in results)
    if total > max_size:
        raise InputError(f"expressions of {total} operations in all (at most {max_size})")
    return Symbolic(tuple(symbols), tuple(made.term for made in results), tuple(names))


class _Sized(NamedTuple):
    """An expression of a value, and how many operations and leaves it has."""

    term: Any
    size: int


def _require_small(node: Node, size: int, max_size: int) -> None:
    if size > max_size:
        raise InputError(
            f"node {node.name!r}: an expression of {size} operations"
            f" (at most {max_size}); networks of this size go to SMT-LIB"
        )


def _affine(node: Affine, row: AffineValue, known: Sequence[_Sized], max_size: int) -> _Sized:
    if not row.is_exact:
        raise InputError(
            f"node {node.name!r} has a constant that is not rational: it has no exact expression"
        )
    size = 1 + sum(2 + known[v].size for v, _ in row.terms)
    _require_small(node, size, max_size)
    parts = [rational_of(c) * known[v].term for v, c in row.terms]
    return _Sized(sympy.Add(*parts, rational_of(row.constant)), size)


def _pointwise(net: Network, node: Node, k: int, known: Sequence[_Sized]) -> _Sized:
    """One value of a nonlinear node."""
    sources = [known[net.offsets[s] + k] for s in node.sources]
    x, size = [each.term for each in sources], 1 + sum(each.size for each in sources)
    if isinstance(node, Pwl):
        table = pieces(node)
        parts = table[k if len(table) > 1 else 0]
        return _Sized(_hinges(x[0], parts), (sources[0].size + 4) * len(parts))
    if isinstance(node, Sign):
        return _Sized(sympy.sign(x[0]), size)
    if isinstance(node, Square):
        return _Sized(x[0] ** 2, size)
    if isinstance(node, Product):
        return _Sized(x[0] * x[1], size)
    if isinstance(node, Smooth):
        return _Sized(_smooth(node.function, x[0]), size + 3)
    raise InputError(f"node {node.name!r}: no expression of a {type(node).__name__}")


def _hinges(x: Any, parts: list[Stretch]) -> Any:
    """The first piece plus a multiple of Max(0, x - knot) for every change of slope."""
    total = rational_of(parts[0].slope) * x + rational_of(parts[0].constant)
    for left, right in pairwise(parts):
        if left.end is not None and left.slope != right.slope:
            hinge = sympy.Max(0, x - rational_of(left.end), evaluate=False)
            total += rational_of(right.slope - left.slope) * hinge
    return total


def _smooth(function: str, x: Any) -> Any:
    if function == "sigmoid":
        return 1 / (1 + sympy.exp(-x))
    if function == "reciprocal":
        return 1 / x
    return getattr(sympy, function)(x)
