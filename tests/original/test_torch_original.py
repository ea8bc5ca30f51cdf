"""Torch modules are their own second readers."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from flint import fmpq

import verifai as vf
from verifai.graph.values import Activation
from verifai.kernel.query import And, Query
from verifai.load.torch import operators as torch_operators
from verifai.load.torch.call import AtenRow
from verifai.load.torch.graph import ROWS
from verifai.original.look import Misread, SecondLook

torch = pytest.importorskip("torch")
nn = torch.nn
AGREES = "and agrees with what was read from it"


def looked(net: Any) -> tuple[str, ...]:
    count = len(net.input_values)
    look = SecondLook(Query(net, (fmpq(-1),) * count, (fmpq(1),) * count, And(())))
    look.at_domain()
    return look.said


def small() -> Any:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)).eval()


class Several(nn.Module):  # type: ignore[name-defined, misc]
    """Two inputs, one of them in a list, a number, and two outputs, one of them in a dictionary."""

    def forward(self, x: Any, more: Any, scale: float) -> Any:
        return torch.relu(x - more[0]) * scale, {"sum": x + more[0] + more[1]}


class Cautious(nn.Module):  # type: ignore[name-defined, misc]
    """Something that depends on the floating type."""

    def forward(self, x: Any) -> Any:
        return torch.log(torch.relu(x) + torch.finfo(x.dtype).eps)


class Mixed(nn.Module):  # type: ignore[name-defined, misc]
    """Something that runs in float32 only."""

    def forward(self, x: Any) -> Any:
        return x @ torch.eye(3, dtype=torch.float32)


def test_a_module_agrees_with_itself() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        net = vf.load(small(), torch.zeros(1, 3))
    verdict = vf.verify(vf.in_range(net, [(-1, 1)] * 3, upper=100))
    assert isinstance(verdict, vf.Verified)
    assert (
        f"second reader: the module Sequential was run in torch at 12 points of the domain {AGREES}"
        in verdict.statement
    )
    assert AGREES in looked(vf.load(small(), torch.zeros(1, 3), shrink=True))[0]


def test_an_exported_program_agrees() -> None:
    program = torch.export.export(small(), (torch.zeros(1, 3),))
    assert AGREES in looked(vf.load(program))[0]


def test_inputs_and_outputs_of_any_shape() -> None:
    example = (torch.ones(1, 2), [torch.ones(1, 2), torch.ones(1, 1)], 0.5)
    assert AGREES in looked(vf.load(Several().eval(), example))[0]


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_other_types(kind: Any) -> None:
    module = small().to(kind)
    (said,) = looked(vf.load(module, torch.zeros(1, 3, dtype=kind)))
    assert AGREES in said


@pytest.mark.parametrize("module", [Cautious(), Mixed()])
def test_what_depends_on_the_type_is_run_in_its_own(module: Any) -> None:
    assert AGREES in looked(vf.load(module.eval(), torch.ones(1, 3)))[0]


def test_the_module_may_be_trained_further() -> None:
    module = small()
    net = vf.load(module, torch.zeros(1, 3))
    with torch.no_grad():
        module[0].weight.add_(1.0)
    assert AGREES in looked(net)[0]


def test_a_module_that_cannot_be_copied_is_said() -> None:
    module = small()
    module.extra = torch.ones(2, requires_grad=True) * 2  # no leaf of a graph
    (said,) = looked(vf.load(module, torch.zeros(1, 3)))
    assert "was not run (it cannot be copied" in said


def test_a_wrong_row_ends_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(each for each in ROWS if each == "aten.linear.default")
    right = torch_operators.ROWS[name]

    def wrong(call: Any) -> Any:
        made = right.lower(call)
        assert isinstance(made, Activation)
        return Activation(made.node, made.index[..., ::-1])

    assert ROWS is torch_operators.ROWS
    changed = AtenRow(name, wrong, right.meaning)
    monkeypatch.setitem(ROWS, name, changed)
    net = vf.load(small(), torch.zeros(1, 3))
    with pytest.raises(Misread, match="the module Sequential at index 0: torch gives"):
        vf.verify(vf.in_range(net, [(-1, 1)] * 3, upper=100))
