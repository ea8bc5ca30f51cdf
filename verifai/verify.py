"""The front door: verify(query, options) gives one of the three verdicts.

`Verified` and `Falsified` are made here and nowhere else: the one right after the kernel accepted
the certificate re-read from its own bytes (`accept` has it do so with one that was kept), the other
right after the kernel's exact replay.

May import: kernel, original, bounds, search, verdict, alarm. Must not know: files, the command
line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from flint import fmpq

from verifai.alarm import alarm
from verifai.bounds.threads import one_thread
from verifai.kernel.bound import Root, rounded_root
from verifai.kernel.check import check
from verifai.kernel.checker import Checker
from verifai.kernel.errors import InputError, Rejection, Unable
from verifai.kernel.query import Query
from verifai.original.look import SecondLook
from verifai.proof.files import Files
from verifai.proof.record import Record, assemble, sharpened
from verifai.proof.share import helper
from verifai.search.budget import NO_MEMORY, Found, Meter, Options, Progress, Stopped
from verifai.search.clauses import Problem, problem_of
from verifai.search.close.intervals import at_once
from verifai.verdict import Counterexample, Effort, Falsified, Unknown, Verdict, Verified

if TYPE_CHECKING:
    from verifai.search.driver import Driver

__all__ = ["Options", "Progress", "accept", "confirm", "interrupted", "verify"]
MENDINGS = 6  # how often leaves that the kernel rejects, even sharpened, are searched anew


def verify(
    query: Query,
    options: Options | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> Verdict:
    """Decides a query, with evidence.

    Args:
        query: the decision problem.
        options: budgets; the timeout is in seconds and includes the kernel's acceptance.
        progress: called after every batch of subproblems.

    Returns:
        Verified with a certificate that the kernel accepted, Falsified with an exact input that
        the kernel replayed, or Unknown with the reason and how far it got.

    Raises:
        InputError: the options name a device that is not there, or a ranking rule that gives
            something else than scores.
        Misread: a model that the query was read from gives something else at a point.
    """
    meter = Meter(options or Options(), progress)
    look = SecondLook(query, seed=meter.options.seed, pause=meter.watch)
    if meter.options.device is not None:
        _require(meter.options.device)
    try:
        with one_thread(), alarm(meter.grace, meter.late):
            return _decide(query, meter, look)  # one thread: the workers use the cores
    except Found as found:
        (counterexample,) = found.point
        if not isinstance(counterexample, Counterexample):
            raise TypeError("a counterexample that was not replayed") from None
        return _falsified(counterexample, meter, look)
    except Stopped as stop:
        return _unknown(query, meter, stop)
    except (MemoryError, RuntimeError) as error:
        from verifai.bounds.arrays import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        return _unknown(query, meter, Stopped(NO_MEMORY))


def interrupted(query: Query, last: Progress | None, seconds: float) -> Unknown:
    """What is known of a search that was interrupted.

    Args:
        query: what was searched.
        last: how far it was, if it had said so.
        seconds: since its start.
    """
    if last is None:
        return Unknown("interrupted", effort=Effort(seconds), query=query)
    effort, share = Effort(seconds, nodes=last.nodes), 1 - last.closed_fraction
    return Unknown("interrupted", bound=last.bound, open_fraction=share, effort=effort, query=query)


def confirm(
    query: Query, inputs: Sequence[fmpq], *, effort: Effort | None = None
) -> Falsified | None:
    """Falsified if the kernel's exact replay shows a violation at these inputs, else None.

    Args:
        query: the decision problem.
        inputs: what somebody proposes, one exact number for each input value.
        effort: what finding it has cost.

    Raises:
        InputError: the number of inputs is wrong.
        Misread: a model that the query was read from gives something else there.
    """
    from verifai.kernel.replay import replay

    found = replay(query, inputs)
    if found.violates is not True:
        return None
    counterexample = Counterexample(tuple(inputs), found.outputs, found.margin, query=query)
    look = SecondLook(query)
    look.at([counterexample.inputs])
    said = _statement(query, look, verified=False)
    return Falsified(counterexample, said, effort or Effort(), query)


def accept(
    query: Query, certificate: bytes, *, exact: bool = False, files: Files | None = None
) -> Verified:
    """Verified, as the kernel accepts the certificate now.

    Args:
        query: the statement that is believed to be asked.
        certificate: untrusted bytes, of whatever format was ever written.
        exact: use rational arithmetic throughout (slower).
        files: the query's canonical files, if they are there already.

    Raises:
        Rejection: the kernel does not accept; the rule is named.
        Misread: a model that the query was read from gives something else at a point.
    """
    from verifai.proof.upgrade import upgraded

    look, files = SecondLook(query), files or Files.of(query)
    certificate = upgraded(certificate, files)
    start = time.perf_counter()
    with one_thread():
        accepted = check(files.network, files.query, certificate, exact=exact)
        look.at_domain()
    spent = time.perf_counter() - start
    said = _statement(files.judged(accepted), look, vacuous=accepted.vacuous)
    effort = Effort(spent, spent, 0, accepted.leaves)
    return Verified(certificate, said, accepted.vacuous, effort, query)


def _falsified(counterexample: Counterexample, meter: Meter, look: SecondLook) -> Falsified:
    """The verdict, once the models that were read agree at the counterexample.

    Raises:
        Misread: one does not.
    """
    look.pause = None  # it is found: the time it takes to confirm it is not the search's
    look.at([counterexample.inputs])
    said = _statement(look.query, look, verified=False)
    counterexample = replace(counterexample, query=look.query)
    return Falsified(counterexample, said, _effort(meter), look.query)


def _decide(query: Query, meter: Meter, look: SecondLook) -> Verified | Unknown:
    """Verified, or why not; a counterexample or a spent budget is raised."""
    files = Files.of(query, meter.watch)
    try:
        root = rounded_root(query, meter.watch)
    except Rejection as rejection:
        raise Stopped(f"no certificate can cover this domain ({rejection})") from None
    look.machine = root.machine
    look.at_domain()
    problem = problem_of(query, meter.watch)
    search = cache(lambda: _driver(root, problem, meter))
    records = at_once(root, problem)
    records, spent = search().refute() if records is None else records, 0.0
    for turn in range(MENDINGS + 2):
        start = time.perf_counter()
        certificate = files.certificate(assemble(records))
        try:
            accepted = check(
                files.network,
                files.query,
                certificate,
                helper=helper(meter.options.processes),
                pause=meter.watch,
            )
        except Unable as error:
            meter.watch()
            raise Stopped(str(error)) from None
        except Rejection as rejection:
            meter.watch()  # a second process that ran out of time has no answer either
            if turn > MENDINGS:
                raise Stopped(f"the kernel did not accept the proof found ({rejection})") from None
            if turn:
                records = _mended(query, records, search(), meter)
            records = sharpened(records)  # bounds that rounding pushed across a knot, exactly
            continue
        spent = time.perf_counter() - start
        effort = Effort(meter.seconds, spent, meter.nodes, accepted.leaves)
        if search.cache_info().currsize:
            look.pause = None  # the proof is there
            look.at(search().witnesses.closest)
        said = _statement(files.judged(accepted), look, vacuous=accepted.vacuous)
        return Verified(certificate, said, accepted.vacuous, effort, query)
    raise Stopped("no proof was accepted")


def _require(device: str) -> None:
    """Returns if bounds can be computed on the device.

    Raises:
        InputError: it is not there, or what it needs is not installed.
    """
    from verifai.bounds.arrays import prototype

    try:
        prototype("float64", device)
    except (ImportError, ValueError) as error:
        raise InputError(str(error)) from error


def _driver(root: Root, problem: Problem, meter: Meter) -> Driver:
    """The search, imported by the queries that need one."""
    from verifai.bounds.compiled import compile_network
    from verifai.search.attack.witness import Witnesses
    from verifai.search.driver import Driver
    from verifai.search.quiet import quieted

    network, device, pause = quieted(root, problem), meter.options.device, meter.watch
    compiled = compile_network(network, pause=pause)
    fast = compiled if device is None else compile_network(network, device=device, pause=pause)
    witnesses = Witnesses(root.query, compiled, binary32=bool(root.query.assumptions))
    return Driver(root, problem, (compiled, fast), meter, witnesses)


def _mended(query: Query, records: list[Record], driver: Driver, meter: Meter) -> list[Record]:
    """The records with a search in the place of every leaf that the kernel does not accept."""
    checker = Checker(query, pause=meter.watch)
    leaves = {leaf.context.position: leaf for leaf in checker.open_leaves(assemble(records))}
    mended: list[Record] = []
    for position, record in enumerate(records):
        leaf = leaves.get(position)
        mended += [record] if leaf is None else driver.mend(leaf)
    return mended


def _statement(
    query: Query,
    look: SecondLook,
    *,
    verified: bool = True,
    vacuous: bool = False,
) -> str:
    from verifai.kernel.statement import statement

    said = statement(query, verified=verified, vacuous=vacuous)
    return "\n".join((said, *look.said))


def _unknown(query: Query, meter: Meter, stop: Stopped) -> Unknown:
    last = meter.last
    return Unknown(
        str(stop),
        is_timeout=stop.is_timeout,
        bound=None if last is None else last.bound,
        open_fraction=1.0 if last is None else max(0.0, 1 - last.closed_fraction),
        effort=_effort(meter),
        query=query,
    )


def _effort(meter: Meter) -> Effort:
    return Effort(meter.seconds, 0.0, meter.nodes, meter.leaves)
