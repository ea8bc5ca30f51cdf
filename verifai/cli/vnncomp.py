"""`verifai vnncomp`: one instance in, one result file out, as the competition's scripts ask.

May import: api, verify, the cli's own parts. Must not know: how the search works.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from verifai.cli.exits import Exit, OutOfTime, sentence
from verifai.cli.limit import seconds, within
from verifai.cli.record import exit_code
from verifai.cli.verify import search
from verifai.files import require_writable, write_atomically
from verifai.kernel.errors import InputError
from verifai.kernel.number import nearest
from verifai.verdict import VACUOUS, Counterexample, Falsified, Verdict, Verified
from verifai.verify import Options

_WORDS = {
    Exit.VERIFIED: "unsat",
    Exit.FALSIFIED: "sat",
    Exit.UNKNOWN: "unknown",
    Exit.TIMEOUT: "timeout",
    Exit.ERROR: "error",
}


@click.command("vnncomp")
@click.argument("version", type=click.Choice(["v1"]))
@click.argument("category")
@click.argument("model", metavar="ONNX", type=click.Path(path_type=Path))
@click.argument("property_file", metavar="VNNLIB", type=click.Path(path_type=Path))
@click.argument("result", type=click.Path(path_type=Path))
@click.argument("timeout", type=float, callback=seconds)
def command(
    version: str, category: str, model: Path, property_file: Path, result: Path, timeout: float
) -> int:
    """Write unsat, sat with a counterexample, unknown, timeout or error to RESULT.

    VERSION is v1; CATEGORY is ignored. TIMEOUT is in seconds. The exit codes are those of verify.
    """
    from verifai.api import query_from

    start = time.monotonic()
    require_writable(result)
    try:
        with within(timeout, start):
            query = query_from(model, property_file)
        verdict = search(query, Options(timeout=timeout), spent=time.monotonic() - start)
    except (InputError, OSError, ImportError) as error:
        write_atomically(result, b"error\n")
        click.echo(f"error: {sentence(error)}", err=True)
        return Exit.ERROR
    except OutOfTime:
        write_atomically(result, b"timeout\n")
        raise
    except KeyboardInterrupt:
        write_atomically(result, b"unknown\n")
        raise
    write_atomically(result, result_text(verdict).encode())
    if isinstance(verdict, Verified) and verdict.vacuous:
        click.echo(f"WARNING: {VACUOUS}", err=True)
    return exit_code(verdict)


def result_text(verdict: Verdict) -> str:
    """What the result file holds: one word, and after `sat` an assignment of every variable."""
    word = _WORDS[exit_code(verdict)] + "\n"
    return word + assignment(verdict.counterexample) if isinstance(verdict, Falsified) else word


def assignment(found: Counterexample) -> str:
    """Every input X_i and output Y_j with the nearest double of its value, in decimals."""
    values = [("X", x) for x in found.inputs]
    values += [("Y", (low + high) / 2) for low, high in found.outputs]
    inputs = len(found.inputs)
    pairs = [
        f"({letter}_{i if letter == 'X' else i - inputs} {nearest(value)!r})"
        for i, (letter, value) in enumerate(values)
    ]
    return "(" + "\n".join(pairs) + ")\n"
