"""Reads the plain part of YAML that the project's own files keep to: no PyYAML is installed.

Mappings and lists in block style, by steps of two spaces; scalars on one line, plain or in single
quotes. Everything else is refused, so that what is read here means the same to every reader.
"""

from __future__ import annotations

import re
from typing import Any

KEY = re.compile(r"([\w-]+):(?: (.+))?")
PLAIN = re.compile(r"[\w$/.][^#:]*(?:(?::(?! )|#)[^#:]*)*")


def read(text: str) -> Any:
    """What the text says: dictionaries, lists and strings (None where a value is missing).

    >>> read("a: 1\\nb:\\n  - c: x\\n    d: '3.10'\\n  - e\\n")
    {'a': '1', 'b': [{'c': 'x', 'd': '3.10'}, 'e']}

    Raises:
        ValueError: a line is not of the plain part; its number is named.
    """
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip(" ")
        if content and not content.startswith("#"):
            indent = len(line) - len(line.lstrip(" "))
            lines.append((number, indent, content))
    value, left = _block(lines, 0)
    if left:
        raise ValueError(f"line {left[0][0]}: not indented by steps of two")
    return value


Lines = list[tuple[int, int, str]]


def _block(lines: Lines, indent: int) -> tuple[Any, Lines]:
    """The list or mapping whose lines stand at this indentation, and the lines behind it."""
    is_list = lines[0][2].startswith("- ")
    items: list[Any] = []
    fields: dict[str, Any] = {}
    while lines and lines[0][1] == indent and lines[0][2].startswith("- ") == is_list:
        number, _, content = lines[0]
        if is_list:
            rest = [(number, indent + 2, content[2:]), *lines[1:]]
            if KEY.fullmatch(content[2:]):
                item, lines = _block(rest, indent + 2)
            else:
                item, lines = _scalar(content[2:], number), lines[1:]
            items.append(item)
            continue
        found = KEY.fullmatch(content)
        if not found or found[1] in fields:
            raise ValueError(f"line {number}: not a new key: {content}")
        lines = lines[1:]
        if found[2] is not None:
            fields[found[1]] = _scalar(found[2], number)
        elif lines and lines[0][1] == indent + 2:
            fields[found[1]], lines = _block(lines, indent + 2)
        else:
            fields[found[1]] = None
    return (items if is_list else fields), lines


def _scalar(text: str, number: int) -> str:
    """The text of a scalar."""
    if re.fullmatch(r"'[^']*'", text):
        return text[1:-1]
    if not PLAIN.fullmatch(text) or text.endswith(":") or " #" in text:
        raise ValueError(f"line {number}: not a plain scalar: {text}")
    return text
