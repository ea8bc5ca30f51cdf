"""The sentences that people are told: what a package or a file lacks, what was wanted instead.

May import: kernel's errors. Must not know: which arguments there are.
"""

from __future__ import annotations

from typing import Any

from verifai.kernel.errors import InputError

MAX_SHOWN = 60  # characters of a refused value
EXTRAS = {
    "array_api_compat": "torch",
    "cvc5": "smt",
    "jinja2": "report",
    "matplotlib": "report",
    "sklearn": "theorems",
    "sympy": "symbolic",
    "torch": "torch",
    "z3": "smt",
}


class MissingPackage(InputError, ImportError):
    """A package is not installed; the message names the extra that brings it."""


class EmptyDomain(InputError):
    """A domain without a point; how to take it is said where the function called can be told to.

    Attributes:
        found: the sentence without that advice.
    """

    @property
    def found(self) -> str:
        """What is empty, and why that may be."""
        return str(self.args[0])

    def __str__(self) -> str:
        return f"{self.found}, and allow_empty=True takes it all the same"


def missing_package(error: ImportError) -> MissingPackage:
    """What to install, in one sentence.

    >>> str(missing_package(ModuleNotFoundError("No module named 'z3'", name="z3")))
    "this needs the package z3: pip install 'verifai-nn[smt]'"
    """
    package = (error.name or "").partition(".")[0]
    if package in EXTRAS:
        extra = EXTRAS[package]
        said = f"this needs the package {package}: pip install 'verifai-nn[{extra}]'"
    elif package:
        said = f"this needs the package {package}, which cannot be imported: {error}"
    else:
        said = " ".join(str(error).split())
    return MissingPackage(said, name=error.name)


def unreadable(error: OSError) -> str:
    """The file that cannot be read or written and why, in one sentence.

    >>> unreadable(FileNotFoundError(2, "No such file or directory", "net.onnx"))
    'net.onnx: No such file or directory'
    """
    if error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def numbered(count: int) -> str:
    """How many there are, and their numbers.

    >>> numbered(1), numbered(10)
    ('1, number 0', '10, numbers 0 to 9')
    """
    return "1, number 0" if count == 1 else f"{count}, numbers 0 to {count - 1}"


def first_line(error: BaseException) -> str:
    r"""The first line of what a library's error says, or else the error's kind.

    >>> first_line(RuntimeError("no such device\nTraceback: …")), first_line(ValueError())
    ('no such device', 'ValueError')
    """
    return (str(error).strip() or type(error).__name__).partition("\n")[0]


def shown(value: Any) -> str:
    """A value in a sentence: on one line, cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a foreign object's own code, or an integer too long for text
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def refused(what: str, wanted: str, value: Any) -> InputError:
    """The sentence "NAME: WANTED is wanted, not VALUE"."""
    named = f"{what}: " if what else ""
    return InputError(f"{named}{wanted} is wanted, not {shown(value)}")
