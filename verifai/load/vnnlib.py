"""VNN-LIB 1.0 properties as queries.

X_i is the i-th value of the network's inputs and Y_j the j-th of its outputs, each flattened in
order. Asserted bounds on single inputs become the box, asserted rows over inputs the domain, and
everything else is the unsafe formula (for an input bounded only inside an `or`, the box is the hull
over its alternatives). A file that asserts nothing about outputs is read as it stands: every input
of the domain is unsafe.

May import: kernel, sexpr, condition. Must not know: how a query is decided.
"""

from __future__ import annotations

import re
from pathlib import Path

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation, conjunction
from verifai.load.condition import FALSE, MAX_BITS, ConditionReader
from verifai.load.errors import LoadError
from verifai.load.sexpr import Form, Source, read_forms, read_source

_NAME = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})", re.ASCII)
_TOLERATED = frozenset(["set-logic", "set-option", "set-info", "check-sat", "get-model", "exit"])
Bounds = dict[tuple[int, bool], fmpq]  # by value and whether it is the upper end


def load_vnnlib(path: Path | str, network: Network) -> Query:
    """The query of a property file (unpacked if it ends in .gz, or if only PATH.gz exists).

    Raises:
        LoadError: the file is unreadable, does not fit the network, is not linear, or leaves an
            input unbounded; the file and the line or variable are named.
    """
    source = read_source(Path(path))
    declared, asserted = _read_commands(source, read_forms(source), network)
    try:
        return _query(network, declared, conjunction(asserted))
    except InputError as error:
        raise LoadError(str(error), node=source.name) from None


def _read_commands(
    source: Source, forms: list[Form], network: Network
) -> tuple[dict[str, int], list[Formula]]:
    """The declared variables (name ↦ value of the network) and the asserted conditions."""
    values = {"X": _values(network, network.inputs), "Y": _values(network, network.outputs)}
    declared: dict[str, int] = {}
    conditions = ConditionReader(source, declared)
    asserted: list[Formula] = []
    for form in forms:
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


def _values(network: Network, nodes: tuple[int, ...]) -> list[int]:
    """The numbers of all values of some nodes, in order."""
    starts = network.offsets
    return [value for node in nodes for value in range(starts[node], starts[node + 1])]


def _declaration(source: Source, form: Form, values: dict[str, list[int]]) -> tuple[str, int]:
    """The name that a command declares and the value of the network that it stands for."""
    command, *rest = form.items
    if command == "declare-fun" and len(rest) == 3:
        arguments = rest.pop(1)
        if not (isinstance(arguments, Form) and not arguments.items):
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


def _query(network: Network, declared: dict[str, int], formula: And) -> Query:
    """The query of a conjunction; every input must be bounded on both sides."""
    inputs = _values(network, network.inputs)
    known = frozenset(inputs)
    ends: Bounds = {}
    domain: list[Atom] = []
    unsafe: list[Formula] = []
    for part in formula.parts:
        if not (isinstance(part, Atom) and part.terms and all(v in known for v, _ in part.terms)):
            unsafe.append(part)
        elif len(part.terms) > 1:
            domain.append(part)
        else:
            _tighten(ends, _bounds_of_atom(part))
            if part.relation is Relation.LESS:
                unsafe.append(part)
    hull: Bounds = {}
    if len(ends) < 2 * len(inputs):
        for part in unsafe:
            _tighten(hull, _bounds(part, known))
    hull |= ends
    names = {value: name for name, value in declared.items()}
    for value in inputs:
        for is_upper in (False, True):
            if (value, is_upper) not in hull:
                side = "above" if is_upper else "below"
                raise LoadError(f"the input {names[value]} is not bounded {side}")
    lower, upper = (tuple(hull[value, side] for value in inputs) for side in (False, True))
    if any(part is FALSE for part in unsafe):
        unsafe = [FALSE]
    return Query(network, lower, upper, And(tuple(unsafe)), tuple(domain))


def _bounds_of_atom(part: Atom) -> Bounds:
    """The ends that a condition c·x + d ≤ 0 (or < 0, = 0) on one value implies."""
    ((value, coefficient),) = part.terms
    end = -part.constant / coefficient
    if end.height_bits() > MAX_BITS:
        raise LoadError(f"a number overflow: a bound of more than {MAX_BITS} bits")
    sides = (False, True) if part.relation is Relation.EQUAL else (coefficient > 0,)
    return {(value, side): end for side in sides}


def _tighten(ends: Bounds, more: Bounds) -> None:
    """Intersect the box `ends` with another."""
    for key, end in more.items():
        known = ends.get(key)
        if known is None or (end < known if key[1] else end > known):
            ends[key] = end


def _bounds(part: Formula, inputs: frozenset[int]) -> Bounds:
    """Ends of inputs that hold wherever the formula does; as deep as the kernel allows formulas."""
    if isinstance(part, Atom):
        is_bound = len(part.terms) == 1 and part.terms[0][0] in inputs
        return _bounds_of_atom(part) if is_bound else {}
    boxes = [_bounds(child, inputs) for child in part.parts]
    if isinstance(part, Or):
        common = set(boxes[0]).intersection(*boxes[1:])
        return {
            key: max(box[key] for box in boxes) if key[1] else min(box[key] for box in boxes)
            for key in common
        }
    result: Bounds = {}
    for box in boxes:
        _tighten(result, box)
    return result
