"""A network against a symbolic function: they differ by at most a tolerance on the whole domain.

May import: kernel, builder, reading, symbolic, domain, entry.
Must not know: how a query is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.sentences import refused
from verifai.entry.takes import renamed, takes
from verifai.graph.builder import ONE, Builder
from verifai.graph.formulas import atom, conjunction
from verifai.graph.reading import is_function, readings_of
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Or, Relation
from verifai.properties.domain import Domain, Ends, domain_of, query_on
from verifai.properties.entry import output_value
from verifai.query import Query


@renamed(tol="tolerance")
@takes(
    net=rules.network,
    tolerance=number,
    variables=rules.listed,
    output=rules.whole,
    allow_empty=rules.flag,
)
def approximates(
    net: Network,
    expression: Any,
    tolerance: Number,
    domain: Domain | Ends,
    *,
    variables: Sequence[Any] = (),
    output: int = 0,
    allow_empty: bool = False,
) -> Query:
    """|N(x) - f(x)| ≤ tolerance at every input of the domain.

    The function becomes nodes of the same graph. Where it has no value (log, sqrt, division) the
    query cannot be verified.

    Args:
        net: the network.
        expression: f, a SymPy expression of rationals, symbols, +, ·, integer powers, square
            roots, exp, log, sin, cos, tanh, erf, Abs, Max, Min, sign, Piecewise on linear guards.
        tolerance: how far they may differ, in output units.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`.
        variables: the symbols of the inputs, in order; a network of one input needs none.
        output: the index of the output.
        allow_empty: whether a box without a point is taken, on which any property holds.

    Raises:
        InputError: sizes do not fit, the tolerance is negative, the box is empty, a part of the
            expression is something else (it is named), or sympy is missing.
    """
    region, limit = domain_of(net, domain, allow_empty=allow_empty), number(tolerance)
    if limit < 0:
        raise InputError(f"a negative tolerance: {limit}")
    joined, error = with_error(net, expression, variables=variables, output=output)
    value = joined.offsets[error]
    outside = (
        atom({value: fmpq(-1)}, limit, Relation.LESS),
        atom({value: fmpq(1)}, limit, Relation.LESS),
    )
    return query_on(joined, region, conjunction([Or(outside)]))


def with_error(
    net: Network, expression: Any, *, variables: Sequence[Any] = (), output: int = 0
) -> tuple[Network, int]:
    """The network with N(x) - f(x) as a further output, and that output's node.

    Args:
        net: the network.
        expression: f, as in `approximates`.
        variables: the symbols of the inputs, in order; a network of one input needs none.
        output: the index of the output N(x).

    Raises:
        InputError: as in `approximates`.
        ImportError: sympy is missing.
    """
    from verifai.symbolic.compile import compile_expression

    if not is_function(net):
        raise InputError("a float32 program against a function over the reals: load it as real")
    owner = net.owner(output_value(net, output))
    views = [net.owner(value) for value in net.input_values]
    expression, symbols = symbols_of(expression, variables, len(views))
    builder = Builder(net.nodes, readings_of(net))
    builder.prefix = "target"
    inputs = {s: _view(*view) for s, view in zip(symbols, views, strict=True)}
    target = compile_expression(builder, expression, inputs)
    error = builder.linear([(_view(*owner), ONE), (target, -ONE)]).node
    return builder.network((*net.outputs, error)), error


def _view(node: int, index: int) -> Activation:
    return Activation(node, np.array(index))


def symbols_of(expression: Any, variables: Sequence[Any], count: int) -> tuple[Any, list[Any]]:
    """The expression, and one symbol an input.

    Raises:
        InputError: no expression, or it is not clear which symbol is which input.
    """
    import sympy

    if isinstance(expression, int) and not isinstance(expression, bool):
        expression = sympy.Integer(expression)
    if not isinstance(expression, sympy.Expr):
        example = ", such as sympy.sympify(text) makes," if isinstance(expression, str) else ""
        raise refused("expression", f"a SymPy expression{example}", expression)
    try:
        str(expression)
    except ValueError:
        raise InputError("expression: a number of too many digits for text") from None
    free = sorted(expression.free_symbols, key=str)
    if not variables and count == 1 and len(free) <= 1:
        return expression, free or [sympy.Dummy()]
    are_symbols = all(isinstance(each, sympy.Symbol) for each in variables)
    if not are_symbols or len(variables) != count or len(set(variables)) != count:
        raise InputError(f"variables must name the {count} inputs, each by a symbol of its own")
    if strange := [str(symbol) for symbol in free if symbol not in variables]:
        raise InputError(f"expression: {', '.join(strange)} is none of the variables")
    return expression, list(variables)
