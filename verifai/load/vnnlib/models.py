"""Declared networks and the ONNX files that stand for them: types and shapes agree, or it fails.

Hidden tensors become further outputs of a network, so that nothing about them gets lost.

May import: kernel, onnx, onnx/file, document. Must not know: conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flint import fmpq

from verifai.graph.rational import rationals
from verifai.kernel.network import Network
from verifai.load.errors import LoadError
from verifai.load.onnx.file import find, read_model, tensor
from verifai.load.onnx.read import load_onnx
from verifai.load.vnnlib.document import REAL, Declaration, Document, Tensor, TensorRole

_TYPES = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}
Constants = tuple[fmpq, ...]
Loader = Callable[[Path, Callable[[Any], None]], Network]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The network that stands for a declaration.

    Attributes:
        network: equal networks are the same object.
        nodes: of every declared tensor but the constant ones, which node of the network it is.
        constants: of inputs that are declared `initialized`, the model's own values.
    """

    network: Network
    nodes: Mapping[str, int]
    constants: Mapping[str, Constants]


def load_models(
    document: Document, files: Mapping[str, Path], load: Loader = load_onnx
) -> list[Model]:
    """A model for every declared network, in order.

    Args:
        document: what is declared.
        files: ONNX files by the names of the networks that are not declared equal to others.
        load: the network of a file whose message has been prepared, in some semantics.

    Raises:
        LoadError: a file is missing, not wanted or unreadable, or does not fit its declaration.
    """
    wanted = [d.name for d in document.networks if d.relation != "equal-to"]
    for name in wanted:
        if name not in files:
            raise LoadError(f"no model is given for the network {name}", node=document.source.name)
    for name in files:
        if name not in wanted:
            known = f"networks that want one: {', '.join(wanted)}"
            raise LoadError(f"a model is given for {name} ({known})", node=document.source.name)
    loaded: dict[str, tuple[Network, _Fitting]] = {}
    for name in wanted:
        group = [d for d in document.networks if d.name == name or _is_copy(d, name)]
        fitting = _Fitting(document, group)
        loaded[name] = load(files[name], fitting.prepare), fitting
    models = []
    for declaration in document.networks:
        is_copy = declaration.relation == "equal-to"
        network, fitting = loaded[declaration.other if is_copy else declaration.name]
        models.append(fitting.model(declaration, network))
        if declaration.relation == "isomorphic-to":
            pair = (files[declaration.name], files[declaration.other])
            _check_isomorphic(document, declaration, pair)
    return models


def _is_copy(declaration: Declaration, name: str) -> bool:
    return declaration.relation == "equal-to" and declaration.other == name


def _check_isomorphic(
    document: Document, declaration: Declaration, files: tuple[Path, Path]
) -> None:
    """LoadError if the files do not even use the same operators equally often."""
    first, second = (
        Counter((node.domain, node.op_type) for node in read_model(find(file)).graph.node)
        for file in files
    )
    if first != second:
        different = sorted({operator for _, operator in (first - second) + (second - first)})
        reason = f"{declaration.name} is not isomorphic to {declaration.other}: the files differ"
        document.source.fail(declaration.start, f"{reason} in the operators {different}")


