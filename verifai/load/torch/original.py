"""A torch module as the second reader runs it: itself, as it was when it was loaded, in float64.

May import: torch when called, numpy, original. Must not know: networks, queries.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from verifai.kernel.operator import Array
from verifai.load.torch.program import FAILURES
from verifai.original.model import FLOAT32, CannotRun, Precision

FACTOR = 16.0  # times the roundings of a sum that an operator may stray
ALIKE = 1e-3  # relative: what differs more in float64 depends on the type it is computed in
ROUGHLY = 0.125  # the same for types coarser than float32


class TorchOriginal:
    """A copy of a module, and what it is called with."""

    runtime = "torch"

    def __init__(self, module: Any, arguments: Any, outputs: Sequence[str]) -> None:
        """Copies the module, which may be trained further.

        Args:
            module: a module, or the one of an exported program.
            arguments: the positional and the named arguments it is called with.
            outputs: what its results are called.
        """
        from torch.utils._pytree import tree_flatten

        self.name, self.outputs = f"the module {type(module).__name__}", tuple(outputs)
        self._leaves, self._shape = tree_flatten(arguments)
        self._module: Any = None
        self._failure = ""
        try:
            self._module = _copied(module).cpu()
        except FAILURES as error:
            self._failure = f"it cannot be copied: {str(error).partition(chr(10))[0][:200]}"

    @cached_property
    def precision(self) -> Precision:
        """That of float32: the coarsest type whose results are compared."""
        return replace(FLOAT32, factor=FACTOR, converts=True)

    @cached_property
    def _is_coarse(self) -> bool:
        """Whether a weight or input is of a coarser type than float32."""
        import torch

        held = (*self._module.state_dict().values(), *self._leaves)
        kinds = {each.dtype for each in held if isinstance(each, torch.Tensor)}
        return not kinds.isdisjoint({torch.float16, torch.bfloat16})

    def types(self) -> tuple[np.dtype[Any], ...]:
        """The floating type of every tensor that it is called with, in order.

        Raises:
            CannotRun: the module could not be copied.
        """
        import torch

        if self._module is None:
            raise CannotRun(self._failure)
        kinds = [each.dtype for each in self._leaves if isinstance(each, torch.Tensor)]
        return tuple(np.dtype(np.float64 if k == torch.float64 else np.float32) for k in kinds)

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The results in float64; in float32, where the module computes something else in that.

        Raises:
            CannotRun: the module's code fails, or there is nothing but coarser results.
        """
        try:
            own = self._called(self._module, inputs, is_double=False)
        except FAILURES as error:
            raise CannotRun(f"torch: {str(error).partition(chr(10))[0][:200]}") from None
        try:
            wide = self._called(self._double, inputs, is_double=True)
        except FAILURES:
            wide = None
        if wide is not None and _are_alike(wide, own, ROUGHLY if self._is_coarse else ALIKE):
            return wide
        if self._is_coarse:
            raise CannotRun("it computes something else in float64")
        return own

    @cached_property
    def _double(self) -> Any:
        return _copied(self._module).double()

    def _called(self, module: Any, inputs: Sequence[Array], *, is_double: bool) -> list[Array]:
        import torch
        from torch.utils._pytree import tree_flatten, tree_unflatten

        given = iter(inputs)
        leaves = []
        for leaf in self._leaves:
            if isinstance(leaf, torch.Tensor):
                made = torch.from_numpy(np.array(next(given)))
                leaf = made.to(torch.float64 if is_double else leaf.dtype)
            leaves.append(leaf)
        arguments, named = tree_unflatten(leaves, self._shape)
        with torch.no_grad():
            results = tree_flatten(module(*arguments, **named))[0]
        tensors = [each for each in results if isinstance(each, torch.Tensor)]
        return [each.detach().cpu().double().numpy() for each in tensors]


def _copied(module: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return copy.deepcopy(module)


def _are_alike(wide: Sequence[Array], own: Sequence[Array], share: float) -> bool:
    """Whether the same is computed in both types, but for rounding."""
    return all(
        bool((abs(a - b) <= share * np.abs(b).max(initial=0.0)).all())
        for a, b in zip(wide, own, strict=True)
    )
