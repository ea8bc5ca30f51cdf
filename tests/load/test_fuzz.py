"""A share of the fuzzed files of benchmarks/fuzz.py: nothing crashes, hangs or is read wrongly."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from tests.load import fuzz_run
from tests.load.fuzz_cases import KINDS, prepare
from tests.load.fuzz_commands import commands
from tests.load.fuzz_outcome import Finding, Outcome
from tests.load.fuzz_run import fuzz
from tests.load.fuzz_runtime import compared
from tests.load.models import load, model, single

FEW = {"onnx": 250, "vnnlib": 200, "vnnlib2": 100, "certificate": 300, "network": 300, "query": 80}
MANY, FIRST = 20, 7_000_000  # times as many in the slow share; a seed of which each kind starts


@pytest.mark.parametrize("kind", KINDS)
def test_fuzzed_files_are_read_rightly_or_refused(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    read(kind, range(FIRST, FIRST + FEW[kind]), capsys)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_fuzzed_files_are_read_rightly_or_refused(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = 2 * FIRST
    read(kind, range(first, first + MANY * FEW[kind]), capsys)


def read(kind: str, seeds: range, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(kind)
    report = fuzz(kind, seeds)
    with capsys.disabled():
        print(f"\nfuzzed {kind}: {dict(report.outcomes)}, {report.slowest[0]:.2f} s at most")
    assert report.findings == {}
    assert report.files == len(seeds)
    assert report.outcomes["refused"] >= 0.3 * len(seeds)
    is_loadable = kind != "certificate"  # those are all of false claims
    assert (report.outcomes["refused"] < len(seeds)) == is_loadable


def test_commands_on_fuzzed_files_end_with_a_code_and_write_all_or_nothing(tmp_path: Path) -> None:
    ended = commands(range(1, 9), tmp_path)
    assert {what for what, _ in ended} >= {"verify model", "verify property", "check"}


@pytest.mark.slow
def test_many_commands_on_fuzzed_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = commands(range(1000, 1300), tmp_path)
    with capsys.disabled():
        print(f"\n{ended.total()} commands on fuzzed files: {dict(ended)}")
    assert {("verify model", 4), ("verify property", 4), ("check", 1), ("inspect", 4)} <= set(ended)


def stand_in(monkeypatch: pytest.MonkeyPatch, behave: object) -> fuzz_run.Report:
    """The report on three cases of which the second behaves as told."""

    def trial(kind: str, seed: int, folder: Path, stage: object) -> Outcome:
        stage("reading")  # type: ignore[operator]
        if seed == 1:
            behave()  # type: ignore[operator]
        return Outcome("loaded")

    monkeypatch.setattr(fuzz_run, "trial", trial)
    return fuzz("onnx", range(3))


def test_a_hang_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_run, "SECONDS", 0.2)

    def hang() -> None:
        while True:
            sum(range(1000))

    assert "Hang" in stand_in(monkeypatch, hang).findings[1]


def test_memory_without_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    report = stand_in(monkeypatch, lambda: np.ones(1 << 29))
    assert "MemoryError" in report.findings[1]


def test_a_crash_of_the_process_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    report = stand_in(monkeypatch, lambda: os._exit(3))
    assert "ended with status" in report.findings[1]
    assert report.files == 3


def test_a_warning_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    report = stand_in(monkeypatch, lambda: np.ones(1) / np.zeros(1))
    assert "RuntimeWarning" in report.findings[1]


def test_a_network_that_onnxruntime_reads_differently_is_found(tmp_path: Path) -> None:
    network = load(single("Relu", {"x": [2, 3]}), tmp_path)
    other = model([helper.make_node("Neg", ["x"], ["y"])], {"x": [2, 3]})
    (tmp_path / "other.onnx").write_bytes(other.SerializeToString())
    with pytest.raises(Finding, match="of onnxruntime"):
        compared(network, tmp_path / "other.onnx", random.Random(0))
