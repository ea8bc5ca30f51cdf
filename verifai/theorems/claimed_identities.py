"""Statements that a language model offers, proved or refuted by exact values.

May import: the gallery's parts, claim. Must not know: files, how a claim is decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

from flint import fmpq

from verifai.claim.decide import claim
from verifai.claim.proposals import ProposedClaim, judged
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter

STATEMENT = """\
⟨S, T⟩ = tr(S Tᵀ) for all real m x n matrices, where ⟨S, T⟩ is the sum of the products of entries in
one place. A "norm" of both that was offered beside it, ‖S, T‖ = √Σ(S² + T²), is something else.

A language model offers such statements by the dozen, true ones and false ones that look alike. Each
is read by a grammar (never evaluated as a program), proved by normal forms of polynomials and
fractions, by the cells of a line, by sums of squares and products with exact multipliers, or by Z3,
whose word is then told apart; or refuted by values at which exact arithmetic shows both sides.
Simplification is no proof. A statement does not hold where a part of it has no value, unless it
says "where defined".
"""
FALSE_NORM = "sqrt(sum(S∘S + T∘T))"
# What is offered, and what must come out, by exact algebra.
OFFERED = (
    ("mean of two", "proved", "for all nonnegative real x, y: sqrt(x*y) <= (x + y)/2"),
    ("mean of two, any sign", "refuted", "sqrt(x*y) <= (x + y)/2 where defined"),
    ("mean of two, any sign", "refuted", "sqrt(x*y) <= (x + y)/2"),
    ("mean of two, without a root", "proved", "x*y <= ((x + y)/2)^2"),
    ("mean of three", "proved", "for all nonnegative real a, b, c: 27*a*b*c <= (a + b + c)^3"),
    ("mean of three, any sign", "refuted", "27*a*b*c <= (a + b + c)^3"),
    ("cancelled", "undefined", "x/x = 1"),
    ("cancelled, off 0", "proved", "for all nonzero real x: x/x = 1"),
    ("cancelled", "proved", "x/x = 1 where defined"),
    ("root of a square", "refuted", "sqrt(x^2) = x"),
    ("root of a square", "proved", "sqrt(x^2) = |x|"),
    ("logarithm of a product", "undefined", "log(x*y) = log(x) + log(y)"),
    (
        "logarithm of a product",
        "proved",
        "for all positive real x, y: log(x*y) = log(x) + log(y)",
    ),
    ("logarithm of a sum", "refuted", "for all positive real x, y: log(x + y) = log(x) + log(y)"),
    ("square of a sum", "refuted", "(x + y)^2 = x^2 + y^2"),
    ("commuting", "refuted", "for all matrix S[2,2], T[2,2]: S*T = T*S"),
    ("traces", "proved", "for all matrix S[2,2], T[2,2]: tr(S*T) = tr(T*S)"),
    ("norm of a sum", "refuted", "for all vector u[2], v[2]: norm(u + v) = norm(u) + norm(v)"),
    ("primes of Euler", "refuted", "for all integer n with 0 <= n <= 100: n^2 + n + 41 != 41*43"),
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    side: int = parameter(4, "greatest number of rows and of columns", 1, 5)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    most = sizes.side
    yield Claim(
        "inner",
        f"⟨S, T⟩ = tr(S Tᵀ) = tr(Sᵀ T) for all matrices of 1 to {most} rows and columns.",
        partial(inner_products, most),
    )
    yield Claim(
        "offered",
        f"{len(OFFERED)} statements, true and false: each comes out as it is, by exact algebra.",
        offered,
    )
    yield Claim(
        "false-norm",
        "⟨S, T⟩ = √Σ(S² + T²), the square root over all entries, for 2 x 2 matrices.",
        partial(refute, f"for all matrix S[2,2], T[2,2]: ⟨S, T⟩ = {FALSE_NORM}"),
        role=Role.CONTROL,
    )
    yield Claim(
        "without-transposing",
        "⟨S, T⟩ = tr(S T) for 2 x 2 matrices.",
        partial(refute, "for all matrix S[2,2], T[2,2]: ⟨S, T⟩ = tr(S*T)"),
        role=Role.CONTROL,
    )
    yield Claim(
        "without-signs",
        "√(x y) ≤ (x + y)/2 for all real x, y where the root has a value.",
        partial(refute, "sqrt(x*y) <= (x + y)/2 where defined"),
        role=Role.CONTROL,
    )
    yield Claim(
        "at-zero",
        "x/x = 1 for all real x.",
        partial(refute, "x/x = 1"),
        role=Role.CONTROL,
    )


def inner_products(most: int) -> Finding:
    """All shapes, by normal forms; and once more as a sum of products at drawn integers."""
    count = 0
    for m, n in product(range(1, most + 1), repeat=2):
        head = f"for all matrix S[{m},{n}], T[{m},{n}]"
        found = claim(f"{head}: ⟨S, T⟩ = tr(S*T') and ⟨S, T⟩ = tr(S'*T)")
        if (found.outcome, found.trust) != ("proved", "exact") or not _agree(m, n):
            return evidence.exact(False, counterexample=str(found))
        count += 1
    return evidence.exact(True, f"{count} shapes")


def _agree(m: int, n: int) -> bool:
    """Σ S T against the trace of the product, for one pair of integer matrices."""
    s = [[fmpq(3 * i - 5 * j + 1) for j in range(n)] for i in range(m)]
    t = [[fmpq(i * j - 2 * i + j) for j in range(n)] for i in range(m)]
    inner = sum((s[i][j] * t[i][j] for i in range(m) for j in range(n)), fmpq(0))
    rows = [[sum((a * b for a, b in zip(x, y, strict=True)), fmpq(0)) for y in t] for x in s]
    return bool(inner == sum((rows[i][i] for i in range(m)), fmpq(0)))


def offered() -> Finding:
    """Every statement of the list, with its verdict and what that rests on."""
    rows = []
    for number, (name, expected, text) in enumerate(OFFERED):
        (found,) = judged([ProposedClaim(number, text, expected)])
        answer = found.answer
        if answer is None or not found.is_as_expected or answer.trust != "exact":
            return evidence.exact(False, counterexample=f"{text}: {answer or found.error}")
        values = ", ".join(f"{k} = {v}" for k, v in answer.counterexample.items())
        rows.append((name, text, found.verdict, values))
    table = Table(("what", "statement", "verdict", "counterexample"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, table=table)


def refute(text: str) -> Finding:
    """The exact values at which the statement does not hold."""
    found = claim(text)
    if found.outcome != "refuted":
        return Finding(Outcome.OPEN, Trust.EXACT, str(found))
    values = ", ".join(f"{name} = {value}" for name, value in found.counterexample.items())
    return evidence.exact(False, counterexample=f"{values}: {found.reason}")


THEOREM = Theorem(
    name="claimed_identities",
    title="what a language model offers, proved or refuted: ⟨S, T⟩ = tr(S Tᵀ) and a false norm",
    statement=STATEMENT,
    proposal="a list of statements as language models offer them, true and false",
    source="Hardy, Littlewood, Pólya, Inequalities (1934); Horn, Johnson, Matrix analysis, 5.2 and "
    "5.6",
    defaults=Parameters(),
    claims=claims,
    example="""\
S = (1 2; 3 4), T = (5 6; 7 8): ⟨S, T⟩ = 5 + 12 + 21 + 32 = 70. S Tᵀ = (17 23; 39 53), whose trace
is 17 + 53 = 70. √Σ(S² + T²) = √(30 + 174) = √204 = 14.28: no inner product. x/x = 1 fails at 0,
where it has no value; with "x ≠ 0" or "where defined" it is true.""",
)
