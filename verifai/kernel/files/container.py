"""The binary container of networks: named arrays behind a JSON header.

The layout is that of safetensors: the header's length (8 bytes, little-endian), the header (a JSON
object, padded with spaces), then the arrays' bytes without holes, in the order of the header. The
reader trusts nothing.

May import: the standard library, numpy. Must not know: networks, certificates, other errors.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DTYPES = {
    "U8": "u1",
    "U16": "<u2",
    "I32": "<i4",
    "U32": "<u4",
    "I64": "<i8",
    "F32": "<f4",
    "F64": "<f8",
}
_DTYPES = {name: np.dtype(code) for name, code in DTYPES.items()}
MAX_ARRAYS = 100_000
MAX_AXES = 8
MAX_VALUES = 1 << 40
_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,200}", re.ASCII)
METADATA = "__metadata__"


class ContainerError(Exception):
    """The bytes are no container, or the content fits into none; callers turn it into theirs."""


def digest(data: bytes) -> str:
    """The SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def parse_json(text: str) -> Any:
    """The JSON value of text, in which no key occurs twice and every number is an integer.

    Raises:
        ContainerError: not JSON, a key twice, a fraction, NaN, a huge integer, too deep nesting.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse
        )
    except RecursionError:
        raise ContainerError("JSON nested too deeply") from None
    except ValueError as error:
        raise ContainerError(f"not JSON: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; ContainerError if a key occurs twice."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ContainerError(f"JSON key {key[:100]!r} twice")
        result[key] = value
    return result


def _refuse(text: str) -> NoReturn:
    raise ContainerError(f"a JSON number that is no integer: {text[:100]}")


def unpack(data: bytes, *, max_header: int) -> tuple[dict[str, str], dict[str, Array]]:
    """The metadata and the arrays in data; the arrays are read-only views, all floats finite.

    Raises:
        ContainerError: another layout, an unknown type, a hole, NaN or infinity, any byte more.
    """
    if len(data) < 8:
        raise ContainerError(f"a file of {len(data)} bytes")
    length = int.from_bytes(data[:8], "little")
    if length > min(max_header, len(data) - 8):
        raise ContainerError(
            f"a header of {length} bytes in a file of {len(data)} (cap {max_header})"
        )
    try:
        header = parse_json(str(data[8 : 8 + length], "utf-8"))
    except UnicodeDecodeError:
        raise ContainerError("a header that is not UTF-8") from None
    if not isinstance(header, dict):
        raise ContainerError("a header that is no JSON object")
    metadata = header.pop(METADATA, {})
    if not (isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values())):
        raise ContainerError("metadata that is not a JSON object of strings")
    if len(header) > MAX_ARRAYS:
        raise ContainerError(f"{len(header)} arrays (at most {MAX_ARRAYS})")
    arrays: dict[str, Array] = {}
    body, position = memoryview(data)[8 + length :], 0
    for name, entry in header.items():
        arrays[name] = _read(name, entry, body, position)
        position += arrays[name].nbytes
    if position != len(body):
        raise ContainerError(f"{len(body) - position} bytes after the last array")
    return metadata, arrays


def _read(name: str, entry: Any, body: memoryview, start: int) -> Array:
    """The array of one header entry, whose bytes must begin at start."""
    _check_name(name)
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ContainerError(f"array {name}: want dtype, shape and data_offsets")
    dtype = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise ContainerError(f"array {name}: unknown dtype {str(entry['dtype'])[:100]!r}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not (_is_naturals(shape) and _is_naturals(offsets) and len(offsets) == 2):
        raise ContainerError(f"array {name}: a shape or offsets that are not lists of integers ≥ 0")
    if len(shape) > MAX_AXES or math.prod(max(n, 1) for n in shape) > MAX_VALUES:
        raise ContainerError(f"array {name}: too many axes or values")
    size = math.prod(shape) * dtype.itemsize
    if offsets != [start, start + size] or start + size > len(body):
        raise ContainerError(
            f"array {name}: offsets {offsets}, not {[start, start + size]} inside the file"
        )
    if size == 0:
        array: Array = np.zeros(shape, dtype)
        array.flags.writeable = False
    else:
        array = np.frombuffer(body[start : start + size], dtype).reshape(shape)
    _check_finite(name, array)
    return array


def _is_naturals(items: Any) -> bool:
    """Whether items is a list of integers (no booleans) that are not negative."""
    return isinstance(items, list) and all(type(n) is int and n >= 0 for n in items)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name == METADATA:
        raise ContainerError(f"a bad array name: {name[:100]!r}")


def _check_finite(name: str, array: Array) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ContainerError(f"array {name} holds NaN or infinity")
