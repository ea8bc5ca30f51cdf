"""ATen operators that are matrix products, convolutions or normalizations.

Sources: the operators' pages of torch.nn.functional.
May import: numpy, flint, values, builder, rational, onnx_call, torch_call, torch_pointwise.
Must not know: graphs, nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import numpy as np

from verifai.graph.values import Constant, Value, rearranged
from verifai.load.onnx.call import Attribute
from verifai.load.torch.call import AtenCall, Result, Rule
from verifai.load.torch.pointwise import same, scaled


def linear(call: AtenCall) -> Result:
    """input·weightᵀ + bias."""
    weight, bias = call.value("weight"), call.optional("bias")
    y = call.onnx("MatMul", call.value("input"), rearranged(weight, np.transpose))
    return y if bias is None else call.onnx("Add", y, bias)


def addmm(call: AtenCall) -> Result:
    """beta·self + alpha·mat1·mat2."""
    factors = call.value("mat1"), call.value("mat2")
    alpha, beta = call.number("alpha"), call.number("beta")
    return call.onnx("Gemm", *factors, call.value("self"), alpha=alpha, beta=beta)


def baddbmm(call: AtenCall) -> Result:
    """beta·self + alpha·batch1·batch2."""
    y = call.onnx("MatMul", call.value("batch1"), call.value("batch2"))
    offset = scaled(call, call.value("self"), call.number("beta"))
    return call.onnx("Add", scaled(call, y, call.number("alpha")), offset)


def bilinear(call: AtenCall) -> Value:
    """Σ_ij input1_i·weight_oij·input2_j + bias_o."""
    x, y, bias = call.value("input1"), call.value("input2"), call.optional("bias")
    rows = rearranged(x, lambda array: array[..., None, None, :])
    columns = rearranged(y, lambda array: array[..., None, :, None])
    z = call.onnx("MatMul", call.onnx("MatMul", rows, call.value("weight")), columns)
    z = rearranged(z, lambda array: array[..., 0, 0])
    return z if bias is None else call.onnx("Add", z, bias)


def convolution(call: AtenCall) -> Result:
    """A convolution or its transpose, with constant weights."""
    x, weight, bias = call.value("input"), call.value("weight"), call.optional("bias")
    axes = len(weight.shape) - 2
    padding = call.integers("padding", axes)
    attributes: dict[str, Attribute] = {
        "strides": call.integers("stride", axes),
        "pads": padding + padding,
        "dilations": call.integers("dilation", axes),
        "group": call.integer("groups"),
    }
    extra = call.integers("output_padding", axes)
    if call.argument("transposed"):
        return call.onnx(
            "ConvTranspose",
            x,
            weight,
            bias,
            kernel_shape=weight.shape[2:],
            output_padding=extra,
            **attributes,
        )
    return call.onnx("Conv", x, weight, bias, **attributes)


def batch_norm(call: AtenCall) -> Value:
    """Batch normalization with running statistics."""
    call.seen.update(("training", "momentum", "cudnn_enabled"))
    statistics = [call.argument(name) for name in ("running_mean", "running_var")]
    if call.arguments.get("training") or None in statistics:
        in_training(call)
    return _with_statistics(call)


def _with_statistics(call: AtenCall) -> Value:
    mean, variance = call.value("running_mean"), call.value("running_var")
    weight, bias = _affine(call, mean.shape)
    epsilon = call.number("eps")
    x = call.value("input")
    return call.onnx("BatchNormalization", x, weight, bias, mean, variance, epsilon=epsilon)


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
    return call.onnx("LayerNormalization", x, weight, bias, axis=-len(shape), epsilon=epsilon)


def rms_norm(call: AtenCall) -> Value:
    """Root-mean-square normalization over the last axes."""
    shape = call.integers("normalized_shape")
    weight = call.optional("weight")
    scale = Constant(np.ones(shape), "weight") if weight is None else weight
    epsilon = _machine_epsilon(call) if call.argument("eps") is None else call.number("eps")
    x = call.value("input")
    return call.onnx("RMSNormalization", x, scale, axis=-len(shape), epsilon=epsilon)


def _machine_epsilon(call: AtenCall) -> float:
    import torch

    return float(torch.finfo(call.dtype).eps)


def group_norm(call: AtenCall) -> Value:
    """Group normalization."""
    call.seen.update(("N", "C", "HxW"))
    x, groups, epsilon = call.value("input"), call.integer("group"), call.number("eps")
    parameters = _affine(call, (x.shape[1],))
    return call.onnx("GroupNormalization", x, *parameters, num_groups=groups, epsilon=epsilon)


def instance_norm(call: AtenCall) -> Value:
    """Instance normalization; with running statistics, batch normalization."""
    call.seen.update(("momentum", "cudnn_enabled", "running_mean", "running_var"))
    if not call.argument("use_input_stats"):
        return _with_statistics(call)
    x, epsilon = call.value("input"), call.number("eps")
    parameters = _affine(call, (x.shape[1],))
    return call.onnx("InstanceNormalization", x, *parameters, epsilon=epsilon)


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


def in_training(call: AtenCall) -> NoReturn:
    """Refused: normalization as training has it."""
    raise call.refuse(
        "it normalizes with the statistics of its batch (training mode? call module.eval() before "
        "exporting)"
    )


_BATCH_NORM = Rule(lambda call: (batch_norm(call), None, None), "`BatchNormalization`")
_TRAINING = Rule(in_training, "refused: statistics of a batch")
RULES: Mapping[str, Rule] = {
    "aten._native_batch_norm_legit.default": _BATCH_NORM,
    "aten._native_batch_norm_legit_functional.default": _TRAINING,
    "aten._native_batch_norm_legit.no_stats": _TRAINING,
    "aten._native_batch_norm_legit_no_training.default": _BATCH_NORM,
    "aten.addmm.default": Rule(addmm, "`Gemm`"),
    "aten.baddbmm.default": Rule(baddbmm, "`MatMul`, `Add`"),
    "aten.batch_norm.default": Rule(batch_norm, "`BatchNormalization`"),
    "aten.bilinear.default": Rule(bilinear, "`MatMul`, `Add`"),
    "aten.bmm.default": same("MatMul", "self", "mat2"),
    "aten.convolution.default": Rule(convolution, "`Conv`, `ConvTranspose`"),
    "aten.dropout.default": Rule(dropout, "no change"),
    "aten.instance_norm.default": Rule(instance_norm, "`InstanceNormalization`"),
    "aten.linear.default": Rule(linear, "`MatMul`, `Add`"),
    "aten.mm.default": same("MatMul", "self", "mat2"),
    "aten.native_dropout.default": Rule(native_dropout, "no change"),
    "aten.native_group_norm.default": Rule(
        lambda call: (group_norm(call), None, None), "`GroupNormalization`"
    ),
    "aten.native_layer_norm.default": Rule(
        lambda call: (layer_norm(call), None, None), "`LayerNormalization`"
    ),
    "aten.rms_norm.default": Rule(rms_norm, "`RMSNormalization`"),
}
