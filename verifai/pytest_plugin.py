"""pytest's fixtures `proved`, `falsified` and `equivalent`: proofs that are kept and re-checked.

A project that uses none of them pays for importing this file and nothing else: everything is
imported by the fixtures.

May import: pytest, the standard library; evidence on demand. Must not know: how proofs are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from verifai.evidence.keeper import Keeper, Settled
    from verifai.evidence.store import AskedFor
    from verifai.kernel.network import Network
    from verifai.kernel.query import Query
    from verifai.verdict import Falsified, Verified

MODES = ("check", "update", "locked")
TIMEOUT = 60.0  # seconds for a search
NAME = "verifai-proofs"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --proofs and --proofs-dir."""
    group = parser.getgroup("verifai", "proofs about neural networks")
    group.addoption(
        "--proofs",
        choices=MODES,
        default="check",
        help="check (default): what is kept is re-checked, the rest searched and kept; update: "
        "what no test uses is removed, too; locked: nothing is searched or written",
    )
    group.addoption(
        "--proofs-dir",
        metavar="DIR",
        default=".verifai",
        help="where proofs are kept (default: .verifai in pytest's root folder)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begins a run."""
    config.pluginmanager.register(_Run(config), NAME)


@pytest.fixture
def proved(request: pytest.FixtureRequest) -> ProvedFixture:
    """Call it with a query, and a `name` or `timeout`: the property holds, or the test fails."""
    return ProvedFixture(_run(request), request.node.nodeid)


@pytest.fixture
def falsified(request: pytest.FixtureRequest) -> FalsifiedFixture:
    """Call it with a query, and a `name` or `timeout`: it is violated, or the test fails."""
    return FalsifiedFixture(_run(request), request.node.nodeid)


@pytest.fixture
def equivalent(request: pytest.FixtureRequest) -> EquivalentFixture:
    """Call it with two networks, a domain, a `tolerance`: they differ by no more, or it fails."""
    return EquivalentFixture(_run(request), request.node.nodeid)


class _Fixture:
    """What the fixtures share: a run and the test that asks."""

    def __init__(self, run: _Run, test: str) -> None:
        self._run, self._test = run, test

    def _settled(self, query: Query, name: str | None, timeout: float | None) -> Settled:
        """What is known of the query now; fails where that is nothing."""
        __tracebackhide__ = True
        settled = self._run.settle(self._test, query, name, timeout)
        if settled.verdict is None:
            pytest.fail(f"{settled.name}: {settled.note} (--proofs=locked)", pytrace=False)
        if settled.verdict.status in ("unknown", "timeout"):
            pytest.fail(f"{settled.name}: undecided: {settled.verdict}", pytrace=False)
        return settled


class ProvedFixture(_Fixture):
    """Asks whether properties hold."""

    def __call__(
        self, query: Query, name: str | None = None, timeout: float | None = TIMEOUT
    ) -> Verified:
        """The verdict, if the property holds; else the test fails.

        Args:
            query: what is to hold.
            name: tells this property from others of the test.
            timeout: seconds for a search; None: no limit. Re-checks have none.

        Raises:
            InputError: the query cannot be decided, or the store cannot be read or written.
        """
        from verifai.evidence.violation import violation
        from verifai.verdict import Falsified, Verified

        __tracebackhide__ = True
        settled = self._settled(query, name, timeout)
        verdict = settled.verdict
        if isinstance(verdict, Falsified):
            said = "\n".join(violation(verdict))
            pytest.fail(f"{settled.name}: violated\n{said}", pytrace=False)
        if not isinstance(verdict, Verified):
            pytest.fail(f"{settled.name}: {verdict}", pytrace=False)
        return verdict


class FalsifiedFixture(_Fixture):
    """Asks whether properties are violated."""

    def __call__(
        self, query: Query, name: str | None = None, timeout: float | None = TIMEOUT
    ) -> Falsified:
        """The verdict, if the property is violated; else the test fails.

        Args:
            query: what is to be violated.
            name: as for `ProvedFixture`.
            timeout: as for `ProvedFixture`.

        Raises:
            InputError: as for `ProvedFixture`.
        """
        from verifai.verdict import Falsified

        __tracebackhide__ = True
        settled = self._settled(query, name, timeout)
        if not isinstance(settled.verdict, Falsified):
            pytest.fail(f"{settled.name}: not violated: {settled.verdict}", pytrace=False)
        return settled.verdict


class EquivalentFixture(_Fixture):
    """Asks whether two networks are equivalent."""

    def __call__(self, first: Network, second: Network, domain: Any, **how: Any) -> Verified:
        """The verdict, if no output differs by more than the tolerance; else the test fails.

        Args:
            first: a network.
            second: another one.
            domain: as for `verifai.equivalent`.
            how: `tolerance` (default 0), `name` and `timeout` as for `ProvedFixture`.

        Raises:
            InputError: as for `ProvedFixture`.
        """
        from verifai.properties.equivalent import equivalent as pose

        __tracebackhide__ = True
        asked = pose(first, second, domain, tolerance=how.pop("tolerance", 0))
        return ProvedFixture(self._run, self._test)(asked, **how)


class _Run:
    """What one run of pytest asks of the store, and what it says at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.mode: str = config.getoption("--proofs")
        self.folder = config.rootpath / config.getoption("--proofs-dir")
        self.used: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.notes: list[str] = []
        self.collected: set[str] = set()
        self.passed: set[str] = set()
        self.is_partial = any("::" in str(each) for each in config.args)
        self._keeper: Keeper | None = None

    def settle(self, test: str, query: Query, name: str | None, timeout: float | None) -> Settled:
        """What is known of a property of a test."""
        if self._keeper is None:
            from verifai.evidence.keeper import Keeper
            from verifai.evidence.store import Store

            workers = 1 if hasattr(self.config, "workerinput") else 2
            store = Store(self.folder)
            self._keeper = Keeper(store, self.mode == "locked", workers, self.used)
            if self.mode != "locked":
                store.sweep()
        full = base = test if name is None else f"{test} {name}"
        while full in self.used:
            full = f"{base} #{int(full.rpartition(' #')[2]) + 1 if full != base else 2}"
        settled = self._keeper.settle(full, query, timeout)
        self.asked[settled.how] += 1
        if settled.how == "searched" and not settled.is_new:
            self.notes.append(f"{full}: searched: {settled.note}")
        return settled

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.collected |= {item.nodeid for item in session.items}

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.is_partial |= bool(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        if hasattr(self.config, "workerinput"):
            told = {name: getattr(self, name) for name in ("used", "notes", "is_partial")}
            told |= {"asked": dict(self.asked), "collected": sorted(self.collected)}
            output: dict[str, Any] = vars(self.config)["workeroutput"]
            output[NAME] = told

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {}).get(NAME)
        if told is not None:
            self.used |= told["used"]
            self.notes += told["notes"]
            self.is_partial |= told["is_partial"]
            self.asked.update(told["asked"])
            self.collected |= {*told["collected"]}

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        if not self.used or hasattr(self.config, "workerinput"):
            return
        kinds = ", ".join(f"{count} {how}" for how, count in sorted(self.asked.items()))
        terminalreporter.section("proofs")
        terminalreporter.line(f"{sum(self.asked.values())} properties: {kinds}")
        for note in self.notes:
            terminalreporter.line(note)
        may_remove = self.mode == "update" and exitstatus == 0 and not self.is_partial
        for said in self._unused(may_remove=may_remove):
            terminalreporter.line(said)

    def _unused(self, *, may_remove: bool) -> Iterator[str]:
        """What lies in the store for nobody, each in a sentence; removed if that may be."""
        from verifai.evidence.store import Store

        store = Store(self.folder)
        what = "removed" if may_remove else "--proofs=update removes it"
        gone = [asked for asked in store.all_asked() if self._is_unused(asked)]
        for asked in gone:
            yield f"unused: {asked.name} ({what})"
            if may_remove:
                store.forget(asked.name)
        kept = {asked.query for asked in gone}
        for query in store.orphans({*self.used.values()} | (set() if may_remove else kept)):
            if query not in kept:
                yield f"unused: the proof {query[:12]} of an earlier network or property ({what})"
            if may_remove:
                store.remove(query)

    def _is_unused(self, asked: AskedFor) -> bool:
        """Whether no test asks for what this property asked for, as far as this run can tell."""
        from verifai.evidence.store import LISTED

        if asked.name in self.used or asked.name.startswith(LISTED):
            return False
        test = asked.name.partition(" #")[0]
        file = test.partition("::")[0]
        if not (self.config.rootpath / file).exists():
            return True
        if self.is_partial or not any(each.partition("::")[0] == file for each in self.collected):
            return False
        owners = {each for each in self.collected if test == each or test.startswith(f"{each} ")}
        return owners <= self.passed


def _run(request: pytest.FixtureRequest) -> _Run:
    run = request.config.pluginmanager.get_plugin(NAME)
    if not isinstance(run, _Run):
        raise TypeError(f"the plugin {NAME} is not there")
    return run
