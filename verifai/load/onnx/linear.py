"""Matrix products and batch normalization.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, builder, rational, onnx_call, onnx_conv.
Must not know: protobuf.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import mul

import numpy as np

from verifai.graph.builder import ONE, Builder
from verifai.graph.rational import (
    MAX_BITS,
    bits,
    combine,
    enclose,
    inverse_root,
    narrow,
    rationals,
)
from verifai.graph.values import Activation, Constant, Value, broadcast_shape
from verifai.kernel.number import exact
from verifai.kernel.operator import Array, Conv
from verifai.load.onnx.call import Call, Lowering, reals
from verifai.load.onnx.conv import per_channel

MAX_PAIRS = 1 << 24  # products of two values in one operator
MAX_FOLDED = 1 << 22  # products of two constants in one operator


def gemm(call: Call) -> list[Value]:
    """Gemm: alpha·A·B + beta·C, with alpha folded into a constant factor if there is one."""
    alpha, beta = (np.array(call.number(name, 1.0)) for name in ("alpha", "beta"))
    a, b = (_transposed(call.finite(i), call.flag(f)) for i, f in enumerate(("transA", "transB")))
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise call.refuse(f"factors of shapes {a.shape} and {b.shape}")
    if isinstance(b, Constant):
        a, b, alpha = call.builder.lift(a), _scaled(alpha, b), ONE
    elif isinstance(a, Constant):
        a, alpha = _scaled(alpha, a), ONE
    result = matrix_product(call, a, b)
    if not call.has(2):
        return [result if alpha == 1 else call.builder.linear([(result, alpha)])]
    offset = call.finite(2)
    if broadcast_shape(result.shape, offset.shape) != result.shape:
        raise call.refuse(f"a C of shape {offset.shape} for a product of shape {result.shape}")
    if isinstance(offset, Constant):
        return [call.builder.linear([(result, alpha)], reals(_scaled(beta, offset)))]
    return [call.builder.linear([(result, alpha), (offset, beta)])]


def _transposed(value: Value, wanted: bool) -> Value:
    if not wanted:
        return value
    if isinstance(value, Constant):
        return Constant(value.array.T, value.name)
    return Activation(value.node, value.index.T)


def _scaled(factor: Array, constant: Constant) -> Constant:
    array = reals(constant)
    return Constant(array if factor == 1 else combine(mul, factor, array), constant.name)


def matmul(call: Call) -> list[Value]:
    """MatMul, as numpy's: a constant on either side, or two views."""
    a, b = call.finite(0), call.finite(1)
    ranks = len(a.shape), len(b.shape)
    if 0 in ranks:
        raise call.refuse("a factor without axes")
    if isinstance(a, Constant) and isinstance(b, Constant):
        return [_product_of_constants(call, a, b)]
    rows = _reshaped(a, (1, *a.shape)) if ranks[0] == 1 else a
    columns = _reshaped(b, (*b.shape, 1)) if ranks[1] == 1 else b
    product = matrix_product(call, rows, columns)
    lengths = list(product.shape)
    if ranks[1] == 1:
        del lengths[-1]
    if ranks[0] == 1:
        del lengths[-1 if ranks[1] == 1 else -2]
    return [Activation(product.node, product.index.reshape(lengths))]


def _product_of_constants(call: Call, a: Constant, b: Constant) -> Constant:
    inner = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    batch = broadcast_shape(a.shape[:-2], b.shape[:-2])
    work = math.prod(batch) * math.prod(a.shape[-2:]) * math.prod(b.shape[-1:])
    if a.is_integer or b.is_integer or a.shape[-1] != inner or work > MAX_FOLDED:
        raise call.refuse(f"a product of constants of shapes {a.shape} and {b.shape}")
    call.builder.spend(work)
    if inner * (bits(a.array) + bits(b.array)) > 64 * MAX_BITS:
        raise call.refuse(f"a product of constants of too many digits, {a.name!r} and {b.name!r}")
    return Constant(narrow(np.asarray(rationals(a.array) @ rationals(b.array))), a.name)


def _reshaped(value: Value, shape: tuple[int, ...]) -> Value:
    if isinstance(value, Constant):
        return Constant(value.array.reshape(shape), value.name)
    return Activation(value.node, value.index.reshape(shape))


