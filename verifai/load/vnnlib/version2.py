"""VNN-LIB 2 queries: several networks, inputs, outputs and hidden tensors, polynomial conditions.

A satisfying assignment of the document is a counterexample of the query. Inputs that assertions at
the top declare equal are one input of the graph. Literals are exact decimals and everything is
over the real numbers, whatever floating type is declared; `Posed.types` says which were.

May import: kernel, merge, polynomial, domain, condition, onnx, document, vnnlib2_models.
Must not know: how a query is decided.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path

from flint import fmpq

from verifai.graph.formulas import conjunction
from verifai.graph.merge import Merged, Port, merge
from verifai.kernel.errors import InputError
from verifai.kernel.query import And, Atom, Formula, Relation
from verifai.load.errors import LoadError
from verifai.load.onnx.read import load_onnx
from verifai.load.vnnlib.condition import ConditionReader, Dialect, LinearSum
from verifai.load.vnnlib.document import Document, Tensor, TensorRole, read_document
from verifai.load.vnnlib.domain import query_of
from verifai.load.vnnlib.models import Model, load_models
from verifai.load.vnnlib.polynomial import Products, substituted, with_products
from verifai.load.vnnlib.sexpr import Source, read_source
from verifai.memory import refusing
from verifai.query import Query

_OPERATORS = {name: name for name in ("+", "-", "*", "<=", ">=", "<", ">", "!=", "and", "or")}
_OPERATORS["=="] = "="


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared tensor and what it is in the query.

    Attributes:
        tensor: as declared.
        network: the network that it is declared in.
        values: for each entry in row-major order the number of a value of the query's network, or
            the constant that it is.
    """

    tensor: Tensor
    network: str
    values: tuple[int | fmpq, ...]


@dataclass(frozen=True, slots=True)
class Posed:
    """The query that a document poses.

    Attributes:
        query: whose counterexamples are the document's satisfying assignments over the reals.
        variables: the declared tensors, in order.
        document: what it was read from.
    """

    query: Query
    variables: tuple[Variable, ...]
    document: Document

    @property
    def types(self) -> tuple[str, ...]:
        """The element types that are declared, each once."""
        return tuple(dict.fromkeys(tensor.type for tensor in self.document.tensors))


def load_vnnlib2(
    path: Path | str, models: Mapping[str, str | PathLike[str]] | str | PathLike[str]
) -> Posed:
    """The query of a VNN-LIB 2 file about these models.

    Args:
        path: the file (unpacked if it ends in .gz, or if only PATH.gz exists).
        models: ONNX files by network name, without the networks that are declared equal to
            others; or one file, if there is one such network.

    Raises:
        LoadError: a file is unreadable or not supported, a model does not fit its declaration, or
            an input is unbounded; the line, node or variable is named.
    """
    return pose(read_source(Path(path)), models)


@refusing("the conditions of the property")
def pose(source: Source, models: Mapping[str, str | PathLike[str]] | str | PathLike[str]) -> Posed:
    """The query of a text about these models; see `load_vnnlib2`.

    Raises:
        LoadError: as `load_vnnlib2`.
    """
    document = read_document(source)
    files = _files(document, models)
    entries = Entries(document)
    products = Products(entries.count)
    formula = read_assertions(document, entries, products)
    loaded = load_models(document, files, partial(load_onnx, shrink=True))
    try:
        return _posed(document, loaded, formula, products)
    except LoadError as error:
        raise LoadError(error.reason, node=error.node or source.name) from None
    except InputError as error:
        raise LoadError(str(error), node=source.name) from None


def _files(
    document: Document, models: Mapping[str, str | PathLike[str]] | str | PathLike[str]
) -> dict[str, Path]:
    if isinstance(models, Mapping):
        return {name: Path(file) for name, file in models.items()}
    wanted = [d.name for d in document.networks if d.relation != "equal-to"]
    if len(wanted) != 1:
        reason = f"models of the networks {', '.join(wanted)} are wanted, by name; one was given"
        raise LoadError(reason, node=document.source.name)
    return {wanted[0]: Path(models)}


class Entries:
    """The entries of all declared tensors, numbered in order; found by how they are written."""

    def __init__(self, document: Document) -> None:
        self.tensors = document.tensors
        self.starts = [0]
        for tensor in self.tensors:
            self.starts.append(self.starts[-1] + math.prod(tensor.shape))
        starts = zip(self.tensors, self.starts, strict=False)
        self._known = {tensor.name: (tensor, start) for tensor, start in starts}

    @property
    def count(self) -> int:
        """How many there are."""
        return self.starts[-1]

    def get(self, name: str) -> int | None:
        """The number of NAME[i,j]; None of what is no name.

        Raises:
            InputError: the tensor is not declared, or has no such entry.
        """
        if not name[0].isalpha():
            return None
        variable, bracket, inside = name.partition("[")
        if variable not in self._known:
            raise InputError(f"unknown variable {variable[:80]!r}")
        tensor, start = self._known[variable]
        if not bracket and not tensor.shape:
            return start
        indices = inside[:-1].split(",") if inside[-1:] == "]" else []
        if not all(i.isdecimal() and i.isascii() and len(i) < 10 for i in indices):
            raise InputError(f"{name[:80]!r}: indices are natural numbers")
        if len(indices) != len(tensor.shape) or not indices:
            raise InputError(f"{name[:80]!r}: {len(tensor.shape)} indices are wanted")
        offset = 0
        for index, length in zip(map(int, indices), tensor.shape, strict=True):
            if index >= length:
                raise InputError(f"{name[:80]!r} is outside the shape {list(tensor.shape)}")
            offset = offset * length + index
        return start + offset

    def tensor(self, entry: int) -> Tensor:
        """The tensor that an entry belongs to."""
        return self.tensors[bisect_right(self.starts, entry) - 1]

    def name(self, entry: int) -> str:
        """The entry as it is written."""
        place = bisect_right(self.starts, entry) - 1
        offset, indices = entry - self.starts[place], []
        for length in reversed(self.tensors[place].shape):
            offset, index = divmod(offset, length)
            indices.append(str(index))
        return self.tensors[place].name + (f"[{','.join(indices[::-1])}]" if indices else "")


