"""What people read."""

import io

import pytest
from flint import fmpq

from verifai.graph.formulas import atom, conjunction
from verifai.graph.nodes import affine
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import Query
from verifai.report.terminal import MAX_SHOWN, ProgressLine, number, table, words
from verifai.verdict import Counterexample, Effort, Falsified, Unknown, Verified
from verifai.verify import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def query() -> Query:
    wide = 20
    nodes = (Input("x", (wide,)), affine("y", (1,), ((0, Dense.of([[1.0] * wide])),)))
    unsafe = conjunction([atom({wide: fmpq(1)}, fmpq(0))])
    return Query(Network(nodes, (1,)), (fmpq(0),) * wide, (fmpq(1),) * wide, unsafe)


def test_words_of_each_verdict(query: Query) -> None:
    proved = words(Verified(b"", "it holds", effort=Effort(1, 0.5, 3, 2)), query, seconds=1.25)
    assert proved.splitlines() == [
        "verified in 1.25 s, 3 nodes, 0.50 s of it the kernel's check",
        "it holds",
        "in short, for every x in the box: y[0] > 0",
    ]
    assert "WARNING" in words(Verified(b"", "it holds", vacuous=True), query, seconds=1)
    open_ = words(Unknown("no budget", bound=-0.25, open_fraction=0.5), query, seconds=1)
    assert "reason: no budget" in open_
    assert "-0.25" in open_
    assert "open: 50 %" in open_
    assert words(Unknown("late", is_timeout=True), query, seconds=1).startswith("time-out after")


def test_a_long_counterexample_is_abridged_and_says_so(query: Query) -> None:
    found = Counterexample((fmpq(1, 3),) * 20, ((fmpq(0), fmpq(1)),), fmpq(0), False)
    lines = words(Falsified(found, "it fails"), query, seconds=1).splitlines()
    assert lines.count("  x[0] = 1/3 ≈ 0.333333") == 1
    assert f"  … and {20 - MAX_SHOWN} more (--json has all)" in lines
    assert "  y[0] ≈ 0.5" in lines
    assert lines[-1].endswith("does not show it")


def test_numbers_are_exact_where_they_can_be_read() -> None:
    assert number(fmpq(-3, 10)) == "= -3/10 ≈ -0.3"
    assert number(fmpq(10) ** 100).startswith("≈ 1e+100")


def test_progress_is_for_terminals_only() -> None:
    report = Progress(2.0, 100, 7, -1.5, 0.5, 50.0)
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        line = ProgressLine(stream, every=0)
        line(report)
        line.clear()
        assert line.last is report
        assert ("100 nodes, 7 open · 50.0 % closed · bound -1.5" in stream.getvalue()) is shown
        assert stream.getvalue().endswith("\r\033[K") is shown


def test_progress_is_not_shown_more_often_than_asked() -> None:
    stream = Terminal()
    line = ProgressLine(stream, every=3600)
    line(Progress(2.0, 100, 7, None, 0.5, 50.0))
    line.clear()
    assert stream.getvalue() == ""


def test_tables_need_equal_rows() -> None:
    with pytest.raises(ValueError, match="zip"):
        table(["a", "b"], [["1"]])
