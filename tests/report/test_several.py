"""Pages about many results and about open ones: figures, curves, tables, the hardest box."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flint import fmpq

import verifai as vf
from tests.report.pages import parsed
from tests.report.test_proved import HOSTILE, sum_of_relus
from verifai.kernel.errors import InputError
from verifai.kernel.replay import evaluate
from verifai.report.open_box import look
from verifai.report.page import page
from verifai.report.proved import Origin
from verifai.report.read import Wanted, sections_of
from verifai.report.several import Several, benchmark, certification
from verifai.report.undecided import undecided
from verifai.verdict import Effort, Unknown

BENCH = """onnx,vnnlib,verdict,expected,wall_seconds,message
onnx/a.onnx,p1.vnnlib,unsat,unsat,1.5,
onnx/a.onnx,p2.vnnlib,sat,unsat,10.5,
onnx/b.onnx,p1.vnnlib,timeout,,60.0,the time is over
onnx/b.onnx,p2.vnnlib,unsat,unsat,0.5,
"""
ANSWERS = """input,label,answer,eps,status,by,seconds,reason
0,3,3,1/100,verified,1/50,0.1,
0,3,3,1/50,verified,1/50,0.1,
1,4,4,1/100,verified,1/100,0.1,
1,4,4,1/50,falsified,1/50,0.1,
2,5,6,1/100,misclassified,,,
2,5,6,1/50,misclassified,,,
3,7,7,1/100,timeout,1/100,9.0,time
3,7,7,1/50,falsified,1/50,0.1,
"""


def several(path: Path, text: str, *peers: Path) -> Several:
    path.write_text(text, "utf-8")
    (found,) = sections_of(path, Wanted(peers=peers))
    assert isinstance(found, Several)
    return found


def facts(section: Several) -> dict[str, str]:
    return {fact.name: fact.value for fact in section.facts}


def test_a_benchmark_is_counted_and_drawn(tmp_path: Path) -> None:
    peer = tmp_path / "peer.csv"
    peer.write_text(BENCH.replace("timeout", "sat"), "utf-8")
    found = several(tmp_path / "ours.csv", BENCH, peer)
    said = facts(found)
    assert (said["solved"], said["verified"], said["falsified"]) == ("3 of 4", "2", "1")
    assert said["wrong"] == "1"
    assert said["median"] == "1.5 s"
    (chart,) = found.charts
    assert sorted(re.findall(r">(\w+ \(\d\))<title", chart)) == ["ours (3)", "peer (4)"]
    html = parsed(page("Bench", [found]))
    assert [e.attributes["aria-sort"] for e in html.all("th")] == ["none"] * len(found.headings)
    rows = html.all("tr")[1:]
    assert len(rows) == 4
    assert [e.text for e in html.all("option")] == ["all", "falsified", "time-out", "verified"]
    keys = [e.attributes["data-key"] for e in html.all("td")]
    assert {"0.5", "1.5", "10.5", "60.0"} <= set(keys)


def test_certified_shares_are_those_of_the_answers(tmp_path: Path) -> None:
    found = several(tmp_path / "answers.csv", ANSWERS)
    said = facts(found)
    assert (said["inputs"], said["clean"]) == ("4", "75.0 %")
    assert said["certified at 0.01"] == "50.0 %"
    assert said["certified at 0.02"] == "25.0 %"
    notes = {fact.name: fact.note for fact in found.facts}
    assert notes["certified at 0.01"] == "attacked 0.0 %, undecided 25.0 %"
    assert notes["certified at 0.02"] == "attacked 50.0 %, undecided 0.0 %"
    assert "certified" in found.charts[0]
    assert found.origin.name == tmp_path.name


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "onnx,vnnlib\nx,y\n", "\0\xff"])
def test_what_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"t\.csv: no table"):
        several(tmp_path / "t.csv", text)


def test_a_time_that_is_no_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no number: 'soon'"):
        several(tmp_path / "t.csv", BENCH.replace("1.5", "soon"))


def test_hostile_cells_are_text() -> None:
    row = dict.fromkeys(("onnx", "vnnlib", "verdict", "expected", "message"), HOSTILE)
    found = benchmark(Origin(HOSTILE), [row | {"wall_seconds": "1"}], {HOSTILE: []})
    html = parsed(page(HOSTILE, [found]))
    assert len(html.all("script")) == 1
    assert not html.all("img")
    row = dict.fromkeys(("input", "label", "answer", "status", "reason"), HOSTILE)
    parsed(page(HOSTILE, [certification(Origin(HOSTILE), [row | {"eps": "1/2"}])]))


def test_the_hardest_box_is_open_and_lies_in_the_domain() -> None:
    query = vf.in_range(sum_of_relus(""), [(-1, 1), (-1, 1)], lower=0, upper="1.9")
    found = look(query, seconds=0.5)
    assert found is not None
    assert found.bound <= 0 <= found.closed <= found.boxes
    assert found.closest_margin == pytest.approx(0.1)
    for side in found.sides:
        assert 0 < side.share <= 1


def test_bounds_of_the_short_look_are_sound() -> None:
    query = vf.in_range(sum_of_relus(""), [(-1, 1), (-1, 1)], lower=0, upper="1.9")
    found = look(query, seconds=0.3)
    assert found is not None
    corner = tuple(fmpq(1) for _ in range(2))
    low, _ = evaluate(query.network, corner)
    assert float(low[query.network.output_values[0]]) == 2
    assert found.bound <= -0.1 + 1e-9


def test_a_closed_domain_has_no_hardest_box() -> None:
    query = vf.in_range(sum_of_relus(""), [(-1, 1), (-1, 1)], lower=-9, upper=9)
    assert look(query) is None


def test_an_open_question_says_how_far_it_got() -> None:
    query = vf.in_range(sum_of_relus(HOSTILE), [(-1, 1), (-1, 1)], lower=0, upper="1.9")
    verdict = Unknown(
        "time", is_timeout=True, bound=-0.25, open_fraction=0.2, effort=Effort(nodes=9)
    )
    found = undecided(query, verdict, Origin("open"))
    html = parsed(page("Open", [found]))
    assert "Time-out" in html.all("span", **{"class": "badge timeout"})[0].text
    said = html.all("dl")[0].text
    assert "80 %" in said
    assert "−0.25" in said
    titles = [e.text for e in html.all("h3")]
    assert "The hardest box" in titles
    assert "What to try" in titles
    assert any("vf.attack" in text for text in found.advice)
    assert any("more time" in text for text in found.advice)
