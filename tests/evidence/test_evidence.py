"""Evidence in one file: what is saved is judged anew, whatever somebody did to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import verifai as vf
from verifai.cli import run
from verifai.kernel.files.container import digest
from verifai.proof.archive import pack_archive, unpack_archive
from verifai.proof.evidence import LIMITS
from verifai.proof.network import encode_network

DATA = Path(vf.__file__).parent / "data"
MODEL = DATA / "digits_mlp.onnx"
NET = vf.load(MODEL)
with np.load(DATA / "digits_test.npz") as file:
    IMAGE, LABEL = file["images"][0] / 16, int(file["labels"][0])


def ball(eps: str) -> vf.Query:
    return vf.robust(NET, IMAGE, eps=eps, label=LABEL, clip=(0, 1))


PROVED = vf.verify(ball("1/100"), timeout=60, workers=1)
VIOLATED = vf.verify(ball("1/5"), timeout=60, workers=1)
assert isinstance(PROVED, vf.Verified) and isinstance(VIOLATED, vf.Falsified)


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, Path]:
    found = {"proved": tmp_path / "p.proof", "violated": tmp_path / "c.proof"}
    PROVED.save(found["proved"])
    VIOLATED.save(str(found["violated"]))
    return found


def entries(path: Path) -> dict[str, bytes]:
    return unpack_archive(path.read_bytes(), LIMITS)


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None], *, honest: bool = True) -> None:
    """The file with other entries; `honest`: with digests in its head that fit them."""
    parts = entries(path)
    change(parts)
    if honest:
        head = json.loads(parts["evidence.json"])
        head["digests"] = {n: digest(part) for n, part in parts.items() if n != "evidence.json"}
        parts["evidence.json"] = json.dumps(head).encode()
    path.write_bytes(pack_archive(parts))


def test_what_is_saved_is_loaded_and_says_the_same(kept: dict[str, Path]) -> None:
    for saved, path in zip((PROVED, VIOLATED), kept.values(), strict=True):
        again = vf.load_proof(path)
        assert type(again) is type(saved)
        assert again.query is not None and saved.query is not None
        assert again.query.digest == ball("1/100" if saved is PROVED else "1/5").digest
        exact = vf.load_proof(path, net=NET, exact=True)
        assert exact == saved or isinstance(exact, vf.Falsified)
    assert isinstance(again, vf.Falsified)
    assert again.counterexample.exact == VIOLATED.counterexample.inputs


def test_equal_evidence_is_equal_bytes(kept: dict[str, Path], tmp_path: Path) -> None:
    again = vf.load_proof(kept["proved"])
    again.save(tmp_path / "again.proof")
    assert (tmp_path / "again.proof").read_bytes() == kept["proved"].read_bytes()


def test_the_head_says_who_wrote_it(kept: dict[str, Path]) -> None:
    head = json.loads(entries(kept["proved"])["evidence.json"])
    assert head["format"] == "verifai-evidence-1" and head["status"] == "verified"
    assert head["versions"]["verifai"] == vf.__version__
    assert {"python", "numpy", "python-flint"} <= set(head["versions"])
    assert head["digests"]["query.json"] == ball("1/100").digest


def test_the_kernel_alone_accepts_the_entries(kept: dict[str, Path]) -> None:
    from verifai.kernel.check import check

    parts = entries(kept["proved"])
    assert check(parts["network"], parts["query.json"], parts["certificate"]).leaves >= 1


def swapped(parts: dict[str, bytes]) -> None:
    """A certificate of a smaller ball for a larger one."""
    from verifai.proof.files import Files

    parts["query.json"] = Files.of(ball("1/5")).query


def other_network(parts: dict[str, bytes]) -> None:
    parts["network"] = encode_network(vf.load(DATA / "digits_tanh.onnx"))


HEADS: list[Any] = [
    None,
    [],
    {},
    {"format": "verifai-evidence-2"},
    {"format": "verifai-evidence-1"},
    {"format": "verifai-evidence-1", "status": 1},
    {"format": "verifai-evidence-1", "status": "falsified"},
    {"format": "verifai-evidence-1", "status": "unknown"},
    {"format": "verifai-evidence-1", "status": "verified"},
    {"format": "verifai-evidence-1", "status": "verified", "digests": {}, "versions": {}},
    {"format": "verifai-evidence-1", "status": "verified", "digests": [], "versions": {}},
]


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_a_head_that_does_not_fit_is_refused(head: Any, kept: dict[str, Path]) -> None:
    text = json.dumps(head).encode()
    rewrite(kept["proved"], lambda p: p.update({"evidence.json": text}), honest=False)
    with pytest.raises(vf.Rejection):
        vf.load_proof(kept["proved"])


def test_false_claims_are_rejected_whatever_their_digests_say(kept: dict[str, Path]) -> None:
    good = kept["proved"].read_bytes()
    rewrite(kept["proved"], swapped)
    with pytest.raises(vf.Rejection, match="digest"):
        vf.load_proof(kept["proved"])
    kept["proved"].write_bytes(good)
    rewrite(kept["proved"], swapped, honest=False)
    with pytest.raises(vf.Rejection, match=r"query\.json is not the one"):
        vf.load_proof(kept["proved"])
    kept["proved"].write_bytes(good)
    rewrite(kept["proved"], other_network)
    with pytest.raises(vf.InputError, match="query: network"):
        vf.load_proof(kept["proved"])
    kept["proved"].write_bytes(good)
    rewrite(kept["proved"], lambda p: p.update(certificate=p["certificate"][:-1]))
    with pytest.raises(vf.Rejection):
        vf.load_proof(kept["proved"])


@pytest.mark.parametrize(
    "inputs",
    ["[]", '["0"]', '["x"]', "[1]", "{}", '["1/0"]', '["0", "0", "0", "0"]'],
)
def test_a_counterexample_that_is_none_is_rejected(inputs: str, kept: dict[str, Path]) -> None:
    text = f'{{"inputs": {inputs}}}'.encode()
    rewrite(kept["violated"], lambda p: p.update({"counterexample.json": text}))
    with pytest.raises(vf.Rejection):
        vf.load_proof(kept["violated"])


def test_a_point_that_violates_nothing_is_rejected(kept: dict[str, Path]) -> None:
    centre = json.dumps({"inputs": [str(x) for x in IMAGE]}).encode()
    rewrite(kept["violated"], lambda p: p.update({"counterexample.json": centre}))
    with pytest.raises(vf.Rejection, match="not violated"):
        vf.load_proof(kept["violated"])


def test_the_network_that_it_should_be_about_is_compared(kept: dict[str, Path]) -> None:
    other = vf.load(DATA / "digits_tanh.onnx")
    with pytest.raises(vf.Rejection, match="about another network"):
        vf.load_proof(kept["proved"], net=other)


def test_nothing_unknown_is_saved(tmp_path: Path) -> None:
    with pytest.raises(vf.InputError, match="nothing was established"):
        vf.verify(ball("1/20"), timeout=1e-6).save(tmp_path / "p")
    with pytest.raises(vf.InputError, match="does not know its query"):
        vf.Verified(b"", "").save(tmp_path / "p")
    with pytest.raises(vf.InputError, match="No such file"):
        PROVED.save(tmp_path / "none" / "p")
    assert list(tmp_path.iterdir()) == []


def test_the_command_checks_one_file(
    kept: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    proved, violated = map(str, kept.values())
    assert run(["check", proved]) == 0
    said = capsys.readouterr().out
    assert said.startswith("accepted: verified") and "No input in this domain makes" in said
    assert run(["check", proved, "--model", str(MODEL), "--exact", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accepted"] and found["verdict"] == "verified"
    assert found["digest"] == ball("1/100").digest
    assert "second reader" in found["statement"]
    assert run(["check", violated]) == 1
    assert capsys.readouterr().out.startswith("accepted: falsified")
    assert run(["check", proved, "--model", str(DATA / "wave.onnx")]) == 1
    assert "rule digest" in capsys.readouterr().out
    kept["proved"].write_bytes(kept["proved"].read_bytes()[:-1])
    assert run(["check", proved, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["rule"] == "container"
    assert run(["check", str(MODEL)]) == 4
    assert "no file of evidence" in capsys.readouterr().err
    assert run(["check", proved, violated, "--model", str(MODEL)]) == 4


def test_a_property_of_a_file_is_about_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """VNN-LIB properties are read with equal neurons tied, and float32 networks have radii."""
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 0))(assert (<= X_0 1))"
    (tmp_path / "p.vnnlib").write_text(text + "(assert (>= Y_0 1.5))")
    model = DATA / "yarotsky_4.onnx"
    for kind in ("real", "float32"):
        query = vf.query_from(model, tmp_path / "p.vnnlib", semantics=kind)
        verdict = vf.verify(query, timeout=60, workers=1)
        verdict.save(tmp_path / kind)
        how = ["--model", str(model), "--semantics", kind]
        assert run(["check", str(tmp_path / kind), *how]) == 0, capsys.readouterr()
    assert run(["check", str(tmp_path / "float32"), "--model", str(model)]) == 1


def test_objects_are_short_to_print() -> None:
    assert repr(NET) == "Network 64→10, 3 affine, 64 ReLU"
    shown = repr(ball("1/100"))
    assert shown == f"Query({NET!r}: 64 inputs, 9 unsafe conditions)"
    for each in (PROVED, VIOLATED, VIOLATED.counterexample):
        assert len(repr(each)) < 250 and "\n" not in repr(each)
    assert "label" in repr(VIOLATED.counterexample)


def test_a_counterexample_goes_where_people_look_at_it() -> None:
    found = VIOLATED.counterexample
    array = found.to_numpy()
    (node,) = NET.inputs
    assert array.shape == NET.nodes[node].shape and array.dtype == np.float64
    assert [float(x.p) / float(x.q) for x in found.exact] == array.ravel().tolist()
    torch = pytest.importorskip("torch")
    assert found.to_torch().shape == array.shape and found.to_torch().dtype == torch.float32
    assert found.label is not None and found.label != LABEL
    picture = found.image()
    assert picture.to_numpy().shape == (8, 8)
    assert len(str(picture).splitlines()) == 8 and picture._repr_svg_().count("<rect") == 64
    assert found.image((4, 16)).to_numpy().shape == (4, 16)
    with pytest.raises(vf.InputError, match="sides"):
        found.image((3, 3))
    assert "<svg" in VIOLATED._repr_html_() and "falsified" in VIOLATED._repr_html_()
    assert "&lt;" not in PROVED._repr_html_().partition("<pre>")[0]


def test_a_query_is_the_kernels_with_a_name() -> None:
    from verifai.kernel.query import Query as KernelQuery

    query = ball("1/100")
    kernel = KernelQuery(
        query.network, query.lower, query.upper, query.unsafe, query.domain, stated=query.stated
    )
    assert query == kernel and kernel == query and hash(vf.Query.of(kernel)) == hash(query)
    assert vf.Query.of(kernel).digest == query.digest != ball("1/50").digest
    assert isinstance(PROVED.query, vf.Query)


@pytest.mark.parametrize(
    ("says", "code"), [("accepted: proved; exit 0", 0), ("refused: rule point: no; exit 1", 1)]
)
def test_the_proved_checker_is_asked_about_a_file_of_evidence(
    says: str,
    code: int,
    kept: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = tmp_path / "checker"
    words, _, end = says.partition("; ")
    program.write_text(f"#!/bin/sh\necho '{words}'\n{end}\n")
    program.chmod(0o755)
    monkeypatch.setattr("verifai.proof.proved.BUILT", program)
    assert run(["check", str(kept["proved"]), "--proved"]) == code
    assert ("rule point: the proved checker: no" in capsys.readouterr().out) == (code == 1)
    assert run(["check", str(kept["violated"]), "--proved"]) == 4
    assert "a counterexample has no certificate" in capsys.readouterr().err


def test_the_command_writes_a_file_of_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 0))(assert (<= X_0 1))"
    model, out = str(DATA / "yarotsky_4.onnx"), tmp_path / "p.proof"
    for bound, code in (("1.5", 0), ("0.5", 1)):
        (tmp_path / "p.vnnlib").write_text(f"{text}(assert (>= Y_0 {bound}))")
        call = ["verify", model, str(tmp_path / "p.vnnlib"), "--evidence", str(out)]
        assert run(call) == code
        assert run(["check", str(out), "--model", model]) == code
        out.unlink()
    assert run([*call, "--timeout", "1e-9"]) == 3
    assert not out.exists()
    assert run([*call[:-1], str(tmp_path / "none" / "p")]) == 4
    assert "cannot write" in capsys.readouterr().err


def test_a_counterexample_where_a_function_is_undefined_is_rejected(tmp_path: Path) -> None:
    from flint import fmpq

    from verifai.kernel.network import Input, Network, Smooth
    from verifai.proof.evidence import Evidence, write_evidence
    from verifai.proof.files import Files

    net = Network((Input("x", (1,)), Smooth("y", (1,), 0, "log")), (1,))
    query = vf.in_range(net, [(-1, 1)], upper=5)
    lie = Evidence(Files.of(query), inputs=(fmpq(0),))
    (tmp_path / "p").write_bytes(write_evidence(lie))
    with pytest.raises(vf.Rejection, match="counterexample"):
        vf.load_proof(tmp_path / "p")
