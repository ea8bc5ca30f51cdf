"""Exit codes, and the sentence for every expected error.

May import: kernel errors. Must not know: commands.
"""

from __future__ import annotations

from enum import IntEnum

from verifai.kernel.errors import InputError, Unable

SCHEMA = 1
_EXTRAS = {
    "array_api_compat": "torch",
    "cvc5": "smt",
    "jinja2": "report",
    "matplotlib": "report",
    "sympy": "symbolic",
    "torch": "torch",
    "z3": "smt",
}


class Exit(IntEnum):
    """What the shell sees. A crash or a usage error is never 0 or 1."""

    VERIFIED = 0
    FALSIFIED = 1
    UNKNOWN = 2
    TIMEOUT = 3
    ERROR = 4


class OutOfTime(Exception):
    """The time that a command was given is over."""


def sentence(error: InputError | Unable | OSError | ImportError) -> str:
    """What went wrong, in one line, with what to do where that is known.

    >>> sentence(ModuleNotFoundError("No module named 'z3'", name="z3"))
    "this needs the package z3: pip install 'verifai-nn[smt]'"
    >>> sentence(FileNotFoundError(2, "No such file or directory", "net.onnx"))
    'net.onnx: No such file or directory'
    """
    if isinstance(error, ImportError):
        package = (error.name or "").partition(".")[0]
        if package in _EXTRAS:
            return f"this needs the package {package}: pip install 'verifai-nn[{_EXTRAS[package]}]'"
        if package:
            return f"this needs the package {package}, which cannot be imported: {error}"
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
