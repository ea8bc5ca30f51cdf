"""`verifai inspect`: what is in an ONNX file, and what blocks it if anything does.

May import: load, kernel, report, the cli's own parts. Must not know: queries.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verifai.cli.exits import SCHEMA, Exit
from verifai.cli.limit import limited

if TYPE_CHECKING:
    from verifai.kernel.network import Network
    from verifai.load.onnx.explain import OperatorRow

_NAMES = {"pwl": "piecewise linear"}


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@limited
def command(model: Path, as_json: bool) -> int:
    """Show MODEL's operators, and its inputs, outputs, neurons and parameters once lowered.

    Exit codes: 0 the network can be verified, 3 time-out, 4 something blocks it.
    """
    from verifai.load.onnx.explain import explained

    rows, network = explained(model)
    is_supported = network is not None
    if as_json:
        operators = [
            {
                "operator": r.op_type,
                "count": r.count,
                "supported": r.is_supported,
                "reason": r.reason,
            }
            for r in rows
        ]
        found = {"schema": SCHEMA, "supported": is_supported, "operators": operators}
        click.echo(json.dumps(found | (facts(network) if network else {})))
    else:
        click.echo(_words(rows, network))
    return 0 if is_supported else Exit.ERROR


def facts(network: Network) -> dict[str, object]:
    """Shapes, counts of nodes by kind and by smooth function, of neurons and of parameters."""
    return {
        "inputs": {network.nodes[i].name: list(network.nodes[i].shape) for i in network.inputs},
        "outputs": {network.nodes[i].name: list(network.nodes[i].shape) for i in network.outputs},
        "nodes": dict(Counter(type(node).__name__.lower() for node in network.nodes)),
        "functions": dict(functions(network)),
        "neurons": neurons(network),
        "parameters": parameters(network),
    }


def neurons(network: Network) -> int:
    """The number of values that a nonlinear node computes."""
    from verifai.kernel.network import Affine, Input

    sizes = zip(network.nodes, network.sizes, strict=True)
    return sum(size for node, size in sizes if not isinstance(node, Affine | Input))


def parameters(network: Network) -> int:
    """The number of weights and biases that are not zero by structure."""
    from verifai.kernel.network import Affine
    from verifai.kernel.operator import Gather

    count = 0
    for node in network.nodes:
        if isinstance(node, Affine):
            weights = [op.weight.size for _, op in node.terms if not isinstance(op, Gather)]
            count += sum(weights) + int((node.bias != 0).sum())
    return count


def functions(network: Network) -> Counter[str]:
    """How many nodes apply each smooth function."""
    from verifai.kernel.network import Smooth

    return Counter(node.function for node in network.nodes if isinstance(node, Smooth))


def _words(rows: list[OperatorRow], network: Network | None) -> str:
    from verifai.report.terminal import table

    cells = [
        [row.op_type or "(file)", str(row.count), "yes" if row.is_supported else row.reason]
        for row in rows
    ]
    lines = [table(["operator", "count", "supported"], cells), ""]
    if network is None:
        return "\n".join([*lines, "this network cannot be verified yet"])
    for title, nodes in (("inputs", network.inputs), ("outputs", network.outputs)):
        each = [f"{network.nodes[i].name} {_shape(network.nodes[i].shape)}" for i in nodes]
        lines.append(f"{title}: {', '.join(each)}")
    kinds = Counter(type(node).__name__.lower() for node in network.nodes)
    lines.append("lowered to: " + ", ".join(_kind(*kind, network) for kind in kinds.items()))
    lines.append(f"neurons (values of nonlinear nodes): {neurons(network)}")
    lines.append(f"parameters: {parameters(network)}")
    return "\n".join([*lines, "", "this network can be verified"])


def _kind(kind: str, count: int, network: Network) -> str:
    name = _NAMES.get(kind, kind)
    if kind != "smooth":
        return f"{count} {name}"
    each = ", ".join(f"{times} {function}" for function, times in functions(network).items())
    return f"{count} {name} ({each})"


def _shape(shape: tuple[int, ...]) -> str:
    if not shape:
        return "scalar"
    count = math.prod(shape)
    return f"{'×'.join(map(str, shape))} ({count} value{'' if count == 1 else 's'})"
