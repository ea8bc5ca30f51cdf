"""Random graphs of views, several outputs, shared nodes and inputs as outputs against onnxruntime.

Every tensor may be read again and be an output, some twice; operators may stand in any order.
"""

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
from tests.load.models import Array, Weights, model, runtime
from verifai.load.onnx.read import load_onnx

STEPS, SEED, OPSET = 9, 11, 20
Shape = tuple[int, ...]


@dataclass
class Views:
    """A graph under construction: its tensors by name, with their shapes."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: Weights = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def constant(self, array: Any) -> str:
        name = f"c{len(self.weights)}"
        self.weights[name] = np.asarray(array)
        return name

    def add(self, op_type: str, *inputs: str, count: int = 1, **attributes: Any) -> list[str]:
        names = [f"t{len(self.nodes)}{'abc'[i]}" for i in range(count)]
        self.nodes.append(helper.make_node(op_type, inputs, names, **attributes))
        return names

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def below(self, n: int) -> int:
        return int(self.random.integers(n))

    def pick(self, choices: Any) -> Any:
        return choices[self.below(len(choices))]

    def tensor(self, shape: Shape | None = None) -> str:
        """A tensor so far, often a late one, of this shape if one is given."""
        names = [n for n, s in self.shapes.items() if shape in (None, s)]
        return names[-1] if self.chance(0.4) else str(self.pick(names))


Step = Callable[[Views, str, Shape], list[str] | None]


def unary(op_type: str, **attributes: Any) -> Step:
    return lambda v, x, shape: v.add(op_type, x, **attributes)


def with_other(op_type: str) -> Step:
    return lambda v, x, shape: v.add(op_type, x, v.tensor(shape))


def transpose(v: Views, x: str, shape: Shape) -> list[str]:
    return v.add("Transpose", x, perm=[int(i) for i in v.random.permutation(len(shape))])


def reshape(v: Views, x: str, shape: Shape) -> list[str]:
    size = int(np.prod(shape))
    rows = v.pick([n for n in range(1, size + 1) if size % n == 0])
    return v.add("Reshape", x, v.ints(*v.pick([(rows, -1), (-1,), (rows, 1, -1)])))


def slice_(v: Views, x: str, shape: Shape) -> list[str]:
    axis = v.below(len(shape))
    n, step = shape[axis], v.pick([1, 1, 2, -1, -2])
    start = v.below(n)
    far = v.pick([n, 1 << 40]) if step > 0 else v.pick([-n - 1, -(1 << 40)])
    end = v.pick([start + (1 if step > 0 else -1), far])
    end = -n - 1 if step < 0 and end == -1 else end
    return v.add("Slice", x, v.ints(start), v.ints(end), v.ints(axis), v.ints(step))


def gather(v: Views, x: str, shape: Shape) -> list[str]:
    axis = v.below(len(shape))
    index = v.random.integers(-shape[axis], shape[axis], size=v.pick([(), (1,), (2,), (3,)]))
    return v.add("Gather", x, v.constant(index), axis=axis)


def gather_elements(v: Views, x: str, shape: Shape) -> list[str]:
    axis = v.below(len(shape))
    index = v.random.integers(0, shape[axis], size=shape)
    return v.add("GatherElements", x, v.constant(index), axis=axis)


def pad(v: Views, x: str, shape: Shape) -> list[str]:
    mode = v.pick(["constant", "constant", "constant", "edge", "reflect", "wrap"])
    low = -1 if mode == "constant" else 0
    ends = np.zeros((2, len(shape)), np.int64)
    axis = v.below(len(shape))
    most = {"reflect": shape[axis] - 1, "wrap": shape[axis]}.get(mode, 2)
    if shape[axis] > 2 or low == 0:
        ends[:, axis] = v.random.integers(low, min(most, 2) + 1, size=2)
    fill = [v.constant(np.float32(v.pick([0, 0.75])))] if v.chance(0.5) else []
    return v.add("Pad", x, v.ints(*ends.ravel()), *fill, mode=mode)


def concat(v: Views, x: str, shape: Shape) -> list[str]:
    names = [x, v.tensor(shape)]
    if v.chance(0.3):
        names.append(v.constant(v.random.normal(size=shape).astype(np.float32)))
    return v.add("Concat", *v.pick([names, names[::-1]]), axis=v.below(len(shape)))


def split(v: Views, x: str, shape: Shape) -> list[str] | None:
    axis = v.below(len(shape))
    if shape[axis] < 2:
        return None
    first = 1 + v.below(shape[axis] - 1)
    return v.add("Split", x, v.ints(first, shape[axis] - first), axis=axis, count=2)


def squeeze(v: Views, x: str, shape: Shape) -> list[str] | None:
    ones = [axis for axis, n in enumerate(shape) if n == 1]
    return v.add("Squeeze", x, v.ints(v.pick(ones))) if ones and len(shape) > 1 else None


def unsqueeze(v: Views, x: str, shape: Shape) -> list[str]:
    return v.add("Unsqueeze", x, v.ints(v.below(len(shape) + 1)))


def expand(v: Views, x: str, shape: Shape) -> list[str]:
    return v.add(
        "Expand", x, v.ints(v.pick([1, 2]), *(n if n > 1 else v.pick([1, 2]) for n in shape))
    )


def tile(v: Views, x: str, shape: Shape) -> list[str]:
    return v.add("Tile", x, v.ints(*(v.pick([1, 1, 2]) for _ in shape)))


def where(v: Views, x: str, shape: Shape) -> list[str]:
    condition = v.constant(v.random.integers(0, 2, size=shape[-1:]).astype(bool))
    other = v.tensor(shape) if v.chance(0.5) else v.constant(np.float32(0.5))
    return v.add("Where", condition, *v.pick([(x, other), (other, x)]))


def trilu(v: Views, x: str, shape: Shape) -> list[str] | None:
    shift = v.constant(np.int64(v.pick([-1, 0, 1])))
    return v.add("Trilu", x, shift, upper=v.below(2)) if len(shape) > 1 else None


def clip(v: Views, x: str, shape: Shape) -> list[str]:
    return v.add("Clip", x, *(v.constant(np.float32(end)) for end in (-0.4, 0.7)))


def scaled(v: Views, x: str, shape: Shape) -> list[str]:
    factor = v.random.normal(size=v.pick([shape, shape[-1:], ()])).astype(np.float32)
    return v.add(v.pick(["Mul", "Add"]), x, v.constant(factor))


def matmul(v: Views, x: str, shape: Shape) -> list[str]:
    weight = v.random.normal(size=(shape[-1], 2)).astype(np.float32)
    return v.add("MatMul", x, v.constant(weight))


def reduction(op_type: str) -> Step:
    def step(v: Views, x: str, shape: Shape) -> list[str]:
        return v.add(op_type, x, v.ints(v.below(len(shape))), keepdims=int(len(shape) < 3))

    return step


def max_pool(v: Views, x: str, shape: Shape) -> list[str] | None:
    if len(shape) != 3 or shape[2] < 2:
        return None
    return v.add("MaxPool", x, kernel_shape=[2], strides=[v.pick([1, 2])], pads=[v.below(2), 0])


def conv(v: Views, x: str, shape: Shape) -> list[str] | None:
    if len(shape) != 3 or shape[2] < 2:
        return None
    weight = v.random.normal(size=(2, shape[1], 2)).astype(np.float32)
    return v.add("Conv", x, v.constant(weight), pads=[1, 0])


MOVES: dict[str, Step] = {
    "Concat": concat,
    "Dropout": unary("Dropout"),
    "Expand": expand,
    "Flatten": unary("Flatten"),
    "Gather": gather,
    "GatherElements": gather_elements,
    "Identity": unary("Identity"),
    "Pad": pad,
    "Reshape": reshape,
    "Slice": slice_,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
    "Where": where,
}
SUMS: dict[str, Step] = {
    **{kind: unary(kind) for kind in ("Relu", "Neg", "Abs", "Tanh", "Sign")},
    **{kind: with_other(kind) for kind in ("Add", "Sub", "Mul", "Max")},
    **{kind: reduction(kind) for kind in ("ReduceSum", "ReduceMax")},
    "Clip": clip,
    "Conv": conv,
    "MatMul": matmul,
    "MaxPool": max_pool,
    "Scaled": scaled,
}


def draw(random: np.random.Generator) -> tuple[onnx.ModelProto, dict[str, Shape]]:
    """A model of views of one to three inputs, and the inputs' shapes."""
    views = Views(random)
    shapes = [(2, 3), (4,), (1, 2, 4), (2, 2, 2), (3, 1)]
    inputs = {f"x{i}": views.pick(shapes) for i in range(views.pick([1, 1, 2, 3]))}
    views.shapes.update(inputs)
    for _ in range(STEPS):
        x = views.tensor()
        shape = views.shapes[x]
        steps = MOVES if views.chance(0.75) else SUMS
        made = views.pick(list(steps.values()))(views, x, shape) if shape else None
        if made is not None and not _known(views, inputs, made):
            views.nodes.pop()
    made = [name for name in views.shapes if name not in inputs] or list(inputs)
    wanted = [views.pick(made) for _ in range(1 + views.below(5))] + made[-1:]
    wanted += [views.pick(list(inputs))] if views.chance(0.4) else []
    nodes = [views.nodes[i] for i in random.permutation(len(views.nodes))]
    proto = model(
        nodes if views.chance(0.3) else views.nodes,
        {name: list(shape) for name, shape in inputs.items()},
        views.weights,
        opset=OPSET,
        outputs=tuple(views.pick(wanted) if views.chance(0.2) else name for name in wanted),
    )
    return proto, inputs


