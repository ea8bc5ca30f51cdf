"""The canonical file of a query: JSON that people can read, one atom a line, numbers as text.

What is written is determined by the query, and what is read goes through its constructor. The file
names its network by the digest of that network's file. The format stands in SPEC.md.

May import: arithmetic, container, fields, number, network, query, files.network, errors.
Must not know: certificates.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from flint import fmpq

from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.errors import InputError
from verifai.kernel.files.container import ContainerError, parse_json
from verifai.kernel.files.fields import a_list, an_integer, bad, fields, integers
from verifai.kernel.files.network import digest, encode_network
from verifai.kernel.network import Network
from verifai.kernel.number import MAX_DIGITS, rational, text
from verifai.kernel.query import MAX_ALTERNATION, And, Atom, Formula, Or, Query, Relation

QUERY_FORMAT = "verifai-query-1"
MAX_QUERY = 1 << 28
Ends = tuple[fmpq, ...]
_PER_LINE = 4  # ends of the box on one line of a query file


def encode_query(query: Query, network_digest: str | None = None, pause: Pause = never) -> bytes:
    """The query's file; the digest is that of its network's file (computed where it is None).

    `pause` is called now and then.

    Raises:
        InputError: a number or a name that decode_query would refuse.
    """
    net = query.network
    expected = digest(encode_network(net, pause)) if network_digest is None else network_digest
    atoms = [_atom_text(net, atom) for atom in query.domain]
    inputs, start = [], 0
    for position in net.inputs:
        first, end = net.offsets[position], start + net.sizes[position]
        integer = sorted(v - first for v in query.integers if net.owner(v)[0] == position)
        inputs.append(
            f'{{"node": {json.dumps(net.nodes[position].name)},\n'
            f'    "lower": {_ends_text(query.lower[start:end])},\n'
            f'    "upper": {_ends_text(query.upper[start:end])},\n'
            f'    "integer": {json.dumps(integer)}}}'
        )
        start = end
    return (
        f'{{\n"format": "{QUERY_FORMAT}",\n"network": {json.dumps(expected)},\n'
        f'"inputs": {_lines(inputs, 1)},\n"domain": {_lines(atoms, 1)},\n'
        f'"unsafe": {_formula_text(net, query.unsafe, 0, pause)}\n}}\n'
    ).encode("ascii")


def _lines(items: list[str], depth: int) -> str:
    """A JSON list with one item on a line."""
    return "[" + ",".join("\n" + "  " * depth + item for item in items) + "]"


def _ends_text(ends: tuple[fmpq, ...]) -> str:
    texts = [f'"{_number_text(end)}"' for end in ends]
    rows = range(0, len(texts), _PER_LINE)
    return "[" + ",\n      ".join(", ".join(texts[i : i + _PER_LINE]) for i in rows) + "]"


def _number_text(value: fmpq) -> str:
    result = text(value)
    if len(result) > MAX_DIGITS:
        raise InputError(f"a number of {len(result)} digits does not fit into a query file")
    return result


def _atom_text(net: Network, atom: Atom) -> str:
    total = []
    for value, coefficient in atom.terms:
        node, index = net.owner(value)
        total.append([_number_text(coefficient), net.nodes[node].name, index])
    constant = _number_text(atom.constant)
    return json.dumps({"sum": total, "plus": constant, "is": atom.relation.value})


def _formula_text(net: Network, part: Formula, depth: int, pause: Pause) -> str:
    """The text of a formula, whose depth Query has capped."""
    pause()
    if isinstance(part, Atom):
        return _atom_text(net, part)
    parts = [_formula_text(net, child, depth + 1, pause) for child in part.parts]
    return f'{{"{type(part).__name__.lower()}": {_lines(parts, depth + 1)}}}'


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
    form, about, inputs, domain, unsafe = fields(
        "query", item, "format network inputs domain unsafe"
    )
    if form != QUERY_FORMAT:
        bad("query: format", QUERY_FORMAT, form)
    if about != network_digest:
        bad("query: network", f"the digest {network_digest}", about)
    lower, upper, marked = _read_inputs(a_list("query: inputs", inputs), network)
    rows = tuple(_read_atom("domain", row, network) for row in a_list("query: domain", domain))
    formula = _read_formula(unsafe, network, 0)
    if not isinstance(formula, And):
        raise InputError("unsafe: want an object with and at the top")
    return Query(network, lower, upper, formula, rows, marked)


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
