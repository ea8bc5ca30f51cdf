"""Torch modules as exported programs whose operators are those of the table.

May import: torch when called, kernel errors, errors, operators.
Must not know: nodes, queries.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from pickle import UnpicklingError
from textwrap import shorten
from typing import Any
from zipfile import BadZipFile

from verifai.entry.sentences import first_line
from verifai.kernel.errors import InputError
from verifai.load.torch.operators import ROWS

MAX_SENTENCE = 240  # characters of what torch says
# what a module's own code and torch's tracing of it raise
FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def exported(module: Any, example_input: Any) -> Any:
    """The exported program of a module in evaluation mode.

    Args:
        module: a torch.nn.Module.
        example_input: a tensor, or a tuple of what the module is called with.

    Raises:
        InputError: a part is in training mode, no example input, or torch cannot export it.
    """
    import torch

    training = [name or "the module" for name, part in module.named_modules() if part.training]
    if training:
        raise InputError(f"{training[0]} is in training mode: call module.eval() first")
    if example_input is None:
        raise InputError("a torch module needs an example input: load(module, example_input)")
    arguments = example_input if isinstance(example_input, tuple) else (example_input,)
    with _explained("cannot export this module"), torch.no_grad():
        return torch.export.export(module, arguments, strict=False)


def decomposed(program: Any) -> Any:
    """The program without in-place changes, in operators of the table as far as torch can.

    Raises:
        InputError: torch cannot decompose it.
    """
    import torch

    table: Any = torch.export.default_decompositions()
    for operator in list(table.keys()):
        if str(operator) in ROWS:
            table.pop(operator)
    with _explained("cannot decompose this program"), torch.no_grad():
        return program.run_decompositions(table)


def saved(torch: Any, path: Path) -> Any:
    """The program that torch.export.save wrote into a file.

    Args:
        torch: the package.
        path: the file.

    Raises:
        InputError: torch cannot read one there.
    """
    try:
        with _explained(f"cannot read a program from {path}"):
            return torch.export.load(path)
    except (OSError, EOFError, BadZipFile, UnpicklingError) as error:
        said = f"{path}: torch.export cannot read a program from it: {_sentence(error)}"
        raise InputError(said) from None


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Failures of torch.export as an InputError of one sentence; torch itself says nothing."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    except FAILURES as error:
        raise InputError(f"torch.export {what}: {_sentence(error)}") from None
    finally:
        logging.disable(before)


def _sentence(error: BaseException) -> str:
    text, first = str(error), first_line(error)
    if "data-dependent" in text:
        first = f"its control flow depends on the values of the input ({first})"
    place = re.search(r"(\S+\.py):(\d+) in (\w+)", text)
    short = shorten(first, MAX_SENTENCE, placeholder=" …")
    return f"{short} at {place[0]}" if place else short
