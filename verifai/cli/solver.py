"""The answer to a VNN-LIB 2 query in the words of the standard: `sat` and an assignment, `unsat`.

May import: kernel, load, verdict, the cli's own parts. Must not know: how the search works.

Source: the VNN-LIB standard 2.0, chapter "Command-line Interface".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flint import fmpq

from verifai.cli.exits import Exit
from verifai.cli.record import exit_code
from verifai.files import write_atomically
from verifai.kernel.errors import InputError
from verifai.kernel.number import nearest
from verifai.original.points import doubles
from verifai.verdict import Counterexample, Falsified, Verdict

if TYPE_CHECKING:
    from verifai.load.vnnlib.version2 import Posed, Variable

WORDS = {
    Exit.VERIFIED: "unsat",
    Exit.FALSIFIED: "sat",
    Exit.UNKNOWN: "unknown",
    Exit.TIMEOUT: "timed-out",
}
MAX_DIGITS = 1100  # after the point: every double has fewer
_ONNX_TYPES = {"float32": 1, "float16": 10, "float64": 11, "bfloat16": 16, "real": 11}


def named_files(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> dict[str, Path]:
    """Files by name, from texts NAME=FILE."""
    files: dict[str, Path] = {}
    for text in value:
        name, sign, file = text.partition("=")
        if not (name and sign and file):
            raise click.BadParameter(f"{text!r} is not NAME=FILE", ctx, param)
        if name in files:
            raise click.BadParameter(f"{name} is given twice", ctx, param)
        files[name] = Path(file)
    return files


network_option = click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="NAME=FILE",
    callback=named_files,
    help="The ONNX file of a network of a VNN-LIB 2 query (repeatable).",
)


def answer(verdict: Verdict, posed: Posed) -> str:
    """The line that the standard asks for, and after `sat` every variable with its values.

    Values of inputs are exact decimals where they have one of at most MAX_DIGITS places, else
    nearest doubles; so are outputs and hidden values that are known exactly.
    """
    lines = [WORDS[exit_code(verdict)]]
    if isinstance(verdict, Falsified):
        for variable, values in assignment(verdict.counterexample, posed):
            shape = ",".join(map(str, variable.tensor.shape))
            lines.append(f"{variable.tensor.name} {variable.tensor.type} [{shape}]")
            lines += map(decimal, values)
    return "\n".join(lines)


def assignment(found: Counterexample, posed: Posed) -> Iterator[tuple[Variable, list[fmpq]]]:
    """The declared tensors in order, with their values; the middle of what is only enclosed."""
    query = posed.query
    known = dict(zip(query.input_values, found.inputs, strict=True))
    for value, (low, high) in zip(query.network.output_values, found.outputs, strict=True):
        known[value] = (low + high) / 2
    for variable in posed.variables:
        values = [known[v] if isinstance(v, int) else v for v in variable.values]
        yield variable, values


def decimal(value: fmpq) -> str:
    """The value without an exponent: exactly if it has few digits, else its nearest double.

    >>> decimal(fmpq(-1, 8)), decimal(fmpq(3)), decimal(fmpq(1, 3))
    ('-0.125', '3.0', '0.333333333333333314829616256247390992939472198486328125')
    """
    twos, fives, rest = 0, 0, int(value.q)
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives, 1)
    if rest != 1 or places > MAX_DIGITS:
        near = nearest(value)
        if not math.isfinite(near):
            raise InputError("a value of the assignment is no double")
        return decimal(fmpq(*near.as_integer_ratio()))
    digits = str(abs(int((value * fmpq(10) ** places).p))).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def serialise(folder: Path, verdict: Falsified, posed: Posed) -> None:
    """Write every variable as NAME.pb, a TensorProto of its type (`real` as float64).

    Raises:
        OSError: the folder cannot be made or written.
    """
    from onnx import helper

    folder.mkdir(parents=True, exist_ok=True)
    for variable, values in assignment(verdict.counterexample, posed):
        numbers = doubles(values)
        name, type_ = variable.tensor.name, _ONNX_TYPES[variable.tensor.type]
        message: Any = helper.make_tensor(name, type_, variable.tensor.shape, numbers)
        write_atomically(folder / f"{name}.pb", message.SerializeToString())


def note(posed: Posed) -> str:
    """What must be said about the declared types, or nothing."""
    if posed.types == ("real",):
        return ""
    types = ", ".join(posed.types)
    return f"note: declared {types}; decided over the real numbers, not in floating point"
