"""S-expressions as VNN-LIB and SMT-LIB write them, read without recursion.

May import: errors, unpack. Must not know: what the expressions mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from verifai.load.errors import LoadError
from verifai.load.unpack import read_file

MAX_BYTES = 1 << 28
# A list without lists, quotations and comments inside is one match: most of a property is such.
_FLAT = r"\(([\t-\r !#-'*-:<-{}~]*)\)"
_QUOTED = r"|\"[^\"]*\"|\|[^|\\]*\|"
_TOKEN = re.compile(_FLAT + r"|;[^\n]*|[()]" + _QUOTED + r"|[^\s();\"|]+|[\"|]", re.ASCII)
_VERSION_2 = re.compile(r"(?:\s|;[^\n]*(?:\n|$))*\(\s*vnnlib-version\b")


@dataclass(slots=True)
class Sexpr:
    """A parenthesised list.

    Attributes:
        start: where its parenthesis opens, in characters from the beginning.
        items: tokens and lists.
    """

    start: int
    items: list[str | Sexpr]


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the name it goes by in errors."""

    name: str
    text: str

    def fail(self, start: int, reason: str) -> NoReturn:
        """Raise the LoadError that names the file and the line of this place.

        Raises:
            LoadError: always.
        """
        line = self.text.count("\n", 0, start) + 1
        raise LoadError(reason, node=f"{self.name} line {line}")


def read_source(path: Path) -> Source:
    """The text of a file, unpacked if its name (or that of the only such file) ends in .gz.

    Raises:
        LoadError: the file is missing, too large, not UTF-8, or no gzip file.
    """
    if not path.exists() and path.with_name(path.name + ".gz").exists():
        path = path.with_name(path.name + ".gz")
    try:
        text = str(read_file(path, MAX_BYTES), "utf-8-sig")
    except UnicodeDecodeError as error:
        place = f"no text from byte {error.start} on"
        reason = f"cannot be read, {place}: is this the property, not a network or a certificate?"
        raise LoadError(reason, node=path.name) from None
    return Source(path.name, text)


def read_forms(source: Source) -> list[Sexpr]:
    """The top-level lists of a text; comments run from a semicolon to the end of the line.

    As in SMT-LIB what stands between vertical bars is one word. A backslash before a quotation mark
    ends the text or does not, by version: refused.

    Raises:
        LoadError: a parenthesis, quotation mark or vertical bar without its partner, or a token
            outside lists.
    """
    top = Sexpr(0, [])
    form, outer = top, [top]
    for match in _TOKEN.finditer(source.text):
        token = match[0]
        if match.lastindex:
            form.items.append(Sexpr(match.start(), list(match[1].split())))
        elif token == "(":
            inner = Sexpr(match.start(), [])
            form.items.append(inner)
            outer.append(form)
            form = inner
        elif token == ")":
            if form is top:
                source.fail(match.start(), "a closing parenthesis too many")
            form = outer.pop()
        elif token in ('"', "|"):
            kind = "quotation mark" if token == '"' else "vertical bar"
            source.fail(match.start(), f"a {kind} without its partner")
        elif token[0] == '"' and token[-2] == "\\":
            source.fail(match.start(), "a backslash before a quotation mark: leave it out")
        elif token[0] == ";":
            require_plain(source, match.start(), token)
        else:
            if form is top:
                source.fail(match.start(), f"{token[:80]!r} outside parentheses")
            form.items.append(token)
    if form is not top:
        source.fail(form.start, "an opening parenthesis without its partner")
    return [item for item in top.items if isinstance(item, Sexpr)]


def require_plain(source: Source, start: int, comment: str) -> None:
    """Return if a comment ends where all readers think so.

    Raises:
        LoadError: a lone carriage return in it, which ends it in SMT-LIB, but not in VNN-LIB 2.
    """
    if "\r" in comment.rstrip("\r"):
        source.fail(start, "a carriage return in a comment: end lines by newlines")


def is_version_2(source: Source) -> bool:
    """Whether a text begins as documents of VNN-LIB 2 must."""
    return _VERSION_2.match(source.text) is not None
