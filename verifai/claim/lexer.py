"""The words of a claim, each with its column; what is not in the language is refused.

May import: kernel errors. Must not know: what the words mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifai.kernel.errors import InputError

MAX_CHARACTERS = 4000
MAX_TOKENS = 800
MAX_NAME = 32
MAX_DIGITS = 40
_PATTERN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-zα-ωΑ-Ω][A-Za-z0-9_α-ωΑ-Ω]*)"
    r"|(?P<sign><=>|<->|<=|>=|==|!=|=>|->|\*\*|&&|[-+*/^()\[\],:;<>=|!~'·×÷−≤≥≠¬∧∨→⇒↔⇔∀⟨⟩‖√∘²³ᵀ])"
)
# Other spellings of one sign.
_SAME = {
    "==": "=", "**": "^", "·": "*", "×": "*", "÷": "/", "−": "-", "≤": "<=", "≥": ">=", "≠": "!=",
    "¬": "not", "!": "not", "~": "not", "∧": "and", "&&": "and", "∨": "or", "→": "implies",
    "⇒": "implies", "=>": "implies", "->": "implies", "↔": "iff", "⇔": "iff", "<=>": "iff",
    "<->": "iff", "∀": "forall", "ᵀ": "'",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A number, a name or a sign; the column is counted from 1."""

    kind: str
    text: str
    column: int


def at(column: int, reason: str) -> InputError:
    """The error at a place of the text."""
    return InputError(f"column {column}: {reason}")


def tokens(text: str) -> list[Token]:
    """The words of the text, and an end.

    >>> [token.text for token in tokens("x² ≥ 0")]
    ['x', '²', '>=', '0', '']

    Raises:
        InputError: a character that no claim has, or too many; the column is named.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"a claim of {len(text)} characters (at most {MAX_CHARACTERS})")
    found, place = list[Token](), 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        match = _PATTERN.match(text, place)
        if match is None:
            raise at(place + 1, f"no claim has the character {text[place]!a}")
        kind, word = str(match.lastgroup), match[0]
        limit = {"name": MAX_NAME, "number": MAX_DIGITS}.get(kind, len(word))
        if len(word) > limit:
            raise at(place + 1, f"a {kind} of {len(word)} characters (at most {limit})")
        found.append(Token(kind, _SAME.get(word, word), place + 1))
        place = match.end()
        if len(found) > MAX_TOKENS:
            raise at(place, f"more than {MAX_TOKENS} words and signs")
    return [*found, Token("end", "", len(text) + 1)]
