"""Products of terms: named while conditions are read, then nodes of the network.

A product of terms is split into linear forms and the product of their homogeneous parts, which is
a value of its own. Only integer coefficients get into nodes, so nothing is rounded; everything else
stays in the conditions.

May import: numpy, kernel, graph, condition. Must not know: files, declarations.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from flint import fmpq, fmpz

from verifai.graph.graph import Graph
from verifai.graph.nodes import affine
from verifai.graph.reading import readings_of
from verifai.kernel.errors import InputError
from verifai.kernel.network import MAX_INTEGER, Network, Node, Product, Square
from verifai.kernel.operator import Dense, Gather, Operator
from verifai.kernel.query import And, Atom, Formula
from verifai.load.vnnlib.condition import LinearSum, condition, join_all, join_any, scale, total

MAX_DEGREE = 64
MAX_PRODUCTS = 1 << 16
MAX_WEIGHTS = 1 << 26  # of one dense matrix
MAX_TERMS = 8  # of a form that selections of single values still express
MAX_SHOWN = 6
MAX_NAME = 160
Form = tuple[tuple[int, int], ...]  # values with integer coefficients, the first one positive


@dataclass(slots=True)
class Products:
    """Products of homogeneous forms, each once; they are values numbered from `first` on."""

    first: int
    factors: list[tuple[Form, Form]] = field(default_factory=list)
    degrees: list[int] = field(default_factory=list)
    known: dict[tuple[Form, Form], int] = field(default_factory=dict)

    def product(self, terms: list[LinearSum]) -> LinearSum:
        """The product of at least one term; the same terms become powers.

        Raises:
            InputError: the degree or the number of products is too large.
        """
        powers: dict[tuple[tuple[tuple[int, fmpq], ...], fmpq], list[LinearSum]] = {}
        for term in terms:
            key = (tuple(sorted(term.terms.items(), key=lambda each: each[0])), term.constant)
            powers.setdefault(key, []).append(term)
        first, *rest = (self._power(same[0], len(same)) for same in powers.values())
        for power in rest:
            first = self._pair(first, power)
        return first

    def _power(self, term: LinearSum, exponent: int) -> LinearSum:
        """The term to this power, by squaring."""
        result = term
        for bit in bin(exponent)[3:]:
            result = self._pair(result, result)
            result = self._pair(result, term) if bit == "1" else result
        return result

    def _pair(self, left: LinearSum, right: LinearSum) -> LinearSum:
        """(a·F + c)(b·G + d) = ab·FG + ad·F + bc·G + cd."""
        parts = [scale(LinearSum(left.terms, fmpq(0)), right.constant), scale(right, left.constant)]
        if left.terms and right.terms:
            (a, f), (b, g) = _split(left), _split(right)
            parts.append(scale(self._named(f, g), a * b))
        return total(parts)

    def _named(self, left: Form, right: Form) -> LinearSum:
        """The product of two homogeneous forms: one value, or many if coefficients are large."""
        if max(abs(c) for _, c in (*left, *right)) > MAX_INTEGER:
            if len(left) * len(right) > MAX_PRODUCTS:
                raise InputError(f"more than {MAX_PRODUCTS} products of variables")
            pairs = [(v, w, fmpq(c) * fmpq(d)) for v, c in left for w, d in right]
            return total([scale(self._named(((v, 1),), ((w, 1),)), c) for v, w, c in pairs])
        key = (left, right) if left <= right else (right, left)
        if key not in self.known:
            degree = sum(max(self._degree(value) for value, _ in form) for form in key)
            if degree > MAX_DEGREE:
                raise InputError(f"a product of degree {degree} (at most {MAX_DEGREE})")
            if len(self.factors) >= MAX_PRODUCTS:
                raise InputError(f"more than {MAX_PRODUCTS} products of variables")
            self.known[key] = self.first + len(self.factors)
            self.factors.append(key)
            self.degrees.append(degree)
        return LinearSum({self.known[key]: fmpq(1)}, fmpq(0))

    def _degree(self, value: int) -> int:
        return 1 if value < self.first else self.degrees[value - self.first]


def _split(term: LinearSum) -> tuple[fmpq, Form]:
    """The homogeneous part as a factor times a form whose integers have no common divisor."""
    items = sorted(term.terms.items(), key=lambda each: each[0])
    multiple, divisor = fmpz(1), fmpz(0)
    for _, c in items:
        multiple = multiple.lcm(c.q)
    for _, c in items:
        divisor = divisor.gcd((c * multiple).p)
    factor = fmpq(divisor, multiple) * (1 if items[0][1] > 0 else -1)
    return factor, tuple((value, int((c / factor).p)) for value, c in items)


def _rebuilt(formula: And, each: Callable[[Atom], Formula]) -> And:
    """The conjunction with every atom replaced; false parts do not swallow the others."""
    return And(tuple(_replaced(part, each) for part in formula.parts))


def _replaced(formula: Formula, each: Callable[[Atom], Formula]) -> Formula:
    """The formula with every atom replaced; as deep as the kernel allows formulas."""
    if isinstance(formula, Atom):
        return each(formula)
    parts = [_replaced(part, each) for part in formula.parts]
    return join_all(parts) if isinstance(formula, And) else join_any(parts)


def substituted(
    formula: And, products: Products, meaning: Callable[[int], LinearSum], into: Products
) -> And:
    """The formula with every value that is no product replaced by its meaning.

    Args:
        formula: over values and `products`.
        products: named while the formula was read.
        meaning: a value of a network, a constant, or any form.
        into: where the products of the meanings are named.

    Raises:
        InputError: a degree that becomes too large.
    """
    found: list[LinearSum] = []

    def replaced(terms: Iterable[tuple[int, int | fmpq]], constant: fmpq) -> LinearSum:
        parts = [LinearSum({}, constant)]
        for value, c in terms:
            one = meaning(value) if value < products.first else found[value - products.first]
            parts.append(scale(one, fmpq(c)))
        return total(parts)

    for factors in products.factors:
        found.append(into.product([replaced(form, fmpq(0)) for form in factors]))
    return _rebuilt(
        formula, lambda atom: condition(replaced(atom.terms, atom.constant), atom.relation)
    )


def with_products(network: Network, products: Products, formula: And) -> tuple[Network, And]:
    """The network with a node for every product that the formula needs, and the formula over it.

    Raises:
        InputError: a form of too many values.
    """
    if products.first != network.offsets[-1]:
        raise InputError("products that were named for another network")
    levels = _levels(products, _needed(products, formula))
    growing = _Growing(network, products.first)
    for level in levels:
        growing.add_level([(p, products.factors[p - products.first]) for p in level])
    if not levels:
        return network, formula
    grown = growing.network(network.outputs)

    def moved(atom: Atom) -> Formula:
        terms = {growing.place(value): c for value, c in atom.terms}
        return condition(LinearSum(terms, atom.constant), atom.relation)

    return grown, _rebuilt(formula, moved)


def _needed(products: Products, formula: Formula) -> list[int]:
    """The products that a formula needs, in order."""
    needed: set[int] = set()
    todo: list[Formula] = [formula]
    while todo:
        part = todo.pop()
        if isinstance(part, Atom):
            needed.update(value for value, _ in part.terms if value >= products.first)
        else:
            todo += part.parts
    for place in reversed(range(len(products.factors))):
        if place + products.first in needed:
            values = [v for form in products.factors[place] for v, _ in form]
            needed.update(value for value in values if value >= products.first)
    return sorted(needed)


def _levels(products: Products, needed: Iterable[int]) -> list[list[int]]:
    """Products that read no product, those that read only these, and so on."""
    level: dict[int, int] = {}
    result: list[list[int]] = []
    for product in needed:
        values = [v for form in products.factors[product - products.first] for v, _ in form]
        level[product] = max(level.get(value, -1) for value in values) + 1
        result += [[]] if level[product] == len(result) else []
        result[level[product]].append(product)
    return result


class _Growing(Graph):
    """A network that gets nodes of products at its end."""

    def __init__(self, network: Network, first: int) -> None:
        super().__init__(network.nodes, readings_of(network))
        self._offsets = list(network.offsets)
        self._first = first
        self._places: dict[int, int] = {}

    def place(self, value: int) -> int:
        """The number of a value or product in the network as it now is."""
        return value if value < self._first else self._places[value]

    def add_level(self, level: Sequence[tuple[int, tuple[Form, Form]]]) -> None:
        """A node of the squares and one of the other products of a level."""
        squares = [(product, pair) for product, pair in level if pair[0] == pair[1]]
        others = [(product, pair) for product, pair in level if pair[0] != pair[1]]
        if squares:
            source = self._rows([left for _, (left, _) in squares])
            name = self._called([self._words(left) + "²" for _, (left, _) in squares])
            self._append(Square(name, (len(squares),), source), [p for p, _ in squares])
        if others:
            left, right = (self._rows([pair[side] for _, pair in others]) for side in (0, 1))
            words = [" · ".join(map(self._words, pair)) for _, pair in others]
            node = Product(self._called(words), (len(others),), left, right)
            self._append(node, [p for p, _ in others])

    def _append(self, node: Node, products: Sequence[int]) -> int:
        start = self._offsets[-1]
        self._places.update({product: start + i for i, product in enumerate(products)})
        self._offsets.append(start + math.prod(node.shape))
        return self.add(node)

    def _owner(self, value: int) -> tuple[int, int]:
        place = self.place(value)
        node = int(np.searchsorted(self._offsets, place, side="right")) - 1
        return node, place - self._offsets[node]

    def _words(self, form: Form) -> str:
        """A form as people write it."""
        text = ""
        for value, c in form[:MAX_SHOWN]:
            node, index = self._owner(value)
            sign = " + " if c > 0 else " - "
            text += (sign if text else sign.strip().strip("+")) + (
                "" if abs(c) == 1 else f"{abs(c)}·"
            )
            text += f"{self.nodes[node].name[:MAX_NAME]}[{index}]"
        text += " + …" if len(form) > MAX_SHOWN else ""
        return text if len(form) == 1 else f"({text})"

    def _called(self, words: Sequence[str]) -> str:
        name = ", ".join(words[:MAX_SHOWN]) + (", …" if len(words) > MAX_SHOWN else "")
        name = f"({name})" if len(words) > 1 else name
        return self.name(name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…")

    def _rows(self, forms: Sequence[Form]) -> int:
        """A node whose values are these forms: an old one if it is exactly that."""
        by_node: dict[int, list[tuple[int, int, int]]] = {}
        for row, form in enumerate(forms):
            for value, c in form:
                node, index = self._owner(value)
                by_node.setdefault(node, []).append((row, index, c))
        ((node, entries), *more) = by_node.items()
        size = self.size(node)
        if not more and size == len(forms) and entries == [(i, i, 1) for i in range(size)]:
            return node
        terms: list[tuple[int, Operator]] = []
        for node, entries in sorted(by_node.items()):
            size = self.size(node)
            terms += [(node, op) for op in _operators(entries, len(forms), size)]
        name = self._called([self._words(form) for form in forms])
        return self._append(affine(name, (len(forms),), tuple(terms)), ())


def _operators(entries: Sequence[tuple[int, int, int]], rows: int, size: int) -> list[Operator]:
    """Operators whose sum has these entries (row, index, coefficient)."""
    layers: list[tuple[list[int], list[float]]] = []
    count: dict[int, int] = {}
    if max(Counter(row for row, _, _ in entries).values()) > MAX_TERMS:
        if rows * size > MAX_WEIGHTS:
            raise InputError(f"products of {rows} sums over {size} values (too large)")
        weight = np.zeros((rows, size))
        for row, index, c in entries:
            weight[row, index] = float(c)
        return [Dense.of(weight)]
    for row, index, c in entries:
        layer = count.get(row, 0)
        count[row] = layer + 1
        if layer == len(layers):
            layers.append(([-1] * rows, [0.0] * rows))
        layers[layer][0][row], layers[layer][1][row] = index, float(c)
    return [Gather.of(size, index, factors) for index, factors in layers]
