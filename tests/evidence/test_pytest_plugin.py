"""The pytest plugin in somebody's project: what is kept is checked, what changed is searched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.evidence import project

SEVERAL = project.TESTS.replace('vf.load("digits.onnx"), ', "None, ").replace(
    "    x, label", '    net = vf.load(f"net{i}.onnx")\n    x, label'
)


@pytest.fixture
def five(tmp_path: Path) -> Path:
    return project.make(tmp_path / "five")


def proofs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / ".verifai" / "proofs").iterdir()}


def ran(folder: Path, *options: str, code: int = 0) -> str:
    done = project.pytest(folder, *options)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_five_properties_in_ten_lines_are_searched_once(five: Path) -> None:
    assert len([line for line in project.TESTS.splitlines() if line.strip()]) <= 10
    assert "5 properties: 5 searched" in ran(five)
    assert project.searches(five) == 5
    before = proofs(five)
    assert len(before) == 5
    said = ran(five)
    assert "5 properties: 5 checked" in said and "unused" not in said
    assert "5 properties: 5 checked" in ran(five, "--proofs=locked")
    assert project.searches(five) == 0
    assert proofs(five) == before


def test_one_edited_weight_searches_that_property_alone(tmp_path: Path) -> None:
    folder = project.make(tmp_path / "several", SEVERAL)
    for i in range(5):
        shutil.copy(folder / "digits.onnx", folder / f"net{i}.onnx")
    ran(folder)
    assert project.searches(folder) == 5
    project.edit_one_weight(folder / "net3.onnx")
    locked = ran(folder, "--proofs=locked", code=1)
    assert "[3]: the network changed (" in locked and "1 failed, 4 passed" in locked
    assert project.searches(folder) == 0
    said = ran(folder)
    assert project.searches(folder) == 1
    assert "test_net.py::test_a_digit_is_robust[3]: searched: the network changed (" in said
    assert "unused: the proof" in said and len(proofs(folder)) == 6
    assert "removed" in ran(folder, "--proofs=update")
    assert len(proofs(folder)) == 5
    assert project.searches(folder) == 0


def test_a_changed_property_is_named(five: Path) -> None:
    ran(five)
    text = (five / "test_net.py").read_text()
    (five / "test_net.py").write_text(text.replace("1/50", "1/60"))
    said = ran(five, "-k", "0")
    assert "[0]: searched: the property changed (" in said
    assert "unused" not in said.replace("unused: the proof", "")


def test_a_corrupted_proof_is_named_and_replaced(five: Path) -> None:
    ran(five)
    good = proofs(five)
    names = sorted(good)
    folder = five / ".verifai" / "proofs"
    spoiled = bytearray(good[names[0]])
    spoiled[len(spoiled) // 2] ^= 1
    (folder / names[0]).write_bytes(bytes(spoiled))
    (folder / names[1]).write_bytes(b"")
    (folder / names[2]).write_bytes(good[names[3]])  # a true proof of another property
    project.searches(five)
    assert "3 failed, 2 passed" in ran(five, "--proofs=locked", code=1)
    said = ran(five)
    assert project.searches(five) == 3
    for name in names[:3]:
        assert f"the stored proof {name[:12]} does not stand (" in said
    assert proofs(five).keys() == good.keys()
    assert "5 checked" in ran(five)


def test_what_says_who_asked_is_not_believed_either(five: Path) -> None:
    ran(five)
    lines = list((five / ".verifai" / "asked").glob("*.json"))
    assert len(lines) == 5
    for path, text in zip(lines, ["", "[]", "{}", '{"name": 1}', "[" * 9999], strict=True):
        path.write_text(text)
    project.searches(five)
    assert "5 checked" in ran(five)
    assert project.searches(five) == 0
    assert all(json.loads(path.read_text())["status"] == "verified" for path in lines)


def test_proofs_that_no_test_uses_are_reported_and_removed(five: Path) -> None:
    text = (five / "test_net.py").read_text()
    (five / "test_old.py").write_text(text)
    (five / "test_net.py").write_text(text.replace("range(5)", "range(2)").replace("50", "51"))
    ran(five)
    assert len(proofs(five)) == 7
    (five / "test_old.py").write_text(text.replace("range(5)", "range(4)"))
    assert "unused" not in ran(five, "-k", "1")
    assert "unused" not in ran(five, "test_net.py")
    assert "unused: test_old.py::test_a_digit_is_robust[4] (--proofs=update" in ran(five)
    assert len(proofs(five)) == 7
    (five / "test_old.py").unlink()
    said = ran(five, "--proofs=update")
    assert said.count("unused: test_old.py") == 5 and "removed" in said
    assert len(proofs(five)) == 2
    assert "unused" not in ran(five)


KINDS = """import numpy as np
import verifai as vf

