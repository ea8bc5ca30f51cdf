"""The pages that benchmarks/report_pages.py measures: small enough, whole, and silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.report_pages import MOST_BYTES, acas, digit, instances, theorems
from tests.chromium import Tab, tab
from tests.report.pages import parsed
from verifai.cli import run
from verifai.kernel.errors import InputError

BENCHMARKS = Path(__file__).parents[2] / ".." / "shared" / "benchmarks"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Tab]:
    with tab() as opened:
        yield opened


def sources(name: str, folder: Path) -> list[Path]:
    """What a page is made of; a skip where the benchmarks are not there."""
    try:
        if name == "acas":
            return acas(folder, BENCHMARKS)
        if name == "instances":
            return instances(BENCHMARKS, None)
    except InputError as error:
        pytest.skip(f"the benchmarks are not there: {error}")
    return digit(folder) if name == "digit" else theorems()


@pytest.mark.parametrize("name", ["digit", "acas", "instances", "theorems"])
def test_a_large_page_is_small_and_silent(name: str, tmp_path: Path, browser: Tab) -> None:
    out = tmp_path / "page.html"
    files = [str(path) for path in sources(name, tmp_path)]
    assert run(["report", *files, "-o", str(out)]) == 0
    assert out.stat().st_size < MOST_BYTES
    page = parsed(out.read_text("utf-8"))
    if name == "instances":
        assert len(page.all("tr")) >= 97
    if name == "acas":
        assert len(page.all(role="treeitem")) > 100
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(out)
    assert browser.complaints == []
    assert [r for r in browser.requests if not r.startswith("data:")] == [out.as_uri()]
