"""An ONNX file as the second reader runs it: by onnxruntime, operator by operator.

May import: numpy, original, execution, lower/rounding, file, operators.
Must not know: networks, queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array
from verifai.load.lower.rounding import UNKNOWN, Accuracy, Rounding
from verifai.load.onnx.execution import refusals, session
from verifai.load.onnx.file import read_bytes
from verifai.load.onnx.operators import ROWS
from verifai.original.model import FLOAT16, FLOAT32, FLOAT64, CannotRun, Precision

UNPROVED = 16.0  # times the roundings of a sum that an operator without a proved bound may stray,
# or a constant that is computed from others
MOMENTS = 1024.0  # the same of those that divide by variances of the data
_BFLOAT16 = Precision(2.0**-8, 2.0**-126)
_PRECISIONS = {1: FLOAT32, 10: FLOAT16, 11: FLOAT64, 16: _BFLOAT16}  # by element type
_TYPES = {"tensor(float16)": np.float16, "tensor(float)": np.float32, "tensor(double)": np.float64}


class OnnxOriginal:
    """A model of a file, or the message that was made of it."""

    runtime = "onnxruntime"

    def __init__(self, path: Path, model: Any, *, is_changed: bool) -> None:
        """Notes what the model computes in; the session is made when it is first needed.

        Args:
            path: the file.
            model: its message.
            is_changed: whether the message is no longer what the file holds: it is kept then.
        """
        graph = model.graph
        weights = {message.name for message in graph.initializer}
        self._path, self._model = path, model if is_changed else None
        self.name = path.name
        self.outputs = tuple(entry.name for entry in graph.output)
        self._inputs = [entry.name for entry in graph.input if entry.name not in weights]
        self._kinds = frozenset(_element_types(graph))
        self._operators = frozenset(node.op_type for node in graph.node)
        self._folds = _folds(graph, weights)

    @cached_property
    def precision(self) -> Precision:
        """That of the coarsest floating type that occurs."""
        found = [each for kind, each in _PRECISIONS.items() if kind in self._kinds]
        coarsest = max(found, key=lambda each: each.unit, default=FLOAT32)
        coarsest = replace(coarsest, converts=len(found) > 1)
        roundings = [_rounding(name) for name in self._operators]
        if any(each.of_moments for each in roundings):
            return replace(coarsest, factor=MOMENTS)
        is_proved = all(each.kind is not Accuracy.UNKNOWN for each in roundings)
        return coarsest if is_proved and not self._folds else replace(coarsest, factor=UNPROVED)

    def types(self) -> tuple[np.dtype[Any], ...]:
        """The floating type of every input, in order.

        Raises:
            CannotRun: onnxruntime is missing, or refuses the model.
        """
        kinds = {each.name: each.type for each in self._session.get_inputs()}
        known = [_TYPES.get(kinds.get(name, "")) for name in self._inputs]
        found = tuple(np.dtype(kind) for kind in known if kind is not None)
        if len(found) != len(known):
            raise CannotRun("an input of a type that numpy does not have")
        return found

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The results, in order.

        Raises:
            CannotRun: onnxruntime cannot run the model.
        """
        names = list(dict.fromkeys(self.outputs))
        fed = dict(zip(self._inputs, inputs, strict=True))
        try:
            results = self._session.run(names, fed)
        except refusals() as error:
            raise CannotRun(_sentence(error)) from None
        found = dict(zip(names, results, strict=True))
        return [np.asarray(found[name]) for name in self.outputs]

    @cached_property
    def _session(self) -> Any:
        try:
            failures = refusals()
        except ImportError as error:
            missing = error.name is not None and error.name.partition(".")[0] == "onnxruntime"
            raise CannotRun(
                "onnxruntime is not installed" if missing else f"onnxruntime: {error}"
            ) from None
        try:
            source: str | bytes = str(self._path)
            if self._model is not None:
                source = self._model.SerializeToString()
            elif self._path.suffix == ".gz":
                source = bytes(read_bytes(self._path))
            return session(source, self._path.parent, is_faithful=True)
        except (InputError, OSError) as error:
            raise CannotRun(_sentence(error)) from None
        except failures as error:
            raise CannotRun(_sentence(error)) from None


def _rounding(op_type: str) -> Rounding:
    return ROWS[op_type].rounding if op_type in ROWS else UNKNOWN


def _folds(graph: Any, weights: set[str]) -> bool:
    """Whether constants are computed from constants, by more than moving or choosing them."""
    constant, found = set(weights), False
    for node in graph.node:
        if all(name in constant for name in node.input if name):
            constant.update(node.output)
            found |= _rounding(node.op_type).kind is not Accuracy.EXACT
    return found


def _element_types(graph: Any) -> Iterator[int]:
    """The element types that the graph says something is held or computed in."""
    for entry in graph.input:
        yield int(entry.type.tensor_type.elem_type)
    for message in graph.initializer:
        yield int(message.data_type)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name == "to":
                yield int(attribute.i)
            yield int(attribute.t.data_type)


def _sentence(error: Exception) -> str:
    """The first line of what onnxruntime says."""
    text = " ".join(str(error).strip().partition("\n")[0].split())
    return f"onnxruntime: {text[:200] or type(error).__name__}"
