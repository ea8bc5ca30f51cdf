"""The learning half of the loop: a torch module, its data, and the counterexamples so far.

May import: entry, torch, numpy, kernel, report, properties.
Must not know: how networks are verified.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from flint import fmpq

from verifai.entry.numbers import pair
from verifai.entry.sentences import first_line, refused
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array
from verifai.original.points import doubles
from verifai.train.properties import TrainingProperty
from verifai.train.report import TrainingOptions

FAILURES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(slots=True)
class Pool:
    """The training data that the counterexamples to one property have become."""

    property: TrainingProperty
    inputs: torch.Tensor
    targets: torch.Tensor

    def add(self, shape: Sequence[int], inputs: Array, targets: Array) -> None:
        """Appends inputs (k, n), which the module sees in this shape, and their targets."""
        kind = torch.int64 if targets.dtype.kind in "iu" else self.inputs.dtype
        new = torch.as_tensor(inputs, dtype=self.inputs.dtype).reshape(-1, *shape)
        answers = torch.as_tensor(targets, dtype=kind).to(self.inputs.device)
        if len(new) != len(answers):
            raise InputError(
                f"{self.property.name}: {len(new)} inputs with {len(answers)} targets to learn"
            )
        first = not len(self.inputs)
        self.inputs = torch.cat([self.inputs, new.to(self.inputs.device)])
        self.targets = answers if first else torch.cat([self.targets, answers])


class Learner:
    """Trains a module in place, on the data and on the counterexamples it has been given."""

    def __init__(
        self,
        module: torch.nn.Module,
        properties: Sequence[TrainingProperty],
        data: tuple[torch.Tensor, torch.Tensor],
        loss: Loss | None,
        options: TrainingOptions,
    ) -> None:
        """Moves module and data to the device; InputError if the data do not fit together."""
        if not isinstance(module, torch.nn.Module):
            raise refused("module", "a torch module", module)
        inputs, targets = pair(data, "data", "inputs, targets")
        for side in (inputs, targets):
            if not isinstance(side, torch.Tensor) or not side.ndim:
                raise refused("data", "a pair of tensors (inputs, targets)", side)
        if not len(inputs) or len(inputs) != len(targets):
            raise InputError(f"{len(inputs)} training inputs with {len(targets)} targets")
        chosen = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
        with _explained(f"device {chosen!r}"):
            self.device, self.options, self.module = torch.device(chosen), options, module
            module.to(self.device)
            self.inputs, self.targets = inputs.to(self.device), targets.to(self.device)
        self._loss = loss or _loss_for(targets)
        self._order = torch.Generator().manual_seed(options.seed)
        none = self.inputs[:0]
        self._pools = [Pool(p, none, none) for p in properties]

    @property
    def learned(self) -> int:
        """How many inputs the counterexamples have become."""
        return sum(len(pool.inputs) for pool in self._pools)

    def learn(self, place: int, query: int, inputs: Sequence[fmpq]) -> None:
        """Adds a counterexample to a query of the property at this place."""
        pool = self._pools[place]
        found = doubles(inputs)
        pool.add(self.inputs.shape[1:], *pool.property.signal(query, found))

    def train(self, epochs: int) -> tuple[float, float]:
        """The mean losses of the last pass: on the data, and on the counterexamples."""
        with _explained("training"):
            return self._trained(epochs)

    def _trained(self, epochs: int) -> tuple[float, float]:
        self.module.train()
        batches = -(-len(self.inputs) // self.options.batch)
        optimizer = torch.optim.Adam(self.module.parameters(), self.options.rate)
        steps = max(1, epochs * batches)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        last = [0.0, 0.0]
        for epoch in range(epochs):
            last = [0.0, 0.0]
            for rows in torch.randperm(len(self.inputs), generator=self._order).chunk(batches):
                there = rows.to(self.device)
                plain = self._loss(self.module(self.inputs[there]), self.targets[there])
                extra = self._counterexample_loss()
                optimizer.zero_grad()
                (plain + self.options.weight * extra).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                if epoch == epochs - 1:
                    last = [last[0] + plain.item() / batches, last[1] + extra.item() / batches]
        self.module.eval()
        return last[0], last[1]

    def exported(self) -> tuple[torch.nn.Module, torch.Tensor]:
        """A copy of the module on the processor, in evaluation mode, and an example input."""
        return copy.deepcopy(self.module).cpu().eval(), self.inputs[:1].cpu()

    def _counterexample_loss(self) -> torch.Tensor:
        total = torch.zeros((), device=self.device)
        for pool in self._pools:
            count = len(pool.inputs)
            if count:
                rows = torch.randperm(count, generator=self._order)[: self.options.batch]
                there = rows.to(self.device)
                outputs = self.module(pool.inputs[there])
                total = total + pool.property.loss(outputs, pool.targets[there])
        return total


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """What torch, the module or the loss raises, as an InputError of one sentence."""
    try:
        yield
    except FAILURES as error:
        raise InputError(f"{what}: {first_line(error)}") from error


def _loss_for(targets: torch.Tensor) -> Loss:
    """Cross-entropy for labels, the mean square for numbers."""
    if targets.dtype in (torch.int64, torch.int32):
        return lambda outputs, labels: torch.nn.functional.cross_entropy(outputs, labels.long())
    return torch.nn.functional.mse_loss
