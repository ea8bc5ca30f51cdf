"""Operators: push and pull are adjoint in both arithmetics, and mean what they say."""

from itertools import product
from random import Random

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.proofs import dyadic, matrix
from verifai.kernel.arithmetic import Exact, Rounded, exactly
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array, Conv, Dense, Gather, Operator


def random_operator(seed: int) -> tuple[Operator, int]:
    random = Random(seed)
    kind = seed % 3
    if kind == 0:
        rows, k = random.randrange(1, 4), random.randrange(1, 4)
        return Dense.of(matrix(random, random.randrange(1, 4), k)), rows * k
    if kind == 1:
        inputs = random.randrange(1, 5)
        order = [random.randrange(-1, inputs) for _ in range(random.randrange(1, 7))]
        return Gather.of(inputs, order, [dyadic(random) for _ in order]), inputs
    axes, groups = random.randrange(1, 3), random.randrange(1, 3)
    kernel = [random.randrange(1, 3) for _ in range(axes)]
    out, per_in = groups * random.randrange(1, 3), random.randrange(1, 3)
    flat = matrix(random, 1, out * per_in * int(np.prod(kernel)))
    spatial = tuple(random.randrange(3, 6) for _ in range(axes))
    conv = Conv.of(
        flat.reshape(out, per_in, *kernel),
        spatial,
        stride=tuple(random.randrange(1, 3) for _ in range(axes)),
        padding=tuple(tuple(random.randrange(2) for _ in range(axes)) for _ in range(2)),  # type: ignore[arg-type]
        dilation=tuple(random.randrange(1, 3) for _ in range(axes)),
        groups=groups,
    )
    return conv, conv.channels * int(np.prod(spatial))


def naive(operator: Operator, x: Array) -> list[float]:
    """Plain loops over one vector."""
    if isinstance(operator, Dense):
        m, k = operator.weight.shape
        rows = [x[i : i + k] for i in range(0, len(x), k)]
        return [
            sum(row[j] * operator.weight[o, j] for j in range(k)) for row in rows for o in range(m)
        ]
    if isinstance(operator, Gather):
        pairs = zip(operator.index, operator.scale, strict=True)
        return [x[i] * s if i >= 0 else 0.0 for i, s in pairs]
    grid = x.reshape(operator.channels, *operator.spatial)
    out, per_in = operator.weight.shape[:2]
    found = []
    for o, place in product(range(out), product(*map(range, operator.output))):
        first = o // (out // operator.groups) * per_in
        total = 0.0
        for c, tap in product(range(per_in), product(*map(range, operator.weight.shape[2:]))):
            where = tuple(
                p * s + t * d - b
                for p, s, t, d, b in zip(
                    place, operator.stride, tap, operator.dilation, operator.before, strict=True
                )
            )
            if all(0 <= w < n for w, n in zip(where, operator.spatial, strict=True)):
                total += operator.weight[(o, c, *tap)] * grid[(first + c, *where)]
        found.append(total)
    return found


@pytest.mark.parametrize("index", [[-1, -1], [2, -1, 2, 2], [0, 1, 2], [1, 1, 0, 2, 0]])
def test_a_gather_knows_who_reads_an_input(index: list[int]) -> None:
    gather = Gather.of(3, index)
    readers = [[i for i, j in enumerate(index) if j == k] for k in range(3)]
    assert gather.repeats == max(1, *map(len, readers))
    assert gather.reached.tolist() == [k for k in range(3) if readers[k]]
    assert gather.order.tolist() == [i for k in readers for i in k]
    a = np.arange(1.0, len(index) + 1)[None]
    want = [sum(a[0, i] for i in readers[k]) for k in range(3)]
    assert gather.pull(Rounded(), a).tolist() == [want]
    assert gather.pull(Exact(), exactly(a)).tolist() == [[fmpq(int(w)) for w in want]]


@pytest.mark.parametrize("seed", range(60))
def test_push_is_the_naive_loop_and_pull_its_transpose(seed: int) -> None:
    operator, inputs = random_operator(seed)
    random = Random(seed + 1000)
    outputs = operator.size(inputs)
    x = matrix(random, 2, inputs)
    a = matrix(random, 2, outputs)
    assert operator.push(Rounded(), x).tolist() == [naive(operator, row) for row in x]
    ar = Exact()
    pushed, pulled = operator.push(ar, exactly(x)), operator.pull(ar, exactly(a))
    assert (pushed == exactly(operator.push(Rounded(), x))).all()
    assert (pulled == exactly(operator.pull(Rounded(), a))).all()
    assert ((pushed * exactly(a)).sum(axis=1) == (pulled * exactly(x)).sum(axis=1)).all()


@pytest.mark.parametrize("seed", range(60))
def test_depth_is_at_least_the_number_of_products_in_one_result(seed: int) -> None:
    operator, inputs = random_operator(seed)
    ones = operator.mapped(np.abs)
    count = {
        Dense: lambda o: Dense.of(np.ones_like(o.weight)),
        Gather: lambda o: Gather.of(o.inputs, o.index),
        Conv: lambda o: Conv(np.ones_like(o.weight), *(getattr(o, n) for n in o.__slots__[1:])),
    }[type(ones)](ones)
    ar = Rounded()
    assert count.push(ar, np.ones((1, inputs))).max() <= operator.depth()
    assert count.pull(ar, np.ones((1, operator.size(inputs)))).max() <= operator.depth()


def test_exact_matmul_does_not_round() -> None:
    tiny = Dense.of([[1.0, 2.0**-80]])
    assert tiny.push(Exact(), exactly(np.ones((1, 2))))[0, 0] == 1 + fmpq(1, 2**80)
    assert tiny.push(Rounded(), np.ones((1, 2)))[0, 0] == 1


@pytest.mark.parametrize("index", [[2], [-2], [], [[0]], [0.5]])
def test_gather_refuses_what_is_no_index(index: list[int]) -> None:
    with pytest.raises(InputError):
        Gather.of(2, index)


@pytest.mark.parametrize(
    "arguments",
    [
        {"spatial": (1,)},
        {"spatial": (4,), "stride": (0,)},
        {"spatial": (4,), "padding": ((-1,), (0,))},
        {"spatial": (4,), "groups": 3},
        {"spatial": (4, 4)},
    ],
)
def test_conv_refuses_what_does_not_fit(arguments: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(InputError):
        Conv.of(np.ones((2, 1, 2)), **arguments)  # type: ignore[arg-type]


def test_conv_refuses_to_have_no_axis() -> None:
    with pytest.raises(InputError, match="on 0 axes"):
        Conv.of([[1.0]], ())
