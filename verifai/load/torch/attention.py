"""ATen operators of attention: softmax, with what is masked left out, and its products.

Source: the page of torch.nn.functional.scaled_dot_product_attention.
May import: numpy, flint, values, builder, rational, lower, call, pointwise.
Must not know: graphs, nodes.
"""

from __future__ import annotations

import numpy as np
from flint import fmpq

from verifai.graph.rational import inverse_root
from verifai.graph.values import Constant, Masked, Value, rearranged
from verifai.load.lower import softmax as lower
from verifai.load.lower.arithmetic import add
from verifai.load.lower.join import where
from verifai.load.lower.matrix import matmul
from verifai.load.torch.call import AtenCall
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
    products = matmul(call.builder, query, transposed)
    scores = _masked(call, _scaled_scores(call, products, query.shape[-1]))
    return matmul(call.builder, lower.softmax(call.builder, scores, -1), value)


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
        return where(call.builder, mask.array, scores, absent)
    if "attn_mask" in call.truths:
        raise call.refuse("a mask of truth values that depend on the input")
    return add(call.builder, scores, mask)


def softmax(call: AtenCall) -> Value:
    """Softmax, also of masked values."""
    call.seen.add("half_to_float")
    x = call.argument("self")
    if not isinstance(x, Masked):
        x = call.value("self")
    return lower.softmax(call.builder, x, call.integer("dim"))


def log_softmax(call: AtenCall) -> Value:
    """LogSoftmax."""
    call.seen.add("half_to_float")
    return lower.log_softmax(call.builder, call.value("self"), call.integer("dim"))
