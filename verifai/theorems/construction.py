"""ReLU networks from given weights and by training, as torch modules and as kernel networks.

May import: api, kernel, solvers (rows); torch on demand. Must not know: any particular theorem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpq

from verifai.api import load
from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Input, Network, Pwl
from verifai.solvers.rows import affine_rows, pieces

if TYPE_CHECKING:
    import torch

Rows = Sequence[Sequence[float]]
Layer = tuple[Rows, Sequence[float]]  # weight (outputs, inputs) and bias
Neuron = tuple[tuple[fmpq, ...], fmpq]  # exact weights and bias


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


def layers_of(network: Network) -> list[list[Neuron]]:
    """The exact layers of a network of linear layers with a ReLU behind each but the last.

    Raises:
        ValueError: it is another network; what differs is named.
    """
    nodes = [node for node in network.nodes if not isinstance(node, Input)]
    for number, node in enumerate(nodes):
        if not isinstance(node, (Affine, Pwl)[number % 2]) or node.sources != (number,):
            raise ValueError(f"node {node.name}: want linear layers and ReLUs in turn")
        if isinstance(node, Pwl) and not _is_relu(node):
            raise ValueError(f"node {node.name} is no ReLU")
    if len(nodes) % 2 == 0 or network.outputs != (len(nodes),):
        raise ValueError("want a linear layer at the end, and no other output")
    return [_neurons(network, position) for position in range(1, len(network.nodes), 2)]


def _neurons(network: Network, position: int) -> list[Neuron]:
    source = network.nodes[position].sources[0]
    values = range(network.offsets[source], network.offsets[source] + network.sizes[source])
    found: list[Neuron] = []
    for row in affine_rows(network, position):
        if not row.is_exact:
            raise ValueError(f"node {network.nodes[position].name}: weights that are not exact")
        terms = dict(row.terms)
        found.append((tuple(terms.get(value, fmpq(0)) for value in values), row.constant))
    return found


def _is_relu(node: Pwl) -> bool:
    relu = [(fmpq(0), fmpq(0), fmpq(0)), (None, fmpq(1), fmpq(0))]
    return all([(p.end, p.slope, p.constant) for p in column] == relu for column in pieces(node))


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
