"""Whatever breaks a check off ends in exit code 4: not in 0 or 1, which are answers."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernel.test_alone import ACCEPT, NETWORK, QUERY, REJECT
from verifai.kernel import __main__ as alone
from verifai.kernel import check as door

ROOT = Path(__file__).parents[2]
WORDS = [str(NETWORK), str(QUERY), str(ACCEPT[0])]
BREAKS: dict[str, type[BaseException]] = {
    "memory": MemoryError,
    "depth": RecursionError,
    "interrupt": KeyboardInterrupt,
    "system": OSError,
    "division": ZeroDivisionError,
    "exit": SystemExit,
    "kind": TypeError,
    "value": ValueError,
    "key": KeyError,
}
PLACES = ("check.check", "files.network.unpack", "statement._network", "check.digest")
PROGRAM = """
import importlib, runpy, sys
module, _, name = ("verifai.kernel." + sys.argv[1]).rpartition(".")
error = {**vars(__import__("builtins"))}[sys.argv[2]]
def broken(*_, **__):
    raise error(0) if error is SystemExit else error("broken")
setattr(importlib.import_module(module), name, broken)
sys.argv = ["verifai.kernel", *sys.argv[3:]]
runpy.run_module("verifai.kernel", run_name="__main__", alter_sys=True)
"""


def ended(program: list[str], limit: Callable[[], None] | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, *program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("place", range(3))
def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str], place: int) -> None:
    words = [*WORDS[:place], "nowhere/at all", *WORDS[place + 1 :]]
    assert alone.main(words) == 4
    said = capsys.readouterr()
    assert said.err == "error: nowhere/at all cannot be read: No such file or directory\n"
    assert not said.out


@pytest.mark.parametrize("kind", BREAKS)
def test_a_break_in_the_kernel_alone_is_code_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Errors that `main` does not know leave it, and `guarded` ends the process."""

    def broken(*_: object, **__: object) -> None:
        raise BREAKS[kind]("broken")

    monkeypatch.setattr(door, "check", broken)
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise GeneratorExit

    monkeypatch.setattr(alone.os, "_exit", leave)
    with contextlib.suppress(GeneratorExit):
        codes.append(alone.guarded(WORDS))
    assert codes == [4]
    said = capsys.readouterr()
    assert not said.out
    assert "error: " in said.err


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["MemoryError", "KeyboardInterrupt", "SystemExit", "KeyError"])
def test_a_process_that_breaks_off_anywhere_ends_with_4(place: str, kind: str) -> None:
    code, out, err = ended(["-c", PROGRAM, place, kind, *WORDS])
    assert code == 4, err
    assert not out
    assert "error: " in err


def test_a_package_that_is_missing_is_no_rejection() -> None:
    program = "import sys, runpy\nsys.modules['flint'] = None\nsys.argv = ['k', *sys.argv[1:]]\n"
    program += "runpy.run_module('verifai.kernel', run_name='__main__', alter_sys=True)"
    code, out, err = ended(["-c", program, *WORDS])
    assert (code, out) == (4, "")
    assert "flint" in err


def test_an_output_that_cannot_be_written_is_no_answer() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    for certificate in (WORDS[2], str(REJECT[0])):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "verifai.kernel", *WORDS[:2], certificate],
                cwd=ROOT,
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert done.returncode == 4, done.stderr


@pytest.mark.parametrize("mebibytes", [150, 250, 350, 450, 600, 800])
def test_a_process_with_little_memory_says_4_or_the_truth(mebibytes: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mebibytes << 20, mebibytes << 20))

    for certificate, truth in ((WORDS[2], 0), (str(REJECT[0]), 1)):
        code, out, err = ended(["-m", "verifai.kernel", *WORDS[:2], certificate], limit)
        if code == truth:
            assert out.startswith(("Network: ", "rejected: ")), out
        else:
            assert code == 4 or code < 0 or code > 127, (code, out, err)  # or ended by a signal
            assert not out
