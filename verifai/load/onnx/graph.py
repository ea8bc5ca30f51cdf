"""An ONNX graph as a network: walks its operators in order and lowers each.

May import: kernel, file, call, operators, order, schema, builder, holdings, results.
Must not know: the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verifai.graph.builder import Builder
from verifai.graph.holdings import Holdings
from verifai.graph.results import network_of
from verifai.graph.values import Activation, Constant, Masked, Value
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.load.errors import LoadError
from verifai.load.onnx.call import Attribute, Call, Lowering
from verifai.load.onnx.file import size_of, tensor
from verifai.load.onnx.operators import (
    NEWEST_IR,
    NEWEST_OPSET,
    OLDEST_IR,
    OLDEST_OPSET,
    ROWS,
    blocker,
)
from verifai.load.onnx.order import needed, sorted_nodes
from verifai.load.onnx.rounded import check_jump, error_of
from verifai.load.onnx.schema import UNKNOWN, check_node
from verifai.memory import refusing
from verifai.proof.network import encode_network

_FLOATS = (1, 10, 11, 16)  # element types of inputs: float, float16, double, bfloat16
_INTEGERS = frozenset({2, 3, 4, 5, 6, 7, 12, 13})  # element types; their tensors are constants
_NAMES = ("", "ai.onnx")
_FIELDS = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}  # by type
_FIELDS_OF_ONE = frozenset("fist")


@dataclass(slots=True)
class FileWalk:
    """The state of one walk: the file's tensors by name, and the nodes they became.

    Attributes:
        folder: where the model lies, for external data.
        opset: the version of the standard operators.
        values: every tensor that is known so far.
        types: element types of tensors, as far as they are known.
        weights: messages of the initializers that nobody has read yet.
        builder: the nodes.
        apply: what to do with an operator.
        holdings: counts the tensors that somebody still reads.
        errors: how far off constants are in a program that rounds them, relatively.
    """

    folder: Path
    opset: int
    values: dict[str, Value] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    weights: dict[str, Any] = field(default_factory=dict)
    builder: Builder = field(default_factory=Builder)
    apply: Lowering = lambda call: ROWS[call.op_type].lower(call)
    holdings: Holdings[str] = field(default_factory=lambda: Holdings[str]((), 0))
    errors: dict[str, float] = field(default_factory=dict)

    def value(self, name: str) -> Value:
        """The tensor of this name.

        Raises:
            LoadError: nothing before makes it, or its data are unreadable.
        """
        if name not in self.values:
            if name not in self.weights:
                raise LoadError(f"reads {name!r}, which nothing before it makes")
            self.values[name] = tensor(self.weights[name], self.folder)
            self.holdings.add(name, self.values[name])
        return self.values[name]

    def release(self, names: Iterable[str]) -> None:
        """Forget what has been read for the last time."""
        for name in filter(None, names):
            if self.holdings.read(name):
                self.values.pop(name, None)


def lower(
    model: Any,
    folder: Path,
    *,
    builder: Builder | None = None,
    apply: Lowering | None = None,
) -> Network:
    """The network of a ModelProto; its inputs and outputs keep their names and order.

    Args:
        model: the message.
        folder: where it lies.
        builder: where nodes go, if they go somewhere special.
        apply: what to do with an operator; None: what its row says.

    Raises:
        LoadError: something in the model is unreadable or not supported.
    """
    opset, *others = opsets_of(model)
    graph = FileWalk(folder, opset, builder=builder or Builder())
    graph.apply = apply or graph.apply
    network = _lowered(model, graph)
    if others:
        _require_agreement(model, folder, (opset, *others))
    return network


def _require_agreement(model: Any, folder: Path, opsets: Sequence[int]) -> None:
    """LoadError if the model is another network at one of these opsets.

    A model that imports several is read by the highest here, by the last elsewhere. At an opset
    that has no such operators it is read by nobody.
    """
    found = set()
    for opset in opsets:
        try:
            found.add(encode_network(_lowered(model, FileWalk(folder, opset))))
        except InputError:
            continue
    if len(found) > 1:
        several = " and ".join(map(str, opsets))
        raise LoadError(f"opsets {several} are imported, and the model is another one in each")


def _lowered(model: Any, graph: FileWalk) -> Network:
    source = model.graph
    if source.sparse_initializer:
        raise LoadError("sparse initializers are not supported")
    if any(function.domain in _NAMES for function in model.functions):
        raise LoadError("the model redefines standard operators")
    nodes = needed(sorted_nodes(source), [output.name for output in source.output])
    wanted = [*(name for node in nodes for name in node.input), *(e.name for e in source.output)]
    graph.builder.limit(size_of(model, graph.folder))
    graph.holdings = Holdings(wanted, graph.builder.values)
    graph.weights = {message.name: message for message in source.initializer}
    graph.types = {name: int(message.data_type) for name, message in graph.weights.items()}
    for entry in source.input:
        if entry.name not in graph.weights:
            shape = _input_shape(entry)
            graph.values[entry.name] = graph.builder.input(entry.name, shape)
            graph.types[entry.name] = int(entry.type.tensor_type.elem_type)
    if not graph.builder.nodes:
        what = "every input is initialized" if source.input else "the graph has no inputs"
        raise LoadError(f"{what}: nothing is left to search")
    for node in nodes:
        _lower_node(graph, node)
    for entry in source.output:
        declared = int(entry.type.tensor_type.elem_type)
        found = graph.types.get(entry.name, UNKNOWN)
        if UNKNOWN not in (declared, found) and declared != found:
            said = f"is declared with element type {declared}, but has {found}"
            raise LoadError(f"the output {entry.name!r} {said}")
    return _finished(graph, [output.name for output in source.output])


def opsets_of(model: Any) -> list[int]:
    """The versions of the standard operators that the model imports, the highest first.

    Raises:
        LoadError: none is given, or it is older or newer than what is known here.
    """
    if not OLDEST_IR <= model.ir_version <= NEWEST_IR:
        known = f"supported are {OLDEST_IR} to {NEWEST_IR}"
        raise LoadError(f"version {model.ir_version} of the file format ({known})")
    versions = {int(entry.version) for entry in model.opset_import if entry.domain in _NAMES}
    if not versions:
        raise LoadError("the model does not say which opset it uses")
    for opset in versions:
        if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
            raise LoadError(f"opset {opset} (supported are {OLDEST_OPSET} to {NEWEST_OPSET})")
    return sorted(versions, reverse=True)


def _input_shape(entry: Any) -> tuple[int, ...]:
    """The shape of an input; one unknown length is 1 if it is the first."""
    kind = entry.type.tensor_type
    if not entry.type.HasField("tensor_type") or kind.elem_type not in _FLOATS:
        raise LoadError(f"the input {entry.name!r} is no tensor of floats")
    if not kind.HasField("shape"):
        raise LoadError(f"the input {entry.name!r} has no shape")
    lengths = [int(axis.dim_value) if axis.HasField("dim_value") else 0 for axis in kind.shape.dim]
    if any(axis.HasField("dim_value") and axis.dim_value == 0 for axis in kind.shape.dim):
        raise LoadError(f"the input {entry.name!r} has no values: its shape is {tuple(lengths)}")
    unknown = [place for place, length in enumerate(lengths) if length < 1]
    if unknown == [0]:
        lengths[0] = 1
    elif unknown:
        raise LoadError(f"the input {entry.name!r} has unknown lengths on axes {unknown}")
    return tuple(lengths)


def _lower_node(graph: FileWalk, node: Any) -> None:
    name = node.name or next(filter(None, node.output), "")
    graph.builder.prefix = next(filter(None, node.output), node.name)
    reason = blocker(node.op_type, node.domain)
    if reason:
        raise LoadError(reason, node=name, op_type=node.op_type)
    try:
        types = tuple(graph.types.get(n, UNKNOWN) for n in node.input)
        made = check_node(node, graph.opset, types, ROWS[node.op_type].typed)
        check_jump(node, made, graph.errors, graph.values)
        inputs = tuple(graph.value(n) if n else None for n in node.input)
        attributes = {a.name: _attribute(a, graph.folder) for a in node.attribute}
        if len(attributes) != len(node.attribute):
            raise LoadError("two attributes have the same name")
        call = Call(
            name=name,
            op_type=node.op_type,
            opset=graph.opset,
            inputs=inputs,
            outputs=len(node.output),
            attributes=attributes,
            builder=graph.builder,
            types=types,
        )
        with refusing("its values"):
            results = graph.apply(call)
        call.check_all_read()
        for place, output in enumerate(node.output):
            if output and place >= len(results):
                raise call.refuse(f"the output {place + 1} is not supported")
            if output and made[place] in _INTEGERS and isinstance(results[place], Activation):
                raise call.refuse("integers in a computation that is exact over the reals only")
            if output:
                _bind(graph, output, results[place])
                graph.types[output] = made[place]
                _mark(graph, node, output)
        graph.release(node.input)
    except LoadError as error:
        raise LoadError(error.reason, node=name, op_type=node.op_type) from None
    except InputError as error:
        raise LoadError(str(error), node=name, op_type=node.op_type) from None


def _bind(graph: FileWalk, name: str, value: Value) -> None:
    """Remember a tensor; a node that became exactly this tensor first carries its name."""
    graph.values[name] = value
    graph.holdings.add(name, value)
    if isinstance(value, Activation):
        graph.builder.call(name, value)


def _mark(graph: FileWalk, node: Any, name: str) -> None:
    """Remember how far off a program's result of constants may be."""
    value, rounding = graph.values[name], ROWS[node.op_type].rounding
    if isinstance(value, Constant) and not value.is_integer:
        error = error_of(value, node, graph.types[name], rounding, graph.errors)
        if error:
            graph.errors[name] = error


