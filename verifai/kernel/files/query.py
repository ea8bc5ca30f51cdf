"""The canonical file of a query: JSON that people can read, one atom a line, numbers as text.

What is read goes through the query's constructor. The file names its network by the digest of that
network's file. The format stands in SPEC.md.

May import: container, fields, number, network, query, errors.
Must not know: certificates.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.files.container import ContainerError, parse_json
from verifai.kernel.files.fields import a_list, a_string, an_integer, bad, fields, integers
from verifai.kernel.network import Network
from verifai.kernel.number import rational
from verifai.kernel.query import MAX_ALTERNATION, And, Atom, Formula, Or, Query, Relation

QUERY_FORMAT = "verifai-query-1"  # about real numbers
ASSUMING_FORMAT = "verifai-query-2"  # about float32 programs, under assumptions
KEYS = "format network inputs domain unsafe"
MAX_QUERY = 1 << 28
Ends = tuple[fmpq, ...]


def decode_query(data: bytes, network: Network, network_digest: str) -> Query:
    """The query in a file, which must be about the network with this digest.

    Raises:
        InputError: a malformed file, another network, or content that Query refuses.
    """
    if len(data) > MAX_QUERY:
        raise InputError(f"query: a file of {len(data)} bytes (at most {MAX_QUERY})")
    try:
        item = parse_json(str(data, "utf-8"))
    except (ContainerError, UnicodeDecodeError) as error:
        raise InputError(f"query: {error}") from None
    is_assuming = isinstance(item, dict) and item.get("format") == ASSUMING_FORMAT
    form, about, inputs, domain, unsafe, *others = fields(
        "query", item, KEYS + " assumptions" * is_assuming
    )
    if form not in (QUERY_FORMAT, ASSUMING_FORMAT):
        bad("query: format", f"{QUERY_FORMAT} or {ASSUMING_FORMAT}", form)
    if about != network_digest:
        bad("query: network", f"the digest {network_digest}", about)
    lower, upper, marked = _read_inputs(a_list("query: inputs", inputs), network)
    rows = tuple(_read_atom("domain", row, network) for row in a_list("query: domain", domain))
    formula = _read_formula(unsafe, network, 0)
    if not isinstance(formula, And):
        raise InputError("unsafe: want an object with and at the top")
    taken = [a_list("query: assumptions", other) for other in others]
    if taken == [[]]:
        bad("query: assumptions", "one at least", [])
    texts = tuple(a_string("query: assumptions", text) for each in taken for text in each)
    return Query(network, lower, upper, formula, rows, marked, assumptions=texts)


def _read_inputs(items: list[Any], net: Network) -> tuple[Ends, Ends, frozenset[int]]:
    """The box and the integer values; every input node once, in order."""
    names = [net.nodes[position].name for position in net.inputs]
    if len(items) != len(names):
        raise InputError(f"query: inputs: {len(items)} entries for {len(names)} input nodes")
    ends: tuple[list[fmpq], list[fmpq]] = ([], [])
    marked: set[int] = set()
    for name, position, item in zip(names, net.inputs, items, strict=True):
        found, *both, integer = fields(f"input {name!r}", item, "node lower upper integer")
        if found != name:
            bad("query: inputs: node", repr(name), found)
        for key, end, total in zip(("lower", "upper"), both, ends, strict=True):
            where = f"input {name!r}: {key}"
            values = [_number(where, entry) for entry in a_list(where, end)]
            if len(values) != net.sizes[position]:
                raise InputError(f"{where}: {len(values)} ends for {net.sizes[position]} values")
            total += values
        where = f"input {name!r}: integer"
        marks = integers(where, integer)
        if any(a >= b for a, b in pairwise(marks)):
            bad(where, "indices that increase", integer)
        marked |= {net.value(position, index) for index in marks}
    return tuple(ends[0]), tuple(ends[1]), frozenset(marked)


def _number(where: str, item: Any) -> fmpq:
    try:
        return rational(item) if isinstance(item, str) else bad(where, "a number as string", item)
    except InputError as error:
        raise InputError(str(error) if where in str(error) else f"{where}: {error}") from None


def _read_atom(where: str, item: Any, net: Network) -> Atom:
    total, constant, relation = fields(where, item, "sum plus is")
    terms = []
    for term in a_list(f"{where}: sum", total):
        if not (isinstance(term, list) and len(term) == 3 and isinstance(term[1], str)):
            bad(f"{where}: sum", "coefficient, node, index", term)
        if term[1] not in net.positions:
            bad(f"{where}: sum", "the name of a node", term[1])
        value = net.value(net.positions[term[1]], an_integer(f"{where}: sum: index", term[2]))
        terms.append((value, _number(f"{where}: sum", term[0])))
    if relation not in ("<=", "<", "="):
        bad(f"{where}: is", "<=, < or =", relation)
    return Atom(tuple(terms), _number(f"{where}: plus", constant), Relation(relation))


def _read_formula(item: Any, net: Network, depth: int) -> Formula:
    """The formula of a JSON value; the recursion is as deep as Query allows, no deeper."""
    if depth > MAX_ALTERNATION:
        raise InputError(f"unsafe: and/or nested deeper than {MAX_ALTERNATION}")
    if not isinstance(item, dict) or len(item) != 1:
        return _read_atom("unsafe", item, net)
    ((key, parts),) = item.items()
    if key not in ("and", "or"):
        bad("unsafe", "and, or or an atom", key)
    below = [_read_formula(part, net, depth + 1) for part in a_list(f"unsafe: {key}", parts)]
    return And(tuple(below)) if key == "and" else Or(tuple(below))
