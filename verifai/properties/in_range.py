"""Output ranges: on a box of inputs an output stays between two numbers.

May import: kernel, domain, entry. Must not know: how a query is decided.
"""

from __future__ import annotations

from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.sentences import shown
from verifai.entry.takes import renamed, takes
from verifai.graph.formulas import atom, conjunction
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Formula, Or, Relation
from verifai.properties.domain import Domain, Ends, domain_of, query_on
from verifai.properties.entry import output_value
from verifai.query import Query


@renamed(ends="domain")
@takes(
    net=rules.network,
    lower=rules.optional(number),
    upper=rules.optional(number),
    output=rules.whole,
    allow_empty=rules.flag,
)
def in_range(
    net: Network,
    domain: Domain | Ends,
    *,
    lower: Number | None = None,
    upper: Number | None = None,
    output: int = 0,
    allow_empty: bool = False,
) -> Query:
    """The output lies in [lower, upper] at every input of the domain; reaching an end is allowed.

    Args:
        net: the network.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`.
        lower: the least value allowed; None: no limit below.
        upper: the greatest value allowed; None: no limit above.
        output: the index of the output.
        allow_empty: whether a box without a point is taken, on which any property holds.

    Raises:
        InputError: sizes do not fit, neither limit is given, no number keeps both, or the box is
            empty.
    """
    region = domain_of(net, domain, allow_empty=allow_empty)
    value = output_value(net, output)
    outside: list[Formula] = []
    if lower is not None:
        outside.append(atom({value: fmpq(1)}, -number(lower), Relation.LESS))
    if upper is not None:
        outside.append(atom({value: fmpq(-1)}, number(upper), Relation.LESS))
    if lower is not None and upper is not None and number(lower) > number(upper):
        raise InputError(f"no output lies between lower {shown(lower)} and upper {shown(upper)}")
    if not outside:
        raise InputError("in_range needs a lower or an upper limit")
    return query_on(net, region, conjunction([Or(tuple(outside))]))
