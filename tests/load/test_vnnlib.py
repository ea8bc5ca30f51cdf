"""VNN-LIB 1.0: what a file says at a point is what the query says there; the rest is refused."""

import gzip
import random
import re
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from verifai.graph.nodes import affine
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation
from verifai.load.errors import LoadError
from verifai.load.vnnlib import sexpr
from verifai.load.vnnlib.sexpr import read_source
from verifai.load.vnnlib.version1 import load_vnnlib

BENCHMARKS = Path(__file__).parents[2] / ".." / "shared" / "benchmarks"
PROPERTIES = sorted(BENCHMARKS.glob("**/*.vnnlib.gz"))


def network(inputs: int = 2, outputs: int = 2) -> Network:
    weight = np.ones((outputs, inputs))
    return Network((Input("x", (inputs,)), affine("y", (outputs,), ((0, Dense.of(weight)),))), (1,))


def declarations(inputs: int = 2, outputs: int = 2) -> str:
    names = [f"X_{i}" for i in range(inputs)] + [f"Y_{i}" for i in range(outputs)]
    return "".join(f"(declare-const {name} Real)\n" for name in names)


BOX = "(assert (<= X_0 1)) (assert (>= X_0 -1)) (assert (<= X_1 2)) (assert (>= X_1 -2))\n"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vnnlib")


def load(folder: Path, text: str | bytes, net: Network | None = None) -> Query:
    path = folder / "property.vnnlib"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_vnnlib(path, net or network())


# ---- An independent meaning of the files ---------------------------------------------------------


def parse(text: str) -> list[Any]:
    tokens = re.sub(r";.*", " ", text).replace("(", " ( ").replace(")", " ) ").split()

    def some(position: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while position < len(tokens) and tokens[position] != ")":
            if tokens[position] == "(":
                inner, position = some(position + 1)
                items.append(inner)
            else:
                items.append(tokens[position])
            position += 1
        return items, position

    return some(0)[0]


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
}


def meaning(item: Any, point: dict[str, Fraction]) -> Any:
    if isinstance(item, str):
        if item in ("true", "false"):
            return item == "true"
        return point[item] if item in point else Fraction(item)
    operator, *rest = item
    values = [meaning(part, point) for part in rest]
    if operator in COMPARE:
        return all(COMPARE[operator](a, b) for a, b in pairwise(values))
    if operator in ("and", "or"):
        return all(values) if operator == "and" else any(values)
    if operator == "not":
        return not values[0]
    if operator == "-" and len(values) == 1:
        return -values[0]
    result = values[0]
    for value in values[1:]:
        if operator == "+":
            result += value
        elif operator == "-":
            result -= value
        else:
            result = result * value if operator == "*" else result / value
    return result


def asserted(text: str) -> list[Any]:
    return [form[1] for form in parse(text) if form[0] == "assert"]


def holds(part: Formula, values: dict[int, fmpq]) -> bool:
    if isinstance(part, And):
        return all(holds(child, values) for child in part.parts)
    if isinstance(part, Or):
        return any(holds(child, values) for child in part.parts)
    total = sum((c * values[v] for v, c in part.terms), part.constant)
    if part.relation is Relation.EQUAL:
        return bool(total == 0)
    return bool(total < 0) if part.relation is Relation.LESS else bool(total <= 0)


def is_unsafe(query: Query, values: dict[int, fmpq]) -> bool:
    ends = zip(query.input_values, query.lower, query.upper, strict=True)
    return (
        all(low <= values[v] <= high for v, low, high in ends)
        and all(holds(row, values) for row in query.domain)
        and holds(query.unsafe, values)
    )


def agree(query: Query, text: str, point: dict[str, Fraction], conditions: list[Any]) -> bool:
    """Whether the point is unsafe, after a check that file and query agree on it."""
    net = query.network
    values = {}
    for name, value in point.items():
        index = int(name[2:]) + (net.offsets[1] if name[0] == "Y" else 0)
        values[index] = fmpq(value.numerator, value.denominator)
    expected = all(meaning(condition, point) for condition in conditions)
    assert is_unsafe(query, values) == expected, (text, point)
    return expected


