"""One layer of linear attention predicts as one step of gradient descent from 0 does.

May import: the gallery's parts; sympy on demand. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Role, Theorem, parameter

STATEMENT = """\
Let s_{t+1} = W s_t in R^d, and let the tokens be the pairs e_t = (s_{t+1}, s_t), t = 1, ..., T -
1, with the question (0, s_T). One layer of linear attention with values η·(first half), keys and
queries = second half answers  Σ_t η s_{t+1} (s_t·s_T). One step of gradient descent from 0 with
step η on the loss ½ Σ_t ‖V s_t - s_{t+1}‖² gives V = η Σ_t s_{t+1} s_tᵀ, and predicts the same: V
s_T. With G = Σ_{t<T} s_t s_tᵀ the error is
    W s_T - V s_T = W (I - η G) s_T.
It is 0 for cyclic shifts W, s_1 a unit vector, T = d + 1 and η = 1: then G = I.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    dimension: int = parameter(3, "greatest symbolic d", 1, 3)
    length: int = parameter(6, "greatest symbolic T", 2, 6)
    shifts: int = parameter(8, "greatest d of the cyclic shifts", 2, 40)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "attention",
        f"d ≤ {sizes.dimension}, T ≤ {sizes.length}, symbolic tokens: attention answers as the "
        "step of gradient descent.",
        partial(same_answer, sizes, 0),
    )
    yield Claim(
        "error",
        "The error is W (I - η G) s_T, for symbolic W, s_1 and η with d = 2, T ≤ 4.",
        partial(error, 4),
    )
    yield Claim(
        "shifts",
        f"For cyclic shifts of d = 2, ..., {sizes.shifts}, T = d + 1, η = 1 the answer is exact.",
        partial(shifts, sizes),
    )
    yield Claim(
        "swapped",
        "The same with the two halves of the first token exchanged.",
        partial(same_answer, sizes, 1),
        role=Role.CONTROL,
    )
    yield Claim(
        "stretched",
        "For W = diag(2, 1), s_1 = (1, 1), T = 3 and η = 1 the answer is exact as well.",
        stretched,
        role=Role.CONTROL,
    )
    yield Claim(
        "shorter",
        "For the cyclic shift of d = 3 it is exact for T = d already.",
        shorter,
        role=Role.CONTROL,
    )


def attended(tokens: Sequence[tuple[Any, Any]], question: Any, step: Any) -> Any:
    """Σ_t value (key·query), for columns."""
    parts = [step * value * (key.T * question)[0, 0] for value, key in tokens]
    return sum(parts[1:], parts[0])


def descended(tokens: Sequence[tuple[Any, Any]], step: Any) -> Any:
    """The matrix after one step from 0: minus the loss's gradient there, entry by entry."""
    import sympy

    d = tokens[0][0].shape[0]
    entries = sympy.symbols(f"v:{d * d}")
    v = sympy.Matrix(d, d, entries)
    parts = [(v * key - value).dot(v * key - value) for value, key in tokens]
    loss = sum(parts, sympy.Integer(0)) / 2
    gradient = [sympy.diff(loss, e).subs(dict.fromkeys(entries, 0)) for e in entries]
    return -step * sympy.Matrix(d, d, gradient)


def same_answer(sizes: Parameters, exchanged: int) -> Finding:
    """Symbolic tokens, not even produced by a matrix."""
    import sympy

    step, differences = sympy.Symbol("eta"), []
    for d in range(1, sizes.dimension + 1):
        for length in range(2, sizes.length + 1):
            s = [sympy.Matrix(sympy.symbols(f"s{t}_:{d}")) for t in range(length)]
            tokens = [(s[t + 1], s[t]) for t in range(length - 1)]
            shown = [tokens[0][::-1], *tokens[1:]] if exchanged else tokens
            one = attended(shown, s[-1], step)
            differences += list(one - descended(tokens, step) * s[-1])
    found = [each for each in map(sympy.expand, differences) if each != 0]
    if found:
        symbols = sorted(found[0].free_symbols, key=str)
        point = {symbol: k + 1 for k, symbol in enumerate(symbols)}
        said = f"{found[0]} = {found[0].subs(point)} at {point}"
        return evidence.exact(False, counterexample=said)
    return evidence.identities(*differences)


def error(most: int) -> Finding:
    """With s_t = W^(t-1) s_1."""
    import sympy

    step, differences = sympy.Symbol("eta"), []
    w, start = sympy.Matrix(2, 2, sympy.symbols("w:4")), sympy.Matrix(sympy.symbols("s:2"))
    for length in range(2, most + 1):
        s = [w**t * start for t in range(length)]
        tokens = [(s[t + 1], s[t]) for t in range(length - 1)]
        gram = sum((each * each.T for each in s[1:-1]), s[0] * s[0].T)
        missed = w * s[-1] - attended(tokens, s[-1], step)
        differences += list(missed - w * (sympy.eye(2) - step * gram) * s[-1])
    return evidence.identities(*differences)


def missed_by(w: Any, start: Any, length: int) -> Any:
    """The error of the answer, η = 1."""
    s = [w**t * start for t in range(length)]
    return w * s[-1] - attended([(s[t + 1], s[t]) for t in range(length - 1)], s[-1], 1)


def cyclic(d: int) -> tuple[Any, Any]:
    """The shift of d places by one, and the first unit vector."""
    import sympy

    w = sympy.Matrix(d, d, lambda i, j: int((i - j) % d == 1))
    return w, sympy.Matrix([1, *[0] * (d - 1)])


def shifts(sizes: Parameters) -> Finding:
    """Whole numbers only."""
    for d in range(2, sizes.shifts + 1):
        missed = missed_by(*cyclic(d), d + 1)
        if any(missed):
            return evidence.exact(False, counterexample=f"d = {d}: off by {list(missed)}")
    return evidence.exact(True, f"d up to {sizes.shifts}")


def stretched() -> Finding:
    """A matrix that is not orthogonal."""
    import sympy

    missed = missed_by(sympy.diag(2, 1), sympy.Matrix([1, 1]), 3)
    return evidence.exact(not any(missed), counterexample=f"the answer is off by {list(missed)}")


def shorter() -> Finding:
    """One token too few."""
    missed = missed_by(*cyclic(3), 3)
    return evidence.exact(not any(missed), counterexample=f"the answer is off by {list(missed)}")


THEOREM = Theorem(
    name="in_context_learning",
    title="linear attention predicts as one gradient step does; exactly, for cyclic shifts",
    statement=STATEMENT,
    proposal="symbolic tokens; cyclic shifts",
    source="Sander, Giryes, Suzuki, Blondel, Peyré, How do transformers perform in-context "
    "autoregressive learning? (2024); von Oswald et al. (2023)",
    defaults=Parameters(),
    claims=claims,
    example="""\
d = 2, W exchanges the coordinates: s_1 = (1, 0), s_2 = (0, 1), s_3 = (1, 0). T = 3: the tokens say
(0, 1) after (1, 0) and (1, 0) after (0, 1). Asked about s_3 = (1, 0), only the first has a key that
is not at a right angle: the answer is 1·(0, 1) + 0·(1, 0) = (0, 1) = W s_3.""",
)
