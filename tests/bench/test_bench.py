"""Instances in, a table out, on the shipped network and on processes that misbehave."""

import gzip
import os
import resource
import signal
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import verifai
from tests.processes import is_left_alone
from verifai.bench.instances import (
    Result,
    read_instances,
    read_times,
    write_results,
)
from verifai.bench.process import Fleet, measure
from verifai.bench.run import BenchPlan, Workshop, run_all
from verifai.bench.summary import comparison, exit_code, side_by_side, summary
from verifai.cli import run
from verifai.kernel.errors import InputError
from verifai.report.cactus import cactus

MODEL = Path(verifai.__file__).parent / "data" / "yarotsky_4.onnx"
TEXT = (
    "(declare-const X_0 Real)(declare-const Y_0 Real)"
    "(assert (>= X_0 0))(assert (<= X_0 1))(assert (>= Y_0 {}))"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two instances, one of their files gzipped; expected.csv is wrong about neither."""
    home = tmp_path / "family"
    home.mkdir()
    with gzip.open(home / "net.onnx.gz", "wb") as file:
        file.write(MODEL.read_bytes())
    (home / "holds.vnnlib").write_text(TEXT.format("1.25"))
    (home / "fails.vnnlib").write_text(TEXT.format("0.5"))
    (home / "instances.csv").write_text("net.onnx,holds.vnnlib,20\nnet.onnx,fails.vnnlib,20\n")
    (home / "expected.csv").write_text("net.onnx,holds.vnnlib,unsat\nnet.onnx,fails.vnnlib,sat\n")
    return home


def test_bench_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, plot, peer = (folder / name for name in ("out.csv", "plot.svg", "peer.csv"))
    peer.write_text("onnx,vnnlib,verdict,wall_seconds\nnet.onnx,holds.vnnlib,unsat,2.5\n")
    files = ["--out", str(out), "--plot", str(plot), "--peers", str(peer)]
    keep = folder / "keep"
    arguments = ["bench", str(folder / "instances.csv"), "--check", "--keep", str(keep), *files]
    assert run(arguments) == 0
    said = capsys.readouterr().out
    assert "2 of 2 compared" in said
    assert "1 of 1 accepted" in said
    assert "2.50 unsat" in said
    found = read_times(out)
    assert {key[1]: verdict for key, (verdict, _) in found.items()} == {
        "holds.vnnlib": "unsat",
        "fails.vnnlib": "sat",
    }
    assert "accepted" in out.read_text()
    assert len(list(keep.glob("*.cert"))) == 1
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")


def test_a_wrong_verdict_is_counted_and_the_exit_code_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "expected.csv").write_text("net.onnx,holds.vnnlib,sat\n")
    assert run(["bench", str(folder / "instances.csv"), "--only", "holds"]) == 1
    said = capsys.readouterr().out
    assert "wrong" in said
    assert "0 of 1 compared" in said


def test_the_exit_code_says_whether_everything_was_solved() -> None:
    solved, wrong = Result("n", "p", "unsat"), Result("n", "p", "sat", "unsat")
    late, failed = Result("n", "p", "timeout"), Result("n", "p", "error")
    refused = Result("n", "p", "unsat", check="not accepted: rule")
    assert exit_code([solved, Result("n", "p", "sat", "sat")]) == 0
    assert exit_code([solved, late]) == exit_code([Result("n", "p", "unknown")]) == 2
    assert exit_code([solved, late, failed]) == 4
    assert exit_code([failed, late, wrong]) == exit_code([failed, refused]) == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_missing_file_is_a_row_and_the_others_are_run(
    folder: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    lines = "none.onnx,holds.vnnlib,20\nnet.onnx,none.vnnlib,20\nnet.onnx,fails.vnnlib,20\n"
    (folder / "bad.onnx.gz").write_bytes(b"no gzip file")
    (folder / "instances.csv").write_text(lines + "bad.onnx,holds.vnnlib,20\n")
    out = folder / "out.csv"
    arguments = ["bench", str(folder / "instances.csv"), "--jobs", str(jobs), "--out", str(out)]
    assert run(arguments) == 4
    found = [verdict for verdict, _ in read_times(out).values()]
    assert found == ["error", "error", "sat", "error"]
    end = capsys.readouterr().out.splitlines()[-3:]
    assert [line.split(": ")[0] for line in end] == ["error"] * 3
    assert "none.onnx: no such file, nor with .gz" in end[0]
    assert "none.vnnlib: no such file, nor with .gz" in end[1]
    assert "gzip" in end[2]


def test_an_empty_domain_is_said_loudly(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "holds.vnnlib").write_text(TEXT.format("0.5").replace("(<= X_0 1)", "(<= X_0 -1)"))
    out = folder / "out.csv"
    arguments = ["bench", str(folder / "instances.csv"), "--only", "holds", "--out", str(out)]
    assert run(arguments) == 0
    assert capsys.readouterr().out.count("VACUOUS") == 2
    assert "VACUOUS" in out.read_text()


def test_a_broken_file_is_an_error_not_a_verdict(folder: Path) -> None:
    (folder / "holds.vnnlib").write_text("(assert")
    results = run_all(read_instances(folder / "instances.csv"), folder, BenchPlan(check=True))
    assert [result.verdict for result in results] == ["error", "sat"]
    assert results[0].mark == "unsolved"
    assert results[0].message


def test_a_tampered_certificate_is_refused(folder: Path) -> None:
    keep = folder / "keep"
    (instance,) = [i for i in read_instances(folder / "instances.csv") if "holds" in i.vnnlib]
    workshop = Workshop(folder, folder / "shop", BenchPlan(keep=keep))
    (folder / "shop").mkdir()
    assert workshop.run(0, instance).verdict == "unsat"
    (certificate,) = keep.glob("*.cert")
    assert workshop.recheck(instance, certificate).result == "accepted"
    assert workshop.recheck_standalone(certificate).result == "accepted"
    certificate.write_bytes(certificate.read_bytes()[:-8])
    assert workshop.recheck(instance, certificate).result.startswith("not accepted")
    assert workshop.recheck_standalone(certificate).result.startswith("not accepted")


def test_the_standalone_kernel_is_a_copy_of_the_kernel_alone(folder: Path) -> None:
    shop = folder / "shop"
    shop.mkdir()
    Workshop(folder, shop, BenchPlan()).recheck_standalone(folder / "none.cert")
    package = shop / "alone" / "verifai"
    assert {each.name for each in package.iterdir()} - {"__pycache__"} == {"__init__.py", "kernel"}


def test_jobs_keep_the_order(folder: Path) -> None:
    results = run_all(read_instances(folder / "instances.csv"), folder, BenchPlan(jobs=2))
    assert [result.verdict for result in results] == ["unsat", "sat"]


def test_processes_are_timed_measured_and_killed() -> None:
    quick = measure([sys.executable, "-c", "print('{\"a\": 1}')"], limit=120)
    assert (quick.code, quick.answer(), quick.was_killed) == (0, {"a": 1}, False)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert 1 < quick.peak_mib < 500 + own  # a fork begins with what its parent holds
    slow = measure([sys.executable, "-c", "import time; time.sleep(30)"], limit=0.5)
    assert slow.was_killed
    assert 0.5 <= slow.seconds < 25
    loud = measure([sys.executable, "-c", "raise SystemExit('why')"], limit=120)
    assert (loud.code, loud.answer()) == (1, {"error": "why"})


def test_instances_are_refused_where_they_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "instances.csv"
    with pytest.raises(InputError, match="no such file"):
        read_instances(path)
    for text, reason in (("a,b\n", "2 columns"), ("a,b,soon\n", "seconds"), ("", "no instances")):
        path.write_text(text)
        with pytest.raises(InputError, match=reason):
            read_instances(path)


def test_results_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_results(path, [Result("a", "b", "sat", wall_seconds=1.5)])
    assert read_times(path) == {("a", "b"): ("sat", 1.5)}
    path.write_text("onnx,vnnlib\na,b\n")
    with pytest.raises(InputError, match="not a table"):
        read_times(path)


def test_marks() -> None:
    marks = {
        ("sat", "sat"): "right",
        ("sat", "unsat"): "wrong",
        ("sat", ""): "solved",
        ("timeout", "sat"): "unsolved",
        ("error", ""): "unsolved",
    }
    for (verdict, expected), mark in marks.items():
        assert Result("a", "b", verdict, expected).mark == mark


def test_comparison_counts_only_what_both_ran() -> None:
    ours = [
        Result("n", "a", "unsat", wall_seconds=1.0),
        Result("n", "b", "sat", wall_seconds=2.0),
        Result("n", "c", "timeout", wall_seconds=60.0),
        Result("n", "d", "unsat", wall_seconds=9.0),
    ]
    peer = {
        ("n", "a"): ("unsat", 4.0),
        ("n", "b"): ("unsat", 2.0),
        ("n", "c"): ("sat", 1.0),
    }
    row = comparison(ours, {"peer": peer}).splitlines()[1].split()
    assert row == ["peer", "3", "2", "3", "1", "3.00", "6.00", "0.50", "0.62", "1.00"]
    assert len(side_by_side(ours, {"peer": peer}).splitlines()) == 4
    assert "3 (1 sat, 2 unsat)" in summary(ours)


def test_cactus_draws_every_solved_instance() -> None:
    svg = ElementTree.fromstring(cactus({"a<b": [3.0, 0.5], "none": []}, title="t&t"))
    lines = [e for e in svg.iter() if e.tag.endswith("polyline")]
    points = [[tuple(map(float, p.split(","))) for p in e.get("points", "").split()] for e in lines]
    assert [len(each) for each in points] == [2, 0]
    (x0, y0), (x1, y1) = points[0]
    assert x0 < x1
    assert y0 > y1


def test_an_interrupted_run_ends_what_runs_beside_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several at once are waited for in other threads, which hear no signal."""
    groups, add = list[int](), Fleet.add

    def noted(fleet: Fleet, group: int) -> None:
        add(fleet, group)
        groups.append(group)
        if groups[1:2] == [group]:  # once
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Fleet, "add", noted)
    monkeypatch.setattr(
        "verifai.bench.run._VERIFAI", [sys.executable, "-c", "import time; time.sleep(100)"]
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    told = list[int]()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_all(
                read_instances(folder / "instances.csv") * 3,
                folder,
                BenchPlan(jobs=2, timeout=100.0),
                done=lambda number, result: told.append(number),
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(groups) >= 2
    assert all(is_left_alone(group) for group in groups)
    assert not told
