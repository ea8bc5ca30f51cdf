"""What a VNN-LIB 1.0 file says at a point: written from the language's meaning alone.

Nothing of the project is used here: characters become tokens, tokens lists, and lists are evaluated
in fractions, as SMT-LIB 2 explains its commands and its theory of reals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

END = {"check-sat", "exit"}  # after the first of them no assertion counts


@dataclass
class Meaning:
    """A file's content.

    Attributes:
        declared: variables, in order.
        asserted: conditions before the end.
        late_line: the line of the first command after the end that is no mere query, 0 if none.
        operators: all that conditions are made of.
    """

    declared: list[str] = field(default_factory=list)
    asserted: list[Any] = field(default_factory=list)
    late_line: int = 0
    operators: set[str] = field(default_factory=set)

    def holds(self, point: Mapping[str, Fraction]) -> bool:
        """Whether all that is asserted is true where the variables have these values."""
        return all(value(condition, point) is True for condition in self.asserted)


def tokens(text: str) -> list[tuple[str, int]]:
    """Parentheses and words with their lines; a comment runs to the end of its line."""
    found: list[tuple[str, int]] = []
    word, line, is_comment = "", 1, False
    for letter in text + "\n":
        if is_comment or letter in " \t\r\n();":
            if word:
                found.append((word, line))
                word = ""
            if not is_comment and letter in "()":
                found.append((letter, line))
            is_comment = (is_comment or letter == ";") and letter != "\n"
            line += letter == "\n"
        else:
            word += letter
    return found


def commands(text: str) -> list[tuple[list[Any], int]]:
    """The lists of a text with the lines where they begin."""
    done: list[tuple[list[Any], int]] = []
    stack: list[tuple[list[Any], int]] = []
    for word, line in tokens(text):
        if word == "(":
            stack.append(([], line))
        elif word == ")":
            items, start = stack.pop()
            if stack:
                stack[-1][0].append(items)
            else:
                done.append((items, start))
        else:
            stack[-1][0].append(word)
    assert not stack
    return done


def meaning(text: str) -> Meaning:
    """What the commands of a text say, up to its end."""
    found, ended, quit_ = Meaning(), False, False
    for items, line in commands(text):
        name = items[0] if items else ""
        is_harmless = name == "exit" if ended else name in END
        if quit_ or (ended and not is_harmless and name != "get-model"):
            found.late_line = found.late_line or line
            continue
        ended, quit_ = ended or name in END, quit_ or name == "exit"
        if name in ("declare-const", "declare-fun"):
            found.declared.append(items[1])
        elif name == "assert":
            found.asserted.append(items[1])
            found.operators |= operators(items[1])
    return found


def operators(item: Any) -> set[str]:
    """The operators in a condition."""
    if isinstance(item, str):
        return set()
    return {item[0]}.union(*(operators(part) for part in item[1:]))


def value(item: Any, point: Mapping[str, Fraction]) -> Fraction | bool:
    """The value of a term or condition."""
    if isinstance(item, str):
        if item in ("true", "false"):
            return item == "true"
        return point[item] if item in point else number(item)
    parts: list[Any] = [value(part, point) for part in item[1:]]
    return apply(item[0], parts)


def apply(name: str, parts: list[Any]) -> Any:
    """An operator on values; comparisons and implications chain, sums and quotients go left."""
    pairs = list(pairwise(parts))
    match name:
        case "and":
            return False not in parts
        case "or":
            return True in parts
        case "not":
            return not parts[0]
        case "xor":
            return parts.count(True) % 2 == 1
        case "=>":
            return parts[-1] or False in parts[:-1]
        case "ite":
            return parts[1] if parts[0] else parts[2]
        case "distinct":
            return all(a != b for a, b in combinations(parts, 2))
        case "<" | "<=" | ">" | ">=" | "=":
            return all(compared(name, a, b) for a, b in pairs)
    if name == "-" and len(parts) == 1:
        return -parts[0]
    total = parts[0]
    for part in parts[1:]:
        if name == "+":
            total += part
        elif name == "-":
            total -= part
        else:
            total = total * part if name == "*" else total / part
    return total


def compared(name: str, left: Any, right: Any) -> bool:
    """One comparison."""
    if name == "=":
        return bool(left == right)
    if name in ("<", "<="):
        return bool(left < right or (left == right and name == "<="))
    return compared("<" if name == ">" else "<=", right, left)


def number(text: str) -> Fraction:
    """A decimal, digit by digit."""
    sign = -1 if text[0] == "-" else 1
    digits, _, exponent = text.lstrip("+-").lower().partition("e")
    whole, _, rest = digits.partition(".")
    total = Fraction(0)
    for digit in whole + rest:
        total = 10 * total + "0123456789".index(digit)
    return sign * total * Fraction(10) ** (int(exponent or 0) - len(rest))
