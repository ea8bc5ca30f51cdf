"""Einsum of one or two tensors, by sums and one matrix product.

Source: the page of Einsum of the ONNX standard.
May import: numpy, kernel, values, builder, lower, call.
Must not know: protobuf.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from verifai.graph.values import Activation, Constant, Value, rearranged
from verifai.kernel.operator import Array
from verifai.load.lower.matrix import matrix_product
from verifai.load.lower.reduce import Axes, reduced, total
from verifai.load.onnx.call import Call

_ELLIPSIS = "0123456789"  # labels of the axes that an ellipsis stands for, right-aligned


def einsum(call: Call) -> list[Value]:
    """Einsum: sums over the labels that the result does not have."""
    equation = call.text("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    values = [call.finite(i) for i in range(len(call.inputs))]
    if len(terms) != len(values) or len(values) > 2:
        raise call.refuse(f"the equation {equation!r} of {len(values)} tensors (at most 2)")
    labels = [_labels(call, t, len(v.shape)) for v, t in zip(values, terms, strict=True)]
    wide = max(sum(label in _ELLIPSIS for label in each) for each in labels)
    if arrow:
        result = _labels(call, right, wide + len(right.replace("...", "")))
    else:
        once = sorted({c for c in left if c.isalpha() and left.count(c) == 1})
        result = _ELLIPSIS[len(_ELLIPSIS) - wide :] * ("..." in left) + "".join(once)
    if len(set(result)) != len(result) or not set(result) <= set("".join(labels)):
        raise call.refuse(f"the equation {equation!r}")
    values = [call.builder.lift(values[0]), *values[1:]] if _is_constant(values) else values
    parts = [_diagonal(call, v, each) for v, each in zip(values, labels, strict=True)]
    if len(parts) == 1:
        return [_ordered(*_summed(call, *parts[0], set(result)), result)]
    return [_contracted(call, parts[0], parts[1], result)]


def _is_constant(values: list[Value]) -> bool:
    return all(isinstance(value, Constant) for value in values)


def _labels(call: Call, term: str, rank: int) -> str:
    """One label for each axis, with those of the ellipsis written out."""
    named = term.replace("...", "", 1)
    wide = rank - len(named)
    fits = wide == 0 or ("..." in term and 0 < wide <= len(_ELLIPSIS))
    if not fits or not (named.isalpha() or not named) or not named.isascii():
        raise call.refuse(f"the term {term!r} for a tensor with {rank} axes")
    return term.replace("...", _ELLIPSIS[len(_ELLIPSIS) - wide :])


def _diagonal(call: Call, x: Value, labels: str) -> tuple[Value, str]:
    """x with every label once: where a label repeats, the diagonal."""
    for label in dict.fromkeys(labels):
        places = [place for place, each in enumerate(labels) if each == label]
        while len(places) > 1:
            first, last = places[0], places.pop()
            if x.shape[first] != x.shape[last]:
                raise call.refuse(f"lengths {x.shape[first]} and {x.shape[last]} of {label!r}")
            x = rearranged(x, partial(_main_diagonal, first=first, last=last))
            labels = labels[:last] + labels[last + 1 :]
    return x, labels


def _main_diagonal(array: Array, *, first: int, last: int) -> Array:
    return np.moveaxis(array.diagonal(axis1=first, axis2=last), -1, first)


def _summed(call: Call, x: Value, labels: str, kept: set[str]) -> tuple[Value, str]:
    """x without the axes whose labels are not kept: their sum."""
    axes = tuple(place for place, label in enumerate(labels) if label not in kept)
    if not axes:
        return x, labels
    y = reduced(call.builder, call.builder.lift(x), Axes(axes, keep=False), total)
    return y, "".join(label for label in labels if label in kept)


def _ordered(x: Value, labels: str, wanted: str) -> Value:
    """x with its axes in the wanted order."""
    order = [labels.index(label) for label in wanted]
    return rearranged(x, lambda a: a.transpose(order))


def _contracted(
    call: Call, left: tuple[Value, str], right: tuple[Value, str], result: str
) -> Value:
    """The sum of products, as a matrix product for every index of the labels that stay in both."""
    x, a = _summed(call, *left, set(result) | set(right[1]))
    y, b = _summed(call, *right, set(result) | set(left[1]))
    lengths: dict[str, int] = {}
    for labels, shape in ((a, x.shape), (b, y.shape)):
        for label, n in zip(labels, shape, strict=True):
            if lengths.get(label, 1) not in (1, n) and n != 1:
                raise call.refuse(f"lengths {lengths[label]} and {n} of {label!r}")
            lengths[label] = max(n, lengths.get(label, 1))
    batch = [label for label in a if label in b and label in result]
    inner = [label for label in a if label in b and label not in result]
    rows, columns = [c for c in a if c not in b], [c for c in b if c not in a]

    def matrix(value: Value, labels: str, groups: list[list[str]]) -> Value:
        order = [label for group in groups for label in group]
        full = tuple(lengths[label] for label in order)
        shape = tuple(math.prod(lengths[label] for label in group) for group in groups)
        moved = _ordered(value, labels, "".join(order))
        return rearranged(moved, lambda v: np.broadcast_to(v, full).reshape(shape))

    product = matrix_product(
        call.builder, matrix(x, a, [batch, rows, inner]), matrix(y, b, [batch, inner, columns])
    )
    labels = "".join((*batch, *rows, *columns))
    shape = tuple(lengths[label] for label in labels)
    spread = Activation(product.node, product.index.reshape(shape))
    return _ordered(spread, labels, result)
