"""Random small graphs over all operators: onnxruntime, floats and exact replay tell one story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from tests.load.evaluate import evaluate
from tests.load.models import Array, Weights, load, model, runtime
from verifai.kernel.network import Network
from verifai.kernel.number import exact
from verifai.kernel.replay import evaluate as replay

GRAPHS, STEPS, SEED, OPSET = 160, 7, 2024, 20
Shape = tuple[int, ...]


@dataclass
class Draft:
    """A graph under construction: its tensors that are small enough to go on with."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: Weights = field(default_factory=dict)
    tensors: list[tuple[str, Shape]] = field(default_factory=list)

    def constant(self, array: Any) -> str:
        name = f"c{len(self.weights)}"
        self.weights[name] = np.asarray(array)
        return name

    def real(self, *shape: int) -> str:
        return self.constant(self.random.normal(size=shape).astype(np.float32))

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], **attributes))
        return name

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def tame(self, x: str) -> str:
        """x between -1 and 1, so that no operator explodes."""
        return self.node(self.pick("Tanh", "Softsign", "Sin"), x)

    def above_one(self, x: str) -> str:
        """|x| + 1.25, for functions that are not defined everywhere."""
        return self.node("Add", self.node("Abs", x), self.constant(np.float32(1.25)))


Step = Callable[[Draft, str, Shape], tuple[str, Shape] | None]


def unary(op_type: str, **attributes: Any) -> Step:
    return lambda d, x, shape: (d.node(op_type, x, **attributes), shape)


def beyond_one(op_type: str) -> Step:
    return lambda d, x, shape: (d.node(op_type, d.above_one(x)), shape)


