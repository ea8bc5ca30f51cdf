"""SIGTERM ends every command as Ctrl-C does: code 2, one word, nothing half written, no process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import PATIENCE, is_left_alone
from tests.search.test_endings import hard

__all__ = ["hard"]
LONGEST = 4.0  # seconds
WORK = 0.8  # seconds of the processor: more than it takes to read the arguments


def hears(process: subprocess.Popen[str], number: int) -> bool:
    """Whether the process has a handler for the signal."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (caught,) = (line.split()[1] for line in lines if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def worked(process: subprocess.Popen[str]) -> float:
    """The seconds of the processor that a process has had."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_work_on(model: str) -> list[str]:
    """The processes that were told of the file, in groups of their own too."""
    end, found = time.monotonic() + 20, ["?"]
    while found and time.monotonic() < end:
        lines = [_words(entry) for entry in Path("/proc").glob("[0-9]*/cmdline")]
        found = [line for line in lines if model in line]
    return found


def _words(entry: Path) -> str:
    try:
        return entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:  # it has ended
        return ""


def terminated(command: list[str]) -> tuple[int, str, str]:
    """The exit code and what a command said that got SIGTERM on the way."""
    process = subprocess.Popen(
        [sys.executable, "-m", "verifai", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + PATIENCE
    while not hears(process, signal.SIGTERM):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    enough, end = worked(process) + WORK, time.monotonic() + LONGEST
    while worked(process) < enough and time.monotonic() < end:
        time.sleep(0.05)  # by its own work, however busy the machine is; or it waits for others
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    assert is_left_alone(process.pid)
    return process.returncode, out, err


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("name", ["solve", "bench", "theorem", "vnncomp"])
def test_sigterm(name: str, hard: tuple[str, str], tmp_path: Path) -> None:
    listed, result, made = (tmp_path / each for each in ("instances.csv", "result", "made"))
    listed.write_text(f"{hard[0]},{hard[1]},600\n" * 3)
    before = {each.name for each in tmp_path.iterdir()}
    command = {
        "solve": ["solve", *hard],
        "bench": ["bench", str(listed), "--jobs", "2", "--out", str(result)],
        "theorem": ["theorem", "run", "sawtooth_depth", "--steps", "100000", "--out", str(made)],
        "vnncomp": ["vnncomp", "v1", "test", *hard, str(result), "600"],
    }
    code, _, err = terminated(command[name])
    assert code == 2, err
    assert not at_work_on(hard[0])
    if name == "vnncomp":
        assert result.read_text() == "unknown\n"
        return
    assert err.splitlines()[-1] == "interrupted"
    assert {each.name for each in tmp_path.iterdir()} - {"made"} == before
    if made.exists():
        assert not [each.name for each in made.rglob(".*")]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs masks of signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("imported", ["verifai.cli", "click", "verifai.cli.exits"])
def test_a_signal_while_the_command_is_imported(imported: str, number: int) -> None:
    program = f"""
import importlib.abc, os, sys
class Signals(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {imported!r}:
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Signals())
from verifai.start import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "inspect", "none.onnx", "--json"],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "interrupted\n")
    assert json.loads(done.stdout)["reason"] == "interrupted"
