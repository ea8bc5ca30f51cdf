"""Pages about theorems: statements, figures, and tables of claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.pages import parsed
from tests.report.test_proved import HOSTILE
from verifai.kernel.errors import InputError
from verifai.report.page import page
from verifai.report.read import Wanted, sections_of

CLAIM = {
    "claim": "c1",
    "role": "claim",
    "text": "it holds",
    "outcome": "proved",
    "trust": "exact",
    "seconds": 0.25,
    "detail": "9 identities",
    "counterexample": "",
}
CONTROL = CLAIM | {
    "claim": "c2",
    "role": "control",
    "outcome": "refuted",
    "counterexample": "x = 1",
}
WRONG = CONTROL | {"claim": "c3", "outcome": "proved"}
RUN = {
    "theorem": "t",
    "proved": "",
    "parameters": {"max_bits": 3},
    "holds": False,
    "problems": ["control c3: proved, not refuted"],
    "seconds": 1.5,
    "results": [CLAIM, CONTROL, WRONG],
}


def sections(path: Path, *runs: Any) -> list[Any]:
    path.write_text("".join(json.dumps(run) + "\n" for run in runs), "utf-8")
    return list(sections_of(path, Wanted()))


def test_claims_are_a_table_with_what_they_rest_on(tmp_path: Path) -> None:
    (found,) = sections(tmp_path / "t.json", RUN)
    assert {fact.name: fact.value for fact in found.facts}["the theorem"] == "FAILS"
    assert [row[2].verdict for row in found.rows] == ["verified", "verified", "falsified"]
    assert found.origin.commands == ("verifai theorem run t --max-bits 3",)
    html = parsed(page("T", [found]))
    rows = [e.text for e in html.all("tr")]
    assert any("counterexample: x = 1" in text for text in rows)


def test_every_line_is_a_theorem(tmp_path: Path) -> None:
    proved = RUN | {"proved": "theorem t of a.v", "holds": True, "results": [CLAIM, CONTROL]}
    first, second = sections(tmp_path / "t.json", RUN, proved)
    assert first.origin.name == second.origin.name == "t"
    assert any("in Coq" in text for text in second.origin.remarks)


def test_hostile_claims_are_text(tmp_path: Path) -> None:
    claim = {k: HOSTILE if isinstance(v, str) else v for k, v in CLAIM.items()}
    run = RUN | {"theorem": HOSTILE, "parameters": {HOSTILE: HOSTILE}, "results": [claim]}
    html = parsed(page("T", sections(tmp_path / "t.json", run)))
    assert len(html.all("script")) == 1
    assert not html.all("img")


@pytest.mark.parametrize("run", [{"theorem": 1}, RUN | {"results": [{}]}, RUN | {"seconds": "x"}])
def test_what_is_no_run_of_a_theorem_is_named(tmp_path: Path, run: Any) -> None:
    with pytest.raises(InputError, match="not what `verifai theorem run --json` prints"):
        sections(tmp_path / "t.json", run)


def test_a_statement_stands_with_its_figures(tmp_path: Path) -> None:
    (tmp_path / "statement.txt").write_text(
        f"name: {HOSTILE}\n\nLet x.\n  y = {HOSTILE}\n", "utf-8"
    )
    (tmp_path / "curve.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "utf-8")
    (found,) = sections_of(tmp_path, Wanted())
    html = parsed(page("S", [found]))
    assert html.all("h2")[0].text == f"name: {HOSTILE}"
    assert f"y = {HOSTILE}" in html.all("div", **{"class": "statement"})[0].text
    (figure,) = html.all("img")
    assert figure.attributes["src"].startswith("data:image/svg+xml;base64,")
    assert "No certificate is kept here" in html.all("main")[0].text
