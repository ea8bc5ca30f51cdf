"""Nothing false is proved: drawn claims against exact evaluation, and each way on its own."""

from __future__ import annotations

import random
from itertools import product

import pytest
from flint import fmpq

from verifai.claim.branches import Literal, branches, denied
from verifai.claim.closing import is_closed, rows_of
from verifai.claim.decide import claim
from verifai.claim.evaluate import Mark, Point, is_true, marks
from verifai.claim.parse import parsed
from verifai.claim.term import ClaimStatement, Compared, Sort, negation

NUMBERS = [fmpq(p, q) for p in range(-6, 7) for q in (1, 2, 3)]


def term(draw: random.Random, depth: int, names: list[str]) -> str:
    if depth == 0 or draw.random() < 0.2:
        return draw.choice([*names, "1", "2", "1/2", "0"])
    kind = draw.choice(
        [*"+-*/^", "neg", "abs", "min", "max", "sqrt", "sign", "log", "exp", "floor"]
    )
    one, other = (term(draw, depth - 1, names) for _ in range(2))
    if kind in "+-*/":
        return f"({one} {kind} {other})"
    if kind == "^":
        return f"({one})^{draw.choice([2, 2, 3, 0, -1])}"
    if kind == "neg":
        return f"(-{one})"
    return f"{kind}({one}, {other})" if kind in ("min", "max") else f"{kind}({one})"


def formula(draw: random.Random, depth: int, names: list[str]) -> str:
    if depth == 0 or draw.random() < 0.5:
        relation = draw.choice(["<", "<=", "=", ">=", "!="])
        return f"{term(draw, 2, names)} {relation} {term(draw, 2, names)}"
    kind = draw.choice(["and", "or", "implies", "iff", "not"])
    one, other = (formula(draw, depth - 1, names) for _ in range(2))
    return f"not ({one})" if kind == "not" else f"(({one}) {kind} ({other}))"


def drawn(seed: int) -> str:
    draw = random.Random(seed)
    names = ["x", "y"][: draw.choice([1, 2])]
    kind, sort = draw.choice(["", "positive ", "nonnegative "]), draw.choice(["real", "integer"])
    premise = f" with {formula(draw, 0, names)}" if draw.random() < 0.3 else ""
    body = formula(draw, 1, names)
    if draw.random() < 0.4:
        left = term(draw, 2, names)
        body = f"({left})^2 >= 0" if draw.random() < 0.5 else f"{left} <= {left}"
    tail = " where defined" if draw.random() < 0.3 else ""
    return f"for all {kind}{sort} {', '.join(names)}{premise}: {body}{tail}"


def points(statement: ClaimStatement, seed: int, count: int) -> list[Point]:
    draw = random.Random(seed)
    return [
        {
            each: draw.choice(NUMBERS) if each.sort is Sort.REAL else fmpq(draw.randint(-9, 9))
            for each in statement.variables
        }
        for _ in range(count)
    ]


def closed_exactly(statement: ClaimStatement) -> bool:
    found = branches(denied(statement))
    return all(is_closed(rows_of(each, statement.variables)) for each in found)


@pytest.mark.parametrize("start", range(0, 400, 40))
def test_what_algebra_proves_holds_at_drawn_points(start: int) -> None:
    from verifai.claim.algebra import TooLarge
    from verifai.claim.branches import TooMany

    proved = 0
    for seed in range(start, start + 40):
        statement = parsed(drawn(seed))
        try:
            if not closed_exactly(statement):
                continue
        except (TooLarge, TooMany):
            continue
        proved += 1
        for point in points(statement, seed, 60):
            assert is_true(statement, point) is not False, drawn(seed)
    assert proved >= 5


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_the_denial_holds_where_the_claim_does_not(start: int) -> None:
    for seed in range(start, start + 50):
        statement = parsed(drawn(seed))
        formula = denied(statement)
        for point in points(statement, seed, 10):
            said, against = is_true(statement, point), marks(formula, point)
            if said is not None and len(against - {Mark.UNDEFINED}) == 1:
                assert (Mark.TRUE in against) == (said is False), (drawn(seed), point)


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_branches_cover_the_denial(start: int) -> None:
    from verifai.claim.branches import TooMany

    def meets(literal: Literal, point: Point) -> bool:
        found = marks(literal.part, point)
        return (Mark.TRUE if literal.holds else Mark.FALSE) in found or Mark.UNDEFINED in found

    for seed in range(start, start + 50):
        statement = parsed(drawn(seed))
        try:
            found = branches(denied(statement))
        except TooMany:
            continue
        for point in points(statement, seed, 10):
            if is_true(statement, point) is False:
                assert any(all(meets(each, point) for each in branch) for branch in found)