# ---- The benchmark's properties ------------------------------------------------------------------


@pytest.mark.skipif(not PROPERTIES, reason="the benchmarks are not beside the repository")
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_every_benchmark_property_means_what_its_file_says(every: int) -> None:
    """All of them in the slow tests, one of four in the others."""
    draw = random.Random(0)
    outcomes = []
    for path in PROPERTIES[::every]:
        text = gzip.decompress(path.read_bytes()).decode()
        inputs, outputs = (len(set(re.findall(rf"{letter}_\d+", text))) for letter in "XY")
        query = load_vnnlib(path, network(inputs, outputs))
        conditions = asserted(text)
        constants = [Fraction(n) for n in re.findall(r"Y_\d+ (-?\d[\d.e-]*)\)", text)] or [
            Fraction(0)
        ]
        for _ in range(4):
            point = {}
            for i, ends in enumerate(zip(query.lower, query.upper, strict=True)):
                low, high = (Fraction(int(end.p), int(end.q)) for end in ends)
                point[f"X_{i}"] = draw.choice([low, high, (low + high) / 2])
            if draw.random() < 0.2:
                point["X_0"] += draw.choice([-1, 1])
            for j in range(outputs):
                offset = Fraction(draw.randint(-9, 9), 3)
                point[f"Y_{j}"] = draw.choice(constants) + offset
            outcomes.append(agree(query, path.name, point, conditions))
    print(
        f"{len(PROPERTIES[::every])} properties, {sum(outcomes)} of {len(outcomes)} points unsafe"
    )
    assert 0.05 < sum(outcomes) / len(outcomes) < 0.95


# ---- Generated formulas --------------------------------------------------------------------------

numbers = st.sampled_from(["0", "1", "2", "-1", "0.5", "-1.5e0", "25e-1", ".5", "3."])
variables = st.sampled_from(["X_0", "X_1", "Y_0", "Y_1"])
nonzero = st.sampled_from(["1", "2", "-1", "0.5", "-1.5e0"])


