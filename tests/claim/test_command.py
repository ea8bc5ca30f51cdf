"""`verifai claim`: exit codes, words, JSON, files with and without expectations, certificates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verifai.cli import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["claim", *words])
    said = capsys.readouterr()
    return int(str(ended.value.code)), said.out, said.err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("x^2 >= 0", 0, "proved (exact)"),
        ("x^2 > 0", 1, "counterexample: x = 0"),
        ("x/x = 1", 1, "x/x has no value: divided by 0"),
        ("x = ", 4, ""),
    ],
)
def test_one_claim(capsys: pytest.CaptureFixture[str], text: str, code: int, said: str) -> None:
    found, out, err = run(capsys, text)
    assert found == code
    assert said in out
    assert ("column 5" in err) == (code == 4)


def test_what_is_left_open_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "integer a, b, c: a^3 + b^3 = c^3 implies a*b*c = 0", "--timeout", "1"
    )
    assert code == 2 and out.startswith("unknown")


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "for all real x, y: (x+y)^2 = x^2+y^2", "--json")
    record = json.loads(out)
    assert code == 1
    assert (record["verdict"], record["trust"]) == ("refuted", "exact")
    assert record["counterexample"] == {"x": "1", "y": "1"}


def test_a_file_with_expectations(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "proposals.txt"
    path.write_text("# from a model\n[proved] x^2 >= 0\n[refuted] x^2 > 0  # at 0\n[error] x.y\n")
    code, out, _ = run(capsys, "--file", str(path))
    assert code == 0
    assert "3 claims: 1 error, 1 proved, 1 refuted; 0 not as expected" in out
    path.write_text("[refuted] x^2 >= 0\n")
    code, out, _ = run(capsys, "--file", str(path))
    assert code == 1 and "!! line 1 (expected: refuted)" in out


@pytest.mark.parametrize(
    ("text", "code"),
    [("x = x\n", 0), ("x = x\nx = 1\n", 1), ("x = x\nx = \n", 4), ("x/x = 1\n", 1)],
)
def test_a_file_without(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, code: int
) -> None:
    path = tmp_path / "proposals.txt"
    path.write_text(text)
    found, out, _ = run(capsys, "--file", str(path), "--json")
    assert found == code
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["line"] for record in records] == list(range(1, len(records) + 1))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"[maybe] x = x", "line 1: expects 'maybe'"),
        (b"#" * (1 << 20) + b"##", "more than 1048576 bytes"),
    ],
)
def test_files_that_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "proposals.txt"
    path.write_bytes(data)
    code, _, err = run(capsys, "--file", str(path))
    assert code == 4 and said in err


def test_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys)[0] == 4
    assert run(capsys, "x = x", "--file", "claims.txt")[0] == 4
    assert run(capsys, "--file", str(tmp_path / "none.txt"))[0] == 4


def test_a_certificate_is_written_and_stands_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from verifai.kernel.__main__ import main as kernel

    path = tmp_path / "claim.cert"
    text = "for all real x with 0 <= x <= 1: exp(x) <= 3"
    assert run(capsys, text, "--certificate", str(path))[0] == 0
    assert kernel([f"{path}.network", f"{path}.query.json", str(path)]) == 0
