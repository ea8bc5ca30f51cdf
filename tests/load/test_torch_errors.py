"""What cannot be loaded of torch is refused with a sentence that names it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import verifai as vf
from tests.load.evaluate import evaluate
from verifai.kernel.network import Network

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
X = torch.zeros(1, 3)


class Does(nn.Module):  # type: ignore[misc,name-defined]
    """A module that is one function of its input and its buffer."""

    def __init__(self, function: Callable[..., Any], state: Any = None) -> None:
        super().__init__()
        self.function = function
        self.register_buffer("state", torch.ones(3) if state is None else state)

    def forward(self, *inputs: Any) -> Any:
        return self.function(self, *inputs)


def load(function: Callable[..., Any], *inputs: Any, state: Any = None) -> Network:
    return vf.load(Does(function, state).eval(), inputs or X)


def program(module: Any, *inputs: Any, **options: Any) -> Any:
    return torch.export.export(module, inputs or (X,), strict=False, **options)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(number: float) -> None:
    module = nn.Sequential(nn.Linear(3, 2)).eval()
    with torch.no_grad():
        module[0].weight[1, 2] = number
    with pytest.raises(vf.InputError, match=r"node 'linear'.*'0.weight' holds NaN or infinity"):
        vf.load(module, X)


def test_unsupported_operators_are_named_with_their_module_and_line() -> None:
    module = nn.Sequential(nn.Linear(3, 3), Does(lambda _, x: torch.argsort(x).float())).eval()
    with pytest.raises(vf.InputError) as caught:
        vf.load(module, X)
    message = str(caught.value)
    assert "node 'sort' (aten.sort." in message
    assert "this operator is not supported" in message
    assert "in the module '1'" in message
    assert f"{__file__}:" in message


def refused(function: Callable[..., Any], sentence: str, *inputs: Any, **options: Any) -> None:
    with pytest.raises(vf.InputError, match=sentence):
        load(function, *inputs, **options)


def test_control_flow_on_values_is_refused() -> None:
    refused(lambda _, x: x if x.sum() > 0 else -x, "control flow depends on the values")
    refused(lambda _, x: x * x[0, 0].item(), "this operator is not supported|data-dependent")
    chosen = lambda _, x: torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))  # noqa: E731
    refused(chosen, "control flow or another operator on whole graphs")


def test_random_numbers_are_refused() -> None:
    refused(lambda _, x: x + torch.rand_like(x), "random numbers are not supported")


def test_indices_that_depend_on_the_input_are_refused() -> None:
    refused(lambda m, x: m.state[x.argmax(1)], r"\(aten.argmax.default\): this operator")
    refused(lambda _, x: x.max(1)[1], "the output 2 is not supported")


def test_masks_are_for_softmax_alone() -> None:
    endless = torch.tensor([0.0, 0.0, float("-inf")])
    refused(lambda m, x: (x + m.state) * 2, "'self' holds -infinity", state=endless)
    refused(lambda m, x: x + m.state, "no tensor of finite numbers", state=endless)
    nothing = torch.full((3,), float("-inf"))
    refused(
        lambda m, x: (x + m.state).softmax(1), "a row of nothing but minus infinity", state=nothing
    )


def test_truth_values_that_are_numbers_are_refused() -> None:
    refused(lambda _, x: (x > 0) + (x > 1), "a sum of truth values")
    refused(lambda _, x: torch.logical_not(x).float(), "'self' holds numbers that depend")
    refused(lambda _, x: ~(x > 0).sum(1) * x[0], "'self' holds numbers|depends on the input")


def test_constants_are_not_rounded() -> None:
    refused(lambda m, x: x + m.state.fmod(0.3), "torch would round the constants")


def test_changes_of_state_are_refused() -> None:
    refused(lambda m, x: m.state.add_(1) * x, "changes 'state': a network keeps nothing")
    refused(lambda _, x: x.add_(1), "changes 'inputs_0'")


def test_inputs_that_are_no_floats_are_refused() -> None:
    integers = torch.zeros(1, 3, dtype=torch.int64)
    refused(lambda _, x: x * 0.5, "the input 'inputs_0' holds torch.int64, not floats", integers)


def test_dynamic_shapes_are_refused() -> None:
    n = torch.export.Dim("n")
    dynamic = program(nn.Linear(3, 2).eval(), torch.zeros(4, 3), dynamic_shapes=({0: n},))
    with pytest.raises(vf.InputError, match=r"the input 'input' has the dynamic shape \(s\d+, 3\)"):
        vf.load(dynamic)


@pytest.mark.parametrize(
    "layer", [nn.Dropout(0.5), nn.BatchNorm1d(3), nn.BatchNorm1d(3, track_running_stats=False)]
)
def test_programs_in_training_mode_are_refused(layer: Any) -> None:
    for decompose in (False, True):
        made = program(layer.train(), torch.zeros(2, 3))
        made = made.run_decompositions() if decompose else made
        with pytest.raises(vf.InputError, match=r"training mode.*module.eval\(\)"):
            vf.load(made)


def test_what_torch_cannot_export_says_so() -> None:
    refused(
        lambda _, x: x @ torch.ones(4, 4), "torch.export cannot export this module: a and b must"
    )
    refused(lambda _, x: x.shape.size, "cannot export this module: .*no attribute 'size'")


def test_results_must_be_tensors() -> None:
    refused(lambda _, x: (x, 3), "returns 3, which is no tensor")


def test_a_program_needs_no_example() -> None:
    made = program(nn.Linear(3, 2).eval())
    assert vf.load(made).sizes[-1] == 2
    with pytest.raises(vf.InputError, match="without example"):
        vf.load(made, X)


def test_without_torch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import verifai as vf\n"
        "try: vf.load(object(), 1)\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'verifai-nn[torch]'" in done.stdout


def test_the_table_of_operators_does_not_need_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['onnx'] = None\n"
        "from verifai.load.torch.operators import page; print(len(page()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 1000


def counted_in_integers(_: Any, x: Any) -> Any:
    buffer = torch.zeros(1, 3, dtype=torch.int64)
    return buffer.copy_(x) * 1.5


def marked_in_truths(_: Any, x: Any) -> Any:
    buffer = torch.zeros(1, 3, dtype=torch.bool)
    buffer[:, :2] = x[:, :2]
    return buffer * 1.5


@pytest.mark.parametrize(
    "function",
    [
        counted_in_integers,
        marked_in_truths,
        lambda _, x: x.sum(dtype=torch.int64),
        lambda _, x: x.sum(1, dtype=torch.bool) * 1.5,
        lambda _, x: x.cumsum(1, dtype=torch.int64),
        lambda _, x: x.prod(1, dtype=torch.int32),
        lambda _, x: (x > 0).sum(1, dtype=torch.uint8),
    ],
)
def test_values_that_torch_cuts_down_to_integers_or_truths_are_refused(
    function: Callable[..., Any],
) -> None:
    refused(function, "values that depend on the input converted to torch")


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: x * (m.state * 10).long(),
        lambda m, x: torch.where(m.state * 10 >= 7, x, -x),
        lambda m, x: torch.where(torch.stack([m.state * 10, m.state]) >= 7, x[:, :1], -x[:, :1]),
        lambda m, x: x + torch.sign(m.state * 10 - 7),
        lambda m, x: x ** (m.state * 10),
    ],
)
def test_a_jump_of_constants_that_the_program_rounds_is_refused(
    function: Callable[..., Any],
) -> None:
    refused(function, "it jumps, and the program rounds", state=torch.tensor(0.7))


def test_a_jump_of_constants_that_the_program_does_not_round_is_read() -> None:
    load(lambda m, x: x * (m.state * 10).long(), state=torch.tensor(0.75))


def test_constants_are_compared_in_their_own_type() -> None:
    made = load(lambda m, x: torch.where(m.state == 0.1, x, -x), state=torch.full((3,), 0.1))
    assert np.array_equal(evaluate(made, np.ones((1, 3)))[0], np.ones((1, 3)))


def test_constants_that_overflow_their_type_are_refused() -> None:
    refused(lambda m, x: x / (m.state * 10), "too large for", state=torch.tensor(1e38))


@pytest.mark.parametrize("kind", ["sum", "cumsum"])
def test_sums_made_truth_values_are_refused(kind: str) -> None:
    refused(lambda _, x: x + getattr(x > 0, kind)(1, dtype=torch.bool), "to torch.bool")


def test_a_bound_of_infinity_is_one() -> None:
    infinity = float("inf")
    for least, most in ((infinity, None), (None, -infinity), (1.0, -infinity)):
        refused(lambda _, x, a=least, b=most: x.clamp(a, b).clamp(-1, 1), "everything infinite")
    made = load(lambda _, x: x.clamp(infinity, 3.0))
    assert np.array_equal(evaluate(made, np.zeros((1, 3)))[0], np.full((1, 3), 3.0))
    free = load(lambda _, x: x.clamp(-infinity, infinity) + 1)
    assert np.array_equal(evaluate(free, np.zeros((1, 3)))[0], np.ones((1, 3)))


def test_masks_of_truths_that_depend_on_the_input_are_refused() -> None:
    sentence = "a mask of truth values that depend on the input"
    refused(
        lambda _, x: F.scaled_dot_product_attention(x, x, x, attn_mask=x[..., :1] > 0),
        sentence,
        torch.zeros(1, 1, 3),
    )


def test_a_softplus_that_bends_early_is_refused() -> None:
    refused(lambda _, x: F.softplus(x, 2.0, 1.0), "beta = 2.0 with a threshold of 1.0")


def test_shapes_that_depend_on_values_are_named() -> None:
    refused(lambda m, x: x[:, m.state > 0], "depends on values")