def form(
    operator: st.SearchStrategy[str], *parts: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return st.tuples(operator, *parts).map(lambda items: "(" + " ".join(items) + ")")


def several(parts: st.SearchStrategy[str], least: int = 1) -> st.SearchStrategy[str]:
    return st.lists(parts, min_size=least, max_size=3).map(" ".join)


terms = st.recursive(
    numbers | variables,
    lambda inner: (
        form(st.sampled_from("+-"), several(inner))
        | form(st.just("*"), numbers, inner)
        | form(st.just("*"), inner, numbers, nonzero)
        | form(st.just("/"), inner, nonzero)
    ),
    max_leaves=5,
)
comparisons = form(st.sampled_from(sorted(COMPARE)), several(terms, 2))
conditions = st.recursive(
    comparisons | st.sampled_from(["true", "false"]),
    lambda inner: (
        form(st.sampled_from(["and", "or"]), several(inner)) | form(st.just("not"), inner)
    ),
    max_leaves=6,
)
boxes = st.sampled_from(
    [
        BOX,
        "(assert (and (<= -1 X_0 1) (< -2 X_1) (< (* 2 X_1) 4)))",
        "(assert (= X_0 1)) (assert (<= -1 X_1)) (assert (not (> X_1 1)))",
        """(assert (or (and (<= X_0 1) (>= X_0 0) (<= 0 X_1 2))
        (and (<= X_0 2) (or (= X_0 1) (> X_0 -1)) (<= -1 (- X_1) 1))))""",
    ]
)
values = st.sampled_from([Fraction(n, 2) for n in range(-5, 6)])
points = st.fixed_dictionaries(dict.fromkeys(("X_0", "X_1", "Y_0", "Y_1"), values))


@given(boxes, st.lists(conditions, max_size=3), st.lists(points, min_size=8, max_size=8))
def test_a_generated_property_means_what_its_file_says(
    folder: Path, box: str, parts: list[str], where: list[dict[str, Fraction]]
) -> None:
    text = declarations() + box + "".join(f"(assert {part})\n" for part in parts)
    query = load(folder, text)
    for point in where:
        agree(query, text, point, asserted(text))


# ---- Traps ---------------------------------------------------------------------------------------


def test_a_disjunction_followed_by_a_conjunct_keeps_both(folder: Path) -> None:
    part = "(assert (and (or (<= Y_0 0) (<= Y_1 0)) (>= Y_0 -5)))"
    query = load(folder, declarations() + BOX + part)
    assert [type(p) for p in query.unsafe.parts] == [Or, Atom]


def test_strictness_is_kept(folder: Path) -> None:
    query = load(folder, declarations() + BOX + "(assert (< Y_0 0)) (assert (> 1 X_0))")
    assert query.upper[0] == 1
    assert [(p.terms[0][0], p.relation) for p in query.unsafe.parts if isinstance(p, Atom)] == [
        (2, Relation.LESS),
        (0, Relation.LESS),
    ]


@pytest.mark.parametrize("text", ["-1.25e-3", "-125E-5", "(- 0.00125)", "(/ -1 800)"])
def test_numbers_are_exact(folder: Path, text: str) -> None:
    query = load(folder, declarations() + BOX + f"(assert (>= X_0 {text}))")
    assert query.lower == (fmpq(-1, 800), fmpq(-2))


def test_rows_over_inputs_become_the_domain(folder: Path) -> None:
    query = load(folder, declarations() + BOX + "(assert (< (+ X_0 X_1) 1)) (assert (<= Y_0 X_0))")
    assert query.domain == (Atom(((0, fmpq(1)), (1, fmpq(1))), fmpq(-1), Relation.LESS),)
    assert query.unsafe.parts == (Atom(((0, fmpq(-1)), (2, fmpq(1))), fmpq(0)),)


def test_boxes_of_alternatives_give_their_hull(folder: Path) -> None:
    part = "(or (and (<= 0 X_0 1) (= X_1 3)) (and (<= -2 X_0) (< X_0 0) (<= 4 X_1 5)))"
    query = load(folder, declarations() + f"(assert {part})")
    assert (query.lower, query.upper) == ((fmpq(-2), fmpq(3)), (fmpq(1), fmpq(5)))
    assert isinstance(query.unsafe.parts[0], Or)


def test_asserted_bounds_are_not_loosened_or_tightened_by_alternatives(folder: Path) -> None:
    part = "(assert (or (<= 0 X_0 9) (<= -9 X_0 0)))"
    assert load(folder, declarations() + BOX + part).upper[0] == 1


def test_an_impossible_property_has_an_empty_unsafe_set(folder: Path) -> None:
    for part in ("false", "(or (< 1 0) (and (<= Y_0 0) (= 0 1)))", "(not (<= 0 1))"):
        query = load(folder, declarations() + BOX + f"(assert {part})")
        assert query.unsafe == And((Atom((), fmpq(1)),))
        assert query.lower == (fmpq(-1), fmpq(-2))


def test_false_alternatives_are_dropped_and_true_ones_win(folder: Path) -> None:
    query = load(folder, declarations() + BOX + "(assert (or (<= Y_0 0) (< 0 0)))")
    assert query.unsafe.parts == (Atom(((2, fmpq(1)),), fmpq(0)),)
    assert load(folder, declarations() + BOX + "(assert (or (<= Y_0 0) (<= 0 0)))").unsafe == And(
        ()
    )


def test_contradicting_bounds_leave_an_empty_domain(folder: Path) -> None:
    assert load(folder, declarations() + BOX + "(assert (>= X_0 2))").is_vacuous


def test_several_inputs_and_outputs_are_numbered_through(folder: Path) -> None:
    net = Network(
        (
            Input("a", (1,)),
            affine("y", (1,), ((0, Dense.of([[1]])),)),
            Input("b", (1,)),
            affine("z", (1,), ((2, Dense.of([[1]])),)),
        ),
        (3, 1),
    )
    query = load(folder, declarations() + BOX + "(assert (<= Y_0 7)) (assert (<= Y_1 8))", net)
    assert query.upper == (1, 2)
    assert query.unsafe.parts == tuple(Atom(((v, fmpq(1)),), fmpq(-c)) for v, c in ((3, 7), (1, 8)))


def test_comments_declare_fun_and_other_commands_are_read(folder: Path) -> None:
    text = '; (assert\n(set-logic QF_LRA)(set-info :x "a ) ; b")\n' + declarations()
    text = text.replace("(declare-const X_0 Real)", "(declare-fun X_0 ( ; no arguments\n) Real)")
    query = load(folder, text + BOX.replace("(<= X_1", "(<=;)\r\n\tX_1") + "(check-sat)(exit)")
    assert query.upper == (1, 2)


def test_packed_files_are_found(folder: Path) -> None:
    text = (declarations() + BOX).encode()
    path = folder / "packed.vnnlib.gz"
    path.write_bytes(gzip.compress(text))
    assert (
        load_vnnlib(path, network()).lower == load_vnnlib(folder / "packed.vnnlib", network()).lower
    )


@pytest.mark.parametrize("operator", ["and", "or", "+", "-"])
def test_deep_nesting_of_one_kind_is_read(folder: Path, operator: str) -> None:
    leaf, other = ("Y_0", "X_0") if operator in "+-" else ("(<= Y_0 0)", "(<= Y_1 X_0)")
    text = f"({operator} {other} " * 20_000 + leaf + ")" * 20_000
    text = f"(<= {text} 0)" if operator in "+-" else text
    query = load(folder, declarations() + BOX + f"(assert {text})")
    assert 1 <= len(query.unsafe.parts) <= 20_001


def test_deep_alternation_is_refused_by_name(folder: Path) -> None:
    text = "(or (<= Y_0 0) (and (<= Y_1 0) " * 20_000 + "(<= Y_0 1)" + "))" * 20_000
    with pytest.raises(LoadError, match="nested deeper than 64"):
        load(folder, declarations() + BOX + f"(assert {text})")


# ---- Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("(assert (<= Z_0 0))", "line 6: unknown variable 'Z_0'"),
        ("\n(assert (<= Y_2 0))", "line 7: unknown variable 'Y_2'"),
        ("(assert (<= X_00 0))", "unknown variable 'X_00'"),
        ("(declare-const X_2 Real)", "line 6: X_2 is declared, but the network has 2 inputs"),
        ("(declare-const Y_2 Real)", "line 6: Y_2 is declared, but the network has 2 outputs"),
        ("(declare-const Y_1 Real)", "line 6: Y_1 is declared twice"),
        ("(declare-const Z Real)", "line 6: variables are called X_i or Y_j, not 'Z'"),
        ("(declare-const Y_1 Int)", "line 6: Y_1 is of sort Int, not Real"),
        ("(declare-const Y_1 (a))", "line 6: Y_1 is of sort a list"),
        ("(declare-const Y_1)", "line 6: declare-const wants a name and the sort Real"),
        ("(declare-const (Y_1) Real)", "line 6: declare-const wants a name"),
        ("(declare-fun Y_1 (Real) Real)", "line 6: a function with arguments"),
        ("(assert (<= Y_0 0)", "line 6: an opening parenthesis without its partner"),
        ("(assert (<= Y_0 0)\n))", "line 7: a closing parenthesis too many"),
        ("\n\nassert", "line 8: 'assert' outside parentheses"),
        ('(set-info "abc)', "line 6: a quotation mark without its partner"),
        ("(set-info |abc)", "line 6: a vertical bar without its partner"),
        ("(set-info |a\\|)", "line 6: a vertical bar without its partner"),
        ("(assert (<= |X_0| 0))", r"line 6: unknown variable '\|X_0\|'"),
        ("; one \r(assert (<= X_0 0))", "line 6: a carriage return in a comment"),
        ('(set-info "a\\")(assert (<= X_0 0))', "line 6: a backslash before a quotation mark"),
        ("(assert)", "line 6: assert of 0 conditions"),
        ("(assert (<= Y_0 0) (<= Y_1 0))", "line 6: assert of 2 conditions"),
        ("(assert ())", "line 6: unknown operator ''"),
        ("(assert ((<=) 1 2))", "line 6: unknown operator a list"),
        ("(assert (=> (<= Y_0 0) (<= Y_1 0)))", "line 6: unknown operator '=>'"),
        ("(assert (<= (max Y_0 1) 0))", "line 6: unknown operator 'max'"),
        ("(push 1)", "line 6: unknown command 'push'"),
        ("()", "line 6: unknown command ''"),
        ("((assert) (<= Y_0 0))", "line 6: unknown command a list"),
        ("(assert (<= Y_0))", "line 6: <= of 1 terms"),
        ("(assert (and))", "line 6: and of 0 conditions"),
        ("(assert (or))", "line 6: or of 0 conditions"),
        ("(assert (not (<= Y_0 0) (<= Y_1 0)))", "line 6: not of 2 conditions"),
        ("(assert (<= (+) 0))", "line 6: \\+ of 0 terms"),
        ("(assert (<= (* Y_0) 0))", "line 6: \\* of 1 terms"),
        ("(assert (<= (/ Y_0) 0))", "line 6: / of 1 terms"),
        ("(assert (<= (* Y_0 2 X_0) 0))", "line 6: a product of two variables"),
        ("(assert (<= (/ 1 Y_0) 0))", "line 6: a division by a variable"),
        ("(assert (<= (/ Y_0 (- 1 1)) 0))", "line 6: a division by zero"),
        ("(assert Y_0)", "line 6: a term where a condition is wanted"),
        ("(assert (and Y_0 (<= Y_0 0)))", "line 6: a term where a condition is wanted"),
        ("(assert (<= (<= Y_0 0) 0))", "line 6: a condition where a term is wanted"),
        ("(assert (<= true 0))", "line 6: a condition where a term is wanted"),
        ("(assert (<= Y_0 1_0))", "line 6: not a decimal number or fraction: '1_0'"),
        ("(assert (<= Y_0 1e))", "line 6: not a decimal"),
        ("(assert (<= Y_0 -3/2))", "line 6: the fraction '-3/2': literals are decimals"),
        ("(assert (<= Y_0 1e99999))", "line 6: exponent out of range"),
        ("(assert (<= Y_0 1e-4000))", "line 6: a number overflow"),
        ("(assert (<= (* 1e999 1e999 Y_0) 1e-999))", "line 6: a number overflow"),
        ("(assert (<= (/ 1e999 1e-999) Y_0))", "line 6: a number overflow"),
        ("(assert (<= (* 1e1500 X_0) 1e-1500))", "a number overflow: a bound"),
        (f"(assert (<= Y_0 {'1' * 5000}))", "line 6: a number of 5000 characters"),
        ("(assert (<= Y_0 nan))", "unknown variable 'nan'"),
        ("(assert (<= Y_0 |1|))", r"unknown variable '\|1\|'"),
    ],
)
def test_a_bad_property_is_refused_with_its_line(folder: Path, part: str, reason: str) -> None:
    text = declarations() + BOX + part
    assert load(folder, declarations() + BOX)
    with pytest.raises(LoadError, match=f"^property.vnnlib.*{reason}"):
        load(folder, text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 inputs are declared, the network has 2"),
        (declarations(), "nothing is asserted"),
        (declarations(1) + BOX, "line 4: unknown variable 'X_1'"),
        (declarations(1) + "(assert (<= Y_0 0))", "1 inputs are declared, the network has 2"),
        (declarations(2, 1) + BOX, "1 outputs are declared, the network has 2"),
        (BOX + declarations(), "line 1: unknown variable 'X_0'"),
        (declarations() + BOX.replace(">= X_1", ">= Y_1"), "the input X_1 is not bounded below"),
        (declarations() + BOX.replace("<= X_0", "<= Y_1"), "the input X_0 is not bounded above"),
        (declarations() + "(assert (or (<= 0 X_0 1) (<= X_1 0)))", "X_0 is not bounded below"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(folder: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        load(folder, text)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("(check-sat)(assert (<= Y_0 1))", "line 6: 'assert' after check-sat"),
        ("(exit)\n(assert (<= Y_0 1))", "line 7: 'assert' after exit"),
        ("(check-sat)(exit)(set-logic QF_LRA)", "line 6: 'set-logic' after exit"),
        ("(check-sat)(check-sat)", "line 6: 'check-sat' after check-sat"),
        ("(check-sat)(declare-const Z Real)", "line 6: 'declare-const' after check-sat"),
        ("(get-model)(check-sat)", "line 6: 'check-sat' after get-model"),
        ("(exit)()", "line 6: '' after exit"),
        ("(exit)((assert false))", "line 6: a list after exit"),
        ("(exit 0)", "line 6: exit has no arguments"),
        ("(check-sat (<= Y_0 0))", "line 6: check-sat has no arguments"),
    ],
)
def test_nothing_follows_the_end(folder: Path, end: str, reason: str) -> None:
    text = declarations() + BOX + end
    assert load(folder, declarations() + BOX + "(check-sat)(get-model)(exit)")
    with pytest.raises(LoadError, match=f"^property.vnnlib {reason}"):
        load(folder, text)


def test_a_false_condition_does_not_hide_the_bounds_beside_it(folder: Path) -> None:
    text = declarations() + BOX.replace("(<= X_0 1)", "(and (<= X_0 1) (= 1 2))")
    assert load(folder, text).upper == (1, 2)


def test_unreadable_files_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoadError, match=r"nowhere\.vnnlib: cannot be read"):
        load_vnnlib(folder / "nowhere.vnnlib", network())
    for data in (
        b"no gzip",
        gzip.compress(b"x" * 99)[:-9],
        gzip.compress(b"x" * 99)[:12] + b"\xff" * 9,
    ):
        path = folder / "broken.vnnlib.gz"
        path.write_bytes(data)
        with pytest.raises(LoadError, match="cannot be read"):
            load_vnnlib(path, network())
    path.write_bytes(gzip.compress(b" " * 101))
    monkeypatch.setattr(sexpr, "MAX_BYTES", 100)
    with pytest.raises(LoadError, match="longer than 100 bytes"):
        read_source(path)


