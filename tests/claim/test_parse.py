"""The grammar: what is read, shown as it was read, and what is refused at which column."""

from __future__ import annotations

import contextlib
import random

import pytest

from tests.claim.test_sound import drawn
from verifai.claim.lexer import MAX_CHARACTERS, MAX_TOKENS
from verifai.claim.parse import parsed
from verifai.claim.term import words
from verifai.kernel.errors import InputError

READ = {
    "2*x + 3 >= 1": "for all real x: 1 ≤ 2*x + 3",
    "-x^2 = 0": "for all real x: -x^2 = 0",
    "(-x)^2 = 0": "for all real x: (-x)^2 = 0",
    "x - y - z = 0": "for all real x, real y, real z: x - y - z = 0",
    "x/y/z = 0": "for all real x, real y, real z: x/y/z = 0",
    "2^-1 = 1/2": "1/2 = 1/2",
    "x^2^2 = 0": "for all real x: x^4 = 0",
    "1 < x <= 2": "for all real x: 1 < x and x ≤ 2",
    "x² ≥ 0": "for all real x: 0 ≤ x^2",
    "∀ real x : ¬(x ≠ x)": "for all real x: x = x",
    "p: real x": None,
    "boolean p, q: p ∨ q → q": "for all boolean p, boolean q: p or q implies q",
    "boolean p, q, r: p implies q implies r": (
        "for all boolean p, boolean q, boolean r: p implies (q implies r)"
    ),
    "boolean p, q: if p then q": "for all boolean p, boolean q: p implies q",
    "natural n: n mod 2 < 2": "for all integer n with 0 ≤ n: n mod 2 < 2",
    "nonzero real x: x/x = 1": "for all real x with x ≠ 0: x/x = 1",
    "vector v[2]: ‖v‖ >= 0": ("for all vector v[2,1]: 0 ≤ sqrt(v[1,1]*v[1,1] + v[2,1]*v[2,1])"),
    "x/x = 1 where defined": "for all real x: x/x = 1 where defined",
    "real x, integer n with n > 0: x = n": "for all real x, integer n with 0 < n: x = n",
}


@pytest.mark.parametrize("text", [text for text, reading in READ.items() if reading])
def test_it_is_read_as_it_is_meant(text: str) -> None:
    assert parsed(text).reading == READ[text]


@pytest.mark.parametrize("seed", range(60))
def test_what_is_shown_reads_back_as_the_same(seed: int) -> None:
    reading = parsed(drawn(seed)).reading
    assert parsed(reading).reading == reading
    statement = parsed(drawn(seed))
    assert words(parsed(reading).conclusion) == words(statement.conclusion)


REFUSED = {
    "__import__('os')": "column 1: no claim has the character '_'",
    "x = x.real": "column 6: no claim has the character '.'",
    "x = ": "column 5: it ends",
    "2x = 1": "column 2: an operator is missing before 'x'",
    "x (y) = 1": "column 1: no function 'x'",
    "x^y = 1": "column 2: exponents are whole numbers",
    "x^65 = 1": "column 2: exponents are at most 64",
    "for all real x: x = y": "column 21: 'y' is not declared",
    "for all matrix A: A = A": "column 16: give 'A' a shape",
    "for all matrix A[9,1]: A = A": "column 18: want a size from 1 to 8",
    "for all matrix A[2,3]: A*A = A": "column 25: 2x3 times 2x3",
    "for all matrix A[2,2]: |A| = 1": "column 24: abs of a matrix",
    "exists real x: x = 1": "column 1: claims are about all values",
    "x + (y = 1) = 2": "column 3: sum of a statement",
    "p and q": "column 3: a number stands where a statement is wanted",
    "x mod 2 = 0": "column 3: mod wants integers",
    "integer n: n mod 0 = 0": "column 14: mod wants a positive whole number",
    "sqrt(x, y) = 1": "column 1: sqrt of 2 arguments",
    "1" * 41 + " = 1": "column 1: a number of 41 characters",
    "2^64*2^64*2^64*2^64*2^64*2^64*2^64*2^64*2^64 = 1": "a number of more than 512 bits",
    "(" * 70 + "x" + ")" * 70 + " = 1": "nested more than",
    "-" * 70 + "x = 1": "nested more than",
    "+".join(["x"] * 1000) + " = 1": f"more than {MAX_TOKENS}",
    "x = 1 " + " " * MAX_CHARACTERS: f"at most {MAX_CHARACTERS}",
    "+".join(["x"] * 230) + " = 1": "deep, written out",
    "for all real x, real x: x = x": "declared twice",
    "for all real sin: sin = 1": "want a name that is not taken",
    "x = 1 x": "column 7: an operator is missing",
    "x\x00 = 1": "column 2",
    "x = ℯ": "column 5",
    "": "column 1: it ends",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20] or "nothing")
def test_it_is_refused_with_its_column(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        parsed(text)
    assert REFUSED[text] in str(refusal.value)


NOISE = [
    *"xy1+*^()[]|=<:,'⟨",
    *("and", "not", "for", "all", "real", "sqrt", "where", "defined", "matrix", "if", "mod"),
]


@pytest.mark.parametrize("seed", range(200))
def test_noise_is_read_or_refused_in_one_sentence(seed: int) -> None:
    draw = random.Random(seed)
    text = " ".join(draw.choice(NOISE) for _ in range(draw.randint(1, 25)))
    with contextlib.suppress(InputError):
        assert parsed(text).reading


def test_only_text_is_a_claim() -> None:
    import verifai as vf

    with pytest.raises(InputError, match="a claim is text"):
        vf.claim(3)  # type: ignore[arg-type]
