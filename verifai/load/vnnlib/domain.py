"""A conjunction of conditions as a query: the box, the domain and the unsafe formula.

Bounds on single inputs become the box, rows over inputs the domain, and everything else is the
unsafe formula, where comparisons of results of one rising function become those of its arguments
(`order`). Where an input has no bound of its own, the box is the hull over the alternatives of
an `or`, or else what the rows imply; the conditions themselves stay.

May import: kernel, condition, order. Must not know: files, how a query is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flint import fmpq

from verifai.graph.formulas import conjunction
from verifai.graph.order import by_order
from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Or, Relation
from verifai.load.errors import LoadError
from verifai.load.vnnlib.condition import FALSE, MAX_BITS, TRUE
from verifai.query import Query

MAX_ROUNDS = 16  # of taking bounds from rows
Bounds = dict[tuple[int, bool], fmpq]  # by value and whether it is the upper end


def query_of(
    network: Network, formula: And, name: Callable[[int], str], wrong: Formula = TRUE
) -> Query:
    """The query of a conjunction: is there an input at which it holds?

    Args:
        network: the network whose values the formula is about.
        formula: with parts of the same kind laid flat.
        name: what the author of the formula calls the value of an input.
        wrong: what holds as well where an input is unsafe, and says nothing of the domain.

    Raises:
        LoadError: an input is not bounded on both sides, or a bound has too many digits.
        InputError: the formula is about other values than the network's.
    """
    inputs = network.input_values
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
        _fill(hull, domain, 2 * len(inputs))
    else:
        hull = ends
    for value in inputs:
        for is_upper in (False, True):
            if (value, is_upper) not in hull:
                side = "above" if is_upper else "below"
                raise LoadError(f"the input {name(value)} is not bounded {side}")
    unsafe += conjunction([wrong]).parts
    lower, upper = (tuple(hull[value, side] for value in inputs) for side in (False, True))
    if any(part is FALSE for part in unsafe):
        unsafe = [FALSE]
    return by_order(Query(network, lower, upper, And(tuple(unsafe)), tuple(domain)))


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


def _fill(ends: Bounds, rows: Iterable[Atom], count: int) -> None:
    """Add ends that rows imply where there were none, until there are `count` or none is new."""
    for _ in range(MAX_ROUNDS):
        before = len(ends)
        for row in rows if before < count else ():
            ends |= _implied(ends, row)
        if len(ends) == before:
            return


def _implied(ends: Bounds, row: Atom) -> Bounds:
    """The missing ends that a row Σ c·x + d ≤ 0 (or < 0, = 0) implies, given the known ones."""
    found: Bounds = {}
    for sign in (1, -1) if row.relation is Relation.EQUAL else (1,):
        least, missing = sign * row.constant, []
        for value, c in row.terms:
            end = ends.get((value, sign * c < 0))  # where sign·c·x is least
            if end is None:
                missing.append((value, sign * c))
            else:
                least += sign * c * end
        if not missing:
            wanted = [(v, sign * c) for v, c in row.terms if (v, sign * c > 0) not in ends]
        else:
            wanted = missing if len(missing) == 1 else []
        for value, c in wanted:
            own = fmpq(0) if missing else c * ends[value, c < 0]
            end = (own - least) / c
            if (value, c > 0) not in ends and end.height_bits() <= MAX_BITS:
                found[value, c > 0] = end
    return found