def _known(views: Views, inputs: dict[str, Shape], made: list[str]) -> bool:
    """Whether the results are small and not empty; their shapes are noted then."""
    proto = model(
        views.nodes,
        {name: list(shape) for name, shape in inputs.items()},
        views.weights,
        opset=OPSET,
        outputs=tuple(made),
    )
    found = runtime(proto.SerializeToString(), zeros(inputs))
    if any(not 0 < array.size <= 48 or array.ndim > 5 for array in found):
        return False
    views.shapes.update({n: array.shape for n, array in zip(made, found, strict=True)})
    return True


def zeros(inputs: dict[str, Shape]) -> dict[str, Array]:
    return {name: np.zeros(shape, np.float32) for name, shape in inputs.items()}


def check(proto: onnx.ModelProto, inputs: dict[str, Shape], folder: Path, seed: int) -> None:
    """The network, and what it is with fewer neurons, has onnxruntime's outputs at two points."""
    path = folder / "views.onnx"
    path.write_bytes(proto.SerializeToString())
    random = np.random.default_rng(seed)
    networks = [load_onnx(path, shrink=shrink) for shrink in (False, True)]
    names = [entry.name for entry in proto.graph.output]
    for network in networks:
        assert len(network.outputs) == len(names) == len(set(network.outputs))
    for _ in range(2):
        given = {n: random.normal(size=s).astype(np.float32) for n, s in inputs.items()}
        expected = runtime(proto.SerializeToString(), given)
        for network in networks:
            results = evaluate(network, *given.values())
            for name, result, output in zip(names, results, expected, strict=True):
                assert result.shape == output.shape, (seed, name)
                scale = 1e-5 * max(1.0, float(np.abs(output).max()))
                np.testing.assert_allclose(
                    result, output, rtol=1e-4, atol=scale, err_msg=f"graph {seed}: {name}"
                )


@pytest.mark.parametrize("graphs", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_random_views_agree_with_onnxruntime(
    graphs: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used: Counter[str] = Counter()
    repeated = again = 0
    for number in range(graphs):
        proto, inputs = draw(np.random.default_rng((SEED, number)))
        check(proto, inputs, tmp_path, number)
        used.update({node.op_type for node in proto.graph.node})
        names = [entry.name for entry in proto.graph.output]
        repeated += len(names) > len(set(names))
        again += bool(set(names) & set(inputs))
    with capsys.disabled():
        print(
            f"\nrandom views: {graphs} graphs of {len(used)} operators, {repeated} with an output "
            f"listed twice, {again} with an input as output (seed {SEED})"
        )
    assert len(used) >= 28
    assert repeated >= graphs / 5 and again >= graphs / 5
