"""An exported torch program as a network: walks its operators in order and lowers each.

May import: torch when called, kernel, builder, results, call, operators, known.
Must not know: modules, queries.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from verifai.graph.builder import Builder
from verifai.graph.results import network_of
from verifai.graph.values import Activation, Constant, Masked, Value
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.load.errors import LoadError
from verifai.load.torch.call import AtenCall, AtenRow
from verifai.load.torch.known import computed
from verifai.load.torch.operators import ROWS
from verifai.load.torch.rounded import is_rounded
from verifai.memory import refusing

_HARMLESS = frozenset({"aten._assert_tensor_metadata.default"})  # speaks of types, not of values


@dataclass(slots=True)
class Walk:
    """The state of one walk.

    Attributes:
        results: what every node became: a value, a tuple of values, or a plain Python object.
        builder: the nodes.
        rounded: nodes that became constants which are exact here and which the program rounds.
    """

    results: dict[Any, Any] = field(default_factory=dict)
    rounded: set[Any] = field(default_factory=set)
    builder: Builder = field(default_factory=Builder)


def lower(program: Any) -> Network:
    """The network of an exported program; inputs are called as in the program.

    Raises:
        LoadError: something in the program is not supported; it names the node and its place.
    """
    walk, outputs = Walk(), _outputs(program)
    needed = _needed(program.graph, outputs)
    specs = dict(
        zip(
            program.graph.find_nodes(op="placeholder"),
            program.graph_signature.input_specs,
            strict=True,
        )
    )
    for node, spec in specs.items():
        if spec.kind.name == "USER_INPUT":
            walk.results[node] = _input(walk.builder, node, spec)
        elif node in needed:
            walk.results[node] = _stored(program, spec)
    for node in program.graph.nodes:
        if node.op == "call_function" and node in needed:
            _lower_node(walk, node)
        elif node.op == "call_function" and node.is_impure() and str(node.target) not in _HARMLESS:
            raise _refusal(node, "an effect other than its result")
        elif node.op == "get_attr":
            walk.results[node] = node.target  # a graph of a graph, whose user is refused
    return _finished(walk, outputs)


def _outputs(program: Any) -> list[Any]:
    """The graph's nodes that are the program's results, in order."""
    (node,) = program.graph.find_nodes(op="output")
    results = []
    for spec, result in zip(program.graph_signature.output_specs, node.args[0], strict=True):
        if spec.kind.name != "USER_OUTPUT":
            raise LoadError(
                f"the program changes {spec.target!r}: a network keeps nothing between calls "
                "(in training mode? call module.eval() before exporting)"
            )
        if hasattr(result, "meta"):
            results.append(result)
        elif result is not None:
            raise LoadError(f"the program returns {result!r}, which is no tensor")
    if not results:
        raise LoadError("the program returns no tensor")
    return results


def _needed(graph: Any, outputs: Sequence[Any]) -> set[Any]:
    needed = set(outputs)
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
    return needed


def _input(builder: Builder, node: Any, spec: Any) -> Any:
    """An input of the network, or the plain Python object that the example had in its place."""
    value = node.meta.get("val")
    if not hasattr(value, "shape"):
        return getattr(spec.arg, "value", value)
    if not all(isinstance(length, int) for length in value.shape):
        raise LoadError(
            f"the input {node.name!r} has the dynamic shape {tuple(value.shape)}: export without "
            "dynamic_shapes"
        )
    if not value.dtype.is_floating_point:
        raise LoadError(f"the input {node.name!r} holds {value.dtype}, not floats")
    return builder.input(node.name, tuple(value.shape))


def _stored(program: Any, spec: Any) -> Any:
    """A parameter, buffer or constant tensor, exactly."""
    import torch

    tensor = program.state_dict.get(spec.target)
    if tensor is None:
        tensor = program.constants.get(spec.target)
    if not isinstance(tensor, torch.Tensor):
        raise LoadError(f"the program's {spec.target!r} is no tensor")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        raise LoadError(f"the tensor {spec.target!r} is sparse, quantized or complex")
    plain = tensor.detach().cpu()
    return Constant((plain.double() if plain.is_floating_point() else plain).numpy(), spec.target)


def _lower_node(walk: Walk, node: Any) -> None:
    if node.target is operator.getitem:
        source, place = node.args
        walk.results[node] = walk.results[source][place]
        if source in walk.rounded:
            walk.rounded.add(node)
        if walk.results[node] is None:
            raise _refusal(source, f"the output {place + 1} is not supported")
        return
    walk.builder.prefix = node.name
    row = ROWS.get(str(node.target))
    if row is None:
        raise _refusal(node, _blocker(node.target))
    try:
        call = _call(walk, node)
        call.check_jump()
        _check_shapes(call, node)
        with refusing("its values"):
            walk.results[node] = _applied(row, call, node)
        _check_kind(walk, row, call, node)
        if is_rounded(walk.results[node], call, is_moved=row.is_moved):
            walk.rounded.add(node)
    except LoadError as error:
        raise _refusal(node, error.reason) from None
    except (InputError, ValueError, IndexError, OverflowError) as error:
        raise _refusal(node, str(error)) from None
    if isinstance(walk.results[node], Activation):
        walk.builder.call(node.name, walk.results[node])


def _blocker(target: Any) -> str:
    """Why there is no row for this."""
    kind = type(target).__name__
    if kind != "OpOverload":
        return "control flow or another operator on whole graphs is not supported"
    if "nondeterministic_seeded" in {tag.name for tag in target.tags}:
        return "random numbers are not supported"
    return "this operator is not supported"


def _call(walk: Walk, node: Any) -> AtenCall:
    """The node with its arguments by name."""
    schema = node.target._schema.arguments
    values = {a.name: a.default_value for a in schema if a.has_default_value()}
    given = dict(zip((a.name for a in schema), node.args, strict=False)) | node.kwargs
    special = {name for name, value in given.items() if name not in values or values[name] != value}
    arguments = values | {name: _lowered(walk, value) for name, value in given.items()}
    made = node.meta["val"]
    first = made[0] if isinstance(made, list | tuple) else made
    return AtenCall(
        name=node.name,
        op_type=str(node.target),
        function=node.target,
        arguments=arguments,
        given=frozenset(special),
        dtype=first.dtype,
        types={n: value.meta["val"].dtype for n, value in given.items() if _is_tensor(value)},
        rounded=frozenset(n for n, value in given.items() if walk.rounded & _nodes(value)),
        builder=walk.builder,
    )


def _is_tensor(argument: Any) -> bool:
    """Whether an argument is a node that is a tensor."""
    return hasattr(getattr(argument, "meta", {}).get("val"), "dtype")


def _nodes(argument: Any) -> set[Any]:
    """The nodes that an argument is or lists."""
    each = argument if isinstance(argument, list | tuple) else [argument]
    return {node for node in each if hasattr(node, "meta")}


def _lowered(walk: Walk, argument: Any) -> Any:
    """An argument with the graph's nodes replaced by what they became."""
    if isinstance(argument, list | tuple):
        return [_lowered(walk, each) for each in argument]
    if not hasattr(argument, "meta"):
        return argument
    return walk.results[argument]