class _Fitting:
    """How a model fits the declarations of a network and of those that equal it."""

    def __init__(self, document: Document, group: list[Declaration]) -> None:
        self._document = document
        self._group = group
        self._places: dict[str, tuple[str, int]] = {}  # by label: among inputs or outputs
        self._constants: list[Constants | None] = []  # of every declared input

    def prepare(self, model: Any) -> None:
        """Check the model's interface; write declared lengths into it, add hidden tensors.

        Raises:
            LoadError: naming the declaration that does not fit.
        """
        graph = model.graph
        first = self._group[0]
        inputs = self._matched_inputs(graph, first)
        for each, entry in zip(first.of(TensorRole.INPUT), inputs, strict=True):
            self._fit_type(each, entry)
            self._fit_lengths(each, entry)
        outputs = first.of(TensorRole.OUTPUT)
        self._fit_count(first, "outputs", len(outputs), [entry.name for entry in graph.output])
        for each, entry in zip(outputs, graph.output, strict=True):
            self._fit_type(each, entry)
        self._add_hidden(graph)

    def model(self, declaration: Declaration, network: Network) -> Model:
        """The model of one of the declarations; all shapes have been compared.

        Raises:
            LoadError: naming the tensor whose shape differs.
        """
        nodes: dict[str, int] = {}
        constants: dict[str, Constants] = {}
        free = iter(network.inputs)
        for each, values in zip(declaration.of(TensorRole.INPUT), self._constants, strict=True):
            if values is None:
                nodes[each.name] = next(free)
            else:
                constants[each.name] = values
        for each, node in zip(declaration.of(TensorRole.OUTPUT), network.outputs, strict=False):
            nodes[each.name] = node
        for each in declaration.of(TensorRole.HIDDEN):
            side, place = self._places[each.label]
            nodes[each.name] = (network.inputs if side == "input" else network.outputs)[place]
        for each in declaration.tensors:
            if each.name in nodes and network.nodes[nodes[each.name]].shape != each.shape:
                shape = list(network.nodes[nodes[each.name]].shape)
                self._refuse(each, f"has shape {list(each.shape)}, the model's has {shape}")
        return Model(network, nodes, constants)

    def _refuse(self, each: Tensor, reason: str) -> None:
        self._document.source.fail(each.start, f"{each.name} {reason}")

    def _matched_inputs(self, graph: Any, first: Declaration) -> list[Any]:
        """The model's inputs that the declared ones are; weights may be listed among them."""
        weights = {message.name: message for message in graph.initializer}
        declared = first.of(TensorRole.INPUT)
        entries = [entry for entry in graph.input if entry.name not in weights]
        if any(each.is_initialized for each in declared) or len(declared) == len(graph.input):
            entries = list(graph.input)
        self._fit_count(first, "inputs", len(declared), [entry.name for entry in entries])
        for each, entry in zip(declared, entries, strict=True):
            if each.is_initialized and entry.name not in weights:
                self._refuse(each, "is initialized, but the model has no value for it")
            if not each.is_initialized and entry.name in weights:
                self._refuse(each, "has a default value in the model: declare it initialized")
            values = None
            if each.is_initialized:
                constant = tensor(weights[entry.name], Path())
                if constant.array.shape != each.shape:
                    self._refuse(each, f"has shape {list(each.shape)}, unlike the model's value")
                values = tuple(rationals(constant.array).ravel())
            self._constants.append(values)
        return entries

    def _fit_count(self, first: Declaration, what: str, count: int, names: list[str]) -> None:
        if count != len(names):
            known = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            reason = f"{count} {what} are declared, the model has {len(names)}: {known}"
            self._document.source.fail(first.start, f"network {first.name}: {reason}")

    def _fit_type(self, each: Tensor, entry: Any) -> None:
        number = entry.type.tensor_type.elem_type
        found = _TYPES.get(number, f"ONNX type {number}")
        if number and each.type not in (REAL, found):
            self._refuse(each, f"is declared {each.type}, but {entry.name!r} is {found}")

    def _fit_lengths(self, each: Tensor, entry: Any) -> None:
        """Compare the shape of an input; unknown lengths are as declared."""
        kind = entry.type.tensor_type
        if not kind.HasField("shape"):
            for length in each.shape:
                kind.shape.dim.add(dim_value=length)
        lengths = [axis.dim_value if axis.dim_value > 0 else None for axis in kind.shape.dim]
        fits = len(lengths) == len(each.shape) and all(
            known in (None, length) for known, length in zip(lengths, each.shape, strict=True)
        )
        if not fits:
            shown = [length or "?" for length in lengths]
            self._refuse(each, f"has shape {list(each.shape)}, {entry.name!r} has {shown}")
        for axis, length in zip(kind.shape.dim, each.shape, strict=True):
            axis.dim_value = length

    def _add_hidden(self, graph: Any) -> None:
        """Make hidden tensors outputs, each once; what is an input or output already stays."""
        weights = {message.name for message in graph.initializer}
        inputs = [entry.name for entry in graph.input if entry.name not in weights]
        outputs = [entry.name for entry in graph.output]
        made = {name for node in graph.node for name in node.output if name} | weights
        nodes = {node.name: node for node in graph.node if node.name}
        for each in (hidden for d in self._group for hidden in d.of(TensorRole.HIDDEN)):
            name = each.label
            if name not in made and name not in inputs:
                if name not in nodes or len(nodes[name].output) != 1:
                    self._refuse(each, f"is {name!r}, which is no tensor of the model")
                name = nodes[name].output[0]
            if name in inputs:
                self._places[each.label] = "input", inputs.index(name)
                continue
            if name not in outputs:
                outputs.append(name)
                graph.output.add(name=name)
            self._places[each.label] = "output", outputs.index(name)
