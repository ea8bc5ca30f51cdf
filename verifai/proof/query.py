"""The canonical file of a query as it is written, one atom a line; SPEC.md says what stands in it.

May import: kernel, proof.network. Must not know: proofs.
"""

from __future__ import annotations

import json

from flint import fmpq

from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.errors import InputError
from verifai.kernel.files.container import digest
from verifai.kernel.files.fields import a_string
from verifai.kernel.files.query import ASSUMING_FORMAT, QUERY_FORMAT
from verifai.kernel.network import Network
from verifai.kernel.number import MAX_DIGITS, text
from verifai.kernel.query import Atom, Formula, Query
from verifai.proof.network import encode_network

_PER_LINE = 4  # ends of the box on one line


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
    taken = [json.dumps(a_string("an assumption", each)) for each in query.assumptions]
    form = ASSUMING_FORMAT if taken else QUERY_FORMAT
    more = f',\n"assumptions": {_lines(taken, 1)}' if taken else ""
    return (
        f'{{\n"format": "{form}",\n"network": {json.dumps(expected)},\n'
        f'"inputs": {_lines(inputs, 1)},\n"domain": {_lines(atoms, 1)},\n'
        f'"unsafe": {_formula_text(net, query.unsafe, 0, pause)}{more}\n}}\n'
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
