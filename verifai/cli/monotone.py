"""`verifai monotone`: raising an input of a model never lowers an output.

May import: api (on demand), pose. Must not know: how a query is decided.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from verifai.cli.pose import PoseOptions, box_of_options, box_option, decide, network, posing
from verifai.kernel.query import Query


@click.command("monotone")
@click.argument("model", type=click.Path(path_type=Path))
@box_option
@click.option("--input", type=int, default=0, help="The number of the input (default 0).")
@click.option("--output", type=int, default=0, help="The number of the output (default 0).")
@click.option("--falling", is_flag=True, help="Never raises it, instead.")
@click.option("--margin", default="0", help="How much the wrong way is allowed (default 0).")
@posing
def command(
    model: Path, box: tuple[str, ...], falling: bool, options: PoseOptions, **asked: Any
) -> int:
    """Decide whether raising an input of MODEL never lowers an output on a box.

    MODEL is an ONNX file or a program that torch.export.save wrote (.pt2).

    Exit codes: 0 verified, 1 falsified, 2 unknown, 3 time-out, 4 usage or error.
    """

    def pose() -> Query:
        from verifai.properties.monotone import monotone

        net = network(model)
        way = -1 if falling else 1
        return monotone(net, box_of_options(net, box), direction=way, **asked)

    return decide(pose, options, {"command": "monotone", "model": str(model)})
