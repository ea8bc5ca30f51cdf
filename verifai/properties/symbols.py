"""Values of a network as one writes them: `2*x[0] - x[1]/3 <= "1/2"`, joined by `&`, `|`, `~`.

The symbols stand beside the network and not in it: the kernel's class says what a network is, and
nothing of how people write about it; a subclass would be lost by the first pass over its nodes.

May import: kernel, entry, graph, load's conditions, layer. Must not know: domains, queries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import number
from verifai.entry.sentences import numbered, refused, shown
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import MAX_ALTERNATION, And, Atom, Formula, Or, Relation
from verifai.kernel.statement import readable
from verifai.load.vnnlib.condition import FALSE, TRUE, LinearSum, condition, join_all, join_any
from verifai.properties.layer import layer

_CLOSER = "& and | bind closer than comparisons: write (a <= b) & (c <= d)"
_ZERO, _ONE = fmpq(0), fmpq(1)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Quantity:
    """Σ factor·value + constant over the values of one network, exactly.

    Sums and differences of quantities and multiples by numbers (text is exact) are quantities;
    a comparison of two is a `Proposition`.
    """

    net: Network
    terms: dict[int, fmpq]
    constant: fmpq

    __hash__ = None  # type: ignore[assignment]  # == makes a condition
    __array_ufunc__ = None  # numbers of numpy leave the arithmetic to this class

    def __add__(self, other: Any) -> Quantity:
        return self._plus(_quantity(self.net, other), _ONE)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Quantity:
        return self._plus(_quantity(self.net, other), -_ONE)

    def __rsub__(self, other: Any) -> Quantity:
        return _quantity(self.net, other)._plus(self, -_ONE)

    def __neg__(self) -> Quantity:
        return self._times(-_ONE)

    def __pos__(self) -> Quantity:
        return self

    def __mul__(self, other: Any) -> Quantity:
        """The multiple by a number.

        Raises:
            InputError: neither factor is a number.
        """
        by = _quantity(self.net, other)
        if by.terms and self.terms:
            raise InputError(f"({self!r})·({by!r}): one factor must be a number")
        return by._times(self.constant) if by.terms else self._times(by.constant)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Quantity:
        """The quotient by a number.

        Raises:
            InputError: the divisor is no number, or zero.
        """
        by = _quantity(self.net, other)
        if by.terms or by.constant == 0:
            raise InputError(f"({self!r})/({by!r}): a number other than zero must divide")
        return self._times(1 / by.constant)

    def __rtruediv__(self, other: Any) -> Quantity:
        return _quantity(self.net, other) / self

    def __le__(self, other: Any) -> Proposition:
        return self._compared(self - other, Relation.AT_MOST)

    def __lt__(self, other: Any) -> Proposition:
        return self._compared(self - other, Relation.LESS)

    def __ge__(self, other: Any) -> Proposition:
        return self._compared(other - self, Relation.AT_MOST)

    def __gt__(self, other: Any) -> Proposition:
        return self._compared(other - self, Relation.LESS)

    def __eq__(self, other: Any) -> Proposition:  # type: ignore[override]
        return self._compared(self - other, Relation.EQUAL)

    def __ne__(self, other: Any) -> Proposition:  # type: ignore[override]
        return ~self._compared(self - other, Relation.EQUAL)

    def __bool__(self) -> NoReturn:
        """Never a truth value.

        Raises:
            InputError: always; it says what to write.
        """
        raise InputError(f"{self!r} is a number that is not known, neither true nor false: compare")

    def __and__(self, other: Any) -> NoReturn:
        """Never: Python reads & and | before comparisons.

        Raises:
            InputError: always; it says where parentheses are missing.
        """
        raise InputError(_CLOSER)

    __rand__ = __or__ = __ror__ = __and__

    def __invert__(self) -> NoReturn:
        """Never: Python reads ~ before comparisons.

        Raises:
            InputError: always; it says where parentheses are missing.
        """
        raise InputError("~ binds closer than comparisons: write ~(a <= b)")

    def __repr__(self) -> str:
        text = ""
        for value, factor in sorted(self.terms.items()):
            size = "" if abs(factor) == 1 else readable(abs(factor)) + "·"
            sign = "-" if factor < 0 else "+" if text else ""
            text += (f" {sign} " if text else sign) + size + self.net.describe(value)
        if not text or self.constant != 0:
            sign = "-" if self.constant < 0 else "+"
            text = f"{text} {sign} " if text else sign.strip("+")
            text += readable(abs(self.constant))
        return text

    def _plus(self, other: Quantity, factor: fmpq) -> Quantity:
        terms = dict(self.terms)
        for value, c in other.terms.items():
            total = terms.pop(value, _ZERO) + factor * c
            if total != 0:
                terms[value] = total
        return Quantity(self.net, terms, self.constant + factor * other.constant)

    def _times(self, factor: fmpq) -> Quantity:
        terms = {v: c * factor for v, c in self.terms.items()} if factor != 0 else {}
        return Quantity(self.net, terms, self.constant * factor)

    @staticmethod
    def _compared(difference: Quantity, relation: Relation) -> Proposition:
        linear = LinearSum(difference.terms, difference.constant)
        return Proposition(difference.net, condition(linear, relation))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Proposition:
    """A formula over the values of one network: comparisons joined by `&`, `|` and `~`.

    Attributes:
        net: the network.
        formula: what the kernel reads.
        depth: how often `and` and `or` take turns at most.
    """

    net: Network
    formula: Formula
    depth: int = 0

    def __and__(self, other: Any) -> Proposition:
        return self._joined(other, And)

    __rand__ = __and__

    def __or__(self, other: Any) -> Proposition:
        return self._joined(other, Or)

    __ror__ = __or__

    def __invert__(self) -> Proposition:
        return Proposition(self.net, negation(self.formula), self.depth)

    def __bool__(self) -> NoReturn:
        """Never a truth value.

        Raises:
            InputError: always; it says what to write.
        """
        raise InputError(
            "a condition is neither true nor false before it is decided: for `and`, `or`, `not`"
            " write &, |, ~, and for a chain a < b < c write (a < b) & (b < c)"
        )

    def __repr__(self) -> str:
        return _shown(self.net, self.formula)

    def _joined(self, other: Any, kind: type[And] | type[Or]) -> Proposition:
        """Both, as one formula without nested ones of the same kind."""
        theirs = _condition(self.net, other)
        parts: list[Formula] = []
        depth = 0
        for each in (self, theirs):
            is_same = isinstance(each.formula, kind) and each.formula is not TRUE
            parts += each.formula.parts if is_same else [each.formula]  # type: ignore[union-attr]
            depth = max(depth, each.depth if is_same else each.depth + 1)
        if depth > MAX_ALTERNATION:
            raise InputError(f"and/or nested deeper than {MAX_ALTERNATION}")
        return Proposition(self.net, join_all(parts) if kind is And else join_any(parts), depth)


def _shown(net: Network, part: Formula) -> str:
    """The formula on one line; as deep as formulas can be."""
    if isinstance(part, Atom):
        sign = {Relation.AT_MOST: "≤", Relation.LESS: "<", Relation.EQUAL: "="}[part.relation]
        return f"{Quantity(net, dict(part.terms), _ZERO)!r} {sign} {readable(-part.constant)}"
    if not part.parts:
        return "always"
    joint = " & " if isinstance(part, And) else " | "
    return joint.join(f"({_shown(net, each)})" for each in part.parts)


def negation(part: Formula) -> Formula:
    """The formula that holds where this one does not: not ≤ is >, not = is < or >.

    >>> negation(Atom(((0, fmpq(1)),), fmpq(-2)))
    Atom(terms=((0, -1),), constant=2, relation=<Relation.LESS: '<'>)

    Args:
        part: nested no deeper than queries allow.
    """
    if not isinstance(part, Atom):
        negated = [negation(each) for each in part.parts]
        if not negated:
            return FALSE
        return join_any(negated) if isinstance(part, And) else join_all(negated)
    if part is FALSE:
        return TRUE
    terms = tuple((value, -c) for value, c in part.terms)
    if part.relation is Relation.EQUAL:
        below = Atom(part.terms, part.constant, Relation.LESS)
        return Or((below, Atom(terms, -part.constant, Relation.LESS)))
    is_strict = part.relation is Relation.LESS
    return Atom(terms, -part.constant, Relation.AT_MOST if is_strict else Relation.LESS)


@dataclass(frozen=True, slots=True, repr=False)
class Values:
    """The values of a layer: `v[3]`, or `v[0, 2, 1]` by the layer's shape; row-major.

    Attributes:
        net: the network.
        numbers: those of the values, in order.
        shape: that of the layer.
    """

    net: Network
    numbers: tuple[int, ...]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Quantity]:
        return (Quantity(self.net, {value: _ONE}, _ZERO) for value in self.numbers)

    def __getitem__(self, index: int | tuple[int, ...]) -> Quantity:
        """The value with this number, from 0, or at this place.

        Raises:
            InputError: there is none.
        """
        if isinstance(index, tuple):
            return Quantity(self.net, {self.numbers[self._at(index)]: _ONE}, _ZERO)
        place = rules.whole(index, "index")
        if not 0 <= place < len(self):
            raise InputError(f"no value {shown(index)}: there are {numbered(len(self))}")
        return Quantity(self.net, {self.numbers[place]: _ONE}, _ZERO)

    def _at(self, index: tuple[int, ...]) -> int:
        places = [rules.whole(each, "index") for each in index]
        is_inside = all(0 <= i < n for i, n in zip(places, self.shape, strict=False))
        if len(places) != len(self.shape) or not is_inside:
            raise InputError(f"no value {shown(index)}: the shape is {self.shape}")
        return int(np.ravel_multi_index(places, self.shape))

    def __repr__(self) -> str:
        return f"Values({math.prod(self.shape)} of shape {self.shape})"


@dataclass(frozen=True, slots=True)
class Symbols:
    """The inputs `x` and the outputs `y` of a network, and its layers by name.

    Attributes:
        net: the network.
    """

    net: Network

    @property
    def x(self) -> Values:
        """All inputs, in order; of one input node in its shape."""
        return self._of(self.net.inputs)

    @property
    def y(self) -> Values:
        """All outputs, in order; of one output node in its shape."""
        return self._of(self.net.outputs)

    def __getitem__(self, name: str) -> Values:
        """The layer of this name: an input, an output or a hidden node.

        Raises:
            InputError: there is none; names like it are shown.
        """
        layer(self.net, name)
        return self._of((self.net.positions[name],))

    def _of(self, nodes: tuple[int, ...]) -> Values:
        numbers = self.net.values(*nodes)
        shape = self.net.nodes[nodes[0]].shape if len(nodes) == 1 else (len(numbers),)
        return Values(self.net, numbers, shape)


@takes(net=rules.network)
def symbols(net: Network) -> Symbols:
    """What properties of the network are written with: see `always`.

    >>> from verifai.graph.nodes import relu
    >>> from verifai.kernel.network import Input
    >>> net = Network((Input("x", (2,)), relu("hidden", (2,), 0)), (1,))
    >>> s = symbols(net)
    >>> (2 * s.x[0] - s.x[1] / 3 <= "0.5") | ~(s["hidden"][1] <= 0)
    (2·x[0] - 1/3·x[1] ≤ 0.5) | (-hidden[1] < 0)

    Args:
        net: the network.

    Raises:
        InputError: something else.
    """
    return Symbols(net)


def formula_about(net: Network, value: Any, what: str) -> Formula:
    """A condition, a formula of `atom` and the like, or several in a list, which all hold.

    Args:
        net: the network that it is about.
        value: what was given.
        what: its name.

    Raises:
        InputError: something else, or it is about another network.
    """
    if isinstance(value, Proposition | Atom | And | Or):
        return _condition(net, value).formula
    if isinstance(value, str | Quantity | Values) or not hasattr(value, "__iter__"):
        raise refused(what, "a condition, such as y[0] <= 1,", value)
    parts = rules.listed(value, what)
    for part in parts:
        if not isinstance(part, Proposition | Atom | And | Or):
            raise refused(what, "conditions, such as y[0] <= 1,", part)
    return join_all([_condition(net, part).formula for part in parts])


def _condition(net: Network, value: Any) -> Proposition:
    """The condition, about this network."""
    if isinstance(value, Atom | And | Or):
        return Proposition(net, value, _depth(value))
    if isinstance(value, Quantity):
        raise InputError(_CLOSER)
    if not isinstance(value, Proposition):
        raise refused("", "a condition, such as y[0] <= 1,", value)
    if value.net is not net:
        raise InputError("conditions about two networks: make all symbols of the same one")
    return value


def _depth(part: Formula) -> int:
    """How deep a formula of `conjunction` and the like is; these are built from the inside."""
    found, todo = 0, [(part, 0)]
    while todo:
        top, depth = todo.pop()
        found = max(found, depth)
        if found > MAX_ALTERNATION:
            raise InputError(f"and/or nested deeper than {MAX_ALTERNATION}")
        if not isinstance(top, Atom):
            todo += [(each, depth + 1) for each in top.parts]
    return found


def _quantity(net: Network, value: Any) -> Quantity:
    """The quantity, or a number as one."""
    if isinstance(value, Quantity):
        if value.net is not net:
            raise InputError("values of two networks: make all symbols of the same one")
        return value
    if isinstance(value, Proposition | Values):
        kind = "condition" if isinstance(value, Proposition) else "whole layer"
        raise InputError(f"a {kind} where a number or a single value is wanted: {shown(value)}")
    return Quantity(net, {}, number(value))
