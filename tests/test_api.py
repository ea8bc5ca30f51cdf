"""The public interface: lazy, complete, and what each function promises."""

import importlib
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from verifai.kernel.replay import evaluate
from verifai.verdict import Counterexample

DATA = Path(vf.__file__).parent / "data"
SQUARE = DATA / "yarotsky_4.onnx"


def test_every_public_name_can_be_had() -> None:
    for name in vf.__all__:
        assert getattr(vf, name) is not None
    assert set(vf.__all__) <= set(dir(vf))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = vf.nonsense  # type: ignore[attr-defined]


def test_the_list_of_public_names_has_each_once() -> None:
    """`__init__.pyi` is the one list; each of its lines says the name twice, as stubs must."""
    stub = Path(vf.__file__).with_name("__init__.pyi").read_text("utf-8")
    rows = re.findall(r"^from ([\w.]+) import (\w+) as (\w+)$", stub, re.MULTILINE)
    assert len(rows) == stub.count("\nfrom ") == len({name for _, name, _ in rows})
    assert [name for _, name, _ in rows] == vf.__all__
    for module, name, again in rows:
        assert name == again
        found = getattr(vf, name)
        assert found is getattr(importlib.import_module(module), name)


def test_importing_costs_nothing_and_functions_win_over_subpackages() -> None:
    program = """
import sys, verifai
assert not {"numpy", "onnx", "torch", "flint"} & set(sys.modules)
import verifai.load.vnnlib.version1, verifai.bounds.interval, verifai.verify
for name in ("load", "bounds", "verify"):
    assert callable(getattr(verifai, name)), name
from verifai.verify import Options
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_verified_is_checked_again() -> None:
    query = vf.in_range(vf.load(SQUARE), [(0, 1)], lower="-1/8", upper="5/4")
    verdict = vf.verify(query, timeout=120)
    assert isinstance(verdict, vf.Verified)
    assert vf.check(query, verdict.certificate).leaves >= 1
    assert vf.check(query, verdict.certificate, exact=True).leaves >= 1
    other = vf.in_range(vf.load(SQUARE), [(0, 1)], lower=0, upper="1/2")
    with pytest.raises(vf.Rejection):
        vf.check(other, verdict.certificate)


def test_falsified_is_exact() -> None:
    net = vf.load(str(SQUARE))
    verdict = vf.verify(vf.in_range(net, [(0, 1)], upper="1/2"), timeout=120)
    assert isinstance(verdict, vf.Falsified)
    (x,) = verdict.counterexample.inputs
    low, _ = evaluate(net, [x])
    assert 0 <= x <= 1
    assert low[-1] > fmpq(1, 2)


def test_bounds_hold_and_are_not_silly() -> None:
    net = vf.load(SQUARE)
    ((lower, upper),) = vf.bounds(net, [("0.25", "0.5")])
    points = [evaluate(net, [fmpq(1, 4) + fmpq(k, 400)])[0][-1] for k in range(101)]
    assert lower <= min(points)
    assert max(points) <= upper
    assert upper - lower < 1
    with pytest.raises(vf.InputError, match="empty"):
        vf.bounds(net, [(1, 0)])
    with pytest.raises(vf.InputError, match="2 pairs"):
        vf.bounds(net, [(0, 1), (0, 1)])


def test_bounds_of_a_classifier_contain_its_outputs() -> None:
    net = vf.load(DATA / "digits_mlp.onnx")
    with np.load(DATA / "digits_test.npz") as file:
        pixels = file["images"][0].reshape(-1) / 16
    box = [(Fraction(p) - Fraction(1, 50), Fraction(p) + Fraction(1, 50)) for p in pixels.tolist()]
    found = vf.bounds(net, box)
    rng = np.random.default_rng(1)
    for _ in range(5):
        x = [
            fmpq(*(low + (high - low) * int(k) / 8).as_integer_ratio())
            for (low, high), k in zip(box, rng.integers(0, 9, len(box)), strict=True)
        ]
        values = evaluate(net, x)[0][-len(found) :]
        assert all(low <= v <= high for v, (low, high) in zip(values, found, strict=True))


def test_query_from_files(tmp_path: Path) -> None:
    path = tmp_path / "p.vnnlib"
    path.write_text(
        "(declare-const X_0 Real)(declare-const Y_0 Real)"
        "(assert (>= X_0 0))(assert (<= X_0 0.1))(assert (>= Y_0 1))"
    )
    query = vf.query_from(SQUARE, path)
    assert query.upper == (fmpq(1, 10),)
    with pytest.raises(vf.InputError):
        vf.query_from(SQUARE, tmp_path / "none.vnnlib")


def test_verdicts_read_as_sentences() -> None:
    query = vf.in_range(vf.load(SQUARE), [(0, 1)], lower="-1/8", upper="5/4")
    assert str(vf.verify(query, timeout=120)).startswith("verified: ")
    false = vf.in_range(vf.load(SQUARE), [(0, 1)], upper="1/2")
    falsified = vf.verify(false, timeout=120)
    assert str(falsified).startswith("falsified: ")
    assert isinstance(falsified, vf.Falsified)
    said = float(str(falsified).partition("\nat the inputs ")[2].splitlines()[0].lstrip("≈"))
    assert abs(said - float(falsified.counterexample.inputs[0])) < 1e-9
    assert str(vf.Unknown("no budget")) == "unknown: no budget"


def test_a_counterexample_s_words_are_short_and_say_where_they_are_rounded() -> None:
    third, long = fmpq(1, 3), fmpq(10**30 + 1, 3**70)
    outputs = ((third, third), (fmpq(1), fmpq(3)))
    exact = vf.Falsified(Counterexample((third,), outputs[:1], third), "Text")
    assert str(exact) == "falsified: Text\nat the inputs 1/3\nwhere the outputs are 1/3"
    found = Counterexample((long,) * 20, outputs, third)
    first, inputs, shown, note = str(vf.Falsified(found, "Text")).splitlines()
    assert first == "falsified: Text"
    assert inputs == f"at the inputs {', '.join(['≈0.000399495755659'] * 16)}, … and 4 more"
    assert shown == "where the outputs are 1/3, ≈2"
    assert "rounded" in note and ".counterexample" in note


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"timeout": -1}, "timeout: .* not -1"),
        ({"timeout": float("nan")}, "timeout: .* not finite: nan"),
        ({"nodes": 0}, "nodes: .* at least 1 .* not 0"),
        ({"workers": 0}, "workers: .* at least 1 .* not 0"),
    ],
)
def test_budgets_that_make_no_sense_are_refused(budget: dict[str, float], message: str) -> None:
    net = vf.load(DATA / "yarotsky_4.onnx")
    with pytest.raises(vf.InputError, match=message):
        vf.verify(vf.in_range(net, [(0, 1)], upper=2), **budget)


def test_a_device_is_where_bounds_are_computed() -> None:
    pytest.importorskip("torch")
    query = vf.in_range(vf.load(DATA / "yarotsky_4.onnx"), [("0.25", "0.75")], upper="0.6")
    assert isinstance(vf.verify(query, device="cpu"), vf.Verified)
    with pytest.raises(vf.InputError, match="nowhere"):
        vf.verify(query, device="nowhere")


@pytest.mark.parametrize("box", [[(0, 1, 2)], [0], (0, 1)])
def test_a_box_of_something_else_than_pairs_is_refused(box: object) -> None:
    net = vf.load(DATA / "yarotsky_4.onnx")
    with pytest.raises(vf.InputError, match=r"pair .* is wanted|2 pairs"):
        vf.in_range(net, box, upper=1)


def test_a_label_that_is_no_index_is_refused() -> None:
    net = vf.load(DATA / "digits_small.onnx")
    with pytest.raises(vf.InputError, match="label: an integer is wanted, not '3'"):
        vf.robust(net, [0] * 64, eps=1, label="3")
