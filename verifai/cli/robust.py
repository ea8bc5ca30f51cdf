"""`verifai robust`: near an input the answer of a model does not change.

May import: api (on demand), pose. Must not know: how a query is decided.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from verifai.cli.pose import PoseOptions, array, decide, network, pair_of, posing
from verifai.kernel.query import Query


@click.command("robust")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--input", "x", required=True, help="The input: a .npy file, or numbers as 0,1/2,3.")
@click.option("--eps", required=True, help="The radius, in input units: 1/50 is exact.")
@click.option("--label", type=int, help="The output that stays largest (default: the largest).")
@click.option("--target", type=int, help="The only other output that counts (default: all).")
@click.option("--clip", metavar="LOWER,UPPER", help="What an input can be, such as 0,1.")
@click.option("--classes", metavar="NAME,NAME,…", help="The outputs' names, shown beside them.")
@posing
def command(model: Path, x: str, clip: str | None, options: PoseOptions, **asked: Any) -> int:
    """Decide whether the output --label of MODEL is the largest all around an input.

    MODEL is an ONNX file or a program that torch.export.save wrote (.pt2).

    Exit codes: 0 verified, 1 falsified, 2 unknown, 3 time-out, 4 usage or error.
    """

    def pose() -> Query:
        from verifai.properties.robust import robust

        given = array(Path(x), "--input") if x.endswith(".npy") else x.split(",")
        ends = None if clip is None else pair_of(clip, "--clip")
        return robust(network(model), given, clip=ends, **asked)

    return decide(pose, options, {"command": "robust", "model": str(model)})