def _applied(row: AtenRow, call: AtenCall, node: Any) -> Any:
    """The row's result, of the shape that torch says it has."""
    if call.is_known:
        return computed(call)
    result = row.lower(call)
    call.check_all_read()
    made = node.meta["val"]
    pairs = zip(result, made, strict=True) if isinstance(result, tuple) else [(result, made)]
    for value, wanted in pairs:
        if value is not None and value.shape != tuple(wanted.shape):
            raise call.refuse(f"lowered to shape {value.shape}, but torch has {wanted.shape}")
    return result


def _check_shapes(call: AtenCall, node: Any) -> None:
    """LoadError if the shape of a result is known only when the program runs."""
    made = node.meta["val"]
    for tensor in made if isinstance(made, list | tuple) else [made]:
        if not all(isinstance(length, int) for length in getattr(tensor, "shape", ())):
            raise call.refuse(f"a result whose shape {tuple(tensor.shape)} depends on values")


def _check_kind(walk: Walk, row: AtenRow, call: AtenCall, node: Any) -> None:
    """LoadError if torch cuts numbers that depend on the input down to integers or truth values."""
    views = [n for n in node.all_input_nodes if isinstance(walk.results.get(n), Activation)]
    if not views or call.is_float or row.gives_truth:
        return
    kinds = [_kind(view.meta["val"].dtype) for view in views]
    if _kind(call.dtype) < max(kinds) or str(call.dtype) not in ("torch.bool", "torch.int64"):
        raise call.refuse(f"values that depend on the input converted to {call.dtype}")


def _kind(dtype: Any) -> int:
    """0 of truth values, 1 of integers, 2 of floats."""
    return 2 if dtype.is_floating_point else int(str(dtype) != "torch.bool")


def _refusal(node: Any, reason: str) -> LoadError:
    """The error that names an operator, its module and its line."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path = stack[-1][0] if stack else ""
    lines = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    own = [line for line in lines if "/torch/" not in line[0]] or lines
    places = [f"in the module {path!r}"] if path else []
    places += [f"at {own[-1][0]}:{own[-1][1]}"] if own else []
    where = f" ({' '.join(places)})" if places else ""
    return LoadError(reason + where, node=node.name, op_type=str(node.target))


def _finished(walk: Walk, outputs: Sequence[Any]) -> Network:
    """The network; every output is a node of its own."""
    return network_of(
        walk.builder, [(output.name, _tensor(output, walk.results[output])) for output in outputs]
    )


def _tensor(node: Any, made: Any) -> Value:
    if isinstance(made, Activation | Constant) and not isinstance(made, Masked):
        return made
    raise _refusal(node, "this result is no tensor of finite numbers")