def with_constant(op_type: str, *, swapped: bool = False) -> Step:
    def step(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
        c = d.real(*d.pick(shape, shape[-1:], ()))
        return d.node(op_type, *((c, x) if swapped else (x, c))), shape

    return step


def with_other(op_type: str) -> Step:
    def step(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
        y = d.pick(*(name for name, s in d.tensors if s == shape))
        return d.node(op_type, x, y), shape

    return step


def quotient(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    y = d.pick(*(name for name, s in d.tensors if s == shape))
    return d.node("Div", x, d.above_one(y)), shape


def power(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    exponent = d.constant(np.float32(d.pick(0.5, -0.5, -2, 3, 2, 0)))
    return d.node("Pow", d.above_one(x), exponent), shape


def conditional(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    condition = d.constant(d.random.integers(0, 2, size=shape[-1:]).astype(bool))
    return d.node("Where", condition, x, d.real(*shape)), shape


def clip(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    return d.node("Clip", x, d.constant(np.float32(-0.3)), d.constant(np.float32(0.6))), shape


def cast(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    return d.node("Cast", d.node("CastLike", x, d.real()), to=1), shape


def p_relu(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    return d.node("PRelu", x, d.real(*shape[-1:])), shape


def along_axis(op_type: str) -> Step:
    return lambda d, x, shape: (
        d.node(op_type, x, axis=int(d.random.integers(len(shape)))),
        shape,
    )


def layer_normalization(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    n = shape[-1]
    return d.node("LayerNormalization", x, d.real(n), d.real(n), epsilon=0.1), shape


def by_channel(op_type: str, **attributes: Any) -> Step:
    def step(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
        if len(shape) < 3 or shape[1] % attributes.get("num_groups", 1):
            return None
        n = shape[1] if op_type == "InstanceNormalization" else attributes["num_groups"]
        return d.node(op_type, x, d.real(n), d.real(n), epsilon=0.1, **attributes), shape

    return step


def batch_normalization(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
    if len(shape) < 2:
        return None
    spread = d.constant(np.abs(d.random.normal(size=shape[1])).astype(np.float32) + np.float32(0.1))
    names = [d.real(shape[1]) for _ in range(3)]
    return d.node("BatchNormalization", x, *names, spread), shape


def reduction(op_type: str, *, positive: bool = False) -> Step:
    def step(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
        axis, keep = int(d.random.integers(len(shape))), len(shape) < 3
        if positive:
            x = d.above_one(x)
        result = d.node(op_type, x, d.ints(axis), keepdims=int(keep))
        kept = (1,) if keep else ()
        return result, (*shape[:axis], *kept, *shape[axis + 1 :])

    return step


def matmul(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    return d.node("MatMul", x, d.real(shape[-1], 3)), (*shape[:-1], 3)


def attention(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
    if len(shape) < 2:
        return None
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    scores = d.node("MatMul", x, d.node("Transpose", x, perm=order))
    return d.node("MatMul", d.node("Softmax", scores, axis=-1), x), shape


def gemm(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
    if len(shape) != 2:
        return None
    weights = d.real(4, shape[1]), d.real(4)
    return d.node("Gemm", x, *weights, transB=1, alpha=0.3, beta=1.7), (shape[0], 4)


def einsum(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    return d.node("Einsum", x, d.real(2, shape[-1]), equation="...i,ji->...j"), (*shape[:-1], 2)


def conv(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
    if len(shape) < 3:
        return None
    kernel = d.real(3, shape[1], *(min(2, n) for n in shape[2:]))
    spatial = tuple(n - min(2, n) + 1 for n in shape[2:])
    return d.node("Conv", x, kernel, d.real(3)), (shape[0], 3, *spatial)


def conv_transpose(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
    if len(shape) < 3 or max(shape[2:]) > 3:
        return None
    strides = [d.pick(1, 2) for _ in shape[2:]]
    y = d.node("ConvTranspose", x, d.real(shape[1], 2, *(2 for _ in shape[2:])), strides=strides)
    spatial = ((n - 1) * s + 2 for n, s in zip(shape[2:], strides, strict=True))
    return y, (shape[0], 2, *spatial)


def pool(op_type: str) -> Step:
    def step(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
        if len(shape) < 3 or min(shape[2:]) < 2:
            return None
        kernel = [2] * (len(shape) - 2)
        return d.node(op_type, x, kernel_shape=kernel), (*shape[:2], *(n - 1 for n in shape[2:]))

    return step


def global_pool(op_type: str) -> Step:
    def step(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
        if len(shape) < 3:
            return None
        return d.node(op_type, x), (*shape[:2], *(1 for _ in shape[2:]))

    return step


def transpose(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    order = [int(i) for i in d.random.permutation(len(shape))]
    return d.node("Transpose", x, perm=order), tuple(shape[i] for i in order)


def flatten(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    return d.node("Flatten", x), (shape[0], int(np.prod(shape[1:])))


def reshape(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    size = int(np.prod(shape))
    rows = d.pick(*(n for n in range(1, size + 1) if size % n == 0))
    return d.node("Reshape", x, d.ints(rows, -1)), (rows, size // rows)


def unsqueezed(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    y = d.node("Squeeze", d.node("Unsqueeze", x, d.ints(0, 1)), d.ints(0))
    return (y, (1, *shape)) if len(shape) < 4 else (d.node("Squeeze", y, d.ints(0)), shape)


def widened(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    y = d.node("Concat", x, d.real(*shape[:-1], 1), d.node("Neg", x), axis=-1)
    y = d.node("Slice", y, d.ints(1), d.ints(1 + shape[-1]), d.ints(-1))
    return d.node("Trilu", y, upper=d.pick(0, 1)) if len(shape) > 1 else y, shape


def padded(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    ends = [0] * (len(shape) - 1) + [1]
    y = d.node("Pad", x, d.ints(*ends, *ends), d.real(), mode=d.pick("constant", "edge"))
    y = d.node("Gather", y, d.ints(0, -1, 1), axis=-1)
    return y, (*shape[:-1], 3)


def split(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
    if shape[-1] < 2:
        return None
    name = f"t{len(d.nodes)}"
    outputs = [name, f"{name}b"]
    d.nodes.append(helper.make_node("Split", [x, d.ints(1, shape[-1] - 1)], outputs, axis=-1))
    return d.node("Mul", *outputs), (*shape[:-1], shape[-1] - 1)


def repeated(d: Draft, x: str, shape: Shape) -> tuple[str, Shape] | None:
    if np.prod(shape) > 20:
        return None
    y = d.node("Tile", x, d.ints(*(1 for _ in shape[1:]), 2))
    y = d.node("Expand", y, d.ints(2, *(1 for _ in shape)))
    return y, (2, *shape[:-1], 2 * shape[-1])


def cumulative_sum(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    axis = d.constant(np.int64(d.random.integers(len(shape))))
    return d.node("CumSum", x, axis, exclusive=d.pick(0, 1), reverse=d.pick(0, 1)), shape


def gathered(d: Draft, x: str, shape: Shape) -> tuple[str, Shape]:
    places = d.constant(d.random.integers(0, shape[0], size=shape))
    y = d.node("GatherElements", x, places, axis=0)
    return d.node("GatherND", y, d.constant(np.array([[0], [shape[0] - 1]]))), (2, *shape[1:])


STEPS_BY_NAME: dict[str, Step] = {
    **{
        kind: unary(kind)
        for kind in (
            *("Abs", "Celu", "Cos", "Dropout", "Elu", "Erf", "HardSigmoid", "HardSwish"),
            *("Identity", "LeakyRelu", "Mish", "Neg", "Relu", "Selu", "Sigmoid", "Sin"),
            *("Softplus", "Softsign", "Tanh"),
        )
    },
    **{kind: beyond_one(kind) for kind in ("Log", "Sqrt", "Reciprocal")},
    **{kind: along_axis(kind) for kind in ("Softmax", "LogSoftmax")},
    **{kind: with_other(kind) for kind in ("Max", "Min", "Mul", "Sum", "Mean", "Add", "Sub")},
    **{
        f"Reduce{kind}": reduction(f"Reduce{kind}")
        for kind in ("Mean", "Max", "Min", "L1", "SumSquare", "LogSumExp", "Prod")
    },
    **{f"Reduce{k}": reduction(f"Reduce{k}", positive=True) for k in ("L2", "LogSum")},
    "AddConstant": with_constant("Add"),
    "AveragePool": pool("AveragePool"),
    "BatchNormalization": batch_normalization,
    "Cast": cast,
    "Clip": clip,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Cosh": lambda d, x, shape: (d.node("Cosh", d.tame(x)), shape),
    "CumSum": cumulative_sum,
    "Div": quotient,
    "Einsum": einsum,
    "Exp": lambda d, x, shape: (d.node("Exp", d.tame(x)), shape),
    "Flatten": flatten,
    "Gather": padded,
    "GatherElements": gathered,
    "Gelu": unary("Gelu"),
    "GeluTanh": unary("Gelu", approximate="tanh"),
    "Gemm": gemm,
    "GlobalAveragePool": global_pool("GlobalAveragePool"),
    "GlobalMaxPool": global_pool("GlobalMaxPool"),
    "GroupNormalization": by_channel("GroupNormalization", num_groups=1),
    "InstanceNormalization": by_channel("InstanceNormalization"),
    "LayerNormalization": layer_normalization,
    "MatMul": matmul,
    "MatMulOfActivations": attention,
    "MaxPool": pool("MaxPool"),
    "MulConstant": with_constant("Mul", swapped=True),
    "PRelu": p_relu,
    "Pow": power,
    "Reshape": reshape,
    "Sinh": lambda d, x, shape: (d.node("Sinh", d.tame(x)), shape),
    "Slice": widened,
    "Split": split,
    "Squeeze": unsqueezed,
    "SubConstant": with_constant("Sub", swapped=True),
    "Tan": lambda d, x, shape: (d.node("Tan", d.tame(x)), shape),
    "ThresholdedRelu": unary("ThresholdedRelu", alpha=0.125),
    "Tile": repeated,
    "Transpose": transpose,
    "Where": conditional,
}


def draw(random: np.random.Generator, names: list[str]) -> tuple[onnx.ModelProto, Shape]:
    """A model of a few steps; every so often a tensor is tamed, so that numbers stay moderate."""
    draft = Draft(random)
    shape: Shape = draft.pick((2, 3), (1, 4), (1, 2, 3, 3), (2, 2, 4), (1, 2, 2, 2, 3))
    draft.tensors.append(("x", shape))
    for _ in range(STEPS):
        x, now = draft.tensors[-1] if random.random() < 0.7 else draft.pick(*draft.tensors)
        result = STEPS_BY_NAME[draft.pick(*names)](draft, x, now)
        if result is None or np.prod(result[1]) > 64 or not result[1]:
            continue
        name, now = result
        draft.tensors.append((draft.tame(name) if random.random() < 0.4 else name, now))
    output = draft.node("Identity", draft.tensors[-1][0])
    proto = model(draft.nodes, {"x": list(shape)}, draft.weights, opset=OPSET, outputs=(output,))
    return proto, shape


def check(proto: onnx.ModelProto, network: Network, x: Array) -> float:
    """How large the outputs are, after all agreed on them: -1 where float32 cannot tell."""
    (expected,) = runtime(proto.SerializeToString(), {"x": x})
    (result,) = evaluate(network, x)
    assert result.shape == expected.shape
    size = float(np.abs(result).max())
    if not np.isfinite(size) or size > 1e4:
        return -1.0
    np.testing.assert_allclose(result, expected, rtol=2e-3, atol=2e-4 * max(1.0, size))
    return size


def encloses(network: Network, x: Array) -> bool:
    """Whether exact replay encloses the values that floats have, closely."""
    low, high = replay(network, [exact(float(entry)) for entry in x.ravel()])
    (result,) = evaluate(network, x)
    (place,) = network.outputs
    span = slice(network.offsets[place], network.offsets[place + 1])
    pairs = zip(low[span], high[span], result.ravel(), strict=True)
    for l, u, value in pairs:
        slack = 1e-9 * max(1.0, abs(value))
        if not (float(l) - slack <= value <= float(u) + slack and float(u - l) <= slack):
            return False
    return True


def test_random_graphs_agree_with_onnxruntime_and_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(SEED)
    names = list(STEPS_BY_NAME)
    used: Counter[str] = Counter()
    compared, replayed = 0, 0
    for number in range(GRAPHS):
        proto, shape = draw(random, names)
        network = load(proto, tmp_path)
        points = [random.uniform(-1, 1, size=shape).astype(np.float32) for _ in range(2)]
        sizes = [check(proto, network, x) for x in points]
        if min(sizes) >= 0:
            compared += 1
            used.update(node.op_type for node in proto.graph.node)
        if number % 4 == 0 and min(sizes) >= 0:
            replayed += 1
            assert encloses(network, points[0]), helper.printable_graph(proto.graph)
    with capsys.disabled():
        print(
            f"\nrandom graphs: {compared} of {GRAPHS} compared, {len(used)} operators, "
            f"{replayed} replayed exactly (seed {SEED})"
        )
    assert compared >= 0.9 * GRAPHS
    assert len(used) >= 80
    assert replayed >= 0.2 * GRAPHS
