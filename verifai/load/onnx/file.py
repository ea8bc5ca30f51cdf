"""ONNX files as protobuf messages, and their tensors as exact constants.

Only the generated message classes of the onnx package are loaded, not the package itself, whose
import takes about 0.1 s more.

May import: numpy, the onnx package's message classes, memory, unpack, values.
Must not know: operators, nodes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from verifai.graph.values import MAX_AXES, Constant
from verifai.kernel.operator import Array
from verifai.load.errors import LoadError
from verifai.load.unpack import check_pointer, read_at_most, read_file
from verifai.memory import claim

MAX_BYTES = 1 << 31  # protobuf's own limit
_MESSAGES = "onnx.onnx_ml_pb2"
_WEIGHT = 5  # bytes of memory for a byte of a model: it, its message, and its numbers as doubles
_BYTES_A_NUMBER = 24  # as stored, as a double, and in the node that it becomes
_BFLOAT16 = 16
# element type: the type of its bytes, and the field that holds it when they are not raw
_STORAGE: Mapping[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    2: ("u1", "int32_data"),
    3: ("i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
    _BFLOAT16: ("<u2", "int32_data"),
}


def find(path: str | Path) -> Path:
    """The file of this name, or of this name with .gz added.

    Raises:
        LoadError: there is neither, or it is a folder.
    """
    for candidate in (Path(path), Path(f"{path}.gz")):
        if candidate.is_file():
            return candidate
    if Path(path).is_dir():
        raise LoadError(f"{str(path)!r} is a folder, not a file: name the model in it")
    raise LoadError(f"there is no file {str(path)!r}")


def read_bytes(path: Path) -> bytearray:
    """The message that the file holds, as bytes.

    Raises:
        LoadError: the file is unreadable or too large.
    """
    return read_file(path, MAX_BYTES - 1, weight=_WEIGHT, what="the model")


def read_model(path: Path) -> Any:
    """The ModelProto that the file holds.

    Raises:
        LoadError: the file is unreadable, too large or no ONNX model.
    """
    data = read_bytes(path)
    messages = _messages()
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = messages.ModelProto.FromString(data)
    except DecodeError:
        raise LoadError(f"{path.name!r} is no ONNX model: {_what_it_is(data)}") from None
    del data
    if not model.HasField("graph") or not model.graph.output:
        raise LoadError(f"{path.name!r} is no ONNX model: it holds no graph with outputs")
    if not all(isinstance(name, str) for name in _names(model.graph)):
        raise LoadError(f"{path.name!r} is no ONNX model: a name in it is no UTF-8 text")
    return model


def _what_it_is(data: bytearray) -> str:
    """Why bytes are no message, as far as their beginning tells."""
    if data.startswith((b"PK\3\4", b"\x80")):  # an archive, or a pickle
        return (
            "it looks like a file of torch; load the module in Python and "
            "verify it there (verifai.load(module, example_input)), or export it to ONNX"
        )
    return "its bytes are no protobuf message"


def _names(graph: Any) -> Iterator[Any]:
    """Every name; protobuf gives bytes where it cannot decode one."""
    for entries in (graph.initializer, graph.input, graph.output):
        yield from (entry.name for entry in entries)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _messages() -> ModuleType:
    """The module of message classes, without running onnx/__init__.py if that is possible."""
    if _MESSAGES in sys.modules:
        return sys.modules[_MESSAGES]
    package = importlib.util.find_spec("onnx")
    if package is None or not package.submodule_search_locations:
        raise LoadError("reading ONNX files needs the package onnx: pip install onnx")
    file = Path(package.submodule_search_locations[0]) / "onnx_ml_pb2.py"
    spec = importlib.util.spec_from_file_location(_MESSAGES, file)
    if spec is None or spec.loader is None or not file.is_file():
        return importlib.import_module(_MESSAGES)
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MESSAGES] = module  # a later `import onnx` finds the same classes
    spec.loader.exec_module(module)
    return module


def size_of(model: Any, folder: Path) -> int:
    """How many bytes a model has, with the files in its folder that hold its tensors."""
    kept = (m for m in model.graph.initializer if m.data_location == 1)
    names = {entry.value for m in kept for entry in m.external_data if entry.key == "location"}
    total: int = model.ByteSize()
    for name in names:
        with contextlib.suppress(
            OSError, ValueError
        ):  # what no file can be called is refused later
            file = (folder / name).resolve()
            if file.is_relative_to(folder.resolve()) and file.is_file():
                total += file.stat().st_size
    return total


def tensor(message: Any, folder: Path) -> Constant:
    """The numbers of a TensorProto, exactly: floats of any width as float64.

    Args:
        message: the tensor.
        folder: where its model lies; external data may only lie below.

    Raises:
        LoadError: an element type that is not supported, or data that do not fit the shape.
    """
    name = message.name
    if message.data_type not in _STORAGE:
        raise LoadError(f"the tensor {name!r} has element type {message.data_type}, unsupported")
    shape = tuple(message.dims)
    if len(shape) > MAX_AXES or any(length < 0 for length in shape):
        raise LoadError(f"the tensor {name!r} has shape {shape} (at most {MAX_AXES} axes)")
    claim(_BYTES_A_NUMBER * math.prod(shape), f"the numbers of tensor {name!r}")
    array = _entries(message, folder)
    if array.size != math.prod(shape):
        raise LoadError(f"the tensor {name!r} has {array.size} entries for shape {shape}")
    if message.data_type == _BFLOAT16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # signalling NaN, refused where it is used
            array = array.astype(np.float64)
    return Constant(array.reshape(shape), name)


def _entries(message: Any, folder: Path) -> Array:
    """The entries as they are stored, in their own type."""
    name = message.name
    type_, field = _STORAGE[message.data_type]
    dtype = np.dtype(type_)
    if message.HasField("segment"):
        raise LoadError(f"the tensor {name!r} is stored in segments, unsupported")
    if message.data_location == 1:
        raw = _external(message, folder, dtype.itemsize * math.prod(message.dims))
    elif message.HasField("raw_data"):
        raw = message.raw_data
    else:
        numbers = np.array(getattr(message, field))
        if field == "int32_data" and dtype.kind in "uib" and message.data_type != _BFLOAT16:
            return _fitting(numbers, dtype, name)
        if field == "int32_data":  # the bits of a 16-bit float
            return _fitting(numbers, np.dtype("<u2"), name).view(dtype)
        return _fitting(numbers, dtype, name) if dtype.kind == "u" else numbers.astype(dtype)
    if len(raw) % dtype.itemsize:
        raise LoadError(
            f"the tensor {name!r} has {len(raw)} bytes, no multiple of {dtype.itemsize}"
        )
    return np.frombuffer(raw, dtype)


def _fitting(numbers: Array, dtype: np.dtype[Any], name: str) -> Array:
    limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if numbers.size and not limits[0] <= int(numbers.min()) <= int(numbers.max()) <= limits[1]:
        raise LoadError(f"the tensor {name!r} holds a number that its element type cannot hold")
    return numbers.astype(dtype)


def _external(message: Any, folder: Path, size: int) -> bytearray:
    """The bytes of a tensor that lie in a file of their own, in or below the model's folder.

    One more than its size at most: then it does not fit its shape.
    """
    name = message.name
    entries: dict[str, str] = {entry.key: entry.value for entry in message.external_data}
    try:
        location, start = entries["location"], int(entries.get("offset", "0"))
        length = int(entries.get("length", "-1"))
        file = (folder / location).resolve()
        if not file.is_relative_to(folder.resolve()) or Path(location).is_absolute():
            raise LoadError(f"the tensor {name!r} lies outside the model's folder: {location!r}")
        if not file.is_file():
            raise LoadError(f"the tensor {name!r} lies in {location!r}, which is no file")
        with file.open("rb") as stream:
            check_pointer(stream, location, f"the data of tensor {name!r}")
            stream.seek(start)
            data = read_at_most(stream, min(size + 1, length if length >= 0 else size + 1))
    except (KeyError, ValueError, OSError) as error:
        raise LoadError(f"the external data of tensor {name!r} cannot be read: {error}") from None
    if length >= 0 and len(data) < min(length, size):
        raise LoadError(f"the tensor {name!r} has {len(data)} of {length} bytes in {location!r}")
    return data
