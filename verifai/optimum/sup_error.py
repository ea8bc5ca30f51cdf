"""How far a network is from a symbolic function at most: exactly, or in a certified bracket.

May import: kernel, symbolic, properties, maximize. Must not know: how a query is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.takes import renamed, takes
from verifai.graph.graph import Graph
from verifai.graph.nodes import pwl
from verifai.graph.reading import readings_of
from verifai.kernel.network import Affine, Input, Network, Pwl
from verifai.optimum.maximize import Maximum, maximize
from verifai.properties.approximates import symbols_of, with_error
from verifai.properties.domain import Domain, Ends
from verifai.properties.entry import output_value

if TYPE_CHECKING:
    from verifai.symbolic.error import SupError


@renamed(tol="tolerance")
@takes(
    net=rules.network,
    variables=rules.listed,
    output=rules.whole,
    tolerance=rules.positive,
    timeout=rules.optional(rules.seconds),
)
def sup_error(
    net: Network,
    expression: Any,
    domain: tuple[Number, Number] | Domain | Ends,
    *,
    variables: Sequence[Any] = (),
    output: int = 0,
    tolerance: Number = "1e-6",
    timeout: float | None = None,
) -> SupError | Maximum:
    """The largest |N(x) - f(x)| on a domain.

    Of a piecewise-linear network of one input against a polynomial, with an interval as the domain:
    exactly, with every point where it is attained. Else a certified bracket, whose lower end is
    attained at an exact point and whose upper end has a certificate.

    Args:
        net: the network.
        expression: f, a SymPy expression as in `approximates`.
        domain: the ends of an interval, a box (one pair for each input value), or a `Domain`.
        variables: the symbols of the inputs, in order; a network of one input needs none.
        output: the index of the output.
        tolerance: how wide a bracket may be, in output units; positive.
        timeout: seconds for a bracket; None: no limit.

    Raises:
        InputError: sizes do not fit, a part of the expression is not supported (it is named),
            or sympy is missing.
    """
    ends = _interval(domain)
    expression, _ = symbols_of(expression, variables, len(net.input_values))
    output_value(net, output)
    if ends is not None and _is_exact(net, expression):
        from verifai.symbolic.error import sup_error as exactly

        low, high = (number(end, "domain") for end in ends)
        return exactly(net, expression, low, high, output=output)
    joined, error = with_error(net, expression, variables=variables, output=output)
    graph = Graph(joined.nodes, readings_of(joined))
    size = pwl(graph.name("size of the error"), (1,), error, [0.0], [-1.0, 1.0])
    whole = graph.network((graph.add(size),))
    region = [ends] if ends is not None else cast("Domain | Ends", domain)
    return maximize(whole, 0, region, tolerance=tolerance, timeout=timeout)


def _interval(domain: Any) -> tuple[Number, Number] | None:
    """The ends of an interval, None for a box or a `Domain`."""
    if isinstance(domain, Domain):
        return None
    found = rules.listed(domain, "domain")
    if len(found) == 2 and not any(_is_row(end) for end in found):
        return found[0], found[1]
    return None


def _is_row(end: Any) -> bool:
    """Whether it is a pair of ends rather than one end."""
    many = isinstance(end, Iterable) and not isinstance(end, str)
    return many and getattr(end, "ndim", 1) > 0


def _is_exact(net: Network, expression: Any) -> bool:
    """Whether exact algebra covers the network and the expression."""
    import sympy

    linear = all(
        isinstance(node, Input | Pwl) or (isinstance(node, Affine) and node.radius is None)
        for node in net.nodes
    )
    single = len(net.input_values) == 1
    f = expression
    if not linear or not single or len(f.free_symbols) > 1:
        return False
    variable = next(iter(f.free_symbols), sympy.Symbol("x"))
    return bool(f.is_polynomial(variable)) and all(
        c.is_Rational for c in sympy.Poly(f, variable).all_coeffs()
    )
