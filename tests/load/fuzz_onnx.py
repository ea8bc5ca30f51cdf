"""Mutations of ONNX models that know what a model is made of; see `mutate`."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from verifai.load.onnx.operators import ROWS

WILD = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-45, 1e30, -1e30, 3.4e38, 0.1),
    *(float("inf"), float("-inf"), float("nan")),
)
LENGTHS = (0, 1, 2, 3, -1, -2, 7, 1 << 20, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63))
SMALL = (-3, -2, -1, 0, 1, 2, 3, 4)
TYPES = tuple(range(24))
KINDS = sorted(ROWS)
WORDS = ("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "reflect", "edge", "DCR", "", "tanh", "é")
NAMES = (
    *("axis", "axes", "alpha", "beta", "epsilon", "keepdims", "group", "pads", "strides", "to"),
    *("dilations", "auto_pad", "ceil_mode", "perm", "transA", "transB", "kernel_shape", "mode"),
    *("training_mode", "spatial", "is_test", "broadcast", "allowzero", "min", "max", "upper"),
    *("noop_with_empty_axes", "exclusive", "reverse", "num_outputs", "split", "output_padding"),
)
Change = Callable[[random.Random, Any], None]


def _attributes(rng: random.Random, graph: Any) -> Any:
    """The attributes of one operator that has some, else an empty list."""
    nodes = [node for node in graph.node if node.attribute]
    return rng.choice(nodes).attribute if nodes else []


def change_attribute(rng: random.Random, graph: Any) -> None:
    attributes = _attributes(rng, graph)
    if not attributes:
        return
    each = rng.choice(attributes)
    if each.type == onnx.AttributeProto.INT:
        each.i = rng.choice((*SMALL, *SMALL, *LENGTHS))
    elif each.type == onnx.AttributeProto.FLOAT:
        each.f = rng.choice(WILD)
    elif each.type == onnx.AttributeProto.STRING:
        each.s = rng.choice(WORDS).encode(rng.choice(["utf-8", "utf-8", "latin-1"]))
    elif each.type == onnx.AttributeProto.INTS:
        _change_list(rng, each.ints, (*SMALL, *SMALL, *LENGTHS))
    elif each.type == onnx.AttributeProto.FLOATS:
        _change_list(rng, each.floats, WILD)
    elif each.type == onnx.AttributeProto.TENSOR:
        _change_tensor(rng, each.t)


def _change_list(rng: random.Random, items: Any, choices: tuple[Any, ...]) -> None:
    what = rng.random()
    if what < 0.2 or not items:
        items.append(rng.choice(choices))
    elif what < 0.4:
        del items[rng.randrange(len(items))]
    elif what < 0.5:
        turned = [*items[1:], items[0]]
        del items[:]
        items.extend(turned)
    else:
        items[rng.randrange(len(items))] = rng.choice(choices)


def change_attribute_kind(rng: random.Random, graph: Any) -> None:
    attributes = _attributes(rng, graph)
    if not attributes:
        return
    each = rng.choice(attributes)
    if rng.random() < 0.3:
        each.type = rng.randrange(15)
        return
    value = rng.choice([1, 0.5, "text", [1, 2], [0.5], ["a"], numpy_helper.from_array(np.ones(2))])
    each.CopyFrom(helper.make_attribute(each.name, value))


def drop_attribute(rng: random.Random, graph: Any) -> None:
    attributes = _attributes(rng, graph)
    if attributes:
        del attributes[rng.randrange(len(attributes))]


def add_attribute(rng: random.Random, graph: Any) -> None:
    if not graph.node:
        return
    node = rng.choice(graph.node)
    value = rng.choice([rng.choice(SMALL), rng.choice(WILD[:8]), "SAME_UPPER", [1, 1], [0, 1]])
    if node.attribute and rng.random() < 0.2:
        node.attribute.append(rng.choice(node.attribute))  # twice
    else:
        node.attribute.append(helper.make_attribute(rng.choice(NAMES), value))


def change_kind(rng: random.Random, graph: Any) -> None:
    if graph.node:
        rng.choice(graph.node).op_type = rng.choice([*KINDS, "Loop", "If", "Unknown", ""])


def change_domain(rng: random.Random, graph: Any) -> None:
    if graph.node:
        rng.choice(graph.node).domain = rng.choice(["ai.onnx", "com.microsoft", "", "ai.onnx.ml"])


def _tensor_names(graph: Any) -> list[str]:
    made = [name for node in graph.node for name in node.output]
    return [*made, *(t.name for t in graph.initializer), *(i.name for i in graph.input), "", "none"]


def rewire(rng: random.Random, graph: Any) -> None:
    if not graph.node:
        return
    node = rng.choice(graph.node)
    names = _tensor_names(graph)
    what = rng.random()
    if what < 0.15 or not node.input:
        node.input.append(rng.choice(names))
    elif what < 0.3:
        del node.input[rng.randrange(len(node.input))]
    elif what < 0.5 and len(node.input) > 1:
        i, j = rng.sample(range(len(node.input)), 2)
        node.input[i], node.input[j] = node.input[j], node.input[i]
    else:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)


def rename_result(rng: random.Random, graph: Any) -> None:
    if not graph.node:
        return
    node = rng.choice(graph.node)
    if node.output and rng.random() < 0.6:
        node.output[rng.randrange(len(node.output))] = rng.choice(_tensor_names(graph))
    else:
        node.output.append(rng.choice([*_tensor_names(graph), "another"]))


def move_operators(rng: random.Random, graph: Any) -> None:
    if not graph.node:
        return
    what, place = rng.random(), rng.randrange(len(graph.node))
    if what < 0.35:
        del graph.node[place]
    elif what < 0.6:
        graph.node.append(graph.node[place])
    elif what < 0.8:
        order = rng.sample(list(graph.node), len(graph.node))
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in order]
        del graph.node[:]
        graph.node.extend(copies)
    else:
        graph.node[place].name = rng.choice(["", "same", "\u202e", "a\nb", "x" * 600])


def add_operator(rng: random.Random, graph: Any) -> None:
    names = [name for name in _tensor_names(graph) if name]
    kind = rng.choice(KINDS)
    inputs = [rng.choice(names) for _ in range(rng.randint(1, 3))]
    fresh = f"n{rng.randrange(1000)}"
    graph.node.append(helper.make_node(kind, inputs, [fresh]))
    if rng.random() < 0.7 and graph.output:
        graph.output[0].name = fresh


def _change_tensor(rng: random.Random, tensor: Any) -> None:
    what = rng.random()
    if what < 0.15:
        tensor.data_type = rng.choice(TYPES)
    elif what < 0.35:
        _change_list(rng, tensor.dims, (*SMALL, *LENGTHS))
    elif what < 0.45 and tensor.raw_data:
        raw = bytearray(tensor.raw_data)
        raw[rng.randrange(len(raw))] = rng.randrange(256)
        tensor.raw_data = bytes(raw)
    elif what < 0.5 and tensor.raw_data:
        tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data))]
    elif what < 0.6:
        entry = tensor.external_data.add()
        places = ["weights.bin", "../secret", "/etc/passwd", "", "\0", "a" * 5000, "."]
        entry.key, entry.value = "location", rng.choice(places)
        if rng.random() < 0.5:
            tensor.external_data.add(
                key="length", value=rng.choice(["-5", "8", "1e9", str(1 << 70)])
            )
        if rng.random() < 0.5:
            tensor.external_data.add(key="offset", value=rng.choice(["-5", "8", "x", str(1 << 70)]))
        tensor.data_location = 1
    else:
        _rewrite_tensor(rng, tensor)


def _rewrite_tensor(rng: random.Random, tensor: Any) -> None:
    """Other numbers, or the same in another type or shape; left alone if it is unreadable."""
    if tensor.data_type not in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13) or tensor.data_location:
        return
    try:
        array = np.array(numpy_helper.to_array(tensor))
    except (ValueError, TypeError):
        return
    what = rng.random()
    with np.errstate(all="ignore"):
        if what < 0.3:
            codes = ["f4", "f8", "f2", "i8", "i4", "?", "u1", "u8"]
            array = array.astype(rng.choice(codes))
        elif what < 0.4 and array.ndim:
            array = np.moveaxis(array, 0, -1)
        elif what < 0.5:
            array = array[None] if rng.random() < 0.5 else array.ravel()
        elif array.size and array.dtype.kind == "f":
            array.reshape(-1)[rng.randrange(array.size)] = rng.choice(WILD)
        elif array.size and array.dtype.kind in "iu":
            limits = np.iinfo(array.dtype)
            chosen = rng.choice((*SMALL, *SMALL, *LENGTHS))
            array.reshape(-1)[rng.randrange(array.size)] = min(max(chosen, limits.min), limits.max)
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))


def change_weight(rng: random.Random, graph: Any) -> None:
    if graph.initializer:
        _change_tensor(rng, rng.choice(graph.initializer))


def move_weights(rng: random.Random, graph: Any) -> None:
    if not graph.initializer:
        return
    place, what = rng.randrange(len(graph.initializer)), rng.random()
    if what < 0.4:
        del graph.initializer[place]
    elif what < 0.6:
        graph.initializer.append(graph.initializer[place])
    elif what < 0.8:  # an input that has a default
        each = graph.initializer[place]
        entry = helper.make_tensor_value_info(each.name, each.data_type, list(each.dims))
        graph.input.append(entry)
    else:
        graph.initializer[place].name = rng.choice(_tensor_names(graph))


def free_weight(rng: random.Random, graph: Any) -> None:
    """A weight becomes an input."""
    if graph.initializer:
        place = rng.randrange(len(graph.initializer))
        each = graph.initializer[place]
        graph.input.append(helper.make_tensor_value_info(each.name, each.data_type, each.dims))
        del graph.initializer[place]


def change_interface(rng: random.Random, graph: Any) -> None:
    entries = [*graph.input, *graph.output]
    if not entries:
        return
    entry, what = rng.choice(entries), rng.random()
    kind = entry.type.tensor_type
    if what < 0.2:
        kind.elem_type = rng.choice((1, 10, 11, *TYPES))
    elif what < 0.3:
        kind.ClearField("shape")
    elif what < 0.5 and kind.shape.dim:
        axis = rng.choice(kind.shape.dim)
        axis.Clear()
        if rng.random() < 0.5:
            axis.dim_param = "N"
    elif what < 0.8 and kind.shape.dim:
        rng.choice(kind.shape.dim).dim_value = rng.choice((*SMALL, *LENGTHS))
    elif what < 0.85:
        kind.shape.dim.add(dim_value=rng.choice(SMALL))
    elif what < 0.9 and kind.shape.dim:
        del kind.shape.dim[rng.randrange(len(kind.shape.dim))]
    elif what < 0.95:
        entry.name = rng.choice([*_tensor_names(graph), "\0", "\u202e"])
    else:
        entry.type.Clear()


def move_interface(rng: random.Random, graph: Any) -> None:
    entries, what = rng.choice([graph.input, graph.output]), rng.random()
    if what < 0.4 and entries:
        del entries[rng.randrange(len(entries))]
    elif what < 0.7 and entries:
        entries.append(rng.choice(entries))
    else:
        entries.append(helper.make_tensor_value_info(rng.choice(_tensor_names(graph)), 1, [2]))


def choose_output(rng: random.Random, graph: Any) -> None:
    """Another tensor becomes the output: one in the middle, a weight, or an input."""
    names = [name for name in _tensor_names(graph) if name]
    if graph.output:
        entry = helper.make_tensor_value_info(rng.choice(names), TensorProto.FLOAT, None)
        rng.choice(graph.output).CopyFrom(entry)


def embed_weight(rng: random.Random, graph: Any) -> None:
    """A weight becomes a Constant operator."""
    if graph.initializer:
        place = rng.randrange(len(graph.initializer))
        each = graph.initializer[place]
        graph.node.insert(0, helper.make_node("Constant", [], [each.name], value=each))
        del graph.initializer[place]


def _at_opset(rng: random.Random, model: Any) -> None:
    if model.opset_import and rng.random() < 0.85:
        entry = rng.choice(model.opset_import)
        entry.version = rng.choice([*range(7, 24), *range(7, 24), 0, -1, 1, 6, 99, 1 << 40])
    elif rng.random() < 0.5:
        model.opset_import.add(domain=rng.choice(["", "ai.onnx", "other"]), version=13)
    else:
        del model.opset_import[:]


CHANGES: tuple[Change, ...] = (
    *(change_attribute, change_attribute, change_attribute_kind, drop_attribute, add_attribute),
    *(change_kind, change_kind, change_domain, rewire, rewire, rename_result, move_operators),
    *(add_operator, change_weight, change_weight, move_weights, free_weight, change_interface),
    *(change_interface, move_interface, choose_output, embed_weight),
)


def mutate(rng: random.Random, data: bytes) -> bytes:
    """One to three changes of a model."""
    model = onnx.ModelProto.FromString(data)
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        if rng.random() < 0.1:
            _at_opset(rng, model)
        else:
            rng.choice(CHANGES)(rng, model.graph)
    return bytes(model.SerializeToString())
