"""The bytes of a file, unpacked if its name ends in .gz, without more memory than they need.

May import: errors. Must not know: any file format.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

from verifai.load.errors import LoadError

MAX_RATIO = 100  # of a packed file's contents to its size, beyond MIN_UNPACKED
MIN_UNPACKED = 1 << 26
_CHUNK = 1 << 24


def read_file(path: Path, most: int) -> bytes:
    """All bytes of a file.

    Raises:
        LoadError: it is missing, longer than `most`, packed too densely or no gzip file.
    """
    try:
        is_packed, size = path.suffix == ".gz", path.stat().st_size
        limit = min(most, max(MIN_UNPACKED, MAX_RATIO * size)) if is_packed else most
        with gzip.open(path) if is_packed else path.open("rb") as file:
            data = read_at_most(file, limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise LoadError(f"cannot be read: {reason}", node=path.name) from None
    if len(data) > limit:
        raise LoadError(f"longer than {limit} bytes", node=path.name)
    return data


def read_at_most(file: BinaryIO | gzip.GzipFile, most: int) -> bytes:
    """The next bytes of a file, at most so many; asking for all at once would allocate `most`."""
    parts, rest = list[bytes](), most
    while rest > 0 and (part := file.read(min(rest, _CHUNK))):
        parts.append(part)
        rest -= len(part)
    return b"".join(parts)
