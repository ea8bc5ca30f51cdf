"""The bytes of a file, unpacked if its name ends in .gz, without more memory than is at hand.

May import: errors, memory. Must not know: any file format.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from verifai.load.errors import LoadError
from verifai.memory import at_hand, shown

if TYPE_CHECKING:
    from gzip import GzipFile

MAX_RATIO = 100  # of a packed file's contents to its size, beyond MIN_UNPACKED
MIN_UNPACKED = 1 << 30
_CHUNK = 1 << 24
_POINTER = b"version https://git-lfs.github.com/spec/"


def read_file(path: Path, most: int, *, weight: int = 1, what: str = "the file") -> bytearray:
    """All bytes of a file.

    Args:
        path: the file.
        most: how many bytes it may have.
        weight: how many times these bytes reading takes in all, with what is made of them.
        what: that the file should be, for messages.

    Raises:
        LoadError: it is missing, no gzip file, a mere pointer to the file, packed too densely,
            longer than `most` or than memory allows.
    """
    try:
        size, is_packed = path.stat().st_size, path.suffix == ".gz"
        with path.open("rb") as file:
            check_pointer(file, path.name, what)
        room = at_hand() // weight
        dense = max(MIN_UNPACKED, MAX_RATIO * size) if is_packed else most
        limit = min(most, room, dense)
        if not is_packed and size > limit:
            raise _too_long(path, size, most, weight)
        with _unpacked(path) if is_packed else path.open("rb") as file:
            data = read_at_most(file, limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise LoadError(f"cannot be read: {reason}", node=path.name) from None
    if len(data) > limit:
        if limit == dense < min(most, room):
            said = f"packed so densely that it holds more than {shown(limit)}: unpack it first"
            raise LoadError(said, node=path.name)
        raise _too_long(path, len(data), most, weight)
    return data


def _unpacked(path: Path) -> GzipFile:
    import gzip

    return gzip.open(path)


def check_pointer(file: BinaryIO, name: str, what: str) -> None:
    """LoadError if a file begins as the pointers do that Git LFS leaves in the place of files."""
    if file.read(len(_POINTER)) == _POINTER:
        reason = f"this is a Git LFS pointer, not {what}: git lfs pull"
        raise LoadError(reason, node=name)


def read_at_most(file: BinaryIO | GzipFile, most: int) -> bytearray:
    """The next bytes of a file, at most so many; asking for all at once would allocate `most`."""
    data = bytearray()
    while len(data) < most and (part := file.read(min(most - len(data), _CHUNK))):
        data += part
    return data


def _too_long(path: Path, size: int, most: int, weight: int) -> LoadError:
    if size > most:
        return LoadError(f"longer than {most} bytes", node=path.name)
    needed, free = shown(weight * size), shown(at_hand())
    reason = f"reading {shown(size)} or more takes {needed} of memory, {free} are at hand"
    return LoadError(reason, node=path.name)
