"""The front door for torch: modules and exported programs as networks.

May import: entry, torch (on demand), program, graph, original, original.
Must not know: queries.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from verifai.entry.sentences import MissingPackage, missing_package
from verifai.graph.reading import read_from
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.memory import refusing


@refusing("the weights and values of the module")
def load_torch_module(module: Any, example_input: Any = None, *, shrink: bool = False) -> Network:
    """The network of a module in evaluation mode or of an ExportedProgram, by torch.export.

    Weights are taken as the exact numbers they are, numbers in the code as the doubles they are.
    Shapes are those of the example; inputs that are no tensors are fixed as the example has them.

    Args:
        module: the module or program.
        example_input: for a module, a tensor (or a tuple of tensors) as it is called with.
        shrink: as for ONNX files.

    Raises:
        InputError: neither of the two, in training mode, no example input, an export that
            failed, an operator that is not supported (it names the node), or torch is not
            installed.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingPackage(
            f"neither a path nor something to load without torch: {type(module).__name__}; torch "
            "modules need pip install 'verifai-nn[torch]'",
            name="torch",
        ) from None

    from verifai.load.torch.graph import lower
    from verifai.load.torch.program import decomposed, exported

    if isinstance(module, torch.export.ExportedProgram):
        if example_input is not None:
            raise InputError("an ExportedProgram has its shapes already: load it without example")
        given: Any = module.example_inputs or ((), {})
        return _read(lower(decomposed(module)), (module.module(), given), shrink=shrink)
    if not isinstance(module, torch.nn.Module):
        weights = " (weights alone are no network: load them into one)"
        hint = weights if isinstance(module, dict) else ""
        raise InputError(f"neither a path nor a torch module: {type(module).__name__}{hint}")
    network = lower(decomposed(exported(module, example_input)))
    arguments = example_input if isinstance(example_input, tuple) else (example_input,)
    return _read(network, (module, (arguments, {})), shrink=shrink)


def load_saved_program(path: Path, *, shrink: bool = False) -> Network:
    """The network of a program that torch.export.save wrote; torch reads the file.

    Args:
        path: the file (.pt2), from somewhere you trust: torch may run what lies in it.
        shrink: as for ONNX files.

    Raises:
        InputError: it is no such file, as `load_torch_module`, or torch is not installed.
        OSError: it cannot be opened.
    """
    with path.open("rb"):  # a missing file is called so
        pass
    try:
        import torch
    except ModuleNotFoundError as error:
        raise missing_package(error) from None
    from verifai.load.torch.program import saved

    return load_torch_module(saved(torch, path), shrink=shrink)


def _read(network: Network, call: tuple[Any, Any], *, shrink: bool) -> Network:
    """The network, with the module that it was read from and what that is called with."""
    from verifai.graph.tie import shrunk
    from verifai.load.torch.original import TorchOriginal

    original = TorchOriginal(*call, [network.nodes[o].name for o in network.outputs])
    return read_from(shrunk(network) if shrink else network, original)