def matrix_product(call: Call, a: Value, b: Value) -> Activation:
    """a·b on the last two axes, at most one of them constant; the axes before broadcast."""
    if a.shape[-1] != b.shape[-2]:
        raise call.refuse(f"a product of shapes {a.shape} and {b.shape}")
    if isinstance(a, Activation) and isinstance(b, Activation):
        return _inner_products(call, a, b)
    if isinstance(a, Activation) and isinstance(b, Constant):
        return _times_constant(call, a, reals(b))
    if isinstance(a, Constant) and isinstance(b, Activation):
        flipped = Activation(b.node, np.swapaxes(b.index, -1, -2))
        result = _times_constant(call, flipped, np.swapaxes(reals(a), -1, -2))
        return Activation(result.node, np.swapaxes(result.index, -1, -2))
    raise call.refuse("a product of constants")


def _times_constant(call: Call, x: Activation, weight: Array) -> Activation:
    """x·weight; a different matrix for every batch is a grouped convolution with kernel 1."""
    k, n = weight.shape[-2:]
    if math.prod(weight.shape[:-2]) == 1:
        shape = broadcast_shape(x.shape[:-2], weight.shape[:-2]) + x.shape[-2:]
        return call.builder.dense(
            Activation(x.node, x.index.reshape(shape)), weight.reshape(k, n).T
        )
    batch = broadcast_shape(x.shape[:-2], weight.shape[:-2])
    m, groups = x.shape[-2], math.prod(batch)
    call.builder.afford((groups, m, max(k, n)))
    spread = np.broadcast_to(x.index, (*batch, m, k)).reshape(groups, m, k)
    columns = Activation(x.node, spread.transpose(0, 2, 1))
    kernels = np.broadcast_to(np.swapaxes(weight, -1, -2), (*batch, n, k)).reshape(-1, k, 1)
    result = _convolved(call.builder, columns, kernels, (m,), groups=groups)
    index = result.index.reshape(groups, n, m).transpose(0, 2, 1).reshape(*batch, m, n)
    return Activation(result.node, index)


def _inner_products(call: Call, a: Activation, b: Activation) -> Activation:
    batch = broadcast_shape(a.shape[:-2], b.shape[:-2])
    m, k, n = *a.shape[-2:], b.shape[-1]
    shape = (*batch, m, n, k)
    if math.prod(shape) > MAX_PAIRS:
        raise call.refuse(
            f"a product of two activations of shapes {a.shape} and {b.shape}: it takes "
            f"{math.prod(shape)} products of values, at most {MAX_PAIRS}"
        )
    left = np.broadcast_to(a.index[..., :, None, :], shape)
    right = np.broadcast_to(np.swapaxes(b.index, -1, -2)[..., None, :, :], shape)
    products = call.builder.product(Activation(a.node, left), Activation(b.node, right))
    result = call.builder.dense(products, np.ones((1, k)))
    return Activation(result.node, result.index[..., 0])


def _convolved(
    builder: Builder, x: Activation, weight: Array, spatial: tuple[int, ...], **options: int
) -> Activation:
    """A convolution without padding, whose weights may be rational."""
    doubles, error = enclose(weight)
    radius = None if error is None else per_channel(error, len(spatial))
    operator = Conv.of(doubles, spatial, groups=options.get("groups", 1))
    return builder.convolve(x, operator, radius=radius)


def batch_normalization(call: Call) -> list[Value]:
    """BatchNormalization in inference: z = x - mean, then scale/√(variance + epsilon)·z + bias."""
    training = call.opset >= 14 and call.flag("training_mode")
    if training or (call.opset < 14 and call.outputs > 1):
        raise call.refuse("training mode")
    if call.opset < 9 and call.integer("spatial", 1) != 1:
        raise call.refuse("spatial = 0")
    call.ignore("momentum")
    x, epsilon = call.activation(0), exact(call.number("epsilon", 1e-5))
    scale, bias, mean, variance = (call.real(i) for i in range(1, 5))
    channels = x.shape[1] if len(x.shape) > 1 else 1
    if any(array.shape != (channels,) for array in (scale, bias, mean, variance)):
        raise call.refuse(f"parameters that are not {channels} numbers each")
    pairs = zip(rationals(scale), rationals(variance), strict=True)
    factors = [inverse_root(s, v + epsilon) for s, v in pairs]
    column = (channels, *(1,) * (len(x.shape) - 2)) if len(x.shape) > 1 else (1,)
    if mean.any():
        x = call.builder.linear([(x, ONE)], -mean.reshape(column))
    factor = np.array([f for f, _ in factors]).reshape(column)
    radius = np.array([r for _, r in factors]).reshape(column)
    slack = radius if radius.any() else None
    return [call.builder.linear([(x, factor)], bias.reshape(column), radius=slack)]


LOWERINGS: Mapping[str, Lowering] = {
    "BatchNormalization": batch_normalization,
    "Gemm": gemm,
    "MatMul": matmul,
}
