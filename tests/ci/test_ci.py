"""`verifai ci`: the example project, each answer's exit code, and what other programs read."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import verifai as vf
from tests.ci.sarif_meaning import require_sarif
from tests.evidence import project
from tests.plain_yaml import read as read_yaml
from verifai.ci.forms import RULES
from verifai.cli import run

DATA = Path(vf.__file__).parent / "data"
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "ci"
PAGE = (ROOT / "docs" / "evidence.md").read_text("utf-8")
MODELS = ("wave", "wave_16bit", "digits_mlp", "credit_monotone")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example beside its models, as the folder one is in."""
    for name in MODELS:
        shutil.copy(DATA / f"{name}.onnx", tmp_path)
    shutil.copy(DATA / "digits_test.npz", tmp_path)
    for path in EXAMPLE.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settle(*options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON of a call, whose SARIF and XML are looked at, too."""
    forms = ["--json", "a.json", "--sarif", "a.sarif", "--junit", "a.xml", "--markdown", "a.md"]
    code = run(["ci", *forms, *options])
    found: dict[str, Any] = json.loads(Path("a.json").read_text())
    assert found["exit_code"] == code
    right = [each["right"] for each in found["properties"]]
    suite = ElementTree.parse("a.xml").getroot()[0]
    assert suite.get("tests") == str(len(right)) == str(len(suite))
    bad = [int(suite.get(kind, "")) for kind in ("failures", "errors")]
    assert (
        sum(bad) == right.count(False) == len(suite.findall("*/failure") + suite.findall("*/error"))
    )
    require_sarif(sarif := json.loads(Path("a.sarif").read_text()), RULES)
    vacuous = [each["vacuous"] and each["right"] for each in found["properties"]]
    assert len(sarif["runs"][0]["results"]) == sum(bad) + sum(vacuous)
    table = Path("a.md").read_text()
    assert f"{sum(right)} of {len(right)} properties" in table and table.count("\n| ✓") == sum(
        right
    )
    return code, found


def statuses(found: dict[str, Any]) -> list[str]:
    return [each["status"] for each in found["properties"]]


def never(*_: object, **__: object) -> None:
    raise AssertionError("something was searched")


def test_the_example_is_searched_once_and_then_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = settle()
    assert code == 1 and set(statuses(found)) == {"stale"}
    assert "verifai ci --update" in capsys.readouterr().out
    assert not (folder / ".verifai").exists()
    code, found = settle("--update")
    assert code == 0 and found["counts"]["verified"] == 6 and found["counts"]["falsified"] == 1
    assert {each["how"] for each in found["properties"]} == {"searched"}
    monkeypatch.setattr("verifai.evidence.keeper.search", never)
    for options in ((), ("--update",)):
        code, found = settle(*options)
        assert code == 0 and {each["how"] for each in found["properties"]} == {"checked"}
        assert found["removed"] == []


def test_a_changed_weight_is_stale_and_then_searched_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle("--update")
    project.edit_one_weight(folder / "credit_monotone.onnx")
    code, found = settle()
    assert code == 1
    stale = [each for each in found["properties"] if each["status"] == "stale"]
    names = ["more income is never worse", "a property of our own"]
    assert [each["name"] for each in stale] == names
    assert all(each["message"].startswith("the network changed (") for each in stale)
    _, found = settle("--update")
    searched = [each["name"] for each in found["properties"] if each["how"] == "searched"]
    assert searched == names


WAVE = 'model = "wave.onnx"\n'
NAMED = '[[property]]\nname = "{}"\n'


def listing(*bodies: str) -> str:
    return "".join(NAMED.format(f"p{i}") + body + "\n" for i, body in enumerate(bodies))


GOOD = WAVE + "range = { box = [-1, 1], upper = 9 }"
FALSE = WAVE + "range = { box = [-1, 1], upper = -8 }"
BOTH = 'models = ["wave.onnx", "wave_16bit.onnx"]\ntimeout = 1e-6\n'
HARD = BOTH + "equivalent = { box = [-1, 1], tolerance = 0.0003 }"
LOST = 'model = "none.onnx"\nrange = { box = [-1, 1], upper = 9 }'
CODES = {
    (GOOD,): 0,
    (GOOD, FALSE + '\nexpect = "falsified"'): 0,
    (GOOD + '\nexpect = "falsified"',): 1,
    (GOOD, FALSE): 1,
    (GOOD, HARD): 2,
    (GOOD, LOST): 4,
    (LOST, HARD): 4,
    (LOST, HARD, FALSE): 1,
}


@pytest.mark.parametrize(("bodies", "code"), CODES.items(), ids=map(str, CODES.values()))
def test_exit_codes(bodies: tuple[str, ...], code: int, folder: Path) -> None:
    (folder / "verifai.toml").write_text(listing(*bodies))
    assert settle("--update")[0] == code
    (folder / "verifai.toml").write_text(listing(*reversed(bodies)))
    assert settle("--update")[0] == code


def test_a_violation_says_what_a_person_wants_to_see(folder: Path) -> None:
    text = (folder / "verifai.toml").read_text().replace('expect = "falsified"\n', "")
    (folder / "verifai.toml").write_text(text)
    code, found = settle("--update")
    (wrong,) = [each for each in found["properties"] if not each["right"]]
    assert code == 1 and wrong["line"] == text[: text.index("larger changes")].count("\n")
    assert "class 2 → " in wrong["message"] and "as an image" in wrong["message"]
    (result,) = json.loads((folder / "a.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["region"]["startLine"] == wrong["line"]
    assert place["artifactLocation"]["uri"] == "verifai.toml" and result["ruleId"] == "falsified"


def test_a_vacuous_property_is_said_loudly(folder: Path) -> None:
    (folder / "empty.vnnlib").write_text(
        (folder / "wave.vnnlib").read_text().replace("(<= X_0 1.0)", "(<= X_0 -2.0)")
    )
    (folder / "verifai.toml").write_text(listing(WAVE + 'vnnlib = "empty.vnnlib"'))
    code, found = settle("--update")
    assert code == 0 and found["properties"][0]["vacuous"]
    assert "VACUOUS" in (folder / "a.md").read_text()
    (result,) = json.loads((folder / "a.sarif").read_text())["runs"][0]["results"]
    assert result["ruleId"] == "vacuous" and result["level"] == "warning"


def test_what_no_property_uses_is_removed(folder: Path) -> None:
    (folder / "verifai.toml").write_text(listing(GOOD, FALSE + '\nexpect = "falsified"'))
    settle("--update")
    store = Path(".verifai")
    assert len(list((store / "proofs").iterdir())) == 2
    (folder / "verifai.toml").write_text(listing(GOOD))
    assert settle()[1]["removed"] == []
    _, found = settle("--update")
    assert found["removed"][0] == "ci:verifai.toml::p1" and len(found["removed"]) == 2
    assert len(list((store / "proofs").iterdir())) == 1
    assert settle()[0] == 0


def test_tests_and_the_list_share_a_store_and_leave_each_other_alone(folder: Path) -> None:
    (folder / "verifai.toml").write_text(listing(GOOD))
    settle("--update")
    project.make(folder, project.TESTS.replace("range(5)", "range(1)"))
    for _ in range(2):
        done = project.pytest(folder, "--proofs=update")
        assert done.returncode == 0 and "unused" not in done.stdout, done.stdout
        assert settle("--update")[1]["removed"] == []
    assert len(list(Path(".verifai/proofs").iterdir())) == 2


def test_names_are_written_as_each_form_wants(folder: Path) -> None:
    name = 'a & <b> | `c` *d* ]]> "e" ✓'
    (folder / "verifai.toml").write_text(f"[[property]]\nname = '{name}'\n{FALSE}\n")
    code, found = settle("--update")
    assert code == 1 and found["properties"][0]["name"] == name
    assert ElementTree.parse("a.xml").getroot()[0][0].get("name") == name
    assert r"\<b\> \| \`c\`" in (folder / "a.md").read_text()


WRONG = {
    "": "there is no [[property]]",
    "property = 1": "there is no [[property]]",
    "property = [1]": "line 1: a table is wanted",
    "x = 1\n" + listing(GOOD): "unknown key 'x'",
    "proofs = 1\n" + listing(GOOD): "proofs: the path of a folder",
    "timeout = -1\n" + listing(GOOD): "timeout",
    "[[property]]\n" + GOOD: "line 1: name: a name is wanted",
    listing(GOOD) + listing(GOOD): "line 5: a second property is called 'p0'",
    listing(GOOD + "\nexpect = 1"): "line 1: 'p0': expect: one of verified, falsified",
    listing(GOOD + "\nlabels = 1"): "line 1: 'p0': unknown key 'labels'",
    listing(GOOD + "\nmodle = 1"): "is model meant?",
    listing(WAVE): "one of vnnlib, robust",
    listing(GOOD + '\nvnnlib = "a"'): "one of vnnlib, robust",
    listing(GOOD + '\nmodels = ["a"]'): "model or models, not both",
    listing("model = 1\n" + GOOD.partition("\n")[2]): "paths of ONNX files",
    "a = ": "verifai.toml: ",
    "a = " + "[" * 5000: "verifai.toml: ",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=map(str, range(len(WRONG))))
def test_a_file_without_a_meaning_is_refused(
    text: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "verifai.toml").write_text(text)
    assert run(["ci"]) == 4
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and "Traceback" not in error


MISTAKES = {
    WAVE + "vnnlib = 1": "the path of a VNN-LIB file",
    WAVE + 'vnnlib = "none.vnnlib"': "none.vnnlib",
    WAVE + "range = 1": "a table of box, lower",
    WAVE + "range = { box = [-1, 1], uper = 1 }": "range: unknown key 'uper'",
    WAVE + "range = { upper = 1 }": "box: pairs",
    WAVE + 'range = { box = [-1, 1], upper = "x" }': "x",
    WAVE + "range = { box = [-1, 1], upper = nan }": "nan",
    WAVE + "range = { box = [-1, 1], upper = 1, output = 5 }": "no output 5",
    WAVE + "robust = { eps = 1 }": "input is wanted",
    WAVE + "robust = { input = [0], eps = 1 }": "1 numbers for a network of 2 inputs",
    WAVE + 'robust = { input = "none.npy", eps = 1 }': "none.npy: No such file",
    WAVE + 'robust = { input = "digits_test.npz:x", eps = 1 }': "no array 'x' (images, labels)",
    WAVE + 'robust = { input = "digits_test.npz:images:x", eps = 1 }': "input: digits_test",
    WAVE + 'robust = { input = "digits_test.npz:images:99999", eps = 1 }': "input: digits_test",
    WAVE + 'robust = { input = "wave.onnx", eps = 1 }': "input: wave.onnx",
    WAVE + "monotone = { box = [0, 1] }": "input is wanted",
    WAVE + "equivalent = { box = [0, 1] }": "2 models are wanted, 1 are named",
    'models = ["wave.onnx", "wave.onnx"]\nrange = { box = [0, 1], upper = 1 }': "a model is wanted",
    'query = "properties.py"': "FILE.py:FUNCTION",
    'query = "none.py:f"': "there is no such file",
    'query = "properties.py:none"': "no attribute 'none'",
    'query = "properties.py:Path"': "a query is wanted",
    GOOD + '\nsemantics = "half"': "half",
    GOOD + "\nassume_ulp = 0": "assume_ulp",
}


def test_a_property_without_a_meaning_is_an_error_of_its_own(folder: Path) -> None:
    (folder / "verifai.toml").write_text(listing(GOOD, *MISTAKES))
    code, found = settle("--update")
    assert code == 4 and found["properties"][0]["status"] == "verified"
    for said, each in zip(MISTAKES.values(), found["properties"][1:], strict=True):
        assert each["status"] == "error" and said in each["message"], each


def test_numbers_are_exact_decimals_as_they_are_written(folder: Path) -> None:
    from verifai.ci.listed import read_listing

    (folder / "verifai.toml").write_text(listing(WAVE + "range = { box = [-0.1, 1], upper = 0.7 }"))
    query = read_listing(folder / "verifai.toml").properties[0].pose()
    net = vf.load(folder / "wave.onnx")
    assert query == vf.in_range(query.network, [("-1/10", 1)] * 2, upper="7/10")
    assert query.network.output_values == net.output_values


def test_one_form_can_go_to_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "verifai.toml").write_text(listing(GOOD))
    assert run(["ci", "--update", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["verified"] == 1
    assert run(["ci", "--json", "none/a.json"]) == 4
    assert run(["ci", "--config", "none.toml"]) == 4


def test_the_page_names_every_field(folder: Path) -> None:
    """And the schema's number is the page's."""
    (folder / "verifai.toml").write_text(listing(GOOD))
    _, found = settle("--update")
    (part,) = re.findall(r"`schema` (\d+):\n\n(.*?)\n\n", PAGE, re.DOTALL)
    assert part[0] == str(found["schema"])
    named = set(re.findall(r"`(\w+)`", part[1]))
    fields = {*found, *found["properties"][0]}
    assert fields <= named


def test_the_workflow_and_the_hook_call_the_command() -> None:
    workflow = read_yaml((EXAMPLE / "github-workflow.yml").read_text())
    steps = workflow["jobs"]["proofs"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    call = next(each for each in commands if each.startswith("verifai ci"))
    written = dict(re.findall(r"--(\w+) (\S+)", call))
    uploaded = next(step["with"]["sarif_file"] for step in steps if "sarif" in step.get("uses", ""))
    assert uploaded == written["sarif"] and any(written["markdown"] in each for each in commands)
    (repository,) = read_yaml((EXAMPLE / "pre-commit-config.yaml").read_text())["repos"]
    (hook,) = repository["hooks"]
    assert hook["entry"] == "verifai ci" and hook["pass_filenames"] == "false"
    pattern = re.compile(hook["files"])
    assert all(pattern.search(name) for name in ("net.onnx", "verifai.toml", ".verifai/a.proof"))
