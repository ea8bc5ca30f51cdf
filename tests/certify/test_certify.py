"""Certified accuracy: what is counted, what follows from what, and what evidence is worth."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from tests.bounds.nets import dense
from verifai.certify import decide as deciding
from verifai.certify.ball import BallAnswer, Classifier, includes, radii
from verifai.certify.folder import RESULTS
from verifai.certify.report import InputAnswer

DATA = Path(vf.__file__).parent / "data"
NET = vf.load(DATA / "digits_mlp.onnx")
with np.load(DATA / "digits_test.npz") as file:
    X, Y = file["images"][:6] / 16, file["labels"][:6].tolist()
RADII = ["1/100", "1/25", "1/10"]
HOW: dict[str, Any] = {"clip": (0, 1), "timeout": 60}


@pytest.fixture(scope="module")
def plain() -> dict[tuple[int, str], str]:
    """What a loop finds, one search for each input and radius."""
    found = {}
    for i, (x, y) in enumerate(zip(X, Y, strict=True)):
        for eps in RADII:
            query = vf.robust(NET, x, eps=eps, label=y, clip=(0, 1))
            found[i, eps] = vf.verify(query, timeout=60, workers=1).status
    return found


def statuses(report: vf.Certification) -> dict[tuple[int, str], str]:
    return {(each.number, ball.eps): ball.status for each in report.inputs for ball in each.balls}


@pytest.mark.parametrize("jobs", [1, 2])
def test_it_finds_what_a_loop_finds(plain: dict[tuple[int, str], str], jobs: int) -> None:
    report = vf.certify(NET, X, Y, eps=RADII, jobs=jobs, **HOW)
    assert statuses(report) == plain
    assert {"verified", "falsified"} == set(plain.values())
    again = report.recheck()
    assert again.failures == ()
    assert again.proofs == sum(s == "verified" for s in plain.values())
    assert again.counterexamples == sum(s == "falsified" for s in plain.values())
    for shares in report.shares():
        assert shares.clean == shares.certified + shares.attacked + shares.undecided == len(X)


def test_others_follow_from_a_larger_proof_or_a_smaller_counterexample() -> None:
    report = vf.certify(NET, X, Y, eps=RADII, jobs=1, **HOW)
    balls = [ball for each in report.inputs for ball in each.balls]
    followed = [ball for ball in balls if ball.by != ball.eps]
    assert len(followed) >= len(X)
    for ball in followed:
        larger, smaller = fmpq(*_pair(ball.by)), fmpq(*_pair(ball.eps))
        assert (larger > smaller) == (ball.status == "verified")
        assert ball.evidence is None and ball.seconds == 0


def _pair(text: str) -> tuple[int, int]:
    p, _, q = text.partition("/")
    return int(p), int(q or 1)


def test_inputs_that_are_classified_wrongly_are_not_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a search")

    monkeypatch.setattr(deciding, "verify", never)
    wrong = [(y + 1) % 10 for y in Y]
    heard: list[tuple[int, int]] = []
    report = vf.certify(
        NET, X, wrong, eps="1/50", jobs=1, progress=lambda n, all_, _: heard.append((n, all_))
    )
    assert heard == [(i + 1, len(X)) for i in range(len(X))]
    (shares,) = report.shares()
    assert (shares.clean, shares.certified, shares.attacked, shares.undecided) == (0, 0, 0, 0)
    assert [each.answer for each in report.inputs] == Y
    assert all(not each.balls and not each.is_right for each in report.inputs)
    assert report.to_csv().count("misclassified") == len(X)


def test_radii_are_exact_and_sorted() -> None:
    assert radii(["1/10", "0.1", "0.02"]) == ("1/50", "1/10")
    report = vf.certify(dense((2, 3, 2)), [[0, 0]], [0], eps=[0.1, "0.1"], jobs=1)
    assert report.radii == ("1/10", vf.certify(NET, X[:1], [9], eps=0.1).radii[0])
    assert report.radii[1].endswith("/36028797018963968")


def test_one_box_includes_another_only_for_the_same_question() -> None:
    def asked(x: Any, eps: str, label: int = 0, clip: Any = None) -> vf.Query:
        return vf.robust(net, x, eps=eps, label=label, clip=clip)

    net = dense((2, 3, 3))
    small, large = asked([0, 0], "1/8"), asked([0, 0], "1/4")
    assert includes(large, small) and includes(small, small)
    assert not includes(small, large)
    assert not includes(large, asked([0, 0], "1/8", label=1))
    assert not includes(large, asked(["1/4", 0], "1/8"))
    assert includes(large, asked([0, 0], "1/4", clip=(0, 1)))
    assert not includes(asked([0, 0], "1/4", clip=(0, 1)), small)
    same = dense((2, 3, 3))
    assert not includes(vf.robust(same, [0, 0], eps="1/4", label=0), small)


def test_no_evidence_decides_another_ball() -> None:
    balls = Classifier(NET, (0, 1)).around(X[0], Y[0])
    verdict = vf.verify(balls.query("1/25"), timeout=60)
    refuted = vf.verify(balls.query("1/10"), timeout=60)
    assert isinstance(verdict, vf.Verified) and isinstance(refuted, vf.Falsified)
    proof, point = verdict.certificate, refuted.counterexample.inputs
    assert balls.holds(BallAnswer("1/25", "verified", "1/25"), proof) == ""
    assert balls.holds(BallAnswer("1/50", "verified", "1/25"), proof) == ""
    assert balls.holds(BallAnswer("1/5", "falsified", "1/10"), point) == ""
    false = [
        (BallAnswer("1/10", "verified", "1/25"), proof, "does not contain"),
        (BallAnswer("1/10", "verified", "1/10"), proof, "digest"),
        (BallAnswer("1/50", "verified", "1/25"), proof[:-1], ""),
        (BallAnswer("1/50", "verified", "1/25"), None, "no evidence"),
        (BallAnswer("1/50", "verified", "1/25"), point, "no evidence"),
        (BallAnswer("1/25", "falsified", "1/10"), point, "does not violate"),
        (BallAnswer("1/10", "falsified", "1/10"), proof, "no evidence"),
    ]
    for found, evidence, why in false:
        said = balls.holds(found, evidence)
        assert said and why in said, (found, said)
    other = Classifier(NET, (0, 1)).around(X[1], Y[1])
    assert other.holds(BallAnswer("1/25", "verified", "1/25"), proof)


def test_a_second_look_finds_what_does_not_stand() -> None:
    report = vf.certify(NET, X[:1], Y[:1], eps=RADII, jobs=1, **HOW)
    (each,) = report.inputs
    lied = tuple(replace(ball, status="verified", by="1/25") for ball in each.balls)
    again = replace(report, inputs=(replace(each, balls=lied),)).recheck()
    assert again.proofs == 2
    (why,) = again.failures
    assert "X[0] at eps 1/10" in why and "does not contain" in why
    other = vf.load(DATA / "digits_small.onnx")
    assert sum("digest" in why for why in report.recheck(other).failures) == 2


def test_what_is_undecided_says_why() -> None:
    report = vf.certify(NET, X[:1], Y[:1], eps=["1/100", "1/12"], timeout=1e-6, jobs=1)
    assert [ball.status for ball in report.inputs[0].balls] == ["timeout", "timeout"]
    assert "time budget" in report.inputs[0].balls[0].reason
    assert report.shares()[0].undecided == 1


def test_tables_and_pictures(tmp_path: Path) -> None:
    report = vf.certify(NET, X, [*Y[:-1], (Y[-1] + 1) % 10], eps=RADII, jobs=1, **HOW)
    assert str(report) == report.table()
    head, *rows, last = report.table().splitlines()
    assert head.replace(" %", "").split() == ["eps", "clean", "certified", "attacked", "undecided"]
    assert [row.split()[0] for row in rows] == RADII
    assert rows[0].split()[1] == "83.3" and last == "(6 inputs)"
    assert report.to_csv(tmp_path / "a.csv") == (tmp_path / "a.csv").read_text()
    found = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert len(found) == len(X) * len(RADII)
    assert {row["status"] for row in found} >= {"verified", "misclassified"}
    latex = report.to_latex(tmp_path / "t.tex")
    assert latex.count(r"\\") == 1 + len(RADII) and "1/100 & 83.3" in latex
    image = ET.fromstring(report.plot(tmp_path / "p.svg"))
    assert image.tag.endswith("svg") and (tmp_path / "p.svg").is_file()
    drawn = "".join(image.itertext())
    assert all(word in drawn for word in ("certified", "undecided", "1/10", "100 %"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Y": Y[:-1]}, "6 inputs.*5 labels"),
        ({"X": [], "Y": []}, "no inputs"),
        ({"Y": [*Y[:-1], 10]}, r"Y\[5\]: no label 10"),
        ({"eps": []}, "eps: a radius"),
        ({"eps": ["1/8", -1]}, r"eps\[1\]: a negative"),
        ({"X": [*X[:5], [1, 2]]}, r"X\[5\]: x: 2 numbers"),
        ({"X": X * 16}, r"X\[\d\]: the domain is empty"),
        ({"jobs": 0}, "jobs"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed: dict[str, Any], message: str) -> None:
    for jobs in (1, 2):
        arguments = {"X": X, "Y": Y, "eps": "1/50", "clip": (0, 1), "jobs": jobs} | changed
        with pytest.raises(vf.InputError, match=message):
            vf.certify(NET, **arguments)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(vf.InputError, match="no folder of results"):
        vf.certify(NET, X[:1], Y[:1], eps="1/50", save=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_softmax_and_float32_are_certified_too(tmp_path: Path) -> None:
    program = vf.load(DATA / "digits_mlp.onnx", semantics="float32")
    report = vf.certify(program, X[:2], Y[:2], eps=["1/100", "1/50"], save=tmp_path, **HOW)
    assert report.shares()[0].certified == 2
    assert report.recheck().proofs == 4
    lines = [json.loads(line) for line in (tmp_path / RESULTS).read_text().splitlines()]
    assert len(lines) == 4
    again = vf.certify(program, X[:2], Y[:2], eps=["1/100", "1/50"], save=tmp_path, **HOW)
    assert statuses(again) == statuses(report)
    real = vf.certify(NET, X[:1], Y[:1], eps="1/50", save=tmp_path, jobs=1, **HOW)
    assert isinstance(real.inputs[0], InputAnswer) and real.recheck().failures == ()
    assert len((tmp_path / RESULTS).read_text().splitlines()) == 5
