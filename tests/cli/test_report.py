"""`verifai report`: pages from what other commands wrote, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import verifai
from tests.report.pages import parsed
from verifai.cli import run

PROOFS = Path(__file__).parents[2] / "proofs"


def copied(folder: Path, name: str = "p.cert") -> Path:
    for end in ("", ".network", ".query.json"):
        shutil.copy(PROOFS / "yarotsky_square" / f"bound-3.cert{end}", folder / f"{name}{end}")
    return folder / name


def test_a_certificate_becomes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    assert run(["report", str(copied(tmp_path)), "-o", str(out)]) == 0
    found = parsed(out.read_text("utf-8"))
    assert found.all("h1")[0].text == "p.cert"
    assert "Verified" in found.all("span", **{"class": "badge verified"})[0].text
    command = found.all("pre", **{"class": "command"})[0].text.split()
    assert command[:3] == ["python", "-m", "verifai.kernel"]
    assert "1 result, " in capsys.readouterr().out


def test_a_folder_of_a_theorem_becomes_a_section_for_each_proof(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert run(["report", str(PROOFS / "parity_bits"), "-o", str(out)]) == 0
    found = parsed(out.read_text("utf-8"))
    title = (PROOFS / "parity_bits" / "statement.txt").read_text("utf-8").splitlines()[0]
    names = [f"parity_bits: {name}" for name in ("clamp", "bits-16", "bits-64")]
    assert [e.text for e in found.all("h2")] == ["Overview", title, *names]


def test_a_proof_that_the_kernel_rejects_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(tmp_path)
    query = path.with_name("p.cert.query.json")
    changed = query.read_text("utf-8").replace("1/256", "1/257")
    assert changed != query.read_text("utf-8")
    query.write_text(changed, "utf-8")
    out = tmp_path / "page.html"
    assert run(["report", str(path), "-o", str(out)]) == 4
    assert "p.cert: the kernel rejects this certificate (digest" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"nothing", "p.cert.network is missing"), (None, "no certificates (*.cert) in this folder")],
)
def test_what_is_no_result_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, said: str
) -> None:
    path = tmp_path / "p.cert"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert run(["report", str(path), "-o", str(tmp_path / "page.html")]) == 4
    assert said in capsys.readouterr().err


def test_hostile_paths_are_text(tmp_path: Path) -> None:
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    path, out = copied(folder, "<script>alert(1)<script>.cert"), tmp_path / "page.html"
    assert run(["report", str(path), "-o", str(out)]) == 0
    found = parsed(out.read_text("utf-8"))
    assert len(found.all("script")) == 1
    assert not found.all("img")
    assert "<img src=x onerror=alert(1)>" in found.all("pre", **{"class": "command"})[0].text


ABOVE_HALF = """(declare-const X_0 Real)
(declare-const Y_0 Real)
(assert (>= X_0 0))
(assert (<= X_0 1))
(assert (>= Y_0 0.5))
"""


def answered(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Path:
    """What verify --json says about the square network and a property that fails."""
    (folder / "p.vnnlib").write_text(ABOVE_HALF, "utf-8")
    model = Path(verifai.__file__).parent / "data" / "yarotsky_4.onnx"
    run(["verify", str(model), str(folder / "p.vnnlib"), "--json", *options])
    answer = folder / "answer.json"
    answer.write_text(capsys.readouterr().out, "utf-8")
    return answer


def test_an_answer_becomes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer, out = answered(tmp_path, capsys), tmp_path / "page.html"
    assert run(["report", str(answer), "-o", str(out)]) == 0
    found = parsed(out.read_text("utf-8"))
    assert "Falsified" in found.all("span", **{"class": "badge falsified"})[0].text
    assert "shows the violation too" in "".join(e.text for e in found.all("dl"))
    assert found.all("pre", **{"class": "command"})[0].text.startswith("verifai verify ")


def test_an_answer_that_is_not_so_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = answered(tmp_path, capsys)
    said = json.loads(answer.read_text("utf-8"))
    said["counterexample"]["inputs"] = ["1/4"]
    answer.write_text(json.dumps(said), "utf-8")
    assert run(["report", str(answer), "-o", str(tmp_path / "page.html")]) == 4
    assert "no violation at this input" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not what `verifai verify --json` prints"),
        ('{"verdict": "falsified"}', "--model FILE --property FILE"),
        ('{"verdict": "verified"}', "run verify with --certificate FILE"),
    ],
)
def test_answers_that_cannot_be_shown_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    answer = tmp_path / "a.json"
    answer.write_text(text, "utf-8")
    assert run(["report", str(answer), "-o", str(tmp_path / "page.html")]) == 4
    assert said in capsys.readouterr().err


def test_an_answer_with_its_proof_becomes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    below = ABOVE_HALF.replace(">= Y_0 0.5", "<= Y_0 (- 1)")
    (tmp_path / "p.vnnlib").write_text(below, "utf-8")
    model = Path(verifai.__file__).parent / "data" / "yarotsky_4.onnx"
    files = [str(model), str(tmp_path / "p.vnnlib")]
    kept = str(tmp_path / "p.cert")
    meaning = ["--semantics", "float32"]
    assert run(["verify", *files, "--json", "--certificate", kept, *meaning]) == 0
    answer, out = tmp_path / "answer.json", tmp_path / "page.html"
    answer.write_text(capsys.readouterr().out, "utf-8")
    assert run(["report", str(answer), "-o", str(out)]) == 0
    found = parsed(out.read_text("utf-8"))
    assert "every float32 program" in found.all("ul", **{"class": "trust"})[0].text
    words = found.all("pre", **{"class": "command"})[0].text.split()
    assert words == ["verifai", "check", *files, kept, *meaning]
    assert run(words[1:]) == 0


QUERY_2 = """(vnnlib-version <2.0>)
(declare-network f
  (declare-input X real [1, 1])
  (declare-output Y real [1, 1])
)
(assert (and (>= X[0, 0] 0.0) (<= X[0, 0] 1.0)))
(assert (>= Y[0, 0] 0.5))
"""


def test_an_answer_of_the_standards_form_becomes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "q.vnnlib").write_text(QUERY_2, "utf-8")
    model = Path(verifai.__file__).parent / "data" / "yarotsky_4.onnx"
    words = [str(tmp_path / "q.vnnlib"), "--network", f"f={model}"]
    assert run(["verify", *words, "--json"]) == 1
    answer, out = tmp_path / "answer.json", tmp_path / "page.html"
    answer.write_text(capsys.readouterr().out, "utf-8")
    assert run(["report", str(answer), "-o", str(out)]) == 0
    found = parsed(out.read_text("utf-8"))
    said = found.all("pre", **{"class": "command"})[0].text.split()
    assert said == ["verifai", "verify", *words]
