"""ATen operators that only move entries, repeat them, drop them or put zeros between them.

Torch itself says where the entries go: the operator is run on their numbers 1, 2, 3, …, so there is
one definition for all of them, and it is the one that the program runs.

May import: numpy, values, lower/join, call. Must not know: graphs, nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from verifai.graph.values import Activation, Constant, Value, check_size
from verifai.load.lower.join import joined
from verifai.load.torch.call import AtenCall, Result, as_torch, constant

_ZERO = constant(0.0, "zero")


def moved(call: AtenCall, *names: str) -> Result:
    """The entries of these arguments, moved; other tensors are known.

    Args:
        call: the operator.
        names: tensors or lists of tensors.
    """
    parts: list[Value] = [_ZERO]
    arguments = {name: _numbered(call, name, parts) for name in names}
    known = {name: _known(call, name) for name in call.arguments if name not in names}
    return _distributed(call, parts, {**known, **arguments})


def _numbered(call: AtenCall, name: str, parts: list[Value]) -> Any:
    """The numbers of an argument's entries, which are added to the parts."""
    import torch

    argument = call.argument(name)
    if isinstance(argument, list | tuple):
        given = {f"{name}[{i}]": value for i, value in enumerate(argument)}
    else:
        given = {name: argument}
    numbers = []
    for each in given.values():
        value = call.tensor(name, each)
        start = 1 + sum(
            part.index.size if isinstance(part, Activation) else part.array.size
            for part in parts[1:]
        )
        size = int(np.prod(value.shape, dtype=np.int64))
        order = torch.arange(start, start + size, dtype=torch.float64)
        numbers.append(order.reshape(value.shape))
        parts.append(value)
    return numbers if isinstance(argument, list | tuple) else numbers[0]


def nearest(call: AtenCall) -> Result:
    """Nearest neighbours, whose places torch computes in the type of the entries."""
    import torch

    parts: list[Value] = [_ZERO]
    numbers = _numbered(call, "input", parts)
    if numbers.numel() > 2 / torch.finfo(call.dtype).eps:
        raise call.refuse(f"more entries than {call.dtype} can count")
    known = {name: _known(call, name) for name in call.arguments if name != "input"}
    return _distributed(call, parts, {**known, "input": numbers.to(call.dtype)})


def _known(call: AtenCall, name: str) -> Any:
    """An argument that says how entries move."""
    argument = call.argument(name)
    values = argument if isinstance(argument, list | tuple) else [argument]
    if any(isinstance(value, Activation) for value in values):
        raise call.refuse(f"the argument {name!r} depends on the input")
    known = [as_torch(value) if isinstance(value, Constant) else value for value in values]
    return known if isinstance(argument, list | tuple) else known[0]


def _distributed(call: AtenCall, parts: Sequence[Value], arguments: Mapping[str, Any]) -> Result:
    """The parts' entries at the places to which torch moves their numbers."""
    kept = {name: value for name, value in arguments.items() if name not in ("dtype", "device")}
    results = call.function(**kept)
    if isinstance(results, list | tuple):
        return tuple(taken(call, parts, result.double().numpy()) for result in results)
    return taken(call, parts, results.double().numpy())


def taken(call: AtenCall, parts: Sequence[Value], numbers: npt.NDArray[Any]) -> Value:
    """The entries with these numbers, counted through all parts; part 0 is the number zero."""
    check_size(numbers.shape)
    order = numbers.astype(np.int64)
    first = 0 if (order == 0).any() or len(parts) == 1 else 1
    used = parts[first:]

    def join(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.concatenate([array.ravel() for array in arrays])[order - first]

    return joined(call.builder, used, join)


def pad(call: AtenCall) -> Result:
    """Padding in any mode, with any number."""
    fill = call.argument("value")
    parts: list[Value] = [_ZERO]
    arguments = {"self": _numbered(call, "self", parts)}
    arguments |= {name: call.argument(name) for name in call.arguments if name != "self"}
    if fill:
        arguments["value"] = 1.0 + arguments["self"].numel()
        parts.append(call.value("value"))
    return _distributed(call, parts, arguments)


def copied(call: AtenCall) -> Result:
    """A copy: the values themselves."""
    return call.value("self")


def converted(call: AtenCall) -> Result:
    """A copy in another type of floats: over the reals the values themselves; constants round."""
    import torch

    x, dtype = call.argument("self"), call.argument("dtype")
    if dtype is None:
        return call.value("self")
    if isinstance(x, Constant):
        rounded = as_torch(x).to(dtype)
        return Constant(rounded.to(torch.float64 if call.is_float else dtype).numpy(), x.name)
    if dtype not in (torch.float32, torch.float64):
        raise call.refuse(f"values that depend on the input converted to {dtype}")
    return call.value("self")
