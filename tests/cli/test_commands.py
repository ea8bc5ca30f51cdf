"""Every command as a user meets it: exit code, words, JSON, files."""

import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import verifai
from tests.processes import PATIENCE, wait_for_helper
from verifai.cli import main, run

Out = pytest.CaptureFixture[str]


def said(capsys: Out) -> dict[str, Any]:
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    found = json.loads(lines[0])
    assert isinstance(found, dict)
    assert found["schema"] == 1
    return found


def test_verified(model: str, true_property: str, capsys: Out) -> None:
    assert run(["verify", model, true_property]) == 0
    out = capsys.readouterr().out
    assert out.startswith("verified in ")
    assert "No input in this domain makes" in out


def test_falsified_names_an_exact_input(model: str, false_property: str, capsys: Out) -> None:
    assert run(["verify", model, false_property]) == 1
    out = capsys.readouterr().out
    assert out.startswith("falsified in ")
    assert "violates the property" in out
    assert "float32 execution (onnxruntime) shows it too" in out


def test_json_of_a_counterexample(model: str, false_property: str, capsys: Out) -> None:
    assert run(["verify", model, false_property, "--json"]) == 1
    found = said(capsys)
    assert found["verdict"] == "falsified"
    (x,) = found["counterexample"]["inputs"]
    ((low, high),) = found["counterexample"]["outputs"]
    assert 0 <= Fraction(x) <= 1
    assert Fraction(1, 2) <= Fraction(low) <= Fraction(high)
    assert Fraction(found["counterexample"]["margin"]) == Fraction(low) - Fraction(1, 2)
    assert found["counterexample"]["float32"] is True


def test_without_float32_nothing_is_said_of_it(
    model: str, false_property: str, capsys: Out
) -> None:
    assert run(["verify", model, false_property, "--no-float32", "--json"]) == 1
    assert said(capsys)["counterexample"]["float32"] is None


def test_an_empty_domain_is_said_loudly(
    model: str, empty_domain: str, tmp_path: Path, capsys: Out
) -> None:
    proof, result = tmp_path / "empty.cert", tmp_path / "result.txt"
    assert run(["verify", model, empty_domain, "--certificate", str(proof)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("verified VACUOUSLY in ")
    assert "WARNING: VACUOUS: the domain is empty" in out
    assert run(["verify", model, empty_domain, "--json"]) == 0
    found = said(capsys)
    assert found["verdict"] == "verified"
    assert found["vacuous"] is True
    assert "VACUOUS" in found["warning"]
    assert run(["check", model, empty_domain, str(proof)]) == 0
    assert "WARNING: VACUOUS" in capsys.readouterr().out
    assert run(["check", model, empty_domain, str(proof), "--json"]) == 0
    assert "VACUOUS" in said(capsys)["warning"]
    assert run(["vnncomp", "v1", "any", model, empty_domain, str(result), "60"]) == 0
    assert "VACUOUS" in capsys.readouterr().err


def test_certificate_files_and_both_checkers(
    model: str, true_property: str, tmp_path: Path, capsys: Out
) -> None:
    proof = tmp_path / "proof.cert"
    assert run(["verify", model, true_property, "--certificate", str(proof), "--json"]) == 0
    found = said(capsys)
    assert found["verdict"] == "verified"
    assert found["certificate"] == str(proof)
    assert found["certificate_bytes"] == proof.stat().st_size
    assert run(["check", model, true_property, str(proof), "--json"]) == 0
    assert said(capsys)["accepted"] is True
    assert run(["check", model, true_property, str(proof), "--exact"]) == 0
    assert "exact arithmetic" in capsys.readouterr().out
    files = [f"{proof}.network", f"{proof}.query.json", str(proof)]
    alone = subprocess.run([sys.executable, "-m", "verifai.kernel", *files], check=False)
    assert alone.returncode == 0


def test_a_certificate_proves_only_its_own_statement(
    model: str, true_property: str, false_property: str, tmp_path: Path, capsys: Out
) -> None:
    proof = tmp_path / "proof.cert"
    assert run(["verify", model, true_property, "--certificate", str(proof)]) == 0
    capsys.readouterr()
    assert run(["check", model, false_property, str(proof)]) == 1
    assert capsys.readouterr().out.startswith("rejected: rule digest")
    proof.write_bytes(proof.read_bytes()[:-1])
    assert run(["check", model, true_property, str(proof), "--json"]) == 1
    found = said(capsys)
    assert found["accepted"] is False
    assert found["rule"]


def test_no_certificate_of_a_falsified_property(
    model: str, false_property: str, tmp_path: Path
) -> None:
    proof = tmp_path / "proof.cert"
    assert run(["verify", model, false_property, "--certificate", str(proof)]) == 1
    assert not proof.exists()


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["verify"], ["verify", "a", "b", "--x"]])
def test_usage_errors_leave_with_4(arguments: list[str], capsys: Out) -> None:
    assert run(arguments) == 4
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_a_timeout_is_a_positive_number(
    value: str, model: str, true_property: str, capsys: Out
) -> None:
    assert run(["verify", model, true_property, f"--timeout={value}"]) == 4
    assert "--timeout" in capsys.readouterr().err


