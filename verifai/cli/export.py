"""`verifai export`: a network or a query as SMT-LIB 2 or as SymPy expressions.

May import: api, solvers, symbolic, the cli's own parts. Must not know: how either is written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from verifai.cli.limit import limited
from verifai.files import require_writable, write_atomically


def _smtlib(model: Path, property_file: Path | None, dialect: str) -> str:
    from verifai.api import load, query_from
    from verifai.solvers.scripts import to_smtlib

    subject = load(model) if property_file is None else query_from(model, property_file)
    return to_smtlib(subject, dialect=dialect)


def _sympy(model: Path, property_file: Path | None, _: str) -> str:
    from verifai.api import load
    from verifai.symbolic.expression import to_sympy

    if property_file is not None:
        raise click.UsageError("--format sympy writes a network, without a PROPERTY")
    return to_sympy(load(model)).source()


# The text of a model, a property (or None) and a dialect, by the format's name.
FORMATS: dict[str, Callable[[Path, Path | None, str], str]] = {"smtlib": _smtlib, "sympy": _sympy}


@click.command("export")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument(
    "property_file", metavar="[PROPERTY]", required=False, type=click.Path(path_type=Path)
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(FORMATS)),
    default="smtlib",
    help="What is written (default smtlib).",
)
@click.option(
    "--dialect",
    type=click.Choice(["standard", "cvc5"]),
    default="standard",
    help="Of SMT-LIB; cvc5 has exp, sin and cos.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
@limited
def command(
    model: Path, property_file: Path | None, kind: str, dialect: str, output: Path | None
) -> int:
    """Write the ONNX network MODEL, or whether it violates PROPERTY, as exact mathematics.

    smtlib: one real constant a value; with PROPERTY the script is satisfiable if and only if there
    is a counterexample. sympy: Python text that defines the outputs of a small network.

    Exit codes: 0 written, 3 time-out, 4 usage or error.
    """
    if output is not None:
        require_writable(output)
    text = FORMATS[kind](model, property_file, dialect)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_atomically(output, text.encode())
    return 0
