"""Queries come back from their files unchanged, and malformed files are refused."""

import json
import random
from contextlib import suppress
from dataclasses import replace

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.files import query as query_file
from verifai.kernel.files.container import digest
from verifai.kernel.files.query import decode_query
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense, Gather
from verifai.kernel.query import And, Atom, Or, Query, Relation
from verifai.kernel.statement import statement
from verifai.proof.network import encode_network
from verifai.proof.query import encode_query

LESS, EQUAL = Relation.LESS, Relation.EQUAL

NET = Network(
    (
        Input("x", (2,)),
        Input("n", (10,)),
        affine("y", (3,), ((0, Dense.of([[1, 2], [3, 4], [5, 6]])),)),
    ),
    (2,),
)
DIGEST = digest(encode_network(NET))
ATOM = Atom(((2, fmpq(1)), (12, fmpq(-1, 3))), fmpq(5, 7))
QUERY = Query(
    NET,
    (fmpq(-1, 10),) * 12,
    (fmpq(10) ** 30,) * 12,
    And((ATOM, Or((Atom((), fmpq(1), LESS), And(()), And((ATOM, Or((ATOM, ATOM)))))))),
    (Atom(((0, fmpq(1)), (3, fmpq(2))), fmpq(-3), EQUAL),),
    frozenset([2, 11, 5]),
)

numbers = st.fractions().map(lambda f: fmpq(f.numerator, f.denominator))
input_atoms = st.builds(
    Atom,
    st.dictionaries(st.integers(0, 11), numbers, max_size=3).map(lambda d: tuple(d.items())),
    numbers,
    st.sampled_from(Relation),
)
atoms = st.builds(
    Atom,
    st.dictionaries(st.integers(0, 14), numbers, max_size=3).map(lambda d: tuple(d.items())),
    numbers,
    st.sampled_from(Relation),
)
formulas = st.recursive(
    atoms,
    lambda parts: (
        st.builds(And, st.lists(parts, max_size=3).map(tuple))
        | st.builds(Or, st.lists(parts, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=8,
)
queries = st.builds(
    Query,
    st.just(NET),
    st.tuples(*[numbers] * 12),
    st.tuples(*[numbers] * 12),
    st.builds(And, st.lists(formulas, max_size=3).map(tuple)),
    st.lists(input_atoms, max_size=3).map(tuple),
    st.frozensets(st.integers(0, 11)),
)


@given(queries)
def test_a_query_comes_back(query: Query) -> None:
    data = encode_query(query)
    back = decode_query(data, NET, DIGEST)
    assert back == query
    assert encode_query(back, DIGEST) == data


def test_a_query_file_is_readable() -> None:
    text = encode_query(QUERY).decode()
    assert '{"sum": [["1", "n", 0], ["-1/3", "y", 0]], "plus": "5/7", "is": "<="}' in text
    assert text.count("\n") > 15
    assert max(map(len, text.splitlines())) < 300
    assert json.loads(text)["unsafe"]["and"][1]["or"][1] == {"and": []}


def test_a_decimal_written_by_hand_is_exact() -> None:
    text = encode_query(QUERY).decode().replace('"-1/10"', '"-1e-1"', 1)
    assert decode_query(text.encode(), NET, DIGEST) == QUERY


def test_a_number_too_long_to_be_read_is_not_written() -> None:
    query = Query(NET, (fmpq(-1),) * 12, (fmpq(10) ** 5000,) * 12, And((ATOM,)))
    with pytest.raises(InputError, match="does not fit"):
        encode_query(query)


def changed(path: str, value: object) -> bytes:
    """The sample query's file with one field replaced; `path` holds keys and indices."""
    item = root = json.loads(encode_query(QUERY))
    *way, last = [int(key) if key.isdigit() else key for key in path.split()]
    for key in way:
        item = item[key]
    item[last] = value
    return json.dumps(root).encode()


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("more", 1, "query: want the keys format, network, inputs, domain, unsafe"),
        ("format", "verifai-query-3", "query: format: want verifai-query-1"),
        ("format", 1, "query: format: want verifai-query-1"),
        ("format", ["verifai-query-1"], "query: format: want verifai-query-1"),
        ("format", "verifai-query-2", "query: want the keys format, .*, unsafe, assumptions"),
        ("assumptions", ["x"], "query: want the keys format, network, inputs, domain, unsafe"),
        ("network", "0" * 64, "query: network: want the digest"),
        ("inputs", {}, "query: inputs: want a list"),
        ("inputs", [], "query: inputs: 0 entries for 2 input nodes"),
        ("inputs 0", [], "input 'x': want an object"),
        ("inputs 0 more", 1, "input 'x': want the keys"),
        ("inputs 0 node", "n", "query: inputs: node: want 'x'"),
        ("inputs 0 lower", "ab", "input 'x': lower: want a list"),
        ("inputs 0 lower", ["1"], "input 'x': lower: 1 ends for 2 values"),
        ("inputs 0 upper", ["1"] * 3, "input 'x': upper: 3 ends for 2 values"),
        ("inputs 0 lower 0", 1, "input 'x': lower: want a number as string"),
        ("inputs 0 lower 0", "1_0", "input 'x': lower: not a decimal"),
        ("inputs 0 lower 0", "nan", "input 'x': lower: not a decimal"),
        ("inputs 0 lower 0", "1/0", "input 'x': lower: denominator zero"),
        ("inputs 0 integer", ["0"], "input 'x': integer: want an integer"),
        ("inputs 0 integer", [False], "input 'x': integer: want an integer"),
        ("inputs 0 integer", [2], "no value 2 in node 0"),
        ("inputs 0 integer", [-1], "no value -1 in node 0"),
        ("inputs 1 integer", [3, 3], "input 'n': integer: want indices that increase"),
        ("domain", {}, "query: domain: want a list"),
        ("domain 0", "x", "domain: want an object with sum, plus, is"),
        ("domain 0 sum 0 1", "y", "no input"),
        ("unsafe", {"or": []}, "unsafe: want an object with and at the top"),
        ("unsafe", [], "unsafe: want an object"),
        ("unsafe and", "x", "unsafe: and: want a list"),
        ("unsafe and 1", {"or": []}, "disjunction of nothing"),
        ("unsafe and 1", {"not": []}, "unsafe: want and, or or an atom"),
        ("unsafe and 1", {"and": [], "or": []}, "unsafe: want the keys sum"),
        ("unsafe and 0 sum", 1, "unsafe: sum: want a list"),
        ("unsafe and 0 sum 0", ["1", "y"], "unsafe: sum: want coefficient, node, index"),
        ("unsafe and 0 sum 0", ["1", 2, 0], "unsafe: sum: want coefficient, node, index"),
        ("unsafe and 0 sum 0 0", 1, "unsafe: sum: want a number as string"),
        ("unsafe and 0 sum 0 1", "z", "unsafe: sum: want the name of a node"),
        ("unsafe and 0 sum 0 2", 10, "no value 10"),
        ("unsafe and 0 sum 0 2", True, "unsafe: sum: index: want an integer"),
        ("unsafe and 0 sum 0", ["1", "y", 0], "names a value twice"),
        ("unsafe and 0 plus", None, "unsafe: plus: want a number as string"),
        ("unsafe and 0 is", ">=", "unsafe: is: want <=, < or ="),
        ("unsafe and 0 is", ["<="], "unsafe: is: want <=, < or ="),
        ("unsafe and 0 more", 1, "unsafe: want the keys sum, plus, is"),
    ],
)
def test_a_malformed_query_is_refused(path: str, value: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        decode_query(changed(path, value), NET, DIGEST)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff", "query: "),
        (b"[]", "query: want an object"),
        (b'{"format":1,"format":1}', "twice"),
        (b'{"format":NaN}', "no integer: NaN"),
        (b'{"format":1e5}', "no integer: 1e5"),
        (b'{"a":' * 100_000, "too deeply"),
        (encode_query(QUERY) + b"x", "not JSON"),
    ],
)
def test_a_file_that_is_no_query_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        decode_query(data, NET, DIGEST)


