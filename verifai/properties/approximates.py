"""A network against a symbolic function: they differ by at most a tolerance on the whole domain.

May import: kernel, load, original, symbolic, domain, entry. Must not know: how a query is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Or, Query, Relation, atom, conjunction
from verifai.load.builder import ONE, Builder
from verifai.load.float32 import Float32Network
from verifai.load.values import Activation
from verifai.original.reading import loaded, readings_of
from verifai.properties.domain import Domain, Ends, domain_of, input_values, query_on
from verifai.properties.entry import Number, number, output_value


def approximates(
    net: Network,
    expression: Any,
    tol: Number,
    domain: Domain | Ends,
    *,
    variables: Sequence[Any] = (),
    output: int = 0,
) -> Query:
    """|N(x) - f(x)| ≤ tol at every input of the domain.

    The function becomes nodes of the same graph. Where it has no value (log, sqrt, division) the
    query cannot be verified.

    Args:
        net: the network.
        expression: f, a SymPy expression of rationals, symbols, +, ·, integer powers, square
            roots, exp, log, sin, cos, tanh, erf, Abs, Max, Min, sign, Piecewise on linear guards.
        tol: how far they may differ, in output units.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`.
        variables: the symbols of the inputs, in order; a network of one input needs none.
        output: the index of the output.

    Raises:
        InputError: sizes do not fit, tol is negative, or a part of the expression is something
            else; it is named.
        ImportError: sympy is missing.
    """
    region, limit = domain_of(net, domain), number(tol)
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

    if isinstance(net, Float32Network):
        raise InputError("a float32 program against a function over the reals: load it as real")
    owner = net.owner(output_value(net, output))
    views = [net.owner(value) for value in input_values(net)]
    symbols = _symbols(expression, variables, len(views))
    builder = Builder()
    builder.nodes, builder.prefix = list(net.nodes), _prefix(net)
    inputs = {s: _view(*view) for s, view in zip(symbols, views, strict=True)}
    target = compile_expression(builder, expression, inputs)
    error = builder.linear([(_view(*owner), ONE), (target, -ONE)]).node
    return loaded(builder.nodes, (*net.outputs, error), readings_of(net)), error


def _view(node: int, index: int) -> Activation:
    return Activation(node, np.array(index))


def _symbols(expression: Any, variables: Sequence[Any], count: int) -> list[Any]:
    """One symbol an input; InputError if it is not clear which is which."""
    import sympy

    if not isinstance(expression, sympy.Expr):
        raise InputError(f"a SymPy expression is wanted, not {expression!r}")
    free = sorted(expression.free_symbols, key=str)
    if not variables and count == 1 and len(free) <= 1:
        return free or [sympy.Dummy()]
    if len(variables) != count or len(set(variables)) != count:
        raise InputError(f"variables must name the {count} inputs, each by a symbol of its own")
    return list(variables)


def _prefix(net: Network) -> str:
    prefix = "target"
    while any(node.name.startswith(prefix) for node in net.nodes):
        prefix += "'"
    return prefix
