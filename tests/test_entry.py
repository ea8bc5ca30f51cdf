"""Whatever people hand to a public function: it takes it, or refuses it in one sentence."""

from __future__ import annotations

import inspect
import itertools
import logging
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from verifai.entry import rules
from verifai.entry.numbers import entries, number
from verifai.entry.sentences import shown

torch = pytest.importorskip("torch")
sympy = pytest.importorskip("sympy")

DATA = Path(vf.__file__).parent / "data"
X = sympy.Symbol("x")
TENTH = fmpq(1, 10)


def network(slope: float = 1.0) -> Any:
    module = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    with torch.no_grad():
        module[0].weight[:] = torch.tensor([[1.0], [-1.0]])
        module[0].bias[:] = 0.0
        module[2].weight[:] = torch.tensor([[slope, 0.5]])
        module[2].bias[:] = 0.0
    return module.eval()


MODULE = network()
NET = vf.load(MODULE, torch.zeros(1, 1))
TWO = vf.load(torch.nn.Linear(1, 2).eval(), torch.zeros(1, 1))
PROGRAM = vf.load(DATA / "yarotsky_4.onnx", semantics="float32")
QUERY = vf.in_range(NET, [(0, 1)], upper=2)
PROVED = vf.verify(QUERY, workers=1)
LOOP = torch.linspace(0, 1, 8).reshape(-1, 1)
CYCLE: list[Any] = []
CYCLE.append(CYCLE)


