"""ATen operators of attention: softmax, with what is masked left out, and its products.

Source: the page of torch.nn.functional.scaled_dot_product_attention.
May import: numpy, flint, values, builder, rational, torch_call, torch_pointwise.
Must not know: graphs, nodes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from flint import fmpq

from verifai.graph.rational import inverse_root
from verifai.graph.values import Constant, Masked, Value, rearranged
from verifai.load.torch.call import AtenCall, Rule
from verifai.load.torch.pointwise import scaled


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
    return call.onnx("MatMul", call.onnx("Softmax", _masked(call, scores), axis=-1), value)


def _scaled_scores(call: AtenCall, scores: Value, width: int) -> Value:
    if call.argument("scale") is not None:
        return scaled(call, scores, call.number("scale"))
    factor, radius = inverse_root(fmpq(1), fmpq(width))
    slack = np.array(radius) if radius else None
    return call.builder.linear([(call.builder.lift(scores), np.array(factor))], radius=slack)


def _masked(call: AtenCall, scores: Value) -> Value:
    """The scores plus the mask; minus infinity where nothing is attended to."""
    mask, absent = call.argument("attn_mask"), Constant(np.array(-np.inf), "absent")
    if call.argument("is_causal"):
        earlier = np.tri(scores.shape[-2], scores.shape[-1]) > 0
        mask = Constant(earlier, "earlier")
    if mask is None:
        return scores
    if isinstance(mask, Constant) and mask.array.dtype.kind == "b":
        return call.onnx("Where", mask, scores, absent)
    if "attn_mask" in call.truths:
        raise call.refuse("a mask of truth values that depend on the input")
    return call.onnx("Add", scores, mask)


def softmax(call: AtenCall) -> Value:
    """Softmax, also of masked values."""
    call.seen.add("half_to_float")
    x = call.argument("self")
    if not isinstance(x, Masked):
        x = call.value("self")
    return call.onnx("Softmax", x, axis=call.integer("dim"))


def log_softmax(call: AtenCall) -> Value:
    """LogSoftmax."""
    call.seen.add("half_to_float")
    return call.onnx("LogSoftmax", call.value("self"), axis=call.integer("dim"))


RULES: Mapping[str, Rule] = {
    "aten._log_softmax.default": Rule(log_softmax, "`LogSoftmax`"),
    "aten._softmax.default": Rule(softmax, "`Softmax`"),
    "aten.scaled_dot_product_attention.default": Rule(attention, "`MatMul`, `Softmax`"),
}
