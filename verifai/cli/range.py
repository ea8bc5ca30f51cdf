"""`verifai range`: an output of a model stays between two numbers.

May import: api (on demand), pose. Must not know: how a query is decided.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from verifai.cli.pose import PoseOptions, box_of_options, box_option, decide, network, posing
from verifai.kernel.query import Query


@click.command("range")
@click.argument("model", type=click.Path(path_type=Path))
@box_option
@click.option("--lower", help="The least value allowed (default: no limit).")
@click.option("--upper", help="The greatest value allowed (default: no limit).")
@click.option("--output", type=int, default=0, help="The number of the output (default 0).")
@posing
def command(model: Path, box: tuple[str, ...], options: PoseOptions, **asked: Any) -> int:
    """Decide whether an output of MODEL stays within limits on a box.

    MODEL is an ONNX file or a program that torch.export.save wrote (.pt2).

    Exit codes: 0 verified, 1 falsified, 2 unknown, 3 time-out, 4 usage or error.
    """

    def pose() -> Query:
        from verifai.properties.in_range import in_range

        net = network(model)
        return in_range(net, box_of_options(net, box), **asked)

    return decide(pose, options, {"command": "range", "model": str(model)})
