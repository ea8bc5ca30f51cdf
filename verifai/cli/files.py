"""Files that commands write: refused before the work starts, complete once they are there.

May import: kernel errors. Must not know: what is written.
"""

from __future__ import annotations

import os
from pathlib import Path

from verifai.kernel.errors import InputError


def require_writable(path: Path) -> None:
    """Return if a file can be written at path.

    Raises:
        InputError: the folder is missing or not writable, or path is a folder.
    """
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    import tempfile  # most runs write nothing

    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write data so that path holds either what it held before or all of data.

    Raises:
        OSError: the disk is full, or the folder has gone.
    """
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
