"""Verdicts as pages from Python, and what their files become."""

from __future__ import annotations

import base64
import subprocess
import sys
import webbrowser
from dataclasses import replace
from pathlib import Path

import pytest

import verifai as vf
from tests.report.pages import parsed
from tests.report.test_proved import sum_of_relus
from tests.report.test_refuted import digit, read_wrongly
from verifai.cli import run
from verifai.verdict import Falsified, Unknown, Verified

BOX = [(-1, 1), (-1, 1)]


def proof() -> Verified:
    verdict = vf.verify(vf.in_range(sum_of_relus(""), BOX, lower=0, upper="5/2"))
    assert isinstance(verdict, Verified)
    return verdict


def badges(file: Path) -> list[str]:
    page = parsed(file.read_text("utf-8"))
    return [
        e.text.split()[-1] for e in page.all("span") if "badge" in e.attributes.get("class", "")
    ]


def test_each_verdict_becomes_a_page(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    proof().report(out)
    assert badges(out) == ["Verified"]
    read_wrongly()[1].report(out)
    assert badges(out) == ["Falsified"]
    query = vf.in_range(sum_of_relus(""), BOX, lower=0, upper="1.9")
    Unknown("gave up", query=query).report(str(out))
    assert badges(out) == ["Unknown"]


def test_several_verdicts_have_an_overview(tmp_path: Path) -> None:
    verdicts = [proof(), read_wrongly()[1]]
    out = vf.write_report(verdicts, tmp_path / "page.html", title="Two")
    page = parsed(out.read_text("utf-8"))
    names = [e.text.partition(",")[0] for e in page.all("h2")]
    assert names == ["Overview", "1: Network 2→1", "2: Network 64→10"]


def test_what_runs_as_the_model_itself_is_said(tmp_path: Path) -> None:
    net, pixels, label = digit()
    verdict = vf.verify(vf.robust(net, pixels, eps="1/10", label=label, clip=(0, 1)))
    assert isinstance(verdict, Falsified)
    verdict.report(tmp_path / "page.html")
    page = parsed((tmp_path / "page.html").read_text("utf-8"))
    assert "shows the violation too" in "".join(e.text for e in page.all("dl"))
    assert any("as the model computes" in e.text for e in page.all("th"))


def test_show_opens_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    out = vf.show(proof())
    try:
        assert opened == [out.as_uri()]
        assert badges(out) == ["Verified"]
    finally:
        out.unlink()
    assert vf.show(proof(), tmp_path / "p.html", browser=False) == tmp_path / "p.html"
    assert len(opened) == 1


def test_what_cannot_be_shown_is_named(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    with pytest.raises(vf.InputError, match="does not know its query"):
        replace(proof(), query=None).report(out)
    with pytest.raises(vf.InputError, match="a verdict of verifai is wanted, not int"):
        vf.write_report([1], out)  # type: ignore[list-item]
    other = vf.in_range(sum_of_relus(""), BOX, lower=0, upper="9/4")
    with pytest.raises(vf.InputError, match="the kernel rejects this verdict's proof \\(digest"):
        replace(proof(), query=other).report(out)
    assert not out.exists()


def test_without_jinja2_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = proof()
    for name in [n for n in sys.modules if n.startswith("verifai.report.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(vf.InputError, match=r"pip install 'verifai-nn\[report\]'"):
        verdict.report(tmp_path / "page.html")


def test_files_of_evidence_become_pages(tmp_path: Path) -> None:
    proof().save(tmp_path / "p.proof")
    read_wrongly()[1].save(tmp_path / "c.proof")
    out = tmp_path / "page.html"
    files = [str(tmp_path / name) for name in ("p.proof", "c.proof")]
    assert run(["report", *files, "-o", str(out)]) == 0
    page = parsed(out.read_text("utf-8"))
    assert [e.text for e in page.all("h2")] == ["Overview", "p.proof", "c.proof"]
    commands = [e.text for e in page.all("pre")]
    assert any(text.startswith("verifai check ") for text in commands)


def test_evidence_that_does_not_stand_makes_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "p.proof", tmp_path / "page.html"
    proof().save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert run(["report", str(path), "-o", str(out)]) == 4
    assert "p.proof: " in capsys.readouterr().err
    assert not out.exists()


def kept_files(page: Path, folder: Path) -> list[str]:
    """The files inside a page, written out."""
    names = []
    for link in parsed(page.read_text("utf-8")).all("a"):
        if "download" in link.attributes:
            data = link.attributes["href"].partition("base64,")[2]
            (folder / link.attributes["download"]).write_bytes(base64.b64decode(data))
            names.append(link.attributes["download"])
    return names


def last_command(page: Path) -> str:
    """The last thing that a page says to type."""
    return parsed(page.read_text("utf-8")).all("pre", **{"class": "command"})[-1].text


def test_a_page_holds_the_proof_that_it_tells_of(tmp_path: Path) -> None:
    proof().report(tmp_path / "page.html")
    names = kept_files(tmp_path / "page.html", tmp_path)
    assert names == ["proof.network", "proof.query.json", "proof.certificate"]
    words = (
        parsed((tmp_path / "page.html").read_text("utf-8"))
        .all("pre", **{"class": "command"})[-1]
        .text.split()
    )
    assert words == ["python", "-m", "verifai.kernel", *names]
    command = [sys.executable, *words[1:]]
    path = {"PYTHONPATH": str(Path(vf.__file__).parents[1]), "PATH": ""}
    subprocess.run(command, cwd=tmp_path, env=path, check=True, capture_output=True)


def test_a_page_holds_the_counterexample_that_it_tells_of(tmp_path: Path) -> None:
    read_wrongly()[1].report(tmp_path / "page.html")
    names = kept_files(tmp_path / "page.html", tmp_path)
    assert names == ["proof.network", "proof.query.json", "proof.counterexample.json"]
    program = (
        parsed((tmp_path / "page.html").read_text("utf-8"))
        .all("pre", **{"class": "command"})[-1]
        .text
    )
    path = {"PYTHONPATH": str(Path(vf.__file__).parents[1]), "PATH": ""}
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=tmp_path, env=path, check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("Replay(violates=True, in_domain=True")


def test_an_empty_domain_is_said_loudly(tmp_path: Path) -> None:
    query = vf.in_range(sum_of_relus(""), [(1, 0), (0, 1)], lower=9, allow_empty=True)
    verdict = vf.verify(query)
    assert isinstance(verdict, Verified) and verdict.vacuous
    verdict.report(tmp_path / "page.html")
    page = parsed((tmp_path / "page.html").read_text("utf-8"))
    assert "ANY property holds" in page.all("p", **{"class": "warning"})[0].text


def test_a_second_readers_word_is_passed_on(tmp_path: Path) -> None:
    net = vf.load(Path(vf.__file__).parent / "data" / "yarotsky_4.onnx")
    vf.verify(vf.in_range(net, [(0, 1)], lower=-1, upper=2)).report(tmp_path / "page.html")
    page = parsed((tmp_path / "page.html").read_text("utf-8"))
    assert "second reader: " in page.all("ul", **{"class": "trust"})[0].text


def test_importing_verifai_imports_no_page() -> None:
    said = "[n for n in sys.modules if 'report' in n or n == 'jinja2']"
    command = [sys.executable, "-c", f"import sys, verifai; print({said})"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