@pytest.mark.parametrize("depth", [65, 100, 400])
def test_a_deep_formula_is_refused(depth: int) -> None:
    text = json.dumps({"and": []})
    for level in range(depth):
        text = '{"%s": [%s]}' % (("or", "and")[level % 2], text)  # noqa: UP031
    data = encode_query(QUERY).decode()
    start = data.index('"unsafe":')
    with pytest.raises(InputError, match=r"^unsafe: and/or nested deeper"):
        decode_query((data[:start] + f'"unsafe": {{"and": [{text}]}}}}').encode(), NET, DIGEST)


def test_a_huge_query_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_file, "MAX_QUERY", 100)
    with pytest.raises(InputError, match="at most 100"):
        decode_query(encode_query(QUERY), NET, DIGEST)


@given(st.integers(0, 2**32))
def test_a_mutated_query_file_is_refused_or_read(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(encode_query(QUERY, DIGEST))
    for _ in range(draw.randint(1, 4)):
        data[draw.randrange(len(data))] = draw.choice(b'0129"[]{},:-/ <=n\xff')
    with suppress(InputError):
        decode_query(bytes(data), NET, DIGEST)


SAID = ("sums in any order", "inputs are binary32 numbers")


def test_assumptions_are_read_and_stand_in_the_statement() -> None:
    assuming = replace(QUERY, assumptions=SAID)
    data = encode_query(assuming)
    read = decode_query(data, NET, DIGEST)
    assert (read, read.semantics) == (assuming, "float32")
    assert encode_query(read) == data
    assert QUERY.semantics == "real"
    lines = statement(read).splitlines()
    assert lines[-3:] == ["assuming:", "  sums in any order", "  inputs are binary32 numbers"]
    assert lines[:-3] == statement(QUERY).splitlines()


@pytest.mark.parametrize("radius", [None, 0.0, 0.5])
def test_only_radii_speak_about_programs_that_round(radius: float | None) -> None:
    wide = Network((Input("x", (2,)), affine("y", (2,), ((0, Gather.of(2)),), radius=radius)), (1,))
    query = Query(wide, (fmpq(0),) * 2, (fmpq(1),) * 2, And(()), assumptions=SAID)
    said = "for every float32 program whose rounding lies within the radii, assuming:"
    assert (said in statement(query).splitlines()) == bool(radius)
    assert "float32" not in statement(replace(query, assumptions=()))


@pytest.mark.parametrize("value", [[], {}, "x", [1], [""], ["a\nb"], ["x" * 501], [["x"]], None])
def test_assumptions_that_are_none_are_refused(value: object) -> None:
    item = json.loads(encode_query(replace(QUERY, assumptions=SAID)))
    item["assumptions"] = value
    with pytest.raises(InputError, match="assumptions"):
        decode_query(json.dumps(item).encode(), NET, DIGEST)


def test_an_assumption_that_would_not_be_read_is_not_written() -> None:
    with pytest.raises(InputError, match="an assumption"):
        encode_query(replace(QUERY, assumptions=("two\nlines",)))