net, digits = vf.load("digits.onnx"), np.load("digits.npz")
x, label = digits["images"][0] / 16, int(digits["labels"][0])
box = [(0, 1)] * 64

def test_falsified(falsified):
    found = falsified(vf.robust(net, x, eps="1/5", label=label, clip=(0, 1)))
    assert found.counterexample.label != label

def test_equivalent(equivalent):
    equivalent(net, net, box)

def test_two(proved):
    proved(vf.robust(net, x, eps="1/100", label=label, clip=(0, 1)))
    proved(vf.robust(net, x, eps="1/99", label=label, clip=(0, 1)), "wider")
    proved(vf.robust(net, x, eps="1/98", label=label, clip=(0, 1)), "wider")

def test_violated(proved):
    proved(vf.robust(net, x, eps="1/5", label=label, clip=(0, 1)))

def test_holds(falsified):
    falsified(vf.robust(net, x, eps="1/100", label=label, clip=(0, 1)))

def test_undecided(proved):
    proved(vf.robust(net, x, eps="1/20", label=label, clip=(0, 1)), timeout=1e-6)
"""


def test_the_fixtures_and_their_failures(tmp_path: Path) -> None:
    folder = project.make(tmp_path / "kinds", KINDS)
    for turn in ("searched", "checked"):
        said = ran(folder, code=1)
        assert "3 failed, 3 passed" in said, said
        assert "test_violated: violated" in said and "class " in said and " → " in said
        assert "inputs differ from the centre of the ball" in said
        assert "as an image" in said and "margin of the violation" in said
        assert "test_holds: not violated: verified" in said
        assert "test_undecided: undecided: time-out" in said
        assert turn in said
    names = [json.loads(p.read_text())["name"] for p in (folder / ".verifai/asked").glob("*")]
    two = [name for name in names if "test_two" in name]
    at = "test_net.py::test_two"
    assert sorted(two) == [at, f"{at} wider", f"{at} wider #2"]


def test_a_project_that_uses_none_pays_nothing(tmp_path: Path) -> None:
    test = (
        "import sys\n\ndef test_nothing_is_imported():\n"
        "    heavy = {'numpy', 'torch', 'flint', 'onnx', 'click'} & {*sys.modules}\n"
        "    assert not heavy\n"
        "    ours = {m for m in sys.modules if m.partition('.')[0] == 'verifai'}\n"
        "    assert ours == {'verifai', 'verifai.pytest_plugin'}\n"
    )
    folder = project.make(tmp_path / "none", test, spied=False)
    said = ran(folder)
    assert "1 passed" in said and "proofs" not in said
    assert not (folder / ".verifai").exists()


def test_several_processes_share_a_store(five: Path) -> None:
    pytest.importorskip("xdist")
    workers = ("-p", "xdist", "-n", "2")
    assert "5 properties: 5 searched" in ran(five, *workers)
    said = ran(five, *workers)
    assert "5 properties: 5 checked" in said and "unused" not in said
    (five / "test_net.py").write_text(project.TESTS.replace("range(5)", "range(4)"))
    assert "unused: test_net.py::test_a_digit_is_robust[4]" in ran(five, *workers)


def test_the_folder_can_be_chosen(five: Path) -> None:
    ran(five, "--proofs-dir", "kept", "-k", "0")
    assert len(list((five / "kept" / "proofs").iterdir())) == 1
    (five / "file").write_text("")
    assert "this is a file" in ran(five, "--proofs-dir", "file", "-k", "0", code=1)
