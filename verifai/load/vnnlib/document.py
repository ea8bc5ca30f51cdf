"""VNN-LIB 2.0 documents as they are written: networks, their tensors, and assertions.

Everything that the standard's chapter on the query language says about declarations is checked
here. May import: sexpr, memory, errors, kernel errors. Must not know: conditions, models.

Source: the VNN-LIB standard 2.0 and 2.1, chapter "Query Language".
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from verifai.kernel.errors import InputError
from verifai.load.vnnlib.sexpr import Sexpr, Source, read_forms, require_plain
from verifai.memory import claim

MAX_NETWORKS = 64
MAX_TENSORS = 4096
MAX_NAME = 200
_BYTES_A_VALUE = 250  # of a declared tensor: its name, its place, its meaning in the query
REAL = "real"
FLOATS = ("float16", "bfloat16", "float32", "float64")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_SHAPED = re.compile(r"([A-Za-z][A-Za-z0-9_]*)\[((?:[0-9]{1,9}(?:,[0-9]{1,9})*)?)\]", re.ASCII)
_VERSION = re.compile(r"<([0-9]{1,9})\.([0-9]{1,9})>", re.ASCII)
_VERSIONS = ("<2.0>", "<2.1>")
_QUIET = re.compile(r"\"[^\"]*\"|;[^\n]*")
_BRACKETS = re.compile(r"\"[^\"]*\"|\s*\[([-0-9,\s]*)\]", re.ASCII)


class TensorRole(Enum):
    """What a declared tensor is to its network, in the order in which they are declared."""

    INPUT = "declare-input"
    HIDDEN = "declare-hidden"
    OUTPUT = "declare-output"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A declared tensor.

    Attributes:
        name: the variable.
        kind: input, hidden or output.
        type: of its elements, as written; `Real` as `real`.
        shape: empty for a scalar.
        start: where it is declared.
        label: the tensor's name in the ONNX graph, of hidden ones.
        is_initialized: whether it stands for the model's own default value.
    """

    name: str
    kind: TensorRole
    type: str
    shape: tuple[int, ...]
    start: int
    label: str = ""
    is_initialized: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared network.

    Attributes:
        name: what the command line calls it.
        start: where it is declared.
        relation: equal-to, isomorphic-to, or nothing.
        other: the network that the relation is to.
        tensors: inputs, hidden tensors and outputs, in this order.
    """

    name: str
    start: int
    relation: str
    other: str
    tensors: tuple[Tensor, ...]

    def of(self, kind: TensorRole) -> tuple[Tensor, ...]:
        """The tensors of one kind, in order."""
        return tuple(tensor for tensor in self.tensors if tensor.kind is kind)


@dataclass(frozen=True, slots=True)
class Document:
    """A text's declarations and assertions; `assertions` are lists that begin with `assert`."""

    source: Source
    version: tuple[int, int]
    networks: tuple[Declaration, ...]
    assertions: tuple[Sexpr, ...]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All declared tensors, in order."""
        return tuple(tensor for network in self.networks for tensor in network.tensors)


def read_document(source: Source) -> Document:
    """The document that a text holds.

    Raises:
        LoadError: naming the line that the standard does not allow, or that is not supported.
    """
    source = _spaced(source)
    forms = read_forms(source)
    if not forms or forms[0].items[:1] != ["vnnlib-version"]:
        source.fail(0, "a VNN-LIB 2 document begins with (vnnlib-version <2.0>)")
    version = _version(source, forms[0])
    networks: list[Declaration] = []
    assertions: list[Sexpr] = []
    for form in forms[1:]:
        command = form.items[0] if form.items else ""
        if command == "assert":
            if len(form.items) != 2 or not isinstance(form.items[1], Sexpr):
                source.fail(form.start, "assert wants one condition")
            assertions.append(form)
        elif command == "declare-network" and assertions:
            source.fail(form.start, "a network is declared after the first assertion")
        elif command == "declare-network":
            networks.append(_network(source, form))
        else:
            shown = repr(command[:80]) if isinstance(command, str) else "a list"
            source.fail(form.start, f"unknown command {shown}")
    _check_names(source, networks)
    known: dict[str, Declaration] = {}
    for network in networks:
        _check_relation(source, network, known)
        known[network.name] = network
    return Document(source, version, tuple(networks), tuple(assertions))


def _spaced(source: Source) -> Source:
    """The text without comments and with every bracket next to its name; lines stay lines."""

    def hushed(match: re.Match[str]) -> str:
        if match[0][0] == '"':
            return match[0]
        require_plain(source, match.start(), match[0])
        return ""

    text = _QUIET.sub(hushed, source.text)
    quiet = Source(source.name, text)

    def moved(match: re.Match[str]) -> str:
        if match[0][0] == '"':
            return match[0]
        numbers = [part.split() for part in match[1].split(",")]
        if any(len(number) > 1 for number in numbers):
            shown = " ".join(match[1].split())
            quiet.fail(match.start(1), f"[{shown[:80]}]: indices are parted by commas")
        joined = ",".join("".join(number) for number in numbers)
        return f"[{joined}] " + "\n" * match[0].count("\n")

    return Source(source.name, _BRACKETS.sub(moved, text))


def _version(source: Source, form: Sexpr) -> tuple[int, int]:
    token = form.items[1] if len(form.items) == 2 else ""
    match = _VERSION.fullmatch(token) if isinstance(token, str) else None
    if not match:
        source.fail(form.start, "the version is written <2.0>")
    if match[0] not in _VERSIONS:
        source.fail(form.start, f"version {match[1]}.{match[2]} (supported are 2.0 and 2.1)")
    return int(match[1]), int(match[2])


def _name(source: Source, item: str | Sexpr, start: int) -> str:
    if not isinstance(item, str) or not _NAME.fullmatch(item) or len(item) > MAX_NAME:
        shown = repr(item[:80]) if isinstance(item, str) else "a list"
        source.fail(start, f"a name is a letter, then letters, digits and _; not {shown}")
    return item


def _network(source: Source, form: Sexpr) -> Declaration:
    """The declaration of a network: name, relation, inputs, hidden tensors, outputs."""
    items = form.items[1:] or [""]
    name = _name(source, items[0], form.start)
    relation = other = ""
    tensors: list[Tensor] = []
    for item in items[1:]:
        if not isinstance(item, Sexpr) or not item.items:
            source.fail(form.start, f"network {name}: a stray token where a declaration is wanted")
        command = item.items[0]
        if command in ("equal-to", "isomorphic-to"):
            if relation or tensors or len(item.items) != 2:
                source.fail(item.start, f"network {name}: one {command} NAME, before any tensor")
            relation, other = str(command), _name(source, item.items[1], item.start)
        elif command in [kind.value for kind in TensorRole]:
            tensor = _tensor(source, item, TensorRole(command))
            order = list(TensorRole)
            if tensors and order.index(tensor.kind) < order.index(tensors[-1].kind):
                source.fail(item.start, "inputs come first, then hidden tensors, then outputs")
            tensors.append(tensor)
        else:
            shown = repr(command[:80]) if isinstance(command, str) else "a list"
            source.fail(item.start, f"network {name}: unknown declaration {shown}")
    if not {TensorRole.INPUT, TensorRole.OUTPUT} <= {tensor.kind for tensor in tensors}:
        source.fail(form.start, f"network {name} wants an input and an output at least")
    return Declaration(name, form.start, relation, other, tuple(tensors))


def _tensor(source: Source, form: Sexpr, kind: TensorRole) -> Tensor:
    """One declared tensor: NAME TYPE[SHAPE], then what its kind has beside."""
    if len(form.items) < 3 or not isinstance(form.items[2], str):
        source.fail(form.start, f"{kind.value} wants a name, a type and a shape")
    name = _name(source, form.items[1], form.start)
    match = _SHAPED.fullmatch(form.items[2])
    if not match:
        source.fail(form.start, f"{name}: a type and a shape such as real [1,10] are wanted")
    shape = tuple(int(n) for n in match[2].split(",")) if match[2] else ()
    if 0 in shape:
        source.fail(form.start, f"{name}: a length of zero")
    rest = form.items[3:]
    label, is_initialized = "", False
    if kind is TensorRole.HIDDEN:
        label = rest[0] if rest and isinstance(rest[0], str) else ""
        if len(rest) != 1 or len(label) < 3 or label[0] != '"' or "\\" in label:
            source.fail(form.start, f'{name}: a hidden tensor wants its ONNX name in quotes: "…"')
        label = label[1:-1]
    elif kind is TensorRole.INPUT and rest == ["initialized"]:
        is_initialized = True
    elif rest:
        source.fail(form.start, f"{name}: something follows the shape")
    type_ = REAL if match[1] == "Real" else match[1]
    if type_ != REAL and type_ not in FLOATS:
        known = ", ".join((REAL, *FLOATS))
        source.fail(form.start, f"{name} is of type {type_[:80]} (supported are {known})")
    return Tensor(name, kind, type_, shape, form.start, label, is_initialized)


def _check_names(source: Source, networks: list[Declaration]) -> None:
    """Names are unique, everything is capped, and `real` is used everywhere or nowhere."""
    if not networks:
        source.fail(len(source.text), "no network is declared")
    tensors = [tensor for network in networks for tensor in network.tensors]
    if len(networks) > MAX_NETWORKS or len(tensors) > MAX_TENSORS:
        source.fail(0, f"more than {MAX_NETWORKS} networks or {MAX_TENSORS} tensors")
    values = sum(math.prod(tensor.shape) for tensor in tensors)
    try:
        claim(_BYTES_A_VALUE * values, f"the {values} values of all declared tensors")
    except InputError as error:
        source.fail(0, str(error))
    taken: set[str] = set()
    names = [(each.name, each.start) for each in networks]
    for name, start in [*names, *((tensor.name, tensor.start) for tensor in tensors)]:
        if name in taken:
            source.fail(start, f"{name} is declared twice")
        taken.add(name)
    for tensor in tensors:
        if (tensor.type == REAL) != (tensors[0].type == REAL):
            source.fail(tensor.start, f"{tensor.name}: {REAL} must be the type of all or none")


class _Face(NamedTuple):
    """What two tensors share where their networks have the same inputs and outputs."""

    kind: TensorRole
    shape: tuple[int, ...]
    type: str
    is_initialized: bool


def _check_relation(source: Source, network: Declaration, known: dict[str, Declaration]) -> None:
    """What equal and isomorphic networks must have in common."""
    if not network.relation:
        return
    other = known.get(network.other)
    said = f"network {network.name}: {network.relation} {network.other}"
    if other is None or other.relation:
        wrong = "has such a relation itself" if other else "is not declared before"
        source.fail(network.start, f"{said}, which {wrong}")
    is_equal = network.relation == "equal-to"

    def interface(declaration: Declaration) -> list[_Face]:
        return [
            _Face(t.kind, t.shape, t.type if is_equal else "", t.is_initialized)
            for t in declaration.tensors
            if t.kind is not TensorRole.HIDDEN
        ]

    if interface(network) != interface(other):
        source.fail(network.start, f"{said}, whose inputs and outputs are declared otherwise")
    labels = {tensor.label: tensor for tensor in other.of(TensorRole.HIDDEN)}
    for tensor in network.of(TensorRole.HIDDEN) if is_equal else ():
        same = labels.get(tensor.label, tensor)
        if (same.shape, same.type) != (tensor.shape, tensor.type):
            source.fail(tensor.start, f"{tensor.name}: {same.name} is declared otherwise")
