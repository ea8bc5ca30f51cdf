"""Matrix products and batch normalization.

Sources: the operators' pages of the ONNX standard and of torch.
May import: numpy, kernel, values, builder, rational, constants.
Must not know: formats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from verifai.graph.values import Activation, Constant, Value, broadcast_shape, finite
from verifai.kernel.errors import InputError
from verifai.kernel.number import exact
from verifai.kernel.operator import Array, Conv
from verifai.load.lower.constants import per_channel, reals

MAX_PAIRS = 1 << 24  # products of two values in one operator
MAX_FOLDED = 1 << 22  # products of two constants in one operator


def gemm(
    builder: Builder, a: Value, b: Value, c: Value | None, *, alpha: float, beta: float
) -> Activation:
    """alpha·a·b + beta·c, with alpha folded into a constant factor if there is one.

    Args:
        builder: where nodes go.
        a: a matrix.
        b: a matrix, not constant if a is.
        c: what is added, of a shape that broadcasts to the product's.
        alpha: the factor of the product.
        beta: the factor of what is added.

    Raises:
        InputError: shapes that do not fit.
    """
    a, b, share = finite(a), finite(b), np.array(alpha)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise InputError(f"factors of shapes {a.shape} and {b.shape}")
    if isinstance(b, Constant):
        a, b, share = builder.lift(a), _scaled(share, b), ONE
    elif isinstance(a, Constant):
        a, share = _scaled(share, a), ONE
    result = matrix_product(builder, a, b)
    if c is None:
        return result if share == 1 else builder.linear([(result, share)])
    offset = finite(c)
    if broadcast_shape(result.shape, offset.shape) != result.shape:
        raise InputError(f"a C of shape {offset.shape} for a product of shape {result.shape}")
    if isinstance(offset, Constant):
        return builder.linear([(result, share)], reals(_scaled(np.array(beta), offset)))
    return builder.linear([(result, share), (offset, np.array(beta))])


def _scaled(factor: Array, constant: Constant) -> Constant:
    array = reals(constant)
    return Constant(array if factor == 1 else combine(mul, factor, array), constant.name)


def matmul(builder: Builder, a: Value, b: Value) -> Value:
    """a·b as numpy's: a constant on either side, or two views.

    Raises:
        InputError: shapes that do not fit, or a product that is too large.
    """
    a, b = finite(a), finite(b)
    ranks = len(a.shape), len(b.shape)
    if 0 in ranks:
        raise InputError("a factor without axes")
    if isinstance(a, Constant) and isinstance(b, Constant):
        return _product_of_constants(builder, a, b)
    rows = _reshaped(a, (1, *a.shape)) if ranks[0] == 1 else a
    columns = _reshaped(b, (*b.shape, 1)) if ranks[1] == 1 else b
    product = matrix_product(builder, rows, columns)
    lengths = list(product.shape)
    if ranks[1] == 1:
        del lengths[-1]
    if ranks[0] == 1:
        del lengths[-1 if ranks[1] == 1 else -2]
    return Activation(product.node, product.index.reshape(lengths))


def _product_of_constants(builder: Builder, a: Constant, b: Constant) -> Constant:
    inner = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    batch = broadcast_shape(a.shape[:-2], b.shape[:-2])
    work = math.prod(batch) * math.prod(a.shape[-2:]) * math.prod(b.shape[-1:])
    if a.is_integer or b.is_integer or a.shape[-1] != inner or work > MAX_FOLDED:
        raise InputError(f"a product of constants of shapes {a.shape} and {b.shape}")
    builder.spend(work)
    if inner * (bits(a.array) + bits(b.array)) > 64 * MAX_BITS:
        raise InputError(f"a product of constants of too many digits, {a.name!r} and {b.name!r}")
    return Constant(narrow(np.asarray(rationals(a.array) @ rationals(b.array))), a.name)


def _reshaped(value: Value, shape: tuple[int, ...]) -> Value:
    if isinstance(value, Constant):
        return Constant(value.array.reshape(shape), value.name)
    return Activation(value.node, value.index.reshape(shape))


def matrix_product(builder: Builder, a: Value, b: Value) -> Activation:
    """a·b on the last two axes, at most one of them constant; the axes before broadcast."""
    if a.shape[-1] != b.shape[-2]:
        raise InputError(f"a product of shapes {a.shape} and {b.shape}")
    if isinstance(a, Activation) and isinstance(b, Activation):
        return _inner_products(builder, a, b)
    if isinstance(a, Activation) and isinstance(b, Constant):
        return _times_constant(builder, a, reals(b))
    if isinstance(a, Constant) and isinstance(b, Activation):
        flipped = Activation(b.node, np.swapaxes(b.index, -1, -2))
        result = _times_constant(builder, flipped, np.swapaxes(reals(a), -1, -2))
        return Activation(result.node, np.swapaxes(result.index, -1, -2))
    raise InputError("a product of constants")


def _times_constant(builder: Builder, x: Activation, weight: Array) -> Activation:
    """x·weight; a different matrix for every batch is a grouped convolution with kernel 1."""
    k, n = weight.shape[-2:]
    if math.prod(weight.shape[:-2]) == 1:
        shape = broadcast_shape(x.shape[:-2], weight.shape[:-2]) + x.shape[-2:]
        return builder.dense(Activation(x.node, x.index.reshape(shape)), weight.reshape(k, n).T)
    batch = broadcast_shape(x.shape[:-2], weight.shape[:-2])
    m, groups = x.shape[-2], math.prod(batch)
    builder.afford((groups, m, max(k, n)))
    spread = np.broadcast_to(x.index, (*batch, m, k)).reshape(groups, m, k)
    columns = Activation(x.node, spread.transpose(0, 2, 1))
    kernels = np.broadcast_to(np.swapaxes(weight, -1, -2), (*batch, n, k)).reshape(-1, k, 1)
    result = _convolved(builder, columns, kernels, (m,), groups=groups)
    index = result.index.reshape(groups, n, m).transpose(0, 2, 1).reshape(*batch, m, n)
    return Activation(result.node, index)


def _inner_products(builder: Builder, a: Activation, b: Activation) -> Activation:
    batch = broadcast_shape(a.shape[:-2], b.shape[:-2])
    m, k, n = *a.shape[-2:], b.shape[-1]
    shape = (*batch, m, n, k)
    if math.prod(shape) > MAX_PAIRS:
        raise InputError(
            f"a product of two activations of shapes {a.shape} and {b.shape}: it takes "
            f"{math.prod(shape)} products of values, at most {MAX_PAIRS}"
        )
    left = np.broadcast_to(a.index[..., :, None, :], shape)
    right = np.broadcast_to(np.swapaxes(b.index, -1, -2)[..., None, :, :], shape)
    products = builder.product(Activation(a.node, left), Activation(b.node, right))
    result = builder.dense(products, np.ones((1, k)))
    return Activation(result.node, result.index[..., 0])


def _convolved(
    builder: Builder, x: Activation, weight: Array, spatial: tuple[int, ...], **options: int
) -> Activation:
    """A convolution without padding, whose weights may be rational."""
    doubles, error = enclose(weight)
    radius = None if error is None else per_channel(error, len(spatial))
    operator = Conv.of(doubles, spatial, groups=options.get("groups", 1))
    return builder.convolve(x, operator, radius=radius)


def batch_normalization(
    builder: Builder, x: Value, parameters: Sequence[Array], epsilon: float
) -> Activation:
    """z = x - mean, then scale/√(variance + epsilon)·z + bias, for every channel (axis 1).

    Args:
        builder: where nodes go.
        x: the values.
        parameters: scale, bias, mean and variance, one number a channel each.
        epsilon: a double.

    Raises:
        InputError: other shapes, or a variance plus epsilon that is not positive.
    """
    y = builder.lift(x)
    scale, bias, mean, variance = parameters
    channels = y.shape[1] if len(y.shape) > 1 else 1
    if any(array.shape != (channels,) for array in parameters):
        raise InputError(f"parameters that are not {channels} numbers each")
    pairs = zip(rationals(scale), rationals(variance), strict=True)
    factors = [inverse_root(s, v + exact(epsilon)) for s, v in pairs]
    column = (channels, *(1,) * (len(y.shape) - 2)) if len(y.shape) > 1 else (1,)
    if mean.any():
        y = builder.linear([(y, ONE)], -mean.reshape(column))
    factor = np.array([f for f, _ in factors]).reshape(column)
    radius = np.array([r for _, r in factors]).reshape(column)
    slack = radius if radius.any() else None
    return builder.linear([(y, factor)], bias.reshape(column), radius=slack)
