"""Random float32 programs of an ONNX model: each sum in an order of its own, fused or not.

Written for the tests alone, from the operators' definitions; nothing of the loader is used. Every
single operation is one rounding of numpy's float32, or of an exact float64 (fused multiply-add).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

Array = npt.NDArray[Any]
F = np.float32
NORMAL = F(2.0**-126)


@dataclass
class Pending:
    """Σ left·right + Σ addends, not computed yet; left holds weights, arrays broadcast."""

    products: list[tuple[Array, Array]]
    addends: list[Array]


class Program:
    """One program: it decides on fusing, fused multiply-add, flushing to zero and every order."""

    def __init__(self, proto: onnx.ModelProto, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.fuses, self.multiply_adds, self.flushes = self.random.random(3) < 0.5
        self.graph = proto.graph
        self.weights = {w.name: numpy_helper.to_array(w) for w in proto.graph.initializer}

    def run(self, inputs: dict[str, Array]) -> list[Array]:
        """The outputs at these inputs."""
        self.values: dict[str, Array | Pending] = {**self.weights, **inputs}
        for node in self.graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            step = getattr(self, "_" + node.op_type.lower())
            self.values[node.output[0]] = step(*node.input, **attributes)
        return [self.value(output.name) for output in self.graph.output]

    def value(self, name: str) -> Array:
        """A tensor, computed now if it was left pending."""
        found = self.values[name]
        if isinstance(found, Pending):
            found = self.values[name] = self._added(found)
        return found

    def _flushed(self, x: Array) -> Array:
        x = np.asarray(x, dtype=F)
        return np.where(np.abs(x) < NORMAL, F(0), x) if self.flushes else x

    def _added(self, total: Pending) -> Array:
        items = [(a, b) for a, b in total.products] + [(c, F(1)) for c in total.addends]
        order = self.random.permutation(len(items))
        items = [items[i] for i in order]
        if self.random.random() < 0.5:
            return self._chain(items)
        parts = [self._flushed(F(a) * F(b)) for a, b in items]
        while len(parts) > 1:
            pairs = [self._flushed(a + b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
            parts = pairs + parts[2 * len(pairs) :]
        return parts[0]

    def _chain(self, items: list[tuple[Array, Array]]) -> Array:
        result = self._flushed(F(items[0][0]) * F(items[0][1]))
        for a, b in items[1:]:
            if self.multiply_adds:
                wide = np.asarray(a, np.float64) * np.asarray(b, np.float64)
                result = self._flushed((result.astype(np.float64) + wide).astype(F))
            else:
                result = self._flushed(result + self._flushed(F(a) * F(b)))
        return result

    def _finished(self, total: Pending) -> Array | Pending:
        return total if self.fuses else self._added(total)

    def _matmul(self, x: str, w: str) -> Array | Pending:
        a, b = self.value(x), self.value(w)
        return self._finished(Pending(self._pairs(a, b), []))

    def _pairs(self, a: Array, b: Array) -> list[tuple[Array, Array]]:
        return [(b[k], a[..., k, None]) for k in range(a.shape[-1])]

    def _gemm(self, x: str, w: str, c: str, transB: int = 0) -> Array | Pending:
        b = self.value(w).T if transB else self.value(w)
        total = Pending(self._pairs(self.value(x), b), [self.value(c)])
        return total if self.fuses else self._added(total)

    def _conv(self, x: str, w: str, b: str | None = None, pads: Any = None) -> Array | Pending:
        p = list(pads or [0, 0, 0, 0])
        image = np.pad(self.value(x), ((0, 0), (0, 0), (p[0], p[2]), (p[1], p[3])))
        weight = self.value(w)
        _, channels, rows, columns = weight.shape
        high, wide = image.shape[2] - rows + 1, image.shape[3] - columns + 1
        products = [
            (weight[None, :, c, i, j, None, None], image[:, c, None, i : i + high, j : j + wide])
            for c in range(channels)
            for i in range(rows)
            for j in range(columns)
        ]
        addends = [self.value(b)[:, None, None]] if b else []
        return self._finished(Pending(products, addends))

    def _batchnormalization(
        self, x: str, scale: str, bias: str, mean: str, variance: str, epsilon: float = 1e-5
    ) -> Array | Pending:
        s, b, m, v = (self.value(n)[:, None, None] for n in (scale, bias, mean, variance))
        factor = s / np.sqrt(v + F(epsilon))
        pending = self.values[x]
        if isinstance(pending, Pending):
            products = [(self._flushed(w * factor), y) for w, y in pending.products]
            addends = [self._flushed(c * factor) for c in pending.addends]
            return Pending(products, [*addends, self._flushed(b - self._flushed(m * factor))])
        if self.random.random() < 0.5:
            return self._flushed(self._flushed(self.value(x) - m) * factor) + b
        return self._flushed(self.value(x) * factor) + self._flushed(b - m * factor)

    def _sum_of(self, x: str, y: str, sign: float) -> Array | Pending:
        for first, second in ((x, y), (y, x)):
            pending = self.values[first]
            if isinstance(pending, Pending) and (sign > 0 or first == x):
                other = F(sign if second == y else 1) * self.value(second)
                return Pending(pending.products, [*pending.addends, other])
        return self._flushed(self.value(x) + F(sign) * self.value(y))

    def _add(self, x: str, y: str) -> Array | Pending:
        return self._sum_of(x, y, 1)

    def _sub(self, x: str, y: str) -> Array | Pending:
        return self._sum_of(x, y, -1)

    def _mul(self, x: str, y: str) -> Array:
        return self._flushed(self.value(x) * self.value(y))

    def _div(self, x: str, y: str) -> Array:
        if self.random.random() < 0.5:
            return self._flushed(self.value(x) * self._flushed(F(1) / self.value(y)))
        return self._flushed(self.value(x) / self.value(y))

    def _relu(self, x: str) -> Array:
        return np.maximum(self.value(x), F(0))

    def _leakyrelu(self, x: str, alpha: float = 0.01) -> Array:
        y = self.value(x)
        return np.where(y < 0, self._flushed(y * F(alpha)), y)

    def _max(self, x: str, y: str) -> Array:
        return np.maximum(self.value(x), self.value(y))

    def _concat(self, *names: str, axis: int) -> Array:
        return np.concatenate([self.value(n) for n in names], axis=axis)

    def _flatten(self, x: str) -> Array:
        y = self.value(x)
        return y.reshape(len(y), -1)

    def _averagepool(self, x: str, kernel_shape: Any, strides: Any) -> Array:
        assert list(kernel_shape) == list(strides) == [2, 2]
        y = self.value(x)
        parts = [y[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        return self._flushed(self._added(Pending([], parts)) / F(4))

    def _reducemean(self, x: str, axes: Any, keepdims: int = 1) -> Array:
        assert list(axes) == [1]
        y = self.value(x)
        total = self._added(Pending([], [y[:, k] for k in range(y.shape[1])]))
        mean = self._flushed(total / F(y.shape[1]))
        return mean[:, None] if keepdims else mean
