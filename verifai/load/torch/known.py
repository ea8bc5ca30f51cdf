"""ATen operators on what is known without the input: new tensors, integers, truth values.

Torch computes them as the program would; floats that are made here are rounded as the program
rounds them. Arithmetic on constant floats is not done here but exactly.

May import: values, call. Must not know: graphs, nodes.
"""

from __future__ import annotations

from typing import Any

from verifai.graph.values import Activation, Constant, Value, check_size
from verifai.load.torch.call import AtenCall, Result, as_torch

_ELSEWHERE = frozenset({"layout", "device", "pin_memory", "memory_format", "non_blocking"})


def computed(call: AtenCall) -> Result:
    """What torch computes of constants.

    Raises:
        LoadError: an argument depends on the input, or floats would be rounded.
    """
    if call.is_float and any(isinstance(value, Constant) for value in call.arguments.values()):
        raise call.refuse("torch would round the constants that this makes of constants")
    arguments = {n: _known(call, n) for n in call.arguments if n not in _ELSEWHERE}
    made = call.function(**arguments)
    if isinstance(made, list | tuple):
        return tuple(_as_constant(call, tensor) for tensor in made)
    return _as_constant(call, made)


def _known(call: AtenCall, name: str) -> Any:
    argument = call.argument(name)
    if isinstance(argument, Activation):
        raise call.refuse(f"the argument {name!r} depends on the input")
    if not isinstance(argument, Constant):
        return argument
    given = as_torch(argument)
    return given.to(call.types[name]) if name in call.types else given


def _as_constant(call: AtenCall, tensor: Any) -> Constant:
    check_size(tuple(tensor.shape))
    is_float = tensor.is_floating_point()
    return Constant((tensor.double() if is_float else tensor).numpy(), call.name)


def alike(call: AtenCall) -> Value:
    """A constant of the shape of a tensor whose entries do not matter."""
    import torch

    arguments = {n: call.argument(n) for n in call.arguments if n not in _ELSEWHERE}
    arguments["self"] = torch.empty(call.value("self").shape, dtype=call.dtype)
    return _as_constant(call, call.function(**arguments))
