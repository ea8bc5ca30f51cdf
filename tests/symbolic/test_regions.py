"""Pieces and activation regions: they cover, they are affine, their volumes add up."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Node, Sign
from verifai.kernel.operator import Dense
from verifai.kernel.replay import evaluate
from verifai.symbolic.line import pieces
from verifai.symbolic.polytope import Polytope
from verifai.symbolic.regions import lipschitz, regions


def random_pwl(seed: int, inputs: int, *, width: int = 3) -> Network:
    """Two hidden layers; quarters as weights, so that hyperplanes coincide now and then."""
    rng = np.random.default_rng(seed)

    def numbers(*shape: int) -> np.ndarray:
        drawn = rng.normal(size=shape)
        return np.round(drawn * 4) / 4 if seed % 2 else drawn

    nodes: list[Node] = [Input("x", (inputs,))]
    for layer in range(2):
        count = inputs if layer == 0 else width
        weight = Dense.of(numbers(width, count))
        terms = ((len(nodes) - 1, weight),)
        divisor = 3.0 if rng.random() < 0.5 else None
        bias = numbers(width)
        nodes.append(affine(f"y{layer}", (width,), terms, bias=bias, divisor=divisor))
        if rng.random() < 0.5:
            nodes.append(relu(f"z{layer}", (width,), len(nodes) - 1))
        else:
            knots, slopes = [-0.5, 0.25, 1.0], [0.0, 1.0, -0.5, 2.0]
            nodes.append(pwl(f"z{layer}", (width,), len(nodes) - 1, knots, slopes, 0.125))
    weight = Dense.of(numbers(2, width))
    nodes.append(affine("out", (2,), ((len(nodes) - 1, weight),), bias=numbers(2)))
    return Network(tuple(nodes), (len(nodes) - 1,))


def output(net: Network, point: tuple[fmpq, ...], k: int = 0) -> fmpq:
    return evaluate(net, point)[0][net.offsets[net.outputs[0]] + k]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), p=st.fractions(-60, 60))
def test_pieces_are_the_network(seed: int, p: Fraction) -> None:
    net, x = random_pwl(seed, 1), fmpq(p.numerator, p.denominator)
    found = pieces(net, output=1)
    for at in (x, *found.breakpoints):
        assert found(at) == output(net, (at,), 1)
    assert found.values == tuple(output(net, (at,), 1) for at in found.breakpoints)
    assert all(a < b for a, b in pairwise(found.breakpoints))
    assert all(a != b for a, b in pairwise(found.slopes))
    assert len(found.slopes) == len(found.breakpoints) + 1


@pytest.mark.parametrize("seed", range(12))
def test_slopes_are_differences_on_both_sides_of_breakpoints(seed: int) -> None:
    net = random_pwl(seed, 1)
    found = pieces(net)
    gap = min([b - a for a, b in pairwise(found.breakpoints)], default=fmpq(1)) / 2
    for k, at in enumerate(found.breakpoints):
        left = (output(net, (at,)) - output(net, (at - gap,))) / gap
        right = (output(net, (at + gap,)) - output(net, (at,))) / gap
        assert (left, right) == (found.slopes[k], found.slopes[k + 1])
    if (last := found.last_breakpoint) is not None:
        far = output(net, (last + 1000,)) - output(net, (last,))
        assert far == 1000 * found.slopes[-1]


def test_pieces_of_a_hat() -> None:
    """|x - 1| has one breakpoint; a kink that the output does not see is none."""
    nodes = (
        Input("x", (1,)),
        affine("y", (2,), ((0, Dense.of([[1.0], [1.0]])),), bias=[-1.0, 0.5]),
        relu("z", (2,), 1),
        affine("out", (1,), ((2, Dense.of([[2.0, 0.0]])), (0, Dense.of([[-1.0]]))), bias=1.0),
    )
    found = pieces(Network(nodes, (3,)))
    assert (found.breakpoints, found.slopes, found.values) == ((1,), (-1, 1), (0,))
    assert found.last_breakpoint == 1
    inside = pieces(Network(nodes, (3,)), lower=fmpq(2), upper=fmpq(3))
    assert (inside.breakpoints, inside.slopes, inside(fmpq(5, 2))) == ((), (1,), fmpq(3, 2))
    with pytest.raises(InputError, match="outside of the domain"):
        inside(fmpq(1))


@pytest.mark.parametrize("inputs", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_regions_cover_the_box_once_and_are_affine(seed: int, inputs: int) -> None:
    net = random_pwl(seed, inputs, width=3 if inputs < 3 else 2)
    lower = [fmpq(-1, i + 1) for i in range(inputs)]
    upper = [fmpq(3, i + 2) for i in range(inputs)]
    found = list(regions(net, lower, upper))
    volume = fmpq(1)
    for low, high in zip(lower, upper, strict=True):
        volume *= high - low
    assert sum((r.volume for r in found), fmpq(0)) == volume
    assert all(r.volume > 0 for r in found)
    for region in found:
        for point in (region.point, *(v.point for v in region.polytope.vertices)):
            for k, (row, constant) in enumerate(zip(region.jacobian, region.offset, strict=True)):
                here = sum((a * x for a, x in zip(row, point, strict=True)), constant)
                assert here == output(net, point, k)


@pytest.mark.parametrize("seed", range(6))
def test_interior_points_are_in_no_other_region(seed: int) -> None:
    found = list(regions(random_pwl(seed, 2), [fmpq(-1)] * 2, [fmpq(1)] * 2))
    patterns = [r.point for r in found]
    assert len(set(patterns)) == len(found)
    for region in found:
        corners = [v.point for v in region.polytope.vertices]
        assert region.point not in corners
        for other in found:
            if other is not region:
                assert not contains(other.polytope, region.point)


def contains(polygon: Polytope, point: tuple[fmpq, ...]) -> bool:
    """Whether a point lies in a polygon, by the areas of the triangles it spans with edges."""
    vertices = polygon.vertices
    total = fmpq(0)
    for i, v in enumerate(vertices):
        for w in vertices[i + 1 :]:
            if v.tight & w.tight:
                (a, b), (c, d) = v.point, w.point
                total += abs((a - point[0]) * (d - point[1]) - (c - point[0]) * (b - point[1])) / 2
    return bool(total == polygon.volume)


def test_volumes_of_known_bodies() -> None:
    cube = Polytope.box([fmpq(0)] * 4, [fmpq(1)] * 4)
    assert cube.volume == 1
    corner = cube.cut([fmpq(1)] * 4, fmpq(-1))
    assert corner.volume == fmpq(1, 24)
    assert len(corner.vertices) == 5
    half = cube.cut([fmpq(1)] * 4, fmpq(-2))
    assert half.volume == fmpq(1, 2)
    pyramid = Polytope.box([fmpq(-1)] * 3, [fmpq(1)] * 3)
    for i, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):  # |x|, |y| ≤ (1 - z)/2: five apex planes
        factors = [fmpq(0), fmpq(0), fmpq(1, 2)]
        factors[i] = fmpq(sign)
        pyramid = pyramid.cut(factors, fmpq(-1, 2))
    assert pyramid.volume == fmpq(8, 3)
    assert len(pyramid.vertices) == 5
    again = pyramid.cut([fmpq(1), fmpq(0), fmpq(0)], fmpq(0))
    assert again.volume == fmpq(4, 3)


@pytest.mark.parametrize("seed", range(4))
def test_lipschitz_constants_are_reached_and_never_exceeded(seed: int) -> None:
    net = random_pwl(seed, 2)
    found = lipschitz(net, [fmpq(-1)] * 2, [fmpq(1)] * 2)
    rng = np.random.default_rng(seed)
    for _ in range(60):
        x, y = (tuple(fmpq(int(k), 50) for k in rng.integers(-50, 51, size=2)) for _ in range(2))
        distance = max(abs(a - b) for a, b in zip(x, y, strict=True))
        for k in range(2):
            assert abs(output(net, x, k) - output(net, y, k)) <= found.constant * distance
    step = fmpq(1, 10**12)
    steepest = fmpq(0)
    for signs in ((1, 1), (1, -1)):
        moved = tuple(p + s * step for p, s in zip(found.point, signs, strict=True))
        for k in range(2):
            change = abs(output(net, moved, k) - output(net, found.point, k)) / step
            steepest = max(steepest, change)
    assert steepest == found.constant


def test_what_is_not_piecewise_linear_is_refused_by_name() -> None:
    net = Network((Input("x", (1,)), Sign("jump", (1,), 0)), (1,))
    with pytest.raises(InputError, match="'jump' is no piecewise-linear function"):
        pieces(net)
    node = affine("blur", (1,), ((0, Dense.of([[1.0]])),), radius=0.5)
    with pytest.raises(InputError, match="'blur' has a constant that is not rational"):
        list(regions(Network((Input("x", (1,)), node), (1,)), [fmpq(0)], [fmpq(1)]))


def test_bad_domains_are_refused() -> None:
    net = random_pwl(0, 2)
    zeros, ones = [fmpq(0)] * 2, [fmpq(1)] * 2
    with pytest.raises(InputError, match="one input"):
        pieces(net)
    with pytest.raises(InputError, match="no output 2"):
        pieces(random_pwl(0, 1), output=2)
    with pytest.raises(InputError, match="a domain from 1 to 1"):
        pieces(random_pwl(0, 1), lower=fmpq(1), upper=fmpq(1))
    with pytest.raises(InputError, match="without interior"):
        list(regions(net, zeros, zeros))
    with pytest.raises(InputError, match="1 lower and 2 upper ends for 2 inputs"):
        list(regions(net, zeros[:1], ones))
    with pytest.raises(InputError, match="more than 1 regions"):
        list(regions(net, [fmpq(-9)] * 2, [fmpq(9)] * 2, most=1))
    with pytest.raises(InputError, match="11 inputs"):
        list(regions(random_pwl(0, 11), [fmpq(0)] * 11, [fmpq(1)] * 11))
