"""`verifai equivalent`: no output of one model differs from the other's by more than a tolerance.

May import: api (on demand), pose. Must not know: how a query is decided.
"""

from __future__ import annotations

from pathlib import Path

import click

from verifai.cli.pose import PoseOptions, box_of_options, box_option, decide, network, posing
from verifai.kernel.query import Query


@click.command("equivalent")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@box_option
@click.option("--tolerance", required=True, help="How far outputs may differ: 1/1000 is exact.")
@posing
def command(
    first: Path, second: Path, box: tuple[str, ...], tolerance: str, options: PoseOptions
) -> int:
    """Decide whether the models FIRST and SECOND agree up to a tolerance on a box.

    Each is an ONNX file or a program that torch.export.save wrote (.pt2).

    Exit codes: 0 verified, 1 falsified, 2 unknown, 3 time-out, 4 usage or error.
    """

    def pose() -> Query:
        from verifai.properties.equivalent import equivalent

        one = network(first)
        return equivalent(one, network(second), box_of_options(one, box), tolerance=tolerance)

    about = {"command": "equivalent", "first": str(first), "second": str(second)}
    return decide(pose, options, about)
