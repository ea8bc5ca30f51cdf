"""A torch module as a network, by way of the ONNX file that torch writes of it.

May import: torch (on demand), load.onnx, kernel errors. Must not know: queries.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network

_OPSET = 17


def load_torch_module(module: Any, example_input: Any) -> Network:
    """The network that torch's tracing exporter writes of a module in evaluation mode.

    Constant folding and fusion are switched off, because they round in float32; dynamic control
    flow is frozen as the example input takes it, as in every trace.

    Raises:
        InputError: not a torch module, in training mode, no example input, an export that
            failed, or an operator that is not supported.
        ImportError: torch is not installed.
    """
    import torch

    from verifai.load.onnx import load_onnx

    if not isinstance(module, torch.nn.Module):
        raise InputError(f"neither a path nor a torch module: {type(module).__name__}")
    training = [name or "the module" for name, m in module.named_modules() if m.training]
    if training:
        raise InputError(f"{training[0]} is in training mode: call module.eval() first")
    if example_input is None:
        raise InputError("a torch module needs an example input: load(module, example_input)")
    arguments = example_input if isinstance(example_input, tuple) else (example_input,)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        path = Path(folder) / "module.onnx"
        try:
            torch.onnx.export(
                module,
                arguments,
                path,
                dynamo=False,
                do_constant_folding=False,
                training=torch.onnx.TrainingMode.PRESERVE,
                opset_version=_OPSET,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise InputError(f"torch cannot export this module to ONNX: {error}") from None
        return load_onnx(path)
