"""What commands print, and where: nothing of libraries, and an end in peace where nobody reads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from verifai.streams import hushed, own_output

NOISY = """
import ctypes, importlib, os, subprocess, sys

verify = importlib.import_module("verifai.verify")
plain, libc = verify.verify, ctypes.CDLL(None)

def noisy(*arguments, **options):
    os.write(1, b"NOISE by a descriptor\\n")
    libc.printf(b"NOISE in a buffer until the end\\n")
    subprocess.run(["echo", "NOISE of a child"])
    return plain(*arguments, **options)

verify.verify = noisy
from verifai.cli import main
main()
"""


def started(*arguments: str, program: str = NOISY, **options: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "check": False} | options,
    )
    out, err = ((text or b"").decode() for text in (done.stdout, done.stderr))
    return done.returncode, out, err


def test_libraries_do_not_print_into_json(model: str, true_property: str) -> None:
    code, out, err = started("verify", model, true_property, "--json")
    assert code == 0
    assert json.loads(out)["verdict"] == "verified"
    assert err.count("NOISE") == 3


def test_libraries_do_not_print_before_the_answer_that_a_competition_reads(
    model: str, false_property: str, tmp_path: Path
) -> None:
    result = tmp_path / "result"
    code, out, err = started("vnncomp", "v1", "test", model, false_property, str(result), "60")
    assert (code, out) == (1, "")
    assert result.read_text().startswith("sat\n")
    assert err.count("NOISE") == 3


def test_libraries_do_not_print_before_the_standards_answer(model: str, tmp_path: Path) -> None:
    query = tmp_path / "query.vnnlib"
    query.write_text(
        "(vnnlib-version <2.0>)\n(declare-network f (declare-input X real [1, 1])"
        " (declare-output Y real [1, 1]))\n"
        "(assert (and (>= X[0, 0] 0) (<= X[0, 0] 1) (>= Y[0, 0] 1.25)))\n"
    )
    code, out, err = started("verify", str(query), "--network", f"f={model}")
    assert (code, out) == (0, "unsat\n"), err
    assert err.count("NOISE") == 3


def test_the_first_linear_program_prints_nothing() -> None:
    program = "from verifai.solvers.linear_program import silent_solver as s; s(); print('only')"
    assert started(program=program) == (0, "only\n", "")


def test_nobody_reads(model: str, true_property: str) -> None:
    for arguments in (["verify", model, true_property, "--json"], ["nonsense", "--json"], ["-h"]):
        read, write = os.pipe()
        os.close(read)
        code, _, err = started(*arguments, program="import verifai.__main__", stdout=write)
        os.close(write)
        assert code == 4
        assert "Traceback" not in err and "Exception" not in err and "Broken" not in err


def test_nobody_reads_errors_either() -> None:
    read, write = os.pipe()
    os.close(read)
    program = "import verifai.__main__"
    assert started("nonsense", program=program, stdout=write, stderr=write)[0] == 4
    os.close(write)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_one_sentence(model: str, true_property: str) -> None:
    """The device is opened, as the shell does with `>`."""
    with open("/dev/full", "wb") as full:
        for arguments in (["verify", model, true_property, "--json"], ["--version"]):
            code, _, err = started(*arguments, program="import verifai.__main__", stdout=full)
            assert code == 4
            assert err == "error: standard output: No space left on device\n"


def test_closed_streams_leave_the_exit_code(model: str, true_property: str, tmp_path: Path) -> None:
    """Files that are opened then would take their places, and get what is printed there."""
    proof = str(tmp_path / "proof")
    command = f'exec "$0" -m verifai verify "$1" "$2" --certificate {proof} >&- 2>&- <&-'
    done = subprocess.run(["sh", "-c", command, sys.executable, model, true_property], check=False)
    assert done.returncode == 0
    again = [sys.executable, "-m", "verifai", "check", model, true_property, proof]
    assert subprocess.run(again, check=False, capture_output=True).returncode == 0


def test_a_pipe_gets_the_certificate_alone(model: str, true_property: str, tmp_path: Path) -> None:
    pipe, copy = tmp_path / "pipe", tmp_path / "copy"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', pipe, copy]):
        code, _, err = started(
            "verify",
            model,
            true_property,
            "--certificate",
            str(pipe),
            program="import verifai.__main__",
        )
        assert code == 0, err
    assert {each.name for each in tmp_path.iterdir()} == {"pipe", "copy", "true.vnnlib"}
    again = [sys.executable, "-m", "verifai", "check", model, true_property, str(copy)]
    assert subprocess.run(again, check=False, capture_output=True).returncode == 0


def test_a_pipe_that_nobody_reads_to_its_end_is_named(
    model: str, true_property: str, tmp_path: Path
) -> None:
    read, write = os.pipe()
    os.close(read)
    name = f"/dev/fd/{write}"
    code, out, err = started(
        *("verify", model, true_property, "--certificate", name),
        program="import verifai.__main__",
        pass_fds=[write],
    )
    os.close(write)
    assert (code, out, err) == (4, "", f"error: {name}: Broken pipe\n")


def test_output_is_as_before_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    with own_output():
        os.write(1, b"theirs\n")
        print("ours")
    os.write(1, b"anybody's\n")
    with hushed():
        os.write(1, b"lost\n")
    found = capfd.readouterr()
    assert found.err == "theirs\n"
    assert sorted(found.out.split()) == ["anybody's", "ours"]
