"""Ways to refute one thing that take turns."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from verifai.api import query_from
from verifai.proof.record import Point, Record
from verifai.search.budget import Meter, Options, Stopped, Stuck
from verifai.search.loop.ways import in_turns
from verifai.verdict import Verified
from verifai.verify import verify

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases" / "search"


class Walk:
    """A way that is at its end after so much work, or stuck."""

    def __init__(self, need: float, log: list[tuple[str, float]], name: str) -> None:
        self.need, self.log, self.name = need, log, name
        self.done, self.held = 0.0, 10

    def go_on(self, work: float) -> list[Record] | None:
        self.log.append((self.name, work))
        if self.need < 0:
            raise Stuck("no way")
        self.done += work
        return [Point()] if self.done >= self.need else None


@pytest.mark.parametrize("need", [1.0, 3.0, 100.0, 1e6])
def test_each_way_comes_to_its_end_for_a_few_times_its_work(need: float) -> None:
    for first, second in ((need, math.inf), (math.inf, need)):
        log = list[tuple[str, float]]()
        assert in_turns([Walk(first, log, "a"), Walk(second, log, "b")], 1.0, Meter(Options()))
        assert sum(work for _, work in log) <= 6 * need


def test_a_way_that_is_stuck_leaves_the_rest_to_the_others() -> None:
    log = list[tuple[str, float]]()
    assert in_turns([Walk(-1, log, "a"), Walk(1e9, log, "b")], 1.0, Meter(Options())) == [Point()]
    assert log == [("a", 1.0), ("b", math.inf)]
    with pytest.raises(Stuck):
        in_turns([Walk(-1, log, "a"), Walk(-1, log, "b")], 1.0, Meter(Options()))


def test_what_rests_counts_as_held() -> None:
    meter, seen = Meter(Options(memory_mib=1)), list[int]()

    class Watched(Walk):
        def go_on(self, work: float) -> list[Record] | None:
            seen.append(meter.aside)
            return super().go_on(work)

    log = list[tuple[str, float]]()
    in_turns([Watched(4.0, log, "a"), Watched(9.0, log, "b")], 1.0, meter)
    assert set(seen) == {10}
    assert meter.aside == 0
    meter.aside = 1 << 20
    with pytest.raises(Stopped, match="more than 1 MiB"):
        meter.check(open_count=1, bytes_held=1, bound=0.0, closed=0.0, nodes=1)


@pytest.mark.parametrize("timeout", [5.0, 20.0, 60.0, 600.0])
def test_a_longer_limit_finds_what_a_shorter_one_does(timeout: float) -> None:
    """Splitting inputs looks promising at first, and never ends; phases take some dozens."""
    if not CASES.is_dir():
        pytest.skip("needs the shared cases")
    query = query_from(CASES / "longer_is_worse.onnx", CASES / "longer_is_worse.vnnlib")
    assert isinstance(verify(query, Options(timeout=timeout)), Verified)