class Foreign:
    """Something that fails wherever it is touched."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("no items")


BAD: dict[str, Any] = {
    "none": None,
    "true": True,
    "text": "nonsense",
    "no text": "",
    "null byte": "a\0b",
    "a number in words": "5",
    "not a number": float("nan"),
    "infinite": float("inf"),
    "minus infinite": float("-inf"),
    "negative": -1,
    "a half": 0.5,
    "huge": 10**5000,
    "large": 1 << 70,
    "minus large": -(1 << 70),
    "complex": 1j,
    "bytes": b"\xff",
    "object": object(),
    "class": int,
    "function": lambda *_: None,
    "empty list": [],
    "empty tuple": (),
    "dictionary": {"a": 1},
    "set": {1, 2},
    "nested": [[[]]],
    "ragged": [[0, 1], [0]],
    "three": (0, 1, 2),
    "pairs of text": [("a", "b")],
    "pairs of None": [(None, None)],
    "pairs that are NaN": [(float("nan"), 1)],
    "pairs that are infinite": [(0, float("inf"))],
    "pairs in the wrong order": [(1, 0)],
    "too many pairs": [(0, 1), (0, 1)],
    "huge pairs": [(-(10**400), 10**400)],
    "cycle": CYCLE,
    "foreign": Foreign(),
    "array": np.array([1.0, np.nan]),
    "0-d array": np.array(np.inf),
    "array of texts": np.array(["x", "y"]),
    "array of objects": np.array([object()]),
    "empty array": np.zeros((0, 2)),
    "three axes": np.zeros((2, 2, 2)),
    "dates": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "numpy truth": np.True_,
    "tensor": torch.tensor([float("nan"), 1.0]),
    "tensor with gradient": torch.ones(3, requires_grad=True),
    "sparse tensor": torch.eye(2).to_sparse(),
    "meta tensor": torch.zeros(2, device="meta"),
    "decimal": Decimal("NaN"),
    "long decimal": Decimal("1e999999"),
    "symbol": sympy.Symbol("z"),
    "query": QUERY,
    "network": TWO,
    "program": PROGRAM,
    "verdict": PROVED,
    "module": MODULE,
    "folder": DATA,
    "missing file": "nowhere.onnx",
    "path": Path("nowhere"),
}


@dataclass(frozen=True)
class Call:
    """A call that works, argument by argument."""

    function: Callable[..., Any]
    arguments: dict[str, Any]


def lazily(found: Any) -> Any:
    """What a function gave, its first items too."""
    return list(itertools.islice(found, 3)) if inspect.isgenerator(found) else found


PROPERTY = vf.TrainingProperty("p", lambda net: vf.in_range(net, [(0, 1)], upper=9), max, max)
SHORT = vf.TrainingOptions(rounds=1, epochs=1, query_timeout=0.1, workers=1)
ATOM = vf.atom({0: 1}, ">", 2)
SAID = vf.symbols(NET)
SYMBOLIC = {"variables": (X,), "output": 0}
CALLS = {
    "load": Call(
        vf.load,
        {
            "model": DATA / "yarotsky_4.onnx",
            "example_input": None,
            "semantics": "real",
            "assume_ulp": None,
            "shrink": False,
        },
    ),
    "load of a module": Call(vf.load, {"model": MODULE, "example_input": torch.zeros(1, 1)}),
    "query_from": Call(
        vf.query_from,
        {
            "model": DATA / "yarotsky_4.onnx",
            "property_path": "written below",
            "semantics": "real",
            "assume_ulp": None,
        },
    ),
    "robust": Call(
        vf.robust,
        {
            "net": TWO,
            "x": [0],
            "eps": "1/8",
            "label": 0,
            "target": 1,
            "clip": (0, 1),
            "allow_empty": False,
        },
    ),
    "in_range": Call(
        vf.in_range,
        {
            "net": NET,
            "domain": [(0, 1)],
            "lower": 0,
            "upper": 1,
            "output": 0,
            "allow_empty": False,
        },
    ),
    "monotone": Call(
        vf.monotone,
        {
            "net": NET,
            "domain": [(0, 1)],
            "input": 0,
            "output": 0,
            "direction": 1,
            "margin": 0,
            "allow_empty": False,
        },
    ),
    "equivalent": Call(
        vf.equivalent,
        {
            "first": NET,
            "second": NET,
            "domain": [(0, 1)],
            "tolerance": 1,
            "allow_empty": False,
        },
    ),
    "approximates": Call(
        vf.approximates,
        {
            "net": NET,
            "expression": X,
            "tolerance": 1,
            "domain": [(0, 1)],
            **SYMBOLIC,
            "allow_empty": False,
        },
    ),
    "domain": Call(
        vf.domain,
        {
            "net": NET,
            "box": [(0, 1)],
            "integers": [0],
            "rows": [([(0, 1)], "<=", 1)],
            "allow_empty": False,
        },
    ),
    "layer": Call(vf.layer, {"net": NET, "name": NET.nodes[0].name}),
    "atom": Call(vf.atom, {"terms": {0: 1}, "relation": "<=", "bound": 1}),
    "conjunction": Call(vf.conjunction, {"parts": [ATOM]}),
    "disjunction": Call(vf.disjunction, {"parts": [ATOM]}),
    "never": Call(vf.never, {"net": NET, "domain": [(0, 1)], "unsafe": ATOM, "allow_empty": False}),
    "in_words": Call(vf.in_words, {"query": QUERY, "classes": ["only"]}),
    "symbols": Call(vf.symbols, {"net": NET}),
    "always": Call(
        vf.always,
        {
            "net": NET,
            "then": SAID.y[0] <= 2,
            "given": SAID.x[0] >= "1/4",
            "domain": [(0, 1)],
            "allow_empty": False,
        },
    ),
    "prove": Call(
        vf.prove,
        {
            "net": NET,
            "then": SAID.y[0] <= 2,
            "given": SAID.x[0] >= "1/4",
            "domain": [(0, 1)],
            "timeout": 5,
            "workers": 1,
        },
    ),
    "Domain": Call(vf.Domain, {"lower": (0,), "upper": (1,), "integers": frozenset(), "rows": ()}),
    "verify": Call(
        vf.verify,
        {
            "query": QUERY,
            "timeout": 5,
            "nodes": 100,
            "workers": 1,
            "device": None,
            "rank": "gap",
            "progress": print,
        },
    ),
    "certify": Call(
        vf.certify,
        {
            "net": TWO,
            "X": [[0]],
            "Y": [0],
            "eps": ["1/8"],
            "clip": (0, 1),
            "timeout": 5,
            "jobs": 1,
            "save": "answers",
            "progress": None,
        },
    ),
    "attack": Call(
        vf.attack, {"query": vf.in_range(NET, [(0, 1)], upper=0), "timeout": 0.05, "seed": 0}
    ),
    "radius": Call(
        vf.radius,
        {"net": TWO, "x": [0], "label": 0, "clip": (0, 1), "tolerance": "1/8", "timeout": 5},
    ),
    "radii": Call(
        vf.radii,
        {"net": TWO, "X": [[0]], "Y": [0], "clip": (0, 1), "tolerance": "1/8", "timeout": 5},
    ),
    "claim": Call(vf.claim, {"text": "for all real x: x^2 >= 0", "timeout": 5}),
    "load_proof": Call(vf.load_proof, {"path": None, "net": None, "exact": False}),
    "write_report": Call(vf.write_report, {"verdicts": [PROVED], "to": "p.html", "title": "T"}),
    "show": Call(vf.show, {"verdict": PROVED, "to": "p.html", "browser": False}),
    "check": Call(
        vf.check,
        {"query": QUERY, "certificate": PROVED.certificate, "exact": False, "proved": False},
    ),
    "bounds": Call(vf.bounds, {"net": NET, "domain": [(0, 1)]}),
    "maximize": Call(
        vf.maximize,
        {"net": NET, "form": 0, "domain": [(0, 1)], "tolerance": 1, "timeout": 0.5, "workers": 1},
    ),
    "minimize": Call(
        vf.minimize,
        {"net": NET, "form": 0, "domain": [(0, 1)], "tolerance": 1, "timeout": 0.5, "workers": 1},
    ),
    "output_range": Call(
        vf.output_range,
        {
            "net": NET,
            "domain": [(0, 1)],
            "outputs": [0],
            "tolerance": 1,
            "timeout": 0.5,
            "workers": 1,
        },
    ),
    "smallest_change": Call(
        vf.smallest_change,
        {"query": QUERY, "x": [0.5], "norm": "linf", "tolerance": 1, "timeout": 0.5},
    ),
    "l1_ball": Call(vf.l1_ball, {"net": TWO, "x": [0.5], "eps": "1/8", "clip": (0, 1)}),
    "l2_ball": Call(vf.l2_ball, {"net": TWO, "x": [0.5], "eps": "1/8", "clip": (0, 1)}),
    "patch": Call(
        vf.patch, {"net": NET, "x": [0.5], "corner": (0, 0), "size": (1, 1), "clip": (0, 1)}
    ),
    "lighting": Call(
        vf.lighting,
        {"net": NET, "x": [0.5], "brightness": (0, 0), "contrast": (1, 1), "clip": (0, 1)},
    ),
    "lipschitz": Call(
        vf.lipschitz, {"net": NET, "domain": [(0, 1)], "tolerance": 1, "timeout": 0.5}
    ),
    "ask": Call(vf.ask, {"query": QUERY, "solver": "z3", "timeout": 0.05, "certify": False}),
    "to_sympy": Call(vf.to_sympy, {"net": NET, "max_size": 100}),
    "to_smtlib": Call(vf.to_smtlib, {"subject": QUERY, "dialect": "standard"}),
    "to_z3": Call(vf.to_z3, {"subject": QUERY}),
    "pieces": Call(vf.pieces, {"net": NET, "output": 0, "lower": 0, "upper": 1}),
    "a piece": Call(vf.pieces(NET), {"x": 1}),
    "regions": Call(vf.regions, {"net": NET, "domain": [(0, 1)]}),
    "exact_lipschitz": Call(vf.exact_lipschitz, {"net": NET, "domain": [(0, 1)]}),
    "counterexamples": Call(
        vf.counterexamples,
        {
            "query": vf.in_range(NET, vf.domain(NET, [(0, 3)], integers=[0]), upper=1),
            "max_boxes": 100,
        },
    ),
    "sup_error": Call(
        vf.sup_error,
        {"net": NET, "expression": X, "domain": (0, 1), **SYMBOLIC, "tolerance": 1, "timeout": 0.5},
    ),
    "train_until_verified": Call(
        vf.train_until_verified,
        {
            "module": network(),
            "properties": PROPERTY,
            "data": (LOOP, LOOP),
            "options": SHORT,
            "loss": None,
            "progress": None,
        },
    ),
    "robust_property": Call(
        vf.robust_property,
        {"points": [[0.0]], "labels": [0], "eps": "1/8", "clip": (0, 1), "margin": 1.0},
    ),
    "approximation_property": Call(
        vf.approximation_property,
        {
            "expression": X,
            "domain": [(0, 1)],
            "tolerance": 1,
            "variables": (X,),
            "parts": 2,
            "share": 0.5,
        },
    ),
    "TrainingProperty": Call(
        vf.TrainingProperty, {"name": "p", "queries": max, "signal": max, "loss": max}
    ),
    "TrainingOptions": Call(
        vf.TrainingOptions,
        {
            "rounds": 1,
            "timeout": 1.0,
            "query_timeout": 1.0,
            "epochs": 1,
            "retrain_epochs": 1,
            "rate": 0.1,
            "batch": 1,
            "weight": 1.0,
            "device": None,
            "seed": 0,
            "workers": 1,
        },
    ),
}
RESULTS = {  # what functions return and raise: nobody calls these
    *("Verdict", "Verified", "Falsified", "Unknown", "Counterexample", "InputError", "Rejection"),
    *(
        "Certification",
        "Radius",
        "Radii",
        "Query",
        "Network",
        "Maximum",
        "LipschitzBound",
        "TrainingReport",
        "Round",
        "Minimum",
        "OutputRange",
        "Neighbourhood",
        "SmallestChange",
        "ClaimAnswer",
        "Symbols",
        "Z3Form",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _property(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("entry") / "square.vnnlib"
    box = "(assert (>= X_0 0))(assert (<= X_0 1))(assert (>= Y_0 2))"
    path.write_text("(declare-const X_0 Real)(declare-const Y_0 Real)" + box)
    CALLS["query_from"].arguments["property_path"] = path
    kept = path.with_name("kept.proof")
    PROVED.save(kept)
    CALLS["load_proof"].arguments["path"] = kept


def test_the_table_knows_every_public_name_and_every_argument() -> None:
    assert {name for name in vf.__all__ if name not in RESULTS} <= set(CALLS)
    for name in set(CALLS) & set(vf.__all__):
        wanted = set(inspect.signature(getattr(vf, name)).parameters)
        assert set(CALLS[name].arguments) == wanted, name


def outcome(call: Call, **changed: Any) -> str:
    """The refusal of a call; empty if it works."""
    try:
        lazily(call.function(**call.arguments | changed))
    except vf.InputError as error:
        return str(error)
    except vf.Rejection:
        if call.function not in (vf.check, vf.load_proof):
            raise
    return ""


@pytest.mark.parametrize("name", CALLS)
def test_the_calls_of_the_table_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert outcome(CALLS[name]) == ""


OWN = {("progress", "class"), ("progress", "module")}  # functions that fail when they are called
PAIRS = [(name, argument) for name, call in CALLS.items() for argument in call.arguments]


@pytest.mark.parametrize(("name", "argument"), PAIRS, ids=lambda v: v)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_argument_is_taken_or_refused_in_one_sentence(
    name: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # folders may be made
    monkeypatch.setattr(webbrowser, "open", str)
    wrong = []
    for kind, value in BAD.items():
        if (argument, kind) in OWN:
            continue
        try:
            said = outcome(CALLS[name], **{argument: value})
        except Exception as error:
            wrong.append(f"{kind}: {type(error).__name__}: {str(error)[:200]}")
        else:
            if "\n" in said or "Traceback" in said or len(said) > 400:
                wrong.append(f"{kind}: not one sentence: {said[:400]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "value",
    [
        "0.1",
        "1/10",
        Decimal("0.1"),
        Fraction(1, 10),
        TENTH,
        sympy.Rational(1, 10),
        np.array(Fraction(1, 10)),
    ],
)
def test_exact_numbers_stay_what_they_are(value: Any) -> None:
    assert number(value) == TENTH
    query = vf.robust(TWO, [value], eps=value, label=0)
    assert query.upper == (TENTH * 2,)


@pytest.mark.parametrize(
    "value",
    [
        0.75,
        np.float16(0.75),
        np.float32(0.75),
        np.longdouble("0.75"),
        np.array(0.75),
        torch.tensor(0.75),
        torch.tensor([0.75], dtype=torch.bfloat16),
        torch.tensor(0.75, requires_grad=True),
    ],
)
def test_floats_of_every_kind_are_the_dyadics_that_they_are(value: Any) -> None:
    assert number(value) == fmpq(3, 4)
    assert rules.seconds(value, "timeout") == 0.75
    assert vf.in_range(NET, [(value, 1)], upper=value).lower == (fmpq(3, 4),)


@pytest.mark.parametrize(
    "value", [1, np.int8(1), np.uint64(1), np.array(1), torch.tensor(1), torch.tensor([1])]
)
def test_labels_of_every_kind_of_integer(value: Any) -> None:
    assert rules.whole(value, "label") == 1
    assert vf.robust(TWO, [0], eps=1, label=value) == vf.robust(TWO, [0], eps=1, label=1)


@pytest.mark.parametrize(
    "images",
    [
        [[0, 1], [2, 3]],
        ((0, 1), (2, 3)),
        np.arange(4).reshape(2, 2),
        torch.arange(4.0, requires_grad=True).reshape(2, 2),
        [torch.tensor(float(i), requires_grad=True) for i in range(4)],
        [np.arange(2), torch.arange(2, 4)],
        (i for i in range(4)),
    ],
)
def test_entries_come_in_rows_from_whatever_holds_them(images: Any) -> None:
    assert [number(x) for x in entries(images)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: vf.verify(QUERY, timeout="5"), "timeout: a number of seconds is wanted, not '5'"),
        (lambda: vf.verify(PROVED), "query: a query, .* is wanted, not a Verified"),
        (lambda: vf.verify(NET), "query: a query, .* is wanted, not a Network"),
        (lambda: vf.robust(MODULE, [0], eps=1), "net: a network, .* is wanted, not a Sequential"),
        (lambda: vf.robust(TWO, [0], eps=1, clip=1), "clip: a pair .* is wanted, not 1"),
        (lambda: vf.robust(TWO, [None], eps=1), r"x\[0\]: a number is wanted, not None"),
        (lambda: vf.robust(TWO, [0], eps=True), "eps: a number is wanted, not True"),
        (
            lambda: vf.robust(TWO, [0], eps=1, label=2),
            "no label 2: .* has 2, numbers 0 to 1",
        ),
        (
            lambda: vf.in_range(NET, [0, 1], upper=1),
            r"one pair .* is wanted, not \[0, 1",
        ),
        (lambda: vf.in_range(NET, [(0, 1)], lower=2, upper=1), "between lower 2 and upper 1"),
        (lambda: vf.approximates(NET, "x**2", 1, [(0, 1)]), r"sympify.* is wanted, not 'x\*\*2'"),
        (lambda: vf.verify(QUERY, device="cuda:99"), r"^no device 'cuda:99': [^.]*$"),
        (lambda: vf.atom({0: 1}, "<", None), "^bound: a number is wanted, not None"),
        (
            lambda: vf.patch(NET, [0.5], 0, (1, 1)),
            r"corner: a pair \(row, column\) is wanted, not 0",
        ),
        (lambda: vf.check(QUERY, PROVED), "certificate: the bytes .*verdict.certificate"),
        (lambda: vf.pieces(NET, output="0"), "output: an integer is wanted, not '0'"),
        (lambda: vf.regions(NET, 5), "domain: a list is wanted, not 5"),
        (lambda: vf.load("a folder/none.onnx"), "a folder/none.onnx"),
        (lambda: vf.in_range(PROGRAM, [(0, 1)], upper=None), "a lower or an upper limit"),
        (lambda: vf.ask(QUERY, timeout=-1), "timeout: .* not negative"),
        (lambda: vf.ask(QUERY, timeout=float("nan")), "timeout: .* not finite"),
    ],
)
def test_the_sentence_names_the_argument(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(vf.InputError, match=sentence):
        call()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: vf.robust(TWO, [0], eps=1, lable=0),
            "robust: .*'lable' .*its arguments: net, x, eps",
        ),
        (lambda: vf.robust(TWO, [0]), "robust: .*'eps' .*its arguments: net, x, eps"),
        (lambda: vf.verify(), "verify: .*'query' .*its arguments: query, "),
    ],
)
def test_an_argument_that_there_is_not_is_told_with_those_that_there_are(
    call: Callable[[], Any], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence):
        call()


RENAMED = [
    (name, old, new)
    for name, call in CALLS.items()
    for old, new in getattr(call.function, "renamed", {}).items()
]


@pytest.mark.parametrize(("name", "old", "new"), RENAMED, ids=lambda v: v)
def test_old_names_of_arguments_are_taken_with_a_warning(name: str, old: str, new: str) -> None:
    call = CALLS[name]
    others = {each: value for each, value in call.arguments.items() if each != new}
    with pytest.warns(DeprecationWarning, match=f"the argument {old} is called {new} now") as told:
        lazily(call.function(**others, **{old: call.arguments[new]}))
    assert {warning.filename for warning in told} == {__file__}
    with pytest.raises(vf.InputError, match=f"{old}: this is {new}, which is given as well"):
        call.function(**call.arguments, **{old: call.arguments[new]})


def test_one_name_for_one_idea() -> None:
    """No public argument has an old name, and those that were renamed are known."""
    assert len(RENAMED) >= 14
    every = {argument for call in CALLS.values() for argument in call.arguments}
    assert not every & ({old for _, old, _ in RENAMED} - {"box"})
    assert [name for name, call in CALLS.items() if "box" in call.arguments] == ["domain"]


@pytest.mark.parametrize("function", [vf.regions, vf.exact_lipschitz, vf.lipschitz])
def test_where_only_boxes_can_be_meant_others_are_refused(function: Callable[..., Any]) -> None:
    box = vf.domain(NET, [(0, 1)])
    assert outcome(Call(function, {"net": NET, "domain": box})) == ""
    whole = vf.domain(NET, [(0, 1)], integers=[0])
    assert "a box is wanted" in outcome(Call(function, {"net": NET, "domain": whole}))


def test_bounds_of_a_domain_are_those_of_its_box() -> None:
    whole = vf.domain(NET, [(0, 1)], integers=[0], rows=[([(0, 1)], "<=", 1)])
    assert vf.bounds(NET, whole) == vf.bounds(NET, [(0, 1)])


def test_pieces_take_every_number() -> None:
    line = vf.pieces(NET)
    assert line(Fraction(1, 2)) == line("0.5") == line(0.5) == line(torch.tensor(0.5)) == fmpq(1, 2)


def test_a_wrong_example_shape_is_one_sentence_and_nothing_else(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(vf.InputError) as caught:
        vf.load(MODULE, torch.zeros(1, 3))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_values_are_shown_on_one_short_line() -> None:
    assert shown(10**9999) == "a value of type int"
    assert shown(Foreign()) == "a value of type Foreign"
    assert len(shown(np.zeros((50, 50)))) <= 60
    assert "\n" not in shown(np.zeros((50, 50)))


MISSING = [
    ("sympy", "vf.to_sympy(net)", "symbolic"),
    ("sympy", "vf.approximates(net, 0, 1, [(0, 1)])", "symbolic"),
    ("sympy", "vf.sup_error(net, 0, [(0, 1)])", "symbolic"),
    ("sympy", "vf.approximation_property(0, [(0, 1)], tolerance=1)", "symbolic"),
    ("z3", "vf.to_z3(net)", "smt"),
    ("z3", "vf.ask(vf.in_range(net, [(0, 1)], upper=2), 'z3')", "smt"),
    ("cvc5", "vf.ask(vf.in_range(net, [(0, 1)], upper=2), 'cvc5')", "smt"),
    ("torch", "vf.train_until_verified", "torch"),
    ("torch", "vf.load(net)", "torch"),
]


@pytest.mark.parametrize(("package", "call", "extra"), MISSING)
def test_a_missing_package_is_named_by_what_to_install(package: str, call: str, extra: str) -> None:
    program = f"""
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == {package!r} else found(name, *rest)

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Wall())
import verifai as vf
net = vf.load({str(DATA / "yarotsky_4.onnx")!r})
try:
    {call}
except vf.InputError as error:
    assert isinstance(error, ImportError)
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert f"pip install 'verifai-nn[{extra}]'" in done.stdout
    assert len(done.stdout.splitlines()) == 1
