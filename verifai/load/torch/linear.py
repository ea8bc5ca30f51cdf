"""ATen operators that are matrix products, convolutions or normalizations.

Sources: the operators' pages of torch.nn.functional.
May import: numpy, values, lower, call, pointwise.
Must not know: graphs, nodes.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from verifai.graph.values import Constant, Value, rearranged
from verifai.load.lower import conv, matrix, normalize
from verifai.load.lower.arithmetic import add
from verifai.load.lower.window import Steps, stretched, window
from verifai.load.torch.call import AtenCall, Result
from verifai.load.torch.pointwise import scaled


def linear(call: AtenCall) -> Value:
    """input·weightᵀ + bias."""
    weight, bias = call.value("weight"), call.optional("bias")
    y = matrix.matmul(call.builder, call.value("input"), rearranged(weight, np.transpose))
    return y if bias is None else add(call.builder, y, bias)


def addmm(call: AtenCall) -> Value:
    """beta·self + alpha·mat1·mat2."""
    a, b, c = (call.value(name) for name in ("mat1", "mat2", "self"))
    alpha, beta = call.number("alpha"), call.number("beta")
    return matrix.gemm(call.builder, a, b, c, alpha=alpha, beta=beta)


def baddbmm(call: AtenCall) -> Value:
    """beta·self + alpha·batch1·batch2."""
    y = matrix.matmul(call.builder, call.value("batch1"), call.value("batch2"))
    offset = scaled(call, call.value("self"), call.number("beta"))
    return add(call.builder, scaled(call, y, call.number("alpha")), offset)


def bilinear(call: AtenCall) -> Value:
    """Σ_ij input1_i·weight_oij·input2_j + bias_o."""
    x, y, bias = call.value("input1"), call.value("input2"), call.optional("bias")
    rows = rearranged(x, lambda array: array[..., None, None, :])
    columns = rearranged(y, lambda array: array[..., None, :, None])
    products = matrix.matmul(call.builder, rows, call.value("weight"))
    z = matrix.matmul(call.builder, products, columns)
    z = rearranged(z, lambda array: array[..., 0, 0])
    return z if bias is None else add(call.builder, z, bias)


def convolution(call: AtenCall) -> Value:
    """A convolution or its transpose, with constant weights."""
    x, weight = call.builder.lift(call.value("input")), call.known("weight")
    bias = None if call.argument("bias") is None else call.known("bias")
    axes, groups = conv.check_weights(x.shape, weight), call.integer("groups")
    kernel, stride = weight.shape[2:], call.integers("stride", axes)
    steps = Steps(kernel, stride, call.integers("dilation", axes))
    ends = [(n, n) for n in call.integers("padding", axes)]
    extra = call.integers("output_padding", axes)
    kernels = conv.Kernels(weight, bias, groups)
    if call.argument("transposed"):
        stretch = stretched(x.shape[2:], steps, extra, ends)
        return conv.transposed(call.builder, x, kernels, stretch)
    slid = window(x.shape[2:], steps, ends)
    return conv.convolution(call.builder, x, kernels, slid)


def batch_norm(call: AtenCall) -> Value:
    """Batch normalization with running statistics."""
    call.seen.update(("training", "momentum", "cudnn_enabled"))
    statistics = [call.argument(name) for name in ("running_mean", "running_var")]
    if call.arguments.get("training") or None in statistics:
        in_training(call)
    return _with_statistics(call)


def _with_statistics(call: AtenCall) -> Value:
    mean, variance = call.known("running_mean"), call.known("running_var")
    weight, bias = (
        call.known(name) if call.argument(name) is not None else np.full(mean.shape, default)
        for name, default in (("weight", 1.0), ("bias", 0.0))
    )
    x, parameters = call.value("input"), (weight, bias, mean, variance)
    return matrix.batch_normalization(call.builder, x, parameters, call.number("eps"))


def _affine(call: AtenCall, shape: tuple[int, ...]) -> tuple[Value, Value]:
    """Weight and bias; ones and zeros where they are left out."""
    weight, bias = call.optional("weight"), call.optional("bias")
    return (
        Constant(np.ones(shape), "weight") if weight is None else weight,
        Constant(np.zeros(shape), "bias") if bias is None else bias,
    )


def layer_norm(call: AtenCall) -> Value:
    """Layer normalization over the last axes."""
    call.seen.add("cudnn_enable")
    shape = call.integers("normalized_shape")
    weight, bias = _affine(call, shape)
    x, epsilon = call.value("input"), call.number("eps")
    return normalize.layer_normalization(
        call.builder, x, weight, bias, axis=-len(shape), epsilon=epsilon
    )[0]


def rms_norm(call: AtenCall) -> Value:
    """Root-mean-square normalization over the last axes."""
    shape = call.integers("normalized_shape")
    weight = call.optional("weight")
    scale = Constant(np.ones(shape), "weight") if weight is None else weight
    epsilon = _machine_epsilon(call) if call.argument("eps") is None else call.number("eps")
    x = call.value("input")
    return normalize.rms_normalization(call.builder, x, scale, axis=-len(shape), epsilon=epsilon)


def _machine_epsilon(call: AtenCall) -> float:
    import torch

    return float(torch.finfo(call.dtype).eps)


def group_norm(call: AtenCall) -> Value:
    """Group normalization."""
    call.seen.update(("N", "C", "HxW"))
    x, groups, epsilon = call.value("input"), call.integer("group"), call.number("eps")
    parameters = _affine(call, (x.shape[1],))
    return normalize.group_normalization(
        call.builder, x, *parameters, num_groups=groups, epsilon=epsilon
    )


def instance_norm(call: AtenCall) -> Value:
    """Instance normalization; with running statistics, batch normalization."""
    call.seen.update(("momentum", "cudnn_enabled", "running_mean", "running_var"))
    if not call.argument("use_input_stats"):
        return _with_statistics(call)
    x, epsilon = call.value("input"), call.number("eps")
    parameters = _affine(call, (x.shape[1],))
    return normalize.group_normalization(
        call.builder, x, *parameters, num_groups=x.shape[1], epsilon=epsilon
    )


def dropout(call: AtenCall) -> Result:
    """Dropout in evaluation mode: nothing."""
    call.seen.add("p")
    if call.argument("train"):
        raise call.refuse("dropout in training mode: call module.eval() before exporting")
    return call.value("input")


def native_dropout(call: AtenCall) -> Result:
    """Dropout as training has it, with probability 0 or not in training."""
    if call.argument("train") and call.argument("p") != 0:
        raise call.refuse("dropout in training mode: call module.eval() before exporting")
    return (call.value("input"), None)


def first_of_three(call: AtenCall, name: str) -> Result:
    """A normalization whose further results, its statistics, are not supported."""
    made = {"batch": batch_norm, "group": group_norm, "layer": layer_norm}[name](call)
    return (made, None, None)


def in_training(call: AtenCall) -> NoReturn:
    """Refused: normalization as training has it."""
    raise call.refuse(
        "it normalizes with the statistics of its batch (training mode? call module.eval() before "
        "exporting)"
    )
