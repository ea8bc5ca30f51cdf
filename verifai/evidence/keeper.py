"""Properties that are asked again and again: what is kept is checked, the rest is searched.

May import: api, evidence, kernel, proof. Must not know: test runners, terminals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from verifai.api import ready, search
from verifai.evidence.load import stands
from verifai.evidence.store import AskedFor, Store
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.query import Query as KernelQuery
from verifai.original.look import Misread
from verifai.proof.evidence import Evidence, read_evidence
from verifai.proof.files import Files
from verifai.query import Query
from verifai.verdict import Falsified, Unknown, Verdict, Verified

How = Literal["checked", "searched", "stale"]
NEW = "there is no proof of it yet"
SHORT = 12  # characters of a digest in a sentence


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of a property now.

    Attributes:
        name: of the property.
        query: what it asks, as it is decided.
        how: "checked" (the kernel accepted what was kept), "searched", or "stale" (nothing that is
            kept stands, and nothing may be searched).
        verdict: the verdict; None where it is stale.
        note: why what was kept did not do; empty where it did.
    """

    name: str
    query: Query
    how: How
    verdict: Verdict | None
    note: str = ""

    @property
    def is_new(self) -> bool:
        """Whether nothing was known of the property before."""
        return self.note == NEW


@dataclass(slots=True)
class Keeper:
    """Asks for verdicts and keeps their evidence.

    Attributes:
        store: where evidence lies.
        is_locked: whether nothing is searched and nothing written.
        workers: processes of a search.
        used: the digest of the query of each property that was asked, by its name.
    """

    store: Store
    is_locked: bool = False
    workers: int = 2
    used: dict[str, str] = field(default_factory=dict)

    def settle(self, name: str, query: KernelQuery, timeout: float | None = None) -> Settled:
        """The verdict on a property, from the store or by a search.

        Args:
            name: of the property; it only decides what is said about changes.
            query: what it asks.
            timeout: seconds for a search; None: no limit.

        Raises:
            InputError: as `verify`, or the store cannot be read or written.
            Misread: a model that the query was read from gives something else at a point.
        """
        asked_query = Query.of(ready(query))
        files = Files.of(asked_query)
        asked = AskedFor.of(name, files)
        self.used[name] = asked.query
        data = self.store.evidence(asked.query)
        note = self._why(asked) if data is None else ""
        if data is not None:
            try:
                verdict = stands(asked_query, read_evidence(data), files=files)
            except Misread:
                raise
            except (Rejection, InputError) as error:
                note = f"the stored proof {asked.query[:SHORT]} does not stand ({error})"
            else:
                if not self.is_locked:
                    self.store.note(_found(asked, verdict))
                return Settled(name, asked_query, "checked", verdict)
        if self.is_locked:
            return Settled(name, asked_query, "stale", None, note)
        found = search(asked_query, timeout=timeout, workers=self.workers)
        if not isinstance(found, Unknown):
            self.store.keep(_found(asked, found), _evidence(files, found))
        return Settled(name, asked_query, "searched", found, note)

    def _why(self, asked: AskedFor) -> str:
        """Why there is nothing for a query."""
        before = self.store.asked(asked.name)
        if before is None:
            return NEW
        if before.query == asked.query:
            return f"the stored proof {asked.query[:SHORT]} is gone"
        if before.wording == asked.wording:
            return f"the network changed ({_change(before.network, asked.network)})"
        if before.network == asked.network:
            return f"the property changed ({_change(before.query, asked.query)})"
        return f"the network and the property changed ({_change(before.query, asked.query)})"


def _change(before: str, now: str) -> str:
    return f"{before[:SHORT]} → {now[:SHORT]}"


def _found(asked: AskedFor, verdict: Verdict) -> AskedFor:
    return AskedFor(asked.name, asked.query, asked.network, asked.wording, verdict.status)


def _evidence(files: Files, verdict: Verified | Falsified) -> Evidence:
    if isinstance(verdict, Verified):
        return Evidence(files, verdict.certificate)
    return Evidence(files, inputs=verdict.counterexample.inputs)