def _attribute(message: Any, folder: Path) -> Attribute:
    """The value of an AttributeProto."""
    kinds: Mapping[int, Callable[[], Attribute]] = {
        1: lambda: float(message.f),
        2: lambda: int(message.i),
        3: lambda: message.s.decode(),
        4: lambda: tensor(message.t, folder),
        6: lambda: tuple(float(f) for f in message.floats),
        7: lambda: tuple(int(i) for i in message.ints),
        8: lambda: tuple(s.decode() for s in message.strings),
    }
    if message.type not in kinds or message.ref_attr_name:
        raise LoadError(f"the attribute {message.name!r} is of an unsupported kind")
    own = _FIELDS[message.type]
    held = {field.name for field, _ in message.ListFields()} - {"name", "type", "doc_string"}
    if held - {own} or (own in _FIELDS_OF_ONE and not held):
        raise LoadError(f"the attribute {message.name!r} holds something else than its type says")
    return kinds[message.type]()


def _finished(graph: FileWalk, outputs: list[str]) -> Network:
    """The network; every output is a node of its own."""
    results = [(name, graph.value(name)) for name in outputs]
    for name, value in results:
        if isinstance(value, Masked):
            raise LoadError(f"the output {name!r} holds minus infinity")
    return network_of(graph.builder, results)
