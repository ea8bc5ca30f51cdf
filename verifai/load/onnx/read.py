"""The front door for ONNX files.

May import: kernel, original, file, graph, original.
Must not know: the command line, queries.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from verifai.graph.reading import read_from
from verifai.graph.tie import shrunk
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.load.errors import LoadError
from verifai.load.onnx.file import find, read_model
from verifai.load.onnx.graph import lower
from verifai.load.onnx.original import OnnxOriginal
from verifai.memory import refusing


def load_onnx(
    path: str | Path, prepare: Callable[[Any], None] | None = None, *, shrink: bool = False
) -> Network:
    """The network of an ONNX file (.onnx or .onnx.gz; .gz may be left out), over the reals.

    Weights are taken as the exact numbers they are; a lone unknown batch length is 1. Values of
    inputs and outputs are in row-major order, their nodes carry the file's names. The network knows
    its file, which a second reader can run.

    Args:
        path: the file.
        prepare: changes the model's message before it is read: names further tensors as outputs,
            or says how long unknown axes are.
        shrink: ties neurons that are equal or negatives of each other, and leaves out zeros: the
            same function, easier to verify, but with fewer neurons than the file has.

    Raises:
        LoadError: the file is unreadable or asks for something unsupported; it names the node.
    """
    file = find(path)
    try:
        with refusing(f"the weights and values of {file.name!r}"):
            model = read_model(file)
            if prepare is not None:
                prepare(model)
            network = lower(model, file.parent)
            original = OnnxOriginal(file, model, is_changed=prepare is not None)
            return read_from(shrunk(network) if shrink else network, original)
    except UnicodeDecodeError:
        raise LoadError(f"{file.name!r} is no ONNX model: a name in it is no UTF-8 text") from None
    except LoadError:
        raise
    except InputError as error:
        raise LoadError(str(error)) from None