SAMPLE = (
    declarations()
    + BOX
    + "(assert (or (and (< Y_0 1e-3) (>= (* 2 Y_1) (- X_0 1))) (not (= Y_1 0.5))))"
)


@given(st.integers(0, 2**32))
def test_a_mutated_file_is_refused_or_read(folder: Path, seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(SAMPLE.encode())
    pieces = [
        b"(",
        b")",
        b" ",
        b"X_0",
        b"-",
        b"/",
        b"0",
        b"9e9",
        b";",
        b'"',
        b"not",
        b"\x00",
        b"\xff",
    ]
    for _ in range(draw.randint(1, 5)):
        place = draw.randrange(len(data))
        data[place : place + draw.randint(0, 3)] = draw.choice(pieces)
    with suppress(LoadError):
        load(folder, bytes(data))


def test_what_stands_between_bars_is_one_word(folder: Path) -> None:
    """An assertion there is none: SMT-LIB's quoted symbols may hold parentheses and line ends."""
    start = declarations() + BOX
    plain = load(folder, f"{start}(assert (<= Y_0 0))")
    hidden = '(set-info :source |)\n(assert (<= X_0 -1)) ; "(|)'
    quoted = load(folder, f"{start}{hidden}(assert (<= Y_0 0))(set-info |:a b| |(|)")
    assert quoted.unsafe == plain.unsafe
    assert (quoted.lower, quoted.upper) == (plain.lower, plain.upper)
