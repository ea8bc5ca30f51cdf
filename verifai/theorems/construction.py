"""ReLU networks from given weights and by training, as torch modules and as kernel networks.

May import: api, kernel, solvers (rows); torch on demand. Must not know: any particular theorem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpq

from verifai.api import load
from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Input, Network, Pwl
from verifai.solvers.rows import AffineValue, Stretch, affine_rows, pieces

if TYPE_CHECKING:
    import torch

Rows = Sequence[Sequence[float]]
Layer = tuple[Rows, Sequence[float]]  # weight (outputs, inputs) and bias
Neuron = tuple[tuple[fmpq, ...], fmpq]  # exact weights and bias
ZERO, ONE = fmpq(0), fmpq(1)
RELU = [Stretch(ZERO, ZERO, ZERO), Stretch(None, ONE, ZERO)]
MAGNITUDE = [Stretch(ZERO, -ONE, ZERO), Stretch(None, ONE, ZERO)]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained.

    Attributes:
        widths: of all layers, inputs and outputs included.
        seed: of the weights.
        steps: of Adam, on all data at once, the rate falling to zero along a cosine.
        rate: of learning, at the start.
    """

    widths: tuple[int, ...]
    seed: int
    steps: int = 500
    rate: float = 1e-2


def relu_module(layers: Sequence[Layer]) -> torch.nn.Module:
    """The torch module of the layers, with a ReLU behind each but the last.

    Raises:
        InputError: a number that float32 does not hold exactly.
    """
    import torch

    modules: list[torch.nn.Module] = []
    for number, (weight, bias) in enumerate(layers):
        rows, offsets = np.array(weight, dtype=np.float64), np.array(bias, dtype=np.float64)
        linear = torch.nn.Linear(rows.shape[1], rows.shape[0])
        with torch.no_grad():
            for parameter, values in ((linear.weight, rows), (linear.bias, offsets)):
                single = values.astype(np.float32)
                if not (single.astype(np.float64) == values).all():
                    raise InputError(f"layer {number}: a number that float32 does not hold")
                parameter.copy_(torch.from_numpy(single))
        modules.append(linear)
        if number < len(layers) - 1:
            modules.append(torch.nn.ReLU())
    return torch.nn.Sequential(*modules).eval()


def exported(module: torch.nn.Module, inputs: int) -> Network:
    """The network of a module's exported graph; its input is one row of `inputs` numbers."""
    import torch

    return load(module, torch.zeros(1, inputs))


def relu_network(layers: Sequence[Layer]) -> Network:
    """The network of `relu_module`, exported by torch."""
    return exported(relu_module(layers), len(layers[0][0][0]))


@dataclass(frozen=True, slots=True)
class _Form:
    """A linear form over the neurons of a hidden layer, or over the inputs (layer 0)."""

    layer: int
    terms: dict[int, fmpq]
    constant: fmpq


def layers_of(network: Network) -> list[list[Neuron]]:
    """The exact layers, with a ReLU behind each but the last, of which the network consists.

    Linear nodes behind each other are multiplied out, |t| is relu(t) + relu(-t), and what has as
    many ReLUs before it is side by side in a layer, in the order of the nodes.

    Raises:
        ValueError: it does not consist of such layers; what differs is named.
    """
    values: list[_Form] = []
    layers: list[list[_Form]] = []
    for position, node in enumerate(network.nodes):
        if isinstance(node, Input) and position == 0:
            values += [_Form(0, {i: ONE}, ZERO) for i in range(network.sizes[0])]
        elif isinstance(node, Affine):
            values += [_combined(row, values) for row in affine_rows(network, position)]
        elif isinstance(node, Pwl):
            start = network.offsets[node.sources[0]]
            before = values[start : start + network.sizes[position]]
            values += [_behind(form, sign, layers) for form, sign in _signs(node, before)]
        else:
            raise ValueError(f"node {node.name}: neither linear nor a ReLU, or a second input")
    (out,) = network.outputs
    last = values[network.offsets[out] : network.offsets[out] + network.sizes[out]]
    if any(form.layer != len(layers) for form in last):
        raise ValueError("an output that does not read the last hidden layer")
    widths = [network.sizes[0], *map(len, layers)]
    return [
        [(tuple(f.terms.get(i, ZERO) for i in range(width)), f.constant) for f in forms]
        for width, forms in zip(widths, [*layers, last], strict=True)
    ]


def _combined(row: AffineValue, values: Sequence[_Form]) -> _Form:
    """The form of a linear node's value."""
    read = {values[value].layer for value, _ in row.terms}
    if not row.is_exact or len(read) != 1:
        raise ValueError("a linear node that is not exact or does not read one hidden layer")
    total: dict[int, fmpq] = {}
    constant = row.constant
    for value, factor in row.terms:
        constant += factor * values[value].constant
        for unit, share in values[value].terms.items():
            total[unit] = total.get(unit, ZERO) + factor * share
    return _Form(read.pop(), total, constant)


def _signs(node: Pwl, before: Sequence[_Form]) -> Iterator[tuple[_Form, tuple[int, ...]]]:
    """Each argument with the signs s for which the node adds up relu(s t)."""
    columns = pieces(node)
    for i, form in enumerate(before):
        column = columns[i if len(columns) > 1 else 0]
        if column not in (RELU, MAGNITUDE):
            raise ValueError(f"node {node.name} is no ReLU")
        yield form, (1,) if column == RELU else (1, -1)


def _behind(form: _Form, signs: Sequence[int], layers: list[list[_Form]]) -> _Form:
    """The sum of relu(s t), whose neurons join their layer."""
    if form.layer == len(layers):
        layers.append([])
    neurons = layers[form.layer]
    start = len(neurons)
    for sign in signs:
        terms = {unit: sign * share for unit, share in form.terms.items()}
        neurons.append(_Form(form.layer, terms, sign * form.constant))
    return _Form(form.layer + 1, {start + i: ONE for i in range(len(signs))}, ZERO)


def trained(recipe: Recipe, inputs: Any, targets: Any) -> torch.nn.Module:
    """A ReLU network fitted by Adam to the least mean square error; one thread, fixed seed.

    Args:
        recipe: sizes and training.
        inputs: numbers, (samples, widths[0]).
        targets: numbers, (samples, widths[-1]).
    """
    import torch

    torch.set_num_threads(1)  # the order of sums must not depend on the machine
    x, y = (torch.tensor(np.asarray(a), dtype=torch.float32) for a in (inputs, targets))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        modules: list[torch.nn.Module] = []
        for before, after in zip(recipe.widths, recipe.widths[1:], strict=False):
            modules += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        net = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.Adam(net.parameters(), recipe.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps)
    for _ in range(recipe.steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return net.eval()


def parameter_count(module: torch.nn.Module) -> int:
    """How many weights and biases the module has."""
    return sum(each.numel() for each in module.parameters())