def test_unreadable_files_are_one_line_and_4(
    model: str, true_property: str, tmp_path: Path, capsys: Out
) -> None:
    broken = tmp_path / "broken.vnnlib"
    broken.write_text("(assert (>= X_0")
    for pair in ([model, str(broken)], [str(broken), true_property], [model, "nowhere.vnnlib"]):
        assert run(["verify", *pair]) == 4
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: ")
        assert captured.err.count("\n") == 1
    assert run(["check", model, true_property, "nowhere.cert"]) == 4
    assert capsys.readouterr().err == "error: nowhere.cert: No such file or directory\n"


def test_errors_in_json(model: str, capsys: Out) -> None:
    assert run(["verify", model, "nowhere.vnnlib", "--json"]) == 4
    found = said(capsys)
    assert found["verdict"] == "error"
    assert "nowhere.vnnlib" in found["error"]


def test_an_unwritable_certificate_is_refused_before_the_search(
    model: str, true_property: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    import verifai.cli.verify as command

    def never(*arguments: object, **options: object) -> None:
        pytest.fail("searched before looking at the folder")

    monkeypatch.setattr(command, "search", never)
    for target in (tmp_path / "missing" / "proof.cert", tmp_path):
        assert run(["verify", model, true_property, "--certificate", str(target)]) == 4
        assert capsys.readouterr().err.startswith(f"error: cannot write {target}")


def test_a_crash_never_looks_like_an_answer(
    model: str, true_property: str, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    import verifai.cli.verify as command

    def crash(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(command, "search", crash)
    assert run(["verify", model, true_property]) == 4
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "internal error" in err


def test_a_missing_extra_is_named(
    model: str, true_property: str, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    import verifai.cli.verify as command

    def needs(*arguments: object, **options: object) -> None:
        raise ModuleNotFoundError("No module named 'z3'", name="z3")

    monkeypatch.setattr(command, "search", needs)
    assert run(["verify", model, true_property]) == 4
    assert "verifai-nn[smt]" in capsys.readouterr().err


def test_interrupt_is_unknown_with_what_was_reached(
    model: str, true_property: str, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    import importlib

    from verifai.verify import Progress

    def interrupted(query: object, options: object, *, progress: Any) -> None:
        progress(Progress(1.0, 42, 3, -0.5, 0.25, 42.0))
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("verifai.verify"), "verify", interrupted)
    assert run(["verify", model, true_property, "--json"]) == 2
    found = said(capsys)
    assert found["verdict"] == "unknown"
    assert found["reason"] == "interrupted"
    assert (found["nodes"], found["bound"], found["open_fraction"]) == (42, -0.5, 0.75)


def test_sigint_ends_a_real_search_with_2(tmp_path: Path) -> None:
    benchmarks = Path(__file__).parents[2] / ".." / "shared" / "benchmarks" / "mnist_fc"
    if not benchmarks.is_dir():
        pytest.skip("needs the shared benchmarks")
    files = ["onnx/mnist-net_256x4.onnx", "vnnlib/prop_9_0.05.vnnlib"]
    command = [sys.executable, "-m", "verifai", "verify", *(str(benchmarks / f) for f in files)]
    process = subprocess.Popen(
        [*command, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_for_helper(process)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, err
    assert json.loads(out)["reason"] == "interrupted"
    assert "Traceback" not in err


def test_version_and_help(capsys: Out) -> None:
    assert run(["--version"]) == 0
    assert run(["-h"]) == 0
    assert run(["verify", "-h"]) == 0
    out = capsys.readouterr().out
    assert "4 usage or error" in " ".join(out.split())


def test_main_leaves_with_the_code() -> None:
    with pytest.raises(SystemExit) as stop:
        main(["nonsense"])
    assert stop.value.code == 4


def test_a_closed_pipe_is_no_answer(model: str, false_property: str) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "verifai", "verify", model, false_property]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_verifying_a_small_network_imports_nothing_heavy(model: str, true_property: str) -> None:
    program = f"""
import sys
from verifai.bounds.threads import start_with_one_thread
from verifai.cli import run
start_with_one_thread()
code = run(["verify", {model!r}, {true_property!r}])
heavy = {{
    "torch", "scipy", "rich", "matplotlib", "sympy", "highspy", "jinja2",
    "multiprocessing", "threadpoolctl", "numpy.ma", "numpy.random",
    "verifai.search.split.phases",
}}
print(sorted(heavy & set(sys.modules)), code)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_a_query_leaves_nothing_behind(model: str, true_property: str, tmp_path: Path) -> None:
    """onnxruntime 1.32 keeps a data base of what was run where it is not told otherwise."""
    home = tmp_path / "home"
    home.mkdir()
    told = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in told} | {"HOME": str(home)}
    command = [sys.executable, "-m", "verifai", "verify", model, true_property]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "was run in onnxruntime" in done.stdout
    assert not list(home.rglob("*"))


def test_verify_takes_a_ranking_rule(model: str, true_property: str, capsys: Out) -> None:
    assert run(["verify", model, true_property, "--rank", "babsr"]) == 0
    capsys.readouterr()
    assert run(["verify", model, true_property, "--rank", "best"]) == 4
    assert "'best': there are babsr, fsb, gap, smear, widest" in capsys.readouterr().err


def test_inspect(model: str, capsys: Out) -> None:
    assert run(["inspect", model, "--json"]) == 0
    found = said(capsys)
    assert found["supported"] is True
    assert found["neurons"] > 0
    assert run(["inspect", model]) == 0
    assert "Relu" in capsys.readouterr().out


def test_inspect_names_smooth_functions(capsys: Out) -> None:
    attention = str(Path(verifai.__file__).parent / "data" / "attention.onnx")
    assert run(["inspect", attention]) == 0
    out = capsys.readouterr().out
    assert "smooth (2 exp, 1 log)" in out
    assert out.endswith("this network can be verified\n")
    assert run(["inspect", attention, "--json"]) == 0
    assert said(capsys)["functions"] == {"exp": 2, "log": 1}


def test_check_says_as_json_what_was_checked(
    model: str, true_property: str, tmp_path: Path, capsys: Out
) -> None:
    proof = str(tmp_path / "proof.cert")
    assert run(["verify", model, true_property, "--certificate", proof]) == 0
    capsys.readouterr()
    assert run(["check", model, true_property, proof, "--json"]) == 0
    found = said(capsys)
    assert "No input in this domain makes" in found["statement"]
    assert (found["vacuous"], found["assumptions"]) == (False, [])


@pytest.mark.parametrize("size", ["8", "0x3", "axb", "2x2"])
def test_an_image_size_that_fits_no_input_is_refused(
    size: str, model: str, true_property: str, capsys: Out
) -> None:
    assert run(["verify", model, true_property, "--image", size]) == 4
    assert "--image" in capsys.readouterr().err


def test_a_counterexample_is_drawn_on_demand(model: str, false_property: str, capsys: Out) -> None:
    assert run(["verify", model, false_property, "--image", "1x1"]) == 1
    assert "as an image" in capsys.readouterr().out


def test_a_theorem_that_is_none_is_named(capsys: Out) -> None:
    assert run(["theorem", "show", "nosuch"]) == 4
    assert "no theorem 'nosuch'" in capsys.readouterr().err


def test_inspect_names_what_blocks(tmp_path: Path, capsys: Out) -> None:
    onnx = pytest.importorskip("onnx")
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 2]) for name in "xy"
    ]
    node = onnx.helper.make_node("Det", ["x"], ["y"], name="blocker")
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    path = tmp_path / "det.onnx"
    onnx.save(onnx.helper.make_model(graph), path)
    assert run(["inspect", str(path)]) == 4
    out = capsys.readouterr().out
    assert "Det" in out
    assert "blocker" in out


@pytest.mark.parametrize(("name", "word"), [("true_property", "unsat"), ("false_property", "sat")])
def test_vnncomp_result_file(
    name: str, word: str, model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    result = tmp_path / "result.txt"
    arguments = [model, request.getfixturevalue(name), str(result), "30"]
    assert run(["vnncomp", "v1", "test", *arguments]) == (0 if word == "unsat" else 1)
    first, _, rest = result.read_text().partition("\n")
    assert first == word
    if word == "sat":
        (x_name, x), (y_name, y) = (pair.split() for pair in rest.strip()[2:-2].split(")\n("))
        assert (x_name, y_name) == ("X_0", "Y_0")
        assert 0 <= float(x) <= 1
        assert float(y) >= 0.5
    else:
        assert rest == ""


def test_vnncomp_writes_error(model: str, tmp_path: Path) -> None:
    result = tmp_path / "result.txt"
    assert run(["vnncomp", "v1", "test", model, "nowhere.vnnlib", str(result), "30"]) == 4
    assert result.read_text() == "error\n"
