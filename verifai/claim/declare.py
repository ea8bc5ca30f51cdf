"""The head of a claim, `for all positive real x, matrix S[2,3] with x < 1:`, and its words.

May import: kernel errors, the other parts of a claim. Must not know: expressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from verifai.claim.functions import FUNCTIONS
from verifai.claim.grid import MAX_SIDE, Grid
from verifai.claim.lexer import Token, at
from verifai.claim.term import ZERO, Compared, Formula, Named, Sort, negation
from verifai.kernel.errors import InputError

MAX_DEPTH = 60
_SORTS = {
    "real": "real", "reals": "real", "number": "real", "numbers": "real",
    "integer": "integer", "integers": "integer", "int": "integer", "natural": "natural",
    "boolean": "boolean", "booleans": "boolean", "bool": "boolean",
    "matrix": "matrix", "matrices": "matrix", "vector": "vector", "vectors": "vector",
}  # fmt: skip
_KINDS = ("positive", "nonnegative", "nonzero")
RESERVED = {
    *_SORTS, *_KINDS, "and", "or", "not", "implies", "iff", "if", "then", "for", "all", "every",
    "forall", "with", "where", "defined", "mod", "true", "false", "divides", "exists",
}  # fmt: skip


class Reader:
    """The words of a claim, and the names that it declares."""

    def __init__(self, words: list[Token]) -> None:
        self.words, self.place, self.depth = words, 0, 0
        self.known: dict[str, Named | Grid] = {}
        self.declared: list[str] = []
        self.is_open = True  # names that are not declared are real
        self.premises: list[Formula] = []

    @property
    def here(self) -> Token:
        """The next word."""
        return self.words[self.place]

    def take(self, *texts: str) -> bool:
        """Whether the next words are these, which are then passed."""
        found = [word.text for word in self.words[self.place : self.place + len(texts)]]
        if found != list(texts):
            return False
        self.place += len(texts)
        return True

    def want(self, text: str) -> None:
        """Pass this word.

        Raises:
            InputError: it is another.
        """
        if not self.take(text):
            raise self.unexpected(f"want {text!r}, not")

    def unexpected(self, reason: str) -> InputError:
        """The error at the next word."""
        return at(self.here.column, f"{reason} {self.here.text!r}" if self.here.text else "it ends")

    @contextmanager
    def placed(self, column: int) -> Iterator[None]:
        """Errors of what is done inside name this column."""
        try:
            yield
        except InputError as error:
            said = str(error)
            raise (error if said.startswith("column ") else at(column, said)) from None

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level down.

        Raises:
            InputError: too deep.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise at(self.here.column, f"nested more than {MAX_DEPTH} deep")
        yield
        self.depth -= 1

    def formula(self) -> Formula:
        """The formula that comes next."""
        raise NotImplementedError

    def header(self) -> None:
        """What is declared, if anything is."""
        is_headed = self.take("for", "all") or self.take("for", "every") or self.take("forall")
        if self.here.text == "exists":
            raise at(self.here.column, "claims are about all values: deny the opposite instead")
        if not is_headed and self.here.text not in (*_SORTS, *_KINDS):
            return
        self.is_open = False
        while True:
            self.group()
            if self.take("with"):
                self.premises.append(self.formula())
            if self.take(":"):
                return
            if not (self.take(",") or self.take(";")):
                raise self.unexpected("want ':' or ',', not")

    def group(self) -> None:
        """`positive real x, y`, up to the next sort."""
        kinds = set[str]()
        while self.here.text in _KINDS:
            kinds.add(self.here.text)
            self.place += 1
        sort = _SORTS.get(self.here.text, "")
        self.place += bool(sort)
        while True:
            self.declare(sort or "real", kinds)
            follows = self.words[min(self.place + 1, len(self.words) - 1)].text
            if self.here.text != "," or follows in _SORTS or follows in _KINDS:
                return
            self.place += 1

    def declare(self, sort: str, kinds: set[str]) -> None:
        """One name."""
        word = self.here
        if word.kind != "name" or word.text in RESERVED or word.text in FUNCTIONS:
            raise self.unexpected("want a name that is not taken, not")
        if word.text in self.known:
            raise at(word.column, f"{word.text!r} is declared twice")
        self.place += 1
        with self.placed(word.column):
            if sort in ("matrix", "vector"):
                self.declare_grid(word.text, sort, kinds)
            else:
                self.declare_scalar(word.text, sort, kinds)

    def declare_scalar(self, name: str, sort: str, kinds: set[str]) -> None:
        """A number or a truth value."""
        own = Sort.INTEGER if sort == "natural" else Sort(sort)
        if own is Sort.BOOLEAN and kinds:
            raise InputError("a truth value has no sign")
        self.known[name] = named = Named(name, own)
        self.declared.append(f"{own.value} {name}")
        if sort == "natural" or "nonnegative" in kinds:
            self.premises.append(Compared("<=", ZERO, named))
        if "positive" in kinds:
            self.premises.append(Compared("<", ZERO, named))
        if "nonzero" in kinds:
            self.premises.append(negation(Compared("=", named, ZERO)))

    def declare_grid(self, name: str, sort: str, kinds: set[str]) -> None:
        """A matrix or a vector with its shape: S[2,3], S(2,3), v[3]."""
        if kinds:
            raise InputError("a matrix has no sign")
        closing = "]" if self.take("[") else ")" if self.take("(") else ""
        if not closing:
            raise InputError(f"give {name!r} a shape: {name}[2,3], or {name}[3] for a vector")
        height, width = self.side(), 1
        if self.take(","):
            width = self.side()
        elif sort == "matrix":
            raise InputError(f"a matrix has two sides, as {name}[{height},{height}]")
        self.want(closing)
        self.known[name] = Grid.of(
            height, width, lambda i, j: Named(f"{name}[{i + 1},{j + 1}]", Sort.REAL)
        )
        self.declared.append(f"{sort} {name}[{height},{width}]")

    def side(self) -> int:
        """The size of a side."""
        word = self.here
        if not word.text.isdecimal() or not 1 <= int(word.text) <= MAX_SIDE:
            raise self.unexpected(f"want a size from 1 to {MAX_SIDE}, not")
        self.place += 1
        return int(word.text)
