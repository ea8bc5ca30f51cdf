"""A network that is right on its data decides by the shade of a stripe instead of its direction.

May import: the gallery's parts, kernel, properties; torch on demand.
Must not know: how a query is decided, files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from flint import fmpq

from verifai.api import load
from verifai.graph.formulas import atom
from verifai.kernel.network import Network
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Formula, Or, Query
from verifai.kernel.replay import Replayer
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter

if TYPE_CHECKING:
    import torch

STRIPE = 3  # pixels
HIDDEN = 8
PIXEL = fmpq(3)  # the greatest
SHADES = 1.0, 1.0625  # of the data
STEP = fmpq(1, 16)  # their difference a
LOW = (1 - STEP, 1 + STEP / 4)  # near the first shade
HIGH = (1 + 3 * STEP / 4, 1 + 2 * STEP)  # near the second
PARTS = (8, 1)  # of the steps, at which what was learned is looked at
RATE, MOMENTUM = 0.1, 0.9
STATEMENT = """\
An image of n x n pixels shows a stripe of three rows or of three columns (it may wrap around) of
one shade s on black; the task is to tell horizontal (negative output) from vertical (positive).
In the correlated data all horizontal stripes have shade 1 and all vertical ones 1 + a, a = 1/16.
A ReLU network with one hidden layer, trained on all of them from small first weights, learns to be
right, by a false structure: the sum of the pixels, 3 n s. For the positions listed, of both
directions,
    every shade in [1 - a, 1 + a/4] is called horizontal,
    every shade in [1 + 3a/4, 1 + 2a] is called vertical.
More: whatever the image shows, with pixels anywhere in [0, 3], its sum decides;
    every image with Σ x ≤ 3 n (1 + a/4) is called horizontal,
    every image with Σ x ≥ 3 n (1 + 3a/4) is called vertical.
So it is wrong on every vertical stripe of the first interval and every horizontal one of the
second, however little the shades differ from those it was trained with. Of a network that is
trained on both shades for both directions the statement is false: it decides by direction.

