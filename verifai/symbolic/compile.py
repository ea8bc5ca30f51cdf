"""SymPy expressions as nodes of a network, so that "near this function" is an ordinary query.

May import: sympy, numpy, python-flint, kernel, load.builder. Must not know: queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.rational import narrow, objects
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array
from verifai.symbolic.guards import joints

MAX_POWER = 64
_FUNCTIONS = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tanh: "tanh",
    sympy.erf: "erf",
}
Term = fmpq | Activation  # an exact constant, or one value of the network


def compile_expression(
    builder: Builder, expression: Any, inputs: Mapping[Any, Activation]
) -> Activation:
    """The value of an expression, as new nodes over the inputs.

    Args:
        builder: where the nodes go.
        expression: of rationals, the inputs' symbols, +, ·, integer powers and square roots, exp,
            log, sin, cos, tanh, erf, Abs, Max, Min, sign, and continuous Piecewise on linear
            guards.
        inputs: for every symbol a view of one value.

    Raises:
        InputError: a part of the expression is something else; it is named.
    """
    compiled = _Compiler(builder, inputs).of(expression)
    return compiled if isinstance(compiled, Activation) else _constant(builder, compiled)


def _scalar(value: fmpq) -> Array:
    return narrow(objects([value], ()))


def _constant(builder: Builder, value: fmpq) -> Activation:
    """A value that reads an input and ignores it."""
    return builder.linear([(Activation(0, np.array(-1)), ONE)], _scalar(value))


class _Compiler:
    """Compiles parts once each; a constant stays a constant until a node needs it."""

    def __init__(self, builder: Builder, inputs: Mapping[Any, Activation]) -> None:
        self.builder = builder
        self.known: dict[Any, Term] = dict(inputs)

    def of(self, part: Any) -> Term:
        """The value of a part."""
        if part not in self.known:
            self.known[part] = self._made(part)
        return self.known[part]

    def _made(self, part: Any) -> Term:
        if part.is_Rational:
            return fmpq(int(part.p), int(part.q))
        if part is sympy.E:
            return self.smooth(fmpq(1), "exp")
        if part.is_Add:
            return self.total([(fmpq(1), self.of(each)) for each in part.args])
        if part.is_Mul:
            product: Term = fmpq(1)
            for each in part.args:
                product = self.product(product, self.of(each))
            return product
        if part.is_Pow:
            return self._power(part)
        if part.func in _FUNCTIONS and len(part.args) == 1:
            return self.smooth(self.of(part.args[0]), _FUNCTIONS[part.func])
        if isinstance(part, sympy.Piecewise):
            return self._piecewise(part)
        return self._pointed(part)

    def _pointed(self, part: Any) -> Term:
        """Abs, Max, Min and sign."""
        if isinstance(part, sympy.Abs):
            x = self.node(self.of(part.args[0]))
            return self.builder.piecewise(x, [ZERO], [-ONE, ONE], ZERO)
        if isinstance(part, sympy.sign):
            return self.builder.sign(self.node(self.of(part.args[0])))
        if isinstance(part, sympy.Max | sympy.Min):
            side = fmpq(1) if isinstance(part, sympy.Max) else fmpq(-1)
            best, *others = (self.of(each) for each in part.args)
            for other in others:
                more = self.relu(self.total([(side, other), (-side, best)]))
                best = self.total([(fmpq(1), best), (side, more)])
            return best
        kind = "a decimal number" if part.is_Float else "an unknown symbol or function"
        raise InputError(f"{kind} in the expression: {part}")

    def _power(self, part: Any) -> Term:
        base, exponent = part.args
        if base is sympy.E:
            return self.smooth(self.of(exponent), "exp")
        if not (exponent.is_Rational and exponent.q in (1, 2) and abs(exponent.p) <= MAX_POWER):
            raise InputError(f"a power that is neither whole nor half, or too high: {part}")
        root = self.of(base) if exponent.q == 1 else self.smooth(self.of(base), "sqrt")
        count, square = abs(int(exponent.p)), root
        total: Term = fmpq(1)
        while count:
            if count & 1:
                total = self.product(total, square)
            count >>= 1
            if count:
                square = self.product(square, square)
        return total if exponent > 0 else self.reciprocal(total, part)

    def _piecewise(self, part: Any) -> Term:
        """The last branch, and for each other one its difference to the next where it holds."""
        last, found = joints(part)
        total = [(fmpq(1), self.of(last))]
        for joint in found:
            guard, factor = self.of(joint.guard), self.of(joint.factor)
            if joint.is_hinge:  # factor·min(guard, 0)
                low = self.relu(self.total([(fmpq(-1), guard)]))
                total.append((fmpq(-1), self.product(factor, low)))
            else:  # factor·(1 - sign(guard))/2
                side = self.builder.sign(self.node(guard))
                half = self.total([(fmpq(-1, 2), side), (fmpq(1), fmpq(1, 2))])
                total.append((fmpq(1), self.product(factor, half)))
        return self.total(total)

    def node(self, term: Term) -> Activation:
        """The term as a value of the network."""
        return term if isinstance(term, Activation) else _constant(self.builder, term)

    def total(self, terms: list[tuple[fmpq, Term]]) -> Term:
        """Σ factor·term."""
        constant, views = fmpq(0), list[tuple[Activation, Array]]()
        for factor, term in terms:
            if isinstance(term, Activation):
                views.append((term, _scalar(factor)))
            else:
                constant += factor * term
        return self.builder.linear(views, _scalar(constant)) if views else constant

    def product(self, left: Term, right: Term) -> Term:
        """left·right; a factor that is constant needs no product node."""
        if isinstance(left, Activation) and isinstance(right, Activation):
            return self.builder.product(left, right)
        if isinstance(left, Activation):
            left, right = right, left
        if isinstance(left, Activation) or left == 1:
            return right
        return left * right if isinstance(right, fmpq) else self.total([(left, right)])

    def relu(self, term: Term) -> Term:
        """max(0, term)."""
        return self.builder.relu(term) if isinstance(term, Activation) else max(term, fmpq(0))

    def smooth(self, term: Term, function: str) -> Term:
        """A smooth function of the term."""
        return self.builder.smooth(self.node(term), function)

    def reciprocal(self, term: Term, part: Any) -> Term:
        """1/term."""
        if isinstance(term, Activation):
            return self.smooth(term, "reciprocal")
        if term == 0:
            raise InputError(f"a division by zero: {part}")
        return 1 / term
