"""Files that commands write: refused before the work starts, whole or not at all, where one said.

A file is written beside its place and moved there. What is named as a device, a pipe or one of this
process's descriptors is written to, never replaced; a link stays one, and its target is written.

May import: the standard library, kernel errors. Must not know: what is written.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

from verifai.kernel.errors import InputError

LINKS = 40  # that a name may lead over
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|(\d+)))/fd/(\d+)")


def require_writable(path: Path) -> None:
    """Return if a file can be written at path, which stays untouched.

    Raises:
        InputError: the folder is missing or not writable, or path is a folder, a socket or a
            device or pipe that may not be written.
    """
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    number = _descriptor(path)
    if number is not None:
        _require_descriptor(path, number)
        return
    if is_through(path):
        if stat.S_ISSOCK(path.stat().st_mode):
            raise InputError(f"cannot write {path}: it is a socket")
        if not os.access(path, os.W_OK):
            raise InputError(f"cannot write {path}: Permission denied")
        return
    import tempfile  # most runs write nothing

    try:
        tempfile.TemporaryFile(dir=_place(path).parent).close()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def is_through(path: Path) -> bool:
    """Whether path names a device, a pipe, a socket or a descriptor: nothing lies beside such."""
    if _descriptor(path) is not None:
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:  # there is nothing yet
        return False


def write_atomically(path: Path, data: bytes) -> None:
    """Write data so that path holds either what it held before or all of data.

    Devices, pipes and descriptors get the data as it comes; a link's target is what is replaced.

    Raises:
        OSError: with the path's name: the disk is full, a pipe is closed, or the folder has gone.
    """
    try:
        number = _descriptor(path)
        if number == 1:
            _to_standard_output(data)
        elif number is not None:
            with open(os.dup(number), "wb") as file:
                file.write(data)
        elif is_through(path):
            with open(os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0)), "wb") as file:
                file.write(data)
        else:
            _replace(_place(path), data)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def _replace(path: Path, data: bytes) -> None:
    """Moves a new file with this data to path."""
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(name, _mode(path))
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _mode(path: Path) -> int:
    """The permissions of the file that is there, or those of a new one."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _place(path: Path) -> Path:
    """Where the links of path lead."""
    return Path(os.path.realpath(path))


def _descriptor(path: Path) -> int | None:
    """Which of this process's descriptors path names (/dev/stdout, /dev/fd/N), or None."""
    name = os.path.abspath(path)
    for _ in range(LINKS):
        found = _DESCRIPTOR.fullmatch(name)
        if found is not None:
            is_own = found[1] in (None, str(os.getpid()))
            return int(found[2]) if is_own else None
        try:
            target = os.readlink(name)
        except OSError:
            return None
        name = os.path.normpath(os.path.join(os.path.dirname(name), target))
    return None


def _require_descriptor(path: Path, number: int) -> None:
    try:
        os.fstat(number)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _to_standard_output(data: bytes) -> None:
    """To what commands print to, which need not be the first descriptor any more."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