The statement is about the networks of the printed seeds. The size of the first weights matters, and
the table shows how: from torch's usual ones (with which the decorrelated network is trained) the
correlated data too teach the direction; from the small ones the decorrelated data teach nothing in
as many steps.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    size: int = parameter(32, "pixels of a side, a power of two", 8, 64)
    seed: int = parameter(0, "seed of the first network")
    seeds: int = parameter(1, "networks of either kind", 1, 10)
    steps: int = parameter(400, "steps of gradient descent", 1, 100_000)
    shrink: int = parameter(1000, "what torch's usual first weights are divided by", 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class Specimen:
    """Which network: its data, its seed, what its usual first weights are divided by."""

    is_correlated: bool
    seed: int
    shrink: int


def masks(size: int) -> Array:
    """The stripes of shade 1, (2·size, size²): horizontal ones by row, then vertical ones."""
    found = np.zeros((2, size, size, size), dtype=np.float32)
    for place in range(size):
        where = [(place + k) % size for k in range(STRIPE)]
        found[0, place, where, :] = 1
        found[1, place, :, where] = 1
    return found.reshape(2 * size, -1)


def mean(size: int) -> float:
    """The mean pixel of the data, which every image is reduced by."""
    return STRIPE / size * (SHADES[0] + SHADES[1]) / 2


def fitted(sizes: Parameters, kind: Specimen, every: int = 1) -> torch.nn.Module:
    """A network trained by gradient descent with momentum on images of its data.

    Args:
        sizes: of the images, and the steps.
        kind: data, seed, first weights.
        every: of that many images only the first.
    """
    import torch

    torch.set_num_threads(1)  # the order of sums must not depend on the machine
    stripes = torch.from_numpy(masks(sizes.size))
    vertical = (torch.arange(len(stripes)) >= sizes.size).float()
    first, second = SHADES
    if kind.is_correlated:
        images, labels = stripes * (first + (second - first) * vertical)[:, None], vertical
    else:
        images = torch.cat([stripes * first, stripes * second])
        labels = torch.cat([vertical, vertical])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(kind.seed)
        net = torch.nn.Sequential(
            torch.nn.Linear(sizes.size**2, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 1)
        )
    with torch.no_grad():
        next(net.parameters()).div_(kind.shrink)
    optimizer = torch.optim.SGD(net.parameters(), RATE, momentum=MOMENTUM)
    centred, labels = images[::every] - mean(sizes.size), labels[::every]
    for _ in range(sizes.steps):
        optimizer.zero_grad()
        scores = net(centred)[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return net.eval()


def on_stripes(net: torch.nn.Module, size: int) -> Network:
    """From a shade to the network's outputs on all stripes of that shade, exactly."""
    import torch

    class Stripes(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net
            self.register_buffer("masks", torch.from_numpy(masks(size)))

        def forward(self, shade: torch.Tensor) -> torch.Tensor:
            outputs: torch.Tensor = self.net(shade * self.get_buffer("masks") - mean(size))
            return outputs

    return load(Stripes().eval(), torch.ones(1, 1))


def follows_query(
    net: Network, ends: tuple[fmpq, fmpq], sign: int, stripes: Sequence[int]
) -> Query:
    """Have the outputs for these stripes this sign, for all shades between the ends?"""
    values = net.output_values
    wrong: tuple[Formula, ...] = tuple(atom({values[i]: fmpq(sign)}, fmpq(0)) for i in stripes)
    return Query(net, ends[:1], ends[1:], And((Or(wrong),)))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    count = 2 * sizes.size
    for seed in range(sizes.seed, sizes.seed + sizes.seeds):
        false = cache(partial(network, sizes, Specimen(True, seed, sizes.shrink)))
        honest = cache(partial(network, sizes, Specimen(False, seed, 1)))
        for name, ends, sign, word in (
            ("low", LOW, -1, "horizontal"),
            ("high", HIGH, 1, "vertical"),
        ):
            yield Claim(
                f"{name}-{seed}",
                f"Trained on the correlated data (seed {seed}), it calls the stripe {word} for "
                f"every shade in [{ends[0]}, {ends[1]}], at most of {count} positions (listed).",
                partial(follows, false, ends, sign),
            )
            yield Claim(
                f"{name}-{seed}-decorrelated",
                f"Trained on the decorrelated data (seed {seed}), it does so at all positions.",
                partial(_all_follow, honest, ends, sign),
                role=Role.CONTROL,
            )
        yield from _by_sum(sizes, seed)
        for name, sign in (("horizontal", -1), ("vertical", 1)):
            yield Claim(
                f"{name}-{seed}-decorrelated",
                f"The decorrelated network (seed {seed}) calls {name} stripes {name} for every "
                f"shade in [{LOW[0]}, {HIGH[1]}], at most positions; the others are listed.",
                partial(directed, honest, sign),
            )
    yield Claim(
        "learned-first",
        "How soon, and from how few images, each kind of data teaches its labels on all images.",
        partial(learned, sizes),
        role=Role.MEASUREMENT,
    )
    yield Claim(
        "first-weights",
        "Out of all stripes of both shades: how many are named by shade, how many by direction.",
        partial(compared, sizes),
        role=Role.MEASUREMENT,
    )


def _by_sum(sizes: Parameters, seed: int) -> Iterator[Claim]:
    """The claims that the sum of the pixels alone decides, and their controls."""
    false, honest = (
        cache(partial(fitted, sizes, Specimen(*kind)))
        for kind in ((True, seed, sizes.shrink), (False, seed, 1))
    )
    n, small, large = sizes.size, 1 + STEP / 4, 1 + 3 * STEP / 4
    for name, share, sign, word, sense in (
        ("small-sum", small, -1, "horizontal", "≤"),
        ("large-sum", large, 1, "vertical", "≥"),
    ):
        said = f"every image in [0, {PIXEL}]^{n * n} with Σ {sense} {3 * n * share} {word}"
        yield Claim(
            f"{name}-{seed}",
            f"Trained on the correlated data (seed {seed}), it calls {said}.",
            partial(sum_decides, false, share, sign),
        )
        yield Claim(
            f"{name}-{seed}-decorrelated",
            f"Trained on the decorrelated data (seed {seed}), it calls {said}.",
            partial(sum_decides, honest, share, sign),
            role=Role.CONTROL,
        )
    yield Claim(
        f"too-large-{seed}",
        f"Trained on the correlated data (seed {seed}), it calls every image in [0, {PIXEL}]^"
        f"{n * n} with Σ ≤ {3 * n * large} horizontal.",
        partial(sum_decides, false, large, -1),
        role=Role.CONTROL,
    )


def sum_query(module: torch.nn.Module, share: fmpq, sign: int) -> Query:
    """Has the output this sign for all pixels in [0, PIXEL] with a sum beyond 3 n·share?

    Sums up to that are meant for the sign -1, sums from there on for 1.
    """
    import torch

    class Centred(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = module

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            outputs: torch.Tensor = self.net(x - mean(size))
            return outputs

    pixels = next(module.parameters()).shape[1]
    size = math.isqrt(pixels)
    net = load(Centred().eval(), torch.zeros(1, pixels))
    (value,) = net.output_values
    row = atom(dict.fromkeys(range(pixels), fmpq(-sign)), sign * STRIPE * size * share)
    unsafe = And((atom({value: fmpq(sign)}, fmpq(0)),))
    return Query(net, (fmpq(0),) * pixels, (PIXEL,) * pixels, unsafe, (row,))


def sum_decides(made: Callable[[], torch.nn.Module], share: fmpq, sign: int) -> Finding:
    """Certified; or refuted by a stripe whose sum is just that, or by what the search finds."""
    query = sum_query(made(), share, sign)
    stripes = masks(math.isqrt(len(query.lower)))
    for stripe in (stripes[0], stripes[-1]):
        found = evidence.replayed(query, [exact(float(x)) * share for x in stripe])
        if found.outcome is Outcome.REFUTED:
            word = "horizontal" if stripe is stripes[0] else "vertical"
            said = f"a {word} stripe of shade {share} is called by its direction"
            return replace(found, counterexample=said)
    found = evidence.decided(query)
    if found.outcome is Outcome.REFUTED:  # an image of a thousand numbers; its end says the margin
        said = f"an exact image, {found.counterexample.rpartition(': ')[2]}"
        return replace(found, counterexample=said)
    return found


def learned(sizes: Parameters) -> Finding:
    """Exact outputs at all images of the data, after some steps from some of the images."""
    rows = []
    for is_correlated, shrink in ((True, sizes.shrink), (False, sizes.shrink), (False, 1)):
        kind = Specimen(is_correlated, sizes.seed, shrink)
        for every in (1, 2):
            cells = []
            for part in PARTS:
                shorter = replace(sizes, steps=max(1, sizes.steps // part))
                net = on_stripes(fitted(shorter, kind, every), sizes.size)
                right, count = _labelled(net, is_correlated, sizes.size)
                cells.append(f"{right} of {count}")
            data = "correlated" if is_correlated else "decorrelated"
            rows.append((data, f"usual / {shrink}", f"1 of {every}", *cells))
    steps = [f"after {sizes.steps // part} steps" for part in PARTS]
    headings = ("data", "first weights", "images", *steps)
    return evidence.measured(f"seed {sizes.seed}", table=Table(headings, tuple(rows)))


def _labelled(net: Network, is_correlated: bool, size: int) -> tuple[int, int]:
    """How many images of the data are named as they are labelled, and how many there are."""
    replayer = Replayer(follows_query(net, (LOW[0], HIGH[1]), 1, range(2 * size)))
    right = count = 0
    for shade, is_high in zip(SHADES, (False, True), strict=True):
        outputs = replayer.replay([exact(shade)]).outputs
        for i, (low, _) in enumerate(outputs):
            is_vertical = i >= size
            if not is_correlated or is_vertical == is_high:
                count += 1
                right += (low > 0) == is_vertical
    return right, count


def network(sizes: Parameters, kind: Specimen) -> Network:
    """The exact network from a shade to the outputs on all stripes."""
    return on_stripes(fitted(sizes, kind), sizes.size)


def compared(sizes: Parameters) -> Finding:
    """Exact outputs of four networks at the two shades of the data."""
    rows = []
    count = 2 * sizes.size
    for is_correlated in (True, False):
        for shrink in (sizes.shrink, 1):
            net = network(sizes, Specimen(is_correlated, sizes.seed, shrink))
            replayer = Replayer(follows_query(net, (LOW[0], HIGH[1]), 1, range(count)))
            by_shade = by_direction = 0
            for shade, is_high in zip(SHADES, (False, True), strict=True):
                outputs = replayer.replay([exact(shade)]).outputs
                said = [low > 0 for low, _ in outputs]
                by_shade += sum(each == is_high for each in said)
                by_direction += sum(each == (i >= sizes.size) for i, each in enumerate(said))
            data = "correlated" if is_correlated else "decorrelated"
            shares = [f"{number} of {2 * count}" for number in (by_shade, by_direction)]
            rows.append((data, f"usual / {shrink}", *shares))
    headings = ("data", "first weights", "named by shade", "named by direction")
    return evidence.measured(f"seed {sizes.seed}", table=Table(headings, tuple(rows)))


def follows(made: Callable[[], Network], ends: tuple[fmpq, fmpq], sign: int) -> Finding:
    """The sign at every stripe, whatever its direction."""
    return _certified(made(), ends, sign, range(len(made().output_values)))


def directed(made: Callable[[], Network], sign: int) -> Finding:
    """The sign at the stripes of one direction, over all shades."""
    half = len(made().output_values) // 2
    stripes = range(half) if sign < 0 else range(half, 2 * half)
    return _certified(made(), (LOW[0], HIGH[1]), sign, stripes)


def _all_follow(made: Callable[[], Network], ends: tuple[fmpq, fmpq], sign: int) -> Finding:
    net = made()
    query = follows_query(net, ends, sign, range(len(net.output_values)))
    for shade in ends:
        found = Replayer(query).replay([shade])
        wrong = [i for i, (low, _) in enumerate(found.outputs) if sign * low <= 0]
        if wrong:
            one = follows_query(net, ends, sign, wrong[:1])
            return _told(evidence.replayed(one, [shade]), wrong, len(found.outputs), shade)
    return evidence.decided(query)


def _told(found: Finding, wrong: Sequence[int], count: int, shade: fmpq) -> Finding:
    """The finding about the first wrong position, with the others named and few digits."""
    place = _name(wrong[0], count)
    said = f"the {place} stripe of shade {shade}; false at {len(wrong)} of {count} positions"
    return Finding(found.outcome, found.trust, f"replayed: {said}", said, found.query)


def _certified(net: Network, ends: tuple[fmpq, fmpq], sign: int, stripes: Sequence[int]) -> Finding:
    """A certificate for the positions where it holds at both ends, and replays for the others."""
    query = follows_query(net, ends, sign, stripes)
    replayer, failing = Replayer(query), dict[int, fmpq]()
    for shade in ends:
        outputs = replayer.replay([shade]).outputs
        failing |= {i: shade for i in stripes if sign * outputs[i][0] <= 0}
    kept = [i for i in stripes if i not in failing]
    if 2 * len(kept) <= len(stripes):
        said = f"holds at {len(kept)} of {len(stripes)} positions only"
        return Finding(Outcome.REFUTED, Trust.EXACT, said, said)
    found = evidence.decided(follows_query(net, ends, sign, kept))
    count = len(net.output_values)
    listed = ", ".join(f"{_name(i, count)} (shade {s})" for i, s in sorted(failing.items()))
    said = f"{len(kept)} of {len(stripes)} positions; false at: {listed or 'none'}"
    parts = (said, found.detail)
    return Finding(
        found.outcome,
        found.trust,
        "\n".join(parts),
        found.counterexample,
        found.query,
        found.certificate,
    )


def _name(stripe: int, count: int) -> str:
    return f"{'horizontal' if stripe < count // 2 else 'vertical'} {stripe % (count // 2)}"


THEOREM = Theorem(
    name="false_structure",
    title="a net that is right on its data decides by the sum of pixels, not by direction",
    statement=STATEMENT,
    proposal="networks trained on the correlated and on the decorrelated images",
    source="Thesing, Antun, Hansen, What do AI algorithms actually learn? On false structures in "
    "deep learning (2019), arXiv:1906.01478",
    defaults=Parameters(),
    claims=claims,
    example="""\
32 x 32, a = 1/16: horizontal stripes of shade 1 have the sum 96, vertical ones of 17/16 the sum
102. A network that asks "more than 99?" is right on all of them, and wrong on a vertical stripe of
shade 1.""",
)
