"""All properties of a listing, settled: what is kept is checked, the rest searched if one may.

May import: evidence, kernel, the rest of ci. Must not know: forms of output, terminals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from verifai.ci.listed import ListedProperty, Listing
from verifai.entry.sentences import missing_package, unreadable
from verifai.evidence.keeper import Keeper, Settled
from verifai.evidence.store import LISTED, Store
from verifai.evidence.violation import violation
from verifai.kernel.errors import InputError, Unable
from verifai.verdict import Falsified, Verified

STATUS = ("verified", "falsified", "stale", "unknown", "timeout", "error")
WORST = {"falsified": 1, "verified": 1, "stale": 1, "error": 4, "unknown": 2, "timeout": 2}


@dataclass(frozen=True, slots=True)
class PropertyResult:
    """What is known of a listed property.

    Attributes:
        listed: the property.
        status: one of STATUS.
        how: "checked" or "searched"; empty where there is no verdict.
        digest: of its query; empty where it could not be posed.
        message: what there is to say: why it is stale, what violates it, what went wrong.
        is_vacuous: whether it is verified on an empty domain.
        seconds: that it took.
    """

    listed: ListedProperty
    status: str
    how: str = ""
    digest: str = ""
    message: str = ""
    is_vacuous: bool = False
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether the answer is the one that is expected."""
        return self.status == self.listed.expect


@dataclass(frozen=True, slots=True)
class ListingResult:
    """What is known of all.

    Attributes:
        listing: what was asked.
        results: in its order.
        removed: what lay in the store for nobody, and was removed.
    """

    listing: Listing
    results: tuple[PropertyResult, ...]
    removed: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 all as expected; else 1 one is not, or stale; else 4 an error; else 2 one undecided."""
        codes = {WORST[each.status] for each in self.results if not each.is_right}
        return next((code for code in (1, 4, 2) if code in codes), 0)


def settle_all(
    listing: Listing, *, update: bool, hear: Callable[[PropertyResult], None]
) -> ListingResult:
    """What is known of all properties of a listing.

    Args:
        listing: what is asked.
        update: whether what is not shown by what is kept is searched, and what no property of the
            listing uses any more is removed (where all is as expected).
        hear: called with each result.

    Raises:
        InputError: the store is none.
    """
    keeper = Keeper(Store(listing.proofs), is_locked=not update)
    if update:
        keeper.store.sweep()
    found = []
    for each in listing.properties:
        found.append(_settled(keeper, listing, each))
        hear(found[-1])
    result = ListingResult(listing, tuple(found))
    if not update or result.exit_code != 0:
        return result
    return ListingResult(listing, result.results, tuple(_removed(keeper, listing)))


def name_in_store(listing: Listing, name: str) -> str:
    """What a property is called in the store, which tests may share."""
    return f"{LISTED}{listing.path.name}::{name}"


def _settled(keeper: Keeper, listing: Listing, each: ListedProperty) -> PropertyResult:
    start = time.monotonic()
    try:
        known = keeper.settle(name_in_store(listing, each.name), each.pose(), each.timeout)
        result = _result(each, known, time.monotonic() - start)
    except (InputError, Unable, OSError, ImportError, MemoryError) as error:
        spent = round(time.monotonic() - start, 3)
        result = PropertyResult(each, "error", message=_words(error), seconds=spent)
    return result


def _words(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "memory ran out"
    if isinstance(error, OSError):
        return unreadable(error)
    if isinstance(error, ImportError) and not isinstance(error, InputError):
        return str(missing_package(error))
    return " ".join(str(error).split())


def _result(each: ListedProperty, known: Settled, seconds: float) -> PropertyResult:
    spent, digest, verdict = round(seconds, 3), known.query.digest, known.verdict
    if verdict is None:
        return PropertyResult(each, "stale", digest=digest, message=known.note, seconds=spent)
    status, message, is_vacuous = verdict.status, known.note, False
    if isinstance(verdict, Falsified):
        message = "\n".join(violation(verdict))
    elif isinstance(verdict, Verified):
        is_vacuous = verdict.vacuous
        message = "VACUOUS: the domain is empty" if is_vacuous else message
    else:
        message = str(verdict)
    return PropertyResult(each, status, known.how, digest, message, is_vacuous, spent)


def _removed(keeper: Keeper, listing: Listing) -> Iterator[str]:
    """Removes what lies in the store for no property of the listing, and for no test."""
    store, prefix = keeper.store, name_in_store(listing, "")
    for asked in [*store.all_asked()]:
        if asked.name.startswith(prefix) and asked.name not in keeper.used:
            store.forget(asked.name)
            yield asked.name
    for query in store.orphans({*keeper.used.values()}):
        store.remove(query)
        yield f"the proof {query[:12]}"


def relative(path: Path) -> str:
    """A path as other programs take it: from here, where it lies below."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
