"""Exit codes, and the sentence for every expected error.

May import: kernel errors, entry. Must not know: commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from verifai.kernel.errors import InputError, Unable

SCHEMA = 1


class Exit(IntEnum):
    """What the shell sees. A crash or a usage error is never 0 or 1."""

    VERIFIED = 0
    FALSIFIED = 1
    UNKNOWN = 2
    TIMEOUT = 3
    ERROR = 4


class OutOfTime(Exception):
    """The time that a command was given is over."""


def near(word: str, known: Iterable[str]) -> str:
    """What may have been meant, as the end of a sentence; nothing where nothing is close.

    >>> near("verfy", ("verify", "check")), near("x", ("verify", "check"))
    (': is it verify?', '')
    """
    import difflib

    found = difflib.get_close_matches(word, [*known], 3)
    return f": is it {' or '.join(found)}?" if found else ""


def sentence(error: InputError | Unable | OSError | ImportError) -> str:
    """What went wrong, in one line, with what to do where that is known.

    >>> sentence(ModuleNotFoundError("No module named 'z3'", name="z3"))
    "this needs the package z3: pip install 'verifai-nn[smt]'"
    >>> sentence(FileNotFoundError(2, "No such file or directory", "net.onnx"))
    'net.onnx: No such file or directory'
    """
    if isinstance(error, InputError | Unable):
        return " ".join(str(error).split())
    from verifai.entry.sentences import missing_package, unreadable

    return unreadable(error) if isinstance(error, OSError) else str(missing_package(error))
