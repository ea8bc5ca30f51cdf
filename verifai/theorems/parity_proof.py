"""A short certificate that folding the sum computes the parity of bits: 2n + 3 leaves, not 2^n.

Once k and r are fixed by splits, so is the sum s = 2k + r of the bits, and every pre-activation is
a known integer give or take n·δ: the fold is linear there, but for a few neurons with a knot near
it. Each leaf derives these intervals layer by layer. What is assumed here about slopes is not
believed: the kernel computes all bounds itself.

May import: kernel, proof. Must not know: how networks are made, files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flint import fmpq

from verifai.kernel.network import Affine, Network, Pwl
from verifai.kernel.number import nearest
from verifai.proof.record import Block, Choose, Close, Derive, Form, Record, Split, Step

NEAR = fmpq(1, 1 << 30)  # a knot this close to an end is left to the kernel's defaults
LINK = 0  # the first row of every path: Σ bits - 2k - r = 0
Slope = tuple[int, int, float]  # value, place, slope


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the values of the graph stand.

    Attributes:
        half, parity: the numbers of k and r.
        bits: how many bits there are.
        delta: how far every input is from its bit at most.
        layers: for every fold the numbers of its two pre-activations, t and t - h.
        neurons: those of the ReLUs of both.
        folds: every h.
        is_tight: no room is left below 1/2, so that knots are split at and not bridged by a chord.
    """

    half: int
    parity: int
    bits: int
    delta: fmpq
    layers: tuple[tuple[int, int], ...]
    neurons: tuple[tuple[int, int], ...]
    folds: tuple[int, ...]
    is_tight: bool = False


@dataclass(frozen=True, slots=True)
class _Sum:
    """t = slope·(Σ inputs - s) + something in [low, high]; |Σ inputs - s| ≤ n·δ."""

    slope: fmpq
    low: fmpq
    high: fmpq

    def interval(self, spread: fmpq) -> tuple[fmpq, fmpq]:
        reach = abs(self.slope) * spread
        return self.low - reach, self.high + reach


def layout(graph: Network, half: int, parity: int, bits: int, delta: fmpq) -> Layout:
    """The layout of a graph whose affine nodes in front of a ReLU are the folds.

    It is tight if delta leaves no room, which 1/(2n) does not.
    """
    layers, neurons, folds = [], [], []
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Pwl):
            before = graph.nodes[node.source]
            if isinstance(before, Affine):
                layers.append((graph.offsets[node.source], graph.offsets[node.source] + 1))
                neurons.append((graph.offsets[position], graph.offsets[position] + 1))
                folds.append(-int(before.bias[1]))
    is_tight = 2 * bits * delta >= 1
    found = tuple(layers), tuple(neurons), tuple(folds)
    return Layout(half, parity, bits, delta, *found, is_tight)


def records(where: Layout) -> Iterator[Record]:
    """The certificate's tree in preorder."""
    most = where.bits // 2
    for k in range(most + 1):
        if k < most:
            yield Split(where.half, float(k))
        yield Split(where.parity, 0.0)
        for r in (0, 1):
            yield from _leaf(where, 2 * k + r)


def _leaf(where: Layout, total: int) -> Iterator[Record]:
    """Refutes what is unsafe where the bits add up to `total`."""
    if total > where.bits:
        yield Close(Block(rows=((LINK, -1.0),)))
        return
    start = _Sum(fmpq(1), fmpq(total), fmpq(total))
    yield from _from_fold(where, 0, start, (), where.is_tight)


def _from_fold(
    where: Layout, level: int, now: _Sum, slopes: tuple[Slope, ...], is_tight: bool
) -> Iterator[Record]:
    """The tree from this fold on; tight ones split at the knot that lies inside."""
    if level == len(where.folds):
        yield Choose(0, 2)
        for sign in (1, -1):
            block = _block(sign * now.slope, slopes)
            yield Close(block._replace(rows=((-1, 1.0), *block.rows)))
        return
    values, neurons, fold = where.layers[level], where.neurons[level], where.folds[level]
    yield Derive(
        tuple(
            Step(Form((value,), (float(sign),)), _block(-sign * now.slope, slopes))
            for value in values
            for sign in (1, -1)
        )
    )
    low, high = now.interval(where.bits * where.delta)
    inside = [low - shift < -NEAR and high - shift > NEAR for shift in (0, fold)]
    if not (is_tight and any(inside)):
        now, new = _folded(now, neurons, fold, (low, high))
        yield from _from_fold(where, level + 1, now, (*slopes, *new), is_tight)
        return
    yield Split(values[inside.index(True)], 0.0)
    for is_active in (False, True):
        parts = (is_active, False) if inside[0] else (True, is_active)
        is_zero = inside[0] and not is_active  # then so is the output, far from what is unsafe
        later = _of_phases(now, fold, parts)
        yield from _from_fold(where, level + 1, later, slopes, not is_zero)


def _block(factor: fmpq, slopes: Sequence[Slope]) -> Block:
    """The link with this factor, which takes the bits' sum out of a form, and slopes so far."""
    number = nearest(factor)
    return Block(rows=((LINK, number),) if number else (), slopes=tuple(slopes))


def _of_phases(now: _Sum, fold: int, active: tuple[bool, bool]) -> _Sum:
    """relu(t) - 2 relu(t - h) where both phases are known."""
    one, two = map(int, active)
    factor, constant = one - 2 * two, 2 * fold * two
    ends = sorted((factor * now.low + constant, factor * now.high + constant))
    return _Sum(factor * now.slope, *ends)


def _folded(
    now: _Sum, neurons: tuple[int, int], fold: int, ends: tuple[fmpq, fmpq]
) -> tuple[_Sum, list[Slope]]:
    """relu(t) - 2 relu(t - h) for t between the ends; slopes of neurons with a knot inside."""
    slope, low, high = fmpq(0), fmpq(0), fmpq(0)
    slopes: list[Slope] = []
    for value, shift, factor in ((neurons[0], 0, 1), (neurons[1], fold, -2)):
        start, end = (each - shift for each in ends)
        if start < -NEAR and end > NEAR:
            part, rise = fmpq(1, 2), max(-start, end) / 2
            slopes += [(value, place, 0.5) for place in (0, 1)]
        else:
            part, rise = fmpq(1 if end > NEAR else 0), fmpq(0)
        reach = part * (now.low - shift), part * (now.high - shift) + rise
        slope += factor * part * now.slope
        low += factor * reach[0 if factor > 0 else 1]
        high += factor * reach[1 if factor > 0 else 0]
    return _Sum(slope, low, high), slopes
