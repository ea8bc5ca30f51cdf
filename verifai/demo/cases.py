"""What the demo asks: robustness of digits, an approximation of x², the parity of bits.

May import: kernel, load, properties, numpy. Must not know: how a query is decided or shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from flint import fmpq

from verifai.graph.formulas import atom
from verifai.graph.graph import Graph
from verifai.graph.reading import readings_of
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation
from verifai.load.onnx.read import load_onnx
from verifai.properties.robust import robust

DATA = Path(__file__).parents[1] / "data"
LEVELS = 16
RADIUS = "1/10"
IMAGES = (0, 1, 3, 4, 5, 9)

Expected = Literal["verified", "falsified", "decided"]


@dataclass(frozen=True, slots=True, eq=False)
class Digit:
    """A test image: pixels 0 to 1 in an array of 64, row by row, and its label."""

    pixels: npt.NDArray[np.float64]
    label: int


@dataclass(frozen=True, slots=True, eq=False)
class DemoCase:
    """One decision problem of the demo.

    Attributes:
        name: short, good for file names.
        words: the property.
        expected: the verdict that must come out ("decided": anything but Unknown).
        digit: the image that the property is about, if it is about one.
    """

    name: str
    words: str
    query: Query
    expected: Expected
    digit: Digit | None = None


def cases(folder: Path | None) -> list[DemoCase]:
    """All cases, over the networks in the folder; what it lacks is taken from the package.

    What robust training reaches is known of the shipped classifier only, so of another one it is
    asked that every robustness query is decided.

    Raises:
        InputError: a file that is unreadable, or a folder that does not exist.
    """
    if folder is not None and not folder.is_dir():
        raise InputError(f"no folder {folder}")
    own = folder is not None and (folder / "digits_mlp.onnx").is_file()
    net = load_onnx(_find(folder, "digits_mlp.onnx"))
    digits = read_digits(_find(folder, "digits_test.npz"))
    return [
        *(_robust_case(net, digits[i], i, own) for i in IMAGES),
        *_square_cases(load_onnx(_find(folder, "yarotsky_4.onnx"))),
        _parity_case(load_onnx(_find(folder, "parity_8.onnx"))),
    ]


def _find(folder: Path | None, name: str) -> Path:
    if folder is not None and (folder / name).is_file():
        return folder / name
    return DATA / name


def read_digits(path: Path) -> list[Digit]:
    """The images and labels of an npz file as networks/train_digits.py writes it.

    Raises:
        InputError: a file without such arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name}: {error}") from None
    if images.ndim != 2 or images.shape[1] != 64 or labels.shape != images.shape[:1]:
        raise InputError(f"{path.name}: images {images.shape}, labels {labels.shape}")
    pairs = zip(images, labels, strict=True)
    return [Digit(image / LEVELS, int(label)) for image, label in pairs]


def _robust_case(net: Network, digit: Digit, number: int, own: bool) -> DemoCase:
    query = robust(net, digit.pixels, eps=RADIUS, label=digit.label, clip=(0, 1))
    words = f"image {number} stays a {digit.label} when every pixel moves by up to {RADIUS}"
    expected: Expected = "decided" if own else "falsified" if number == 0 else "verified"
    return DemoCase(f"digit-{number}", words, query, expected, digit)


def _square_cases(net: Network) -> list[DemoCase]:
    """f₄ errs by at most 1/1024: a little more is provable, a little less is refutable."""
    bounds: tuple[tuple[str, fmpq, Expected], ...] = (
        ("square", fmpq(1, 1000), "verified"),
        ("square-closer", fmpq(1, 1100), "falsified"),
    )
    return [
        DemoCase(
            name,
            f"Yarotsky's network is within {error} of x² on [0, 1]",
            square_query(net, error),
            expected,
        )
        for name, error, expected in bounds
    ]


def square_query(net: Network, error: fmpq) -> Query:
    """Is |f(x) - x²| > error for some x in [0, 1]? The square is one more node of the graph."""
    (source,), (output,) = net.inputs, net.outputs
    graph = Graph(net.nodes, readings_of(net))
    square = graph.squared("x squared", source)
    whole = graph.network((output,))
    unsafe = _either({whole.value(output, 0): 1, whole.value(square, 0): -1}, error)
    return Query(whole, (fmpq(0),), (fmpq(1),), And((unsafe,)))


def _parity_case(net: Network) -> DemoCase:
    bits, error = net.sizes[net.inputs[0]], fmpq(1, 1000)
    words = f"on bits, the output is within {error} of the parity of all {bits}"
    return DemoCase("parity", words, parity_query(net, error), "verified")


def parity_query(net: Network, error: fmpq) -> Query:
    """Is |f(b) - r| > error for some bits b and integers k, r with Σ b = 2k + r, 0 ≤ r ≤ 1?"""
    (source,), (output,) = net.inputs, net.outputs
    bits = net.sizes[source]
    growing = Graph(net.nodes, readings_of(net))
    added = [growing.add(Input(name, (1,))) for name in ("half", "parity")]
    graph = growing.network((output,))
    y, half, parity = (graph.value(i, 0) for i in (output, *added))
    total = {graph.value(source, i): fmpq(1) for i in range(bits)}
    sums = atom({**total, half: fmpq(-2), parity: fmpq(-1)}, fmpq(0), Relation.EQUAL)
    upper = (*(fmpq(1) for _ in range(bits)), fmpq(bits // 2), fmpq(1))
    return Query(
        graph,
        tuple(fmpq(0) for _ in upper),
        upper,
        And((_either({y: 1, parity: -1}, error),)),
        (sums,),
        frozenset((*total, half, parity)),
    )


def _either(form: dict[int, int], error: fmpq) -> Or:
    """The form is above the error, or below minus the error."""

    def beyond(sign: int) -> Atom:
        return atom({v: fmpq(-sign * c) for v, c in form.items()}, error, Relation.LESS)

    parts: tuple[Formula, ...] = (beyond(1), beyond(-1))
    return Or(parts)
