"""The one place where a ranking rule is found by name and asked.

May import: the standard library, numpy, kernel errors, protocol; a rule when it is needed. Must not
know: trees, records.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np

from verifai.kernel.errors import InputError
from verifai.search.judge import Indices
from verifai.search.rank.protocol import Rank, Splits

RULES = ("babsr", "fsb", "gap", "smear", "widest")  # each the `rank` of the module of its name
DEFAULTS = {"inputs": "smear", "phases": "fsb"}
GROUP = "verifai.ranks"  # of the entry points by which packages add rules


def rank_of(chosen: object) -> Rank:
    """The rule itself.

    Args:
        chosen: a name of `RULES`, that of an entry point of the group `verifai.ranks`, or a rule.

    Raises:
        InputError: there is none of that name, or it cannot be called.
    """
    if not isinstance(chosen, str):
        if not callable(chosen):
            kind = type(chosen).__name__
            raise InputError(f"a ranking rule is a name or a function, not of type {kind}")
        return chosen
    if chosen in RULES:
        rule: Rank = import_module(f"verifai.search.rank.{chosen}").rank
        return rule
    return _added(chosen)


def _added(name: str) -> Rank:
    """A rule of another package; the packages are only looked at here."""
    from importlib.metadata import entry_points

    known = entry_points(group=GROUP)
    if name not in known.names:
        names = ", ".join(sorted({*RULES, *known.names}))
        raise InputError(f"no ranking rule is called {name!r}: there are {names}")
    try:
        rule: object = known[name].load()
    except (ImportError, AttributeError) as error:
        raise InputError(f"the ranking rule {name} cannot be loaded: {error}") from error
    if not callable(rule):
        kind = type(rule).__name__
        raise InputError(f"the ranking rule {name} is of type {kind}, which cannot be called")
    return rule


def choose(chosen: Rank | None, splits: Splits) -> Indices:
    """The column of the value at which each subproblem is split, (M,); any where none can be.

    Where a rule has no opinion, the default one for the kind of split decides, then the width.

    Args:
        chosen: the rule, None for the default one.
        splits: the subproblems.

    Raises:
        InputError: what the rule gives is no array of one score for every value.
    """
    rules = [] if chosen is None else [chosen]
    rules += [rank_of(name) for name in (DEFAULTS[splits.kind], "widest")]
    column = np.zeros(len(splits.at), dtype=np.int64)
    can_split = splits.can_split
    missing = can_split.any(axis=1)
    for rule in rules:
        if not missing.any():
            break
        scores = _scores(rule, splits)
        scores = np.where(can_split & ~np.isnan(scores), scores, -np.inf)
        column = np.where(missing, scores.argmax(axis=1), column)
        missing = missing & (scores.max(axis=1) == -np.inf)
    return column


def _scores(rule: Rank, splits: Splits) -> np.ndarray:
    given = rule(splits)
    name = getattr(rule, "__name__", type(rule).__name__)
    try:
        scores = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the ranking rule {name} gave no array of numbers: {error}") from None
    if scores.shape != splits.at.shape:
        raise InputError(
            f"the ranking rule {name} gave scores of shape {scores.shape}: give one for each value"
            f" of each subproblem, shape {splits.at.shape}"
        )
    return scores