FALSE_BY_LITTLE = [
    "x^2 + y^2 >= 2*x*y + 1/1000000",
    "for all positive real x: x + 1/x >= 2000001/1000000",
    "a^2 + b^2 + c^2 >= 1000001/1000000*(a*b + b*c + c*a)",
    "|x + y| <= |x| + 999999/1000000*|y|",
    "for all nonnegative real x, y: (x + y)/2 >= 1000001/1000000*sqrt(x*y)",
    "sin(x)^2 + cos(x)^2 = 1000001/1000000",
    "x^2 - 2*x + 1 > 0",
    "x^2 > 2 or x^2 < 2",
    "for all real x with x > 1/1000: x > 1/999",
    "for all real x with 0 <= x <= 1: exp(x) <= 2.718281828459045",
    "for all integer n: n^2 >= n + 1 or n*(n - 1) < 0",
    "for all integer n with 0 <= n <= 60000: n != 59999",
    "for all boolean a, b, c, d, e: a and b and c and d and e implies false",
    "for all real x: x^4 - 10*x^2 + 1 != 0",
    "for all integer m, n: m^2 != 2*n^2",
    "for all matrix A[3,3], B[3,3]: A*B - B*A != A",
]


@pytest.mark.parametrize("text", FALSE_BY_LITTLE)
def test_what_is_false_by_little_is_not_proved(text: str) -> None:
    found = claim(text, timeout=3)
    assert found.outcome != "proved"
    assert found.outcome == "refuted" or found.reason


def test_truth_tables_of_three_values() -> None:
    """Against a literal reading: a value is True, False or None."""
    words = {True: "0 = 0", False: "0 = 1", None: "1/0 = 1"}

    def conjunction(a: bool | None, b: bool | None) -> bool | None:
        return False if False in (a, b) else None if None in (a, b) else True

    def opposite(a: bool | None) -> bool | None:
        return None if a is None else not a

    for a, b in product(words, repeat=2):
        wanted = {
            "and": conjunction(a, b),
            "or": opposite(conjunction(opposite(a), opposite(b))),
            "implies": opposite(conjunction(a, opposite(b))),
            "iff": None if None in (a, b) else a == b,
        }
        for word, value in wanted.items():
            found = claim(f"({words[a]}) {word} ({words[b]})").verdict
            assert found == {True: "proved", False: "refuted", None: "undefined"}[value], (
                a,
                word,
                b,
            )


def test_a_counterexample_may_be_irrational() -> None:
    found = claim("x^2 != 2")
    assert found.outcome == "refuted"
    assert "root" in found.counterexample["x"]
    assert claim("x^4 - 10*x^2 + 1 != 0").outcome == "refuted"
    assert claim("for all real x with x > 1 and x^3 = 2: x < 5/4").outcome == "refuted"
    assert claim("for all real x with x > 1 and x^3 = 2: x < 127/100").outcome == "proved"


def test_a_claim_about_nothing_is_said_to_be() -> None:
    found = claim("for all real x with x < 0 and x > 1: x = 7")
    assert found.outcome == "proved" and "VACUOUS" in found.reason
    assert "VACUOUS" not in claim("for all real x with x > 1: x > 0").reason


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "z3", None)
    monkeypatch.setitem(sys.modules, "sympy", None)
    found = claim("for all real x with 0 <= x <= 1: exp(x) <= 3")
    assert found.outcome == "unknown"
    assert "verifai-nn[smt]" in found.reason and "verifai-nn[symbolic]" in found.reason


def test_a_certificate_is_about_the_claim() -> None:
    from verifai.api import check

    found = claim("for all real x with 0 <= x <= 1: exp(x) <= 3")
    assert found.trust == "certified" and found.query is not None and found.certificate is not None
    assert check(found.query, found.certificate).leaves >= 1
    assert found.query.lower == (0,) and found.query.upper == (1,)


def test_literals_are_negated_once() -> None:
    statement = parsed("x < 1 implies x < 2")
    formula = negation(denied(statement))
    assert all(isinstance(each.part, Compared) for b in branches(negation(formula)) for each in b)
