"""`verifai supports`: which queries and networks can be handled, as the VNN-LIB standard asks.

May import: load, exits. Must not know: anything else.

Source: the VNN-LIB standard 2.0, chapter "Command-line Interface".
"""

from __future__ import annotations

import click

_FIXED = {
    "--onnx-element-types": ("real",),
    "--vnnlib-versions": ("2.0", "2.1"),
    "--hidden-node-theories": ("NH", "H"),
    "--multiple-input-output-theories": ("SIO", "MIO"),
    "--multiple-network-theories": ("SNET", "MENET", "MINET", "MNET"),
    "--multiple-node-comparison-theories": ("SNC", "MNC"),
    "--arithmetic-complexity-theories": ("BND", "OUTC", "LIN", "POLY"),
    "--optimised-disjunctive-reasoning": ("true",),
    "--serialise-assignments": ("true",),
}
_ONNX = ("--onnx-opset-versions", "--onnx-operators")
_SPELLINGS = {"--multiple-inputs-output-theories": "--multiple-input-output-theories"}
CAPABILITIES = (_ONNX[0], "--onnx-element-types", _ONNX[1], *list(_FIXED)[1:])


def _flags(function: click.decorators.FC) -> click.decorators.FC:
    for name in reversed(CAPABILITIES):
        also = [other for other, meant in _SPELLINGS.items() if meant == name]
        function = click.option(name, *also, name.strip("-").replace("-", "_"), is_flag=True)(
            function
        )
    return function


@click.command("supports")
@_flags
def command(**asked: bool) -> int:
    """Print what is supported of the one capability that is named, one item a line.

    Options and answers are those of the VNN-LIB 2 standard's command line. Types are those over
    which proofs are sound: `real` alone. The opsets and the VNN-LIB versions are the oldest and the
    newest.
    """
    names = [name for name in CAPABILITIES if asked[name.strip("-").replace("-", "_")]]
    if len(names) != 1:
        raise click.UsageError(f"one of {', '.join(CAPABILITIES)} is wanted")
    for line in capability(names[0]):
        click.echo(line)
    return 0


def capability(name: str) -> tuple[str, ...]:
    """The lines that answer one capability."""
    if name in _FIXED:
        return _FIXED[name]
    from verifai.load.onnx.operators import NEWEST_OPSET, OLDEST_OPSET, ROWS

    if name == "--onnx-operators":
        return tuple(sorted(ROWS))
    return str(OLDEST_OPSET), str(NEWEST_OPSET)
