"""Looking for a counterexample alone, without a proof where there is none.

May import: api, bounds, entry, kernel, search, verdict, verify. Must not know: files, terminals.
"""

from __future__ import annotations

import time

from verifai.api import ready
from verifai.bounds.threads import one_thread
from verifai.entry import rules
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.query import Query
from verifai.search.budget import Found, Meter, Options, Stopped
from verifai.verdict import Counterexample, Effort, Falsified, Unknown
from verifai.verify import confirm

TURN = 0.25  # seconds of one attack
DEFAULT = 10.0  # seconds of all


@takes(query=rules.query, timeout=rules.optional(rules.seconds), seed=rules.index)
def attack(query: Query, *, timeout: float | None = DEFAULT, seed: int = 0) -> Falsified | Unknown:
    """Falsified if attacks find a counterexample, which the kernel replays; otherwise Unknown.

    Nothing is proved where none is found: that is what `verify` is for.

    Args:
        query: what is to be violated.
        timeout: seconds; None: until one is found.
        seed: of random starts.

    Raises:
        InputError: values leave what can be computed on the domain.
        Misread: a model that the query was read from gives something else at the counterexample.
    """
    asked, start = ready(query), time.perf_counter()
    if asked.is_vacuous:
        return Unknown("the domain is empty: there is nothing to attack")
    meter = Meter(Options(timeout=timeout, seed=seed, workers=1))
    try:
        with one_thread():
            _attack(asked, meter)
    except Found as found:
        (point,) = found.point
        if isinstance(point, Counterexample):
            effort = Effort(time.perf_counter() - start)
            confirmed = confirm(asked, point.inputs, effort=effort)
            if confirmed is not None:
                return confirmed
    except Stopped as stop:
        effort = Effort(time.perf_counter() - start)
        return Unknown(f"no counterexample was found: {stop}", stop.is_timeout, effort=effort)
    except Rejection as rejection:
        raise InputError(f"values leave what can be computed ({rejection})") from None
    return Unknown("no counterexample was confirmed", effort=Effort(time.perf_counter() - start))


def _attack(asked: Query, meter: Meter) -> None:
    """Attacks until the time is over.

    Raises:
        Found: a counterexample.
        Stopped: the time is over.
    """
    from verifai.bounds.compiled import compile_network
    from verifai.search.attack.witness import Witnesses

    compiled = compile_network(asked.network, pause=meter.watch)
    witnesses = Witnesses(asked, compiled, binary32=bool(asked.assumptions))
    while True:
        meter.watch()
        witnesses.attack(TURN, meter)
