"""Whatever is wrong on a command line is one sentence on standard error, and exit code 4."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import MODEL, vnnlib
from verifai.cli import run

Err = pytest.CaptureFixture[str]
TWO = (
    "(vnnlib-version <2.0>)(declare-network f (declare-input X real [1,1])"
    "(declare-output Y real [1,1]))(assert (and (>= X[0,0] 0.0) (<= X[0,0] 1.0)))"
    "(assert (>= Y[0,0] 2.0))"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with good files, and with empty, binary and other files of every kind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.onnx").write_bytes(MODEL.read_bytes())
    (tmp_path / "ok.vnnlib").write_text(vnnlib("(>= Y_0 1.25)"))
    (tmp_path / "two.vnnlib").write_text(TWO)
    for end in ("onnx", "vnnlib", "csv", "cert"):
        (tmp_path / f"empty.{end}").write_bytes(b"")
        (tmp_path / f"binary.{end}").write_bytes(bytes(range(256)) * 8)
        (tmp_path / f"folder.{end}").mkdir()
    for name, seconds in (("nan", "nan"), ("minus", "-1"), ("zero", "0"), ("endless", "inf")):
        (tmp_path / f"{name}.csv").write_text(f"net.onnx,ok.vnnlib,{seconds}\n")
    (tmp_path / "list.csv").write_text("net.onnx,ok.vnnlib,20\n")
    (tmp_path / "short.csv").write_text("net.onnx,ok.vnnlib\n")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "list.csv").write_text("net.onnx,ok.vnnlib,20\n")
    (tmp_path / "odd" / "expected.csv").write_text("net.onnx,ok.vnnlib,holds\n")
    return tmp_path


VERIFY = "verify net.onnx ok.vnnlib"
NUMBERS = ("0", "-1", "1.5", "x", "", "nan", "inf", "99999999999999999999999")
OPTIONS = {
    f"{VERIFY} --timeout": ("0", "-1", "nan", "inf", "1e400", "5s", ""),
    "check net.onnx ok.vnnlib empty.cert --timeout": ("0", "-1", "nan", "inf", "5s"),
    "solve net.onnx ok.vnnlib --timeout": ("0", "-1", "nan", "inf", "5s"),
    "bench list.csv --timeout": ("0", "-1", "nan", "inf", "5s"),
    "vnncomp v1 any net.onnx ok.vnnlib r.txt": ("0", "-1", "nan", "inf", "5s"),
    f"{VERIFY} --nodes": NUMBERS,
    f"{VERIFY} --workers": (*NUMBERS, "1025"),
    f"{VERIFY} --assume-ulp": NUMBERS,
    f"{VERIFY} --seed": NUMBERS[1:],
    f"{VERIFY} --device": ("nowhere", "", "cuda:x"),
    f"{VERIFY} --image": ("8", "0x8", "8x8", "x", "-1x8"),
    f"{VERIFY} --semantics": ("float", ""),
    f"{VERIFY} --certificate": ("folder.cert", "none/proof.cert", ""),
    f"{VERIFY} --serialise-assignments": ("empty.cert", "new"),
    f"{VERIFY} --network": ("f", "f=", "=net.onnx", "f=net.onnx"),
    "verify two.vnnlib --serialise-assignments ok.vnnlib --network": ("f=net.onnx",),
    "verify two.vnnlib --network": (
        *("f=none.onnx", "f=folder.onnx", "f=binary.onnx", "f=empty.onnx", "g=net.onnx"),
    ),
    "bench list.csv --jobs": NUMBERS,
    "bench list.csv --limit": NUMBERS[:5],
    "bench list.csv --workers": NUMBERS[:5],
    "bench list.csv --only": ("nothing",),
    "bench list.csv --peers": ("none.csv", "folder.csv", "binary.csv", "empty.csv/x", "short.csv"),
    "bench list.csv --out": ("folder.csv", "none/out.csv"),
    "bench list.csv --keep": ("ok.vnnlib",),
    "bench": (
        *("none.csv", "folder.csv", "binary.csv", "empty.csv", "short.csv", "odd/list.csv"),
        *("nan.csv", "minus.csv", "zero.csv", "endless.csv"),
    ),
    "export net.onnx --format": ("latex",),
    "export net.onnx -o": ("folder.cert", "none/x.smt2"),
    "solve net.onnx ok.vnnlib --solver": ("yices", ""),
    "theorem run": ("nothing", "universal_step --pieces 13", "parity_bits --bits x"),
    "theorem run yarotsky_square --out": ("ok.vnnlib",),
    "demo --networks": ("none", "ok.vnnlib"),
    "demo --out": ("ok.vnnlib",),
}
FILES = [f"{kind}.{{}}" for kind in ("none", "folder", "empty", "binary")]
COMMANDS = [
    *("verify {onnx} ok.vnnlib", "verify net.onnx {vnnlib}", "check {onnx} ok.vnnlib empty.cert"),
    *("check net.onnx {vnnlib} empty.cert", "inspect {onnx}", "export {onnx}"),
    *("export net.onnx {vnnlib}", "solve {onnx} ok.vnnlib", "solve net.onnx {vnnlib}"),
    *("vnncomp v1 any {onnx} ok.vnnlib r.txt 5", "vnncomp v1 any net.onnx {vnnlib} r.txt 5"),
]


def refused(words: list[str], capsys: Err) -> None:
    capsys.readouterr()
    assert run(words) == 4, words
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert len(lines) == 1, (words, err)
    assert lines[0].startswith("error: "), lines
    assert "verified" not in out, out
    assert "Traceback" not in err


@pytest.mark.parametrize("option", OPTIONS)
def test_a_wrong_value_of_an_option(option: str, here: Path, capsys: Err) -> None:
    for value in OPTIONS[option]:
        refused([*option.split(), *(value.split() or [""])], capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_none(command: str, here: Path, capsys: Err) -> None:
    for file in FILES:
        words = command.format(onnx=file.format("onnx"), vnnlib=file.format("vnnlib")).split()
        refused(words, capsys)
    for file in ("none.cert", "folder.cert"):
        refused(["check", "net.onnx", "ok.vnnlib", file], capsys)


@pytest.mark.parametrize(
    "words",
    [
        *("nothing", "--nothing", "verify", "verify net.onnx", "verify a b c", "check net.onnx"),
        *("verify net.onnx ok.vnnlib --nothing", "vnncomp v2 any net.onnx ok.vnnlib r.txt 5"),
        *("inspect", "inspect net.onnx net.onnx", "theorem run", "theorem run --all parity_bits"),
        *("supports --nothing", "theorem nothing", "export", "solve net.onnx", "bench"),
    ],
)
def test_words_that_are_no_command(words: str, here: Path, capsys: Err) -> None:
    refused(words.split(), capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("verfy net.onnx ok.vnnlib", "no command 'verfy': is it verify"),
        ("theorem run yarotsky_sqare", "no theorem 'yarotsky_sqare': is it yarotsky_square"),
        ("verify ok.vnnlib net.onnx", "is this the property, not a network or a certificate?"),
        ("bench ok.vnnlib", "row 1 has 1 columns, not 3: is this the table?"),
        ("certify net.onnx ok.vnnlib --eps 1 --out out", "no .npz file of numbers"),
        ("verify net.onnx implies.vnnlib", "unknown operator '=>' (there are * + - / <"),
    ],
)
def test_the_sentence_says_what_may_have_been_meant(
    words: str, said: str, here: Path, capsys: Err
) -> None:
    (here / "implies.vnnlib").write_text(vnnlib("(=> (<= Y_0 0) (<= Y_0 1))"))
    assert run(words.split()) == 4
    assert said in capsys.readouterr().err


def test_an_integer_is_called_an_integer(here: Path, capsys: Err) -> None:
    assert run([*VERIFY.split(), "--nodes", "1.5"]) == 4
    assert "'1.5' is not a valid integer." in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["3e6", "1e15", "1e300"])
def test_a_very_long_time_is_taken(seconds: str, here: Path, capsys: Err) -> None:
    assert run([*VERIFY.split(), "--timeout", seconds]) == 0
    assert run(["solve", "net.onnx", "ok.vnnlib", "--solver", "z3", "--timeout", seconds]) == 2
