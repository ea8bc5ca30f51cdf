"""VNN-LIB 1.0 properties as queries.

X_i is the i-th value of the network's inputs and Y_j the j-th of its outputs, each flattened in
order. A file that asserts nothing about outputs is read as it stands: every input of the domain is
unsafe.

May import: kernel, sexpr, condition, domain. Must not know: how a query is decided.
"""

from __future__ import annotations

import re
from pathlib import Path

from verifai.graph.formulas import conjunction
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Formula
from verifai.load.errors import LoadError
from verifai.load.vnnlib.condition import ConditionReader
from verifai.load.vnnlib.domain import query_of
from verifai.load.vnnlib.sexpr import Sexpr, Source, read_forms, read_source
from verifai.memory import refusing
from verifai.query import Query

_NAME = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})", re.ASCII)
_TOLERATED = frozenset(["set-logic", "set-option", "set-info"])
_LAST = ("check-sat", "get-model", "exit")  # in this order, and nothing but them from there on


def load_vnnlib(path: Path | str, network: Network) -> Query:
    """The query of a property file (unpacked if it ends in .gz, or if only PATH.gz exists).

    Raises:
        LoadError: the file is unreadable, does not fit the network, is not linear, or leaves an
            input unbounded; the file and the line or variable are named.
    """
    return query_of_source(read_source(Path(path)), network)


@refusing("the conditions of the property")
def query_of_source(source: Source, network: Network) -> Query:
    """The query of a text that has been read; see `load_vnnlib`.

    Raises:
        LoadError: as `load_vnnlib`.
    """
    declared, asserted = _read_commands(source, read_forms(source), network)
    try:
        names = {value: name for name, value in declared.items()}
        return query_of(network, conjunction(asserted), names.__getitem__)
    except InputError as error:
        raise LoadError(str(error), node=source.name) from None


def _read_commands(
    source: Source, forms: list[Sexpr], network: Network
) -> tuple[dict[str, int], list[Formula]]:
    """The declared variables (name ↦ value of the network) and the asserted conditions."""
    values = {"X": network.input_values, "Y": network.output_values}
    declared: dict[str, int] = {}
    conditions = ConditionReader(source, declared)
    asserted: list[Formula] = []
    for form in _before_the_end(source, forms):
        command = form.items[0] if form.items else ""
        if command == "assert":
            if len(form.items) != 2:
                source.fail(form.start, f"assert of {len(form.items) - 1} conditions")
            asserted.append(conditions.read(form.items[1], form.start))
        elif command in ("declare-const", "declare-fun"):
            name, value = _declaration(source, form, values)
            if name in declared:
                source.fail(form.start, f"{name} is declared twice")
            declared[name] = value
        elif not isinstance(command, str) or command not in _TOLERATED:
            shown = repr(command[:80]) if isinstance(command, str) else "a list"
            source.fail(form.start, f"unknown command {shown}")
    for letter, kind in (("X", "input"), ("Y", "output")):
        count = sum(name[0] == letter for name in declared)
        if count != len(values[letter]):
            reason = f"{count} {kind}s are declared, the network has {len(values[letter])}"
            raise LoadError(reason, node=source.name)
    if not asserted:
        raise LoadError("nothing is asserted", node=source.name)
    return declared, asserted


def _before_the_end(source: Source, forms: list[Sexpr]) -> list[Sexpr]:
    """The commands before check-sat, get-model or exit, which only each other may follow."""
    last, kept = -1, list[Sexpr]()
    for form in forms:
        command = form.items[0] if form.items else ""
        place = _LAST.index(command) if isinstance(command, str) and command in _LAST else -1
        if last >= 0 and place <= last:
            shown = repr(command[:80]) if isinstance(command, str) else "a list"
            source.fail(form.start, f"{shown} after {_LAST[last]}: assertions come before it")
        if place >= 0 and len(form.items) > 1:
            source.fail(form.start, f"{_LAST[place]} has no arguments")
        if place < 0:
            kept.append(form)
        last = place
    return kept


def _declaration(
    source: Source, form: Sexpr, values: dict[str, tuple[int, ...]]
) -> tuple[str, int]:
    """The name that a command declares and the value of the network that it stands for."""
    command, *rest = form.items
    if command == "declare-fun" and len(rest) == 3:
        arguments = rest.pop(1)
        if not (isinstance(arguments, Sexpr) and not arguments.items):
            source.fail(form.start, "a function with arguments is declared")
    if len(rest) != 2 or not isinstance(rest[0], str):
        source.fail(form.start, f"{command} wants a name and the sort Real")
    name, sort = rest
    if sort != "Real":
        shown = sort if isinstance(sort, str) else "a list"
        source.fail(form.start, f"{str(name)[:80]} is of sort {shown[:80]}, not Real")
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if not match:
        source.fail(form.start, f"variables are called X_i or Y_j, not {str(name)[:80]!r}")
    known, index = values[match[1]], int(match[2])
    if index >= len(known):
        kind = "inputs" if match[1] == "X" else "outputs"
        source.fail(form.start, f"{match[0]} is declared, but the network has {len(known)} {kind}")
    return match[0], known[index]
