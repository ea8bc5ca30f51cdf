"""ATen operators of attention: softmax, with what is masked left out, and its products.

Source: the page of torch.nn.functional.scaled_dot_product_attention.
May import: numpy, flint, values, builder, rational, torch_call, torch_pointwise.
Must not know: graphs, nodes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from flint import fmpq

from verifai.kernel.operator import Array
from verifai.load.builder import ONE
from verifai.load.rational import inverse_root
from verifai.load.torch_call import AtenCall, Masked, Rule, unmasked
from verifai.load.torch_pointwise import scaled
from verifai.load.values import Activation, Constant, Value, broadcast_shape, rearranged


def attention(call: AtenCall) -> Value:
    """softmax(scale·query·keyᵀ + mask)·value, with a mask that is known."""
    if call.number("dropout_p") != 0:
        raise call.refuse("dropout in training mode: call module.eval() before exporting")
    query, key, value = (call.value(name) for name in ("query", "key", "value"))
    if call.argument("enable_gqa"):
        groups = query.shape[-3] // key.shape[-3]
        key, value = (rearranged(v, lambda a: a.repeat(groups, axis=-3)) for v in (key, value))
    transposed = rearranged(key, lambda array: np.swapaxes(array, -1, -2))
    scores = _scaled_scores(call, call.onnx("MatMul", query, transposed), query.shape[-1])
    mask, allowed = _mask(call, scores.shape)
    scores = scores if mask is None else call.onnx("Add", scores, mask)
    return call.onnx("MatMul", masked_softmax(call, scores, allowed), value)


def _scaled_scores(call: AtenCall, scores: Value, width: int) -> Value:
    if call.argument("scale") is not None:
        return scaled(call, scores, call.number("scale"))
    factor, radius = inverse_root(fmpq(1), fmpq(width))
    slack = np.array(radius) if radius else None
    return call.builder.linear([(call.builder.lift(scores), np.array(factor))], radius=slack)


def _mask(call: AtenCall, shape: tuple[int, ...]) -> tuple[Value | None, Array]:
    """What is added to the scores, and where they count."""
    allowed = np.ones(shape, dtype=bool)
    if call.argument("is_causal"):
        allowed &= np.tri(shape[-2], shape[-1]) > 0
    mask = call.argument("attn_mask")
    if mask is None:
        return None, allowed
    if isinstance(mask, Constant):
        if broadcast_shape(shape, mask.shape) != shape:
            raise call.refuse(f"a mask of shape {mask.shape} for scores of shape {shape}")
        if mask.array.dtype.kind == "b":
            return None, allowed & mask.array
        finite, present = unmasked(mask)
        return finite, allowed & present
    return call.value("attn_mask"), allowed


def masked_softmax(call: AtenCall, x: Value, allowed: Array) -> Value:
    """exp(x_i)/Σ exp(x_j) along the last axis over what is allowed, 0 elsewhere."""
    if allowed.all():
        return call.onnx("Softmax", x, axis=-1)
    if not allowed.any(axis=-1).all():
        raise call.refuse("a row in which everything is masked")
    view, builder = call.builder.lift(x), call.builder
    both = allowed[..., :, None] & allowed[..., None, :]
    apart = both & ~np.eye(x.shape[-1], dtype=bool)
    above, own = (np.where(apart, view.index[axis], -1) for axis in (_ABOVE, _OWN))
    terms = [(Activation(view.node, above), ONE), (Activation(view.node, own), -ONE)]
    powers = builder.smooth(builder.linear(terms), "exp")
    counted = np.where(allowed[..., None, :], powers.index, -1)
    total = builder.dense(Activation(powers.node, counted), np.ones((1, x.shape[-1])))
    shares = builder.smooth(Activation(total.node, total.index[..., 0]), "reciprocal")
    return Activation(shares.node, np.where(allowed, shares.index, -1))


def softmax(call: AtenCall) -> Value:
    """Softmax, also of masked values."""
    call.seen.add("half_to_float")
    x, axis = call.argument("self"), call.integer("dim")
    if not isinstance(x, Masked):
        return call.onnx("Softmax", call.value("self"), axis=axis)
    last = rearranged(x.value, lambda array: np.moveaxis(array, axis, -1))
    allowed = np.broadcast_to(x.allowed, x.shape)
    y = masked_softmax(call, last, np.moveaxis(allowed, axis, -1))
    return rearranged(y, lambda array: np.moveaxis(array, -1, axis))


def log_softmax(call: AtenCall) -> Value:
    """LogSoftmax."""
    call.seen.add("half_to_float")
    return call.onnx("LogSoftmax", call.value("self"), axis=call.integer("dim"))


_ABOVE, _OWN = (..., None, slice(None)), (..., slice(None), None)
RULES: Mapping[str, Rule] = {
    "aten._log_softmax.default": Rule(log_softmax, "`LogSoftmax`"),
    "aten._softmax.default": Rule(softmax, "`Softmax`"),
    "aten.scaled_dot_product_attention.default": Rule(attention, "`MatMul`, `Softmax`"),
}