def read_assertions(document: Document, entries: Entries, products: Products) -> And:
    """The conjunction of all assertions, over entries and `products`.

    Raises:
        LoadError: naming the line of what is no condition, or compares different types.
    """
    dialect = Dialect(_OPERATORS, is_chained=False, product=products.product)
    reader = ConditionReader(document.source, entries, dialect)
    is_mixed = len({tensor.type for tensor in document.tensors}) > 1
    parts = []
    for form in document.assertions:
        parts.append(reader.read(form.items[1], form.start))
        if is_mixed:
            _check_types(document, parts[-1], form.start, (entries, products))
    try:
        return conjunction(parts)
    except InputError as error:
        raise LoadError(str(error), node=document.source.name) from None


def _check_types(
    document: Document, formula: Formula, start: int, names: tuple[Entries, Products]
) -> None:
    """LoadError if a comparison is about tensors of several types."""
    entries, products = names
    todo: list[Formula] = [formula]
    while todo:
        part = todo.pop()
        if not isinstance(part, Atom):
            todo += part.parts
            continue
        values, types = [value for value, _ in part.terms], set()
        while values:
            value = values.pop()
            if value < entries.count:
                types.add(entries.tensor(value).type)
            else:
                values += [v for f in products.factors[value - entries.count] for v, _ in f]
        if len(types) > 1:
            both = " and ".join(sorted(types))
            document.source.fail(start, f"a comparison of {both}: types are never converted")


def _posed(document: Document, models: Sequence[Model], formula: And, products: Products) -> Posed:
    """The query over the merged networks."""
    entries = Entries(document)
    places = _ports(document, entries, models)
    merged = merge(
        [(d.name, m.network) for d, m in zip(document.networks, models, strict=True)],
        _equal_inputs(formula, places),
    )
    variables = _variables(document, models, merged)
    meaning = [value for variable in variables for value in variable.values]
    names: dict[int, str] = {}
    for entry in reversed(range(entries.count)):
        value = meaning[entry]
        if isinstance(value, int):
            names[value] = entries.name(entry)

    def linear(entry: int) -> LinearSum:
        value = meaning[entry]
        if isinstance(value, int):
            return LinearSum({value: fmpq(1)}, fmpq(0))
        return LinearSum({}, value)

    into = Products(merged.network.offsets[-1])
    translated = substituted(formula, products, linear, into)
    network, unsafe = with_products(merged.network, into, translated)
    query = query_of(network, conjunction(list(unsafe.parts)), names.__getitem__)
    return Posed(query, variables, document)


def _ports(document: Document, entries: Entries, models: Sequence[Model]) -> list[Port | None]:
    """For every entry: which value of which input of which network it is, if it is one."""
    places: list[Port | None] = []
    for part, (declaration, model) in enumerate(zip(document.networks, models, strict=True)):
        for tensor in declaration.tensors:
            node = model.nodes.get(tensor.name) if tensor.kind is TensorRole.INPUT else None
            size = math.prod(tensor.shape)
            places += [None if node is None else Port(part, node, i) for i in range(size)]
    return places


def _equal_inputs(formula: And, places: Sequence[Port | None]) -> list[tuple[Port, Port]]:
    """The pairs of values of inputs that the formula's top says are equal."""
    pairs = []
    for part in formula.parts:
        if not (isinstance(part, Atom) and part.relation is Relation.EQUAL):
            continue
        if len(part.terms) != 2 or part.constant != 0 or sum(c for _, c in part.terms) != 0:
            continue
        first, last = (places[v] if v < len(places) else None for v, _ in part.terms)
        if first is not None and last is not None:
            pairs.append((first, last))
    return pairs


def _variables(document: Document, models: Sequence[Model], merged: Merged) -> tuple[Variable, ...]:
    found = []
    for part, (declaration, model) in enumerate(zip(document.networks, models, strict=True)):
        for tensor in declaration.tensors:
            values: tuple[int | fmpq, ...]
            if tensor.name in model.constants:
                values = model.constants[tensor.name]
            else:
                values = merged.values(part, model.nodes[tensor.name])
            found.append(Variable(tensor, declaration.name, values))
    return tuple(found)
