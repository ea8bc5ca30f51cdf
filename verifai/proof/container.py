"""Containers as they are written; the layout stands in docs/certificate-format.md.

The writer obeys the reader, and equal content gives equal bytes.

May import: numpy, kernel.files. Must not know: networks, certificates.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from verifai.kernel.files.container import DTYPES, METADATA, Array, ContainerError, unpack

_CODES = {np.dtype(code): name for name, code in DTYPES.items()}


def pack(metadata: dict[str, str], arrays: dict[str, Array]) -> bytes:
    """The container of this content, arrays sorted by item size (so all are aligned) and name.

    Raises:
        ContainerError: content that unpack would refuse.
    """
    header: dict[str, Any] = {METADATA: dict(sorted(metadata.items()))}
    parts, position = [], 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name)):
        array = arrays[name]
        dtype = array.dtype.newbyteorder("<")
        if dtype not in _CODES:
            raise ContainerError(f"array {name}: {array.dtype} does not fit")
        parts.append(array.astype(dtype, copy=False).tobytes())
        end = position + len(parts[-1])
        offsets = [position, end]
        header[name] = {"dtype": _CODES[dtype], "shape": list(array.shape), "data_offsets": offsets}
        position = end
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    data = b"".join([len(text).to_bytes(8, "little"), text, *parts])
    unpack(data, max_header=len(text))
    return data
