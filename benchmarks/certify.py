"""`vf.certify` beside the loop that people write by hand, in one run, on the bundled digits.

    python benchmarks/certify.py --images 500 --eps 1/100 1/50 3/100 1/25

The loop builds a query for each image and radius and verifies it, one after the other, in one
process; it does not use that a proof for a ball is a proof for every smaller one. Both take turns
on parts of the images, so that a machine that slows down slows both. Prints seconds of both, their
ratio, and whether the shares agree.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import verifai as vf

OPEN = ("unknown", "timeout")
DATA = Path(vf.__file__).parent / "data"


def by_hand(
    net: Any, images: Any, labels: Any, radii: list[str], limit: float
) -> Counter[tuple[str, str]]:
    """What a loop finds: how many balls of each status."""
    found: Counter[tuple[str, str]] = Counter()
    for image, label in zip(images, labels, strict=True):
        for eps in radii:
            try:
                query = vf.robust(net, image, eps=eps, label=int(label), clip=(0, 1))
                found[eps, vf.verify(query, timeout=limit).status] += 1
            except vf.InputError as error:
                sys.exit(str(error))
    return found


def main() -> None:
    """Reads the arguments and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--parts", type=int, default=2)
    parser.add_argument("--eps", nargs="+", default=["1/100", "1/50", "3/100", "1/25"])
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for each ball")
    parser.add_argument("--model", type=Path, default=DATA / "digits_mlp.onnx")
    options = parser.parse_args()
    net, digits = vf.load(options.model), load_digits()
    images, labels = digits.data[: options.images] / 16, digits.target[: options.images]
    seconds = {"certify": 0.0, "loop": 0.0}
    differ, undecided = 0, Counter[str]()
    for number, part in enumerate(np.array_split(np.arange(len(images)), options.parts)):
        shares: dict[str, dict[str, int]] = {}
        for which in ("certify", "loop")[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            if which == "certify":
                report = vf.certify(
                    net,
                    images[part],
                    labels[part],
                    eps=options.eps,
                    clip=(0, 1),
                    timeout=options.timeout,
                )
                shares[which] = {s.eps: s.certified for s in report.shares()}
                undecided[which] += sum(s.undecided for s in report.shares())
            else:
                found = by_hand(net, images[part], labels[part], options.eps, options.timeout)
                shares[which] = {
                    e: found[e, "verified"] for e in shares.get("certify", options.eps)
                }
                undecided[which] += sum(
                    n for (_, status), n in found.items() if status in ("unknown", "timeout")
                )
            seconds[which] += time.perf_counter() - start
        differ += shares["certify"] != shares["loop"]
    ratio = seconds["certify"] / seconds["loop"]
    print(f"{len(images)} images, radii {', '.join(options.eps)}: ", end="")
    print(
        f"certify {seconds['certify']:.1f} s, loop {seconds['loop']:.1f} s = {ratio:.2f}; ", end=""
    )
    print(
        f"undecided {undecided['certify']} / {undecided['loop']}; shares differ in {differ} parts"
    )


if __name__ == "__main__":
    main()
