"""The memory at hand, and claims on it: what would not fit is refused before it is made.

May import: kernel errors. Must not know: what the memory is for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from verifai.kernel.errors import InputError

_SMALL = 1 << 24  # bytes: less is never refused
_SYSTEM = Path("/proc/meminfo")
_PROCESS = Path("/proc/self/statm")
_GROUP = Path("/sys/fs/cgroup")


def claim(size: int, what: str) -> None:
    """Nothing, if so many bytes are at hand.

    Args:
        size: an estimate of what is needed.
        what: names it, in the plural or with "and" in it, as in "the weights".

    Raises:
        InputError: they are not; the message has both figures.
    """
    if size > _SMALL and size > (free := at_hand()):
        raise InputError(f"{what} take about {shown(size)} of memory, {shown(free)} are at hand")


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Says so, as an error of the input, if memory runs out within; also a decorator.

    Args:
        what: names what did not fit, in the plural or with "and" in it.

    Raises:
        InputError: memory ran out; the message says how much is at hand.
    """
    try:
        yield
    except MemoryError:
        raise InputError(
            f"{what} take more memory than the {shown(at_hand())} that are at hand"
        ) from None


def at_hand() -> int:
    """How many bytes this process can still get: of the machine, its container and its limits."""
    return max(0, min(_rooms()))


def shown(size: int) -> str:
    """A number of bytes as people read it.

    >>> shown(3 << 29)
    '1.5 GiB'
    """
    if size < 1 << 30:
        return f"{size / (1 << 20):.0f} MiB"
    return f"{size / (1 << 30):.1f} GiB" if size < 1 << 50 else "more than 10^15 bytes"


def _rooms() -> Iterator[int]:
    yield _of_system()
    used, most = _number(_GROUP / "memory.current"), _number(_GROUP / "memory.max")
    if used is not None and most is not None:
        cached = [
            line.split()[1] for line in _lines(_GROUP / "memory.stat") if "inactive_file" in line
        ]
        yield most - used + sum(int(each) for each in cached[:1])
    yield from _of_limits()


def _of_system() -> int:
    for line in _lines(_SYSTEM):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_limits() -> Iterator[int]:
    """What the limit on the address space leaves, if there is one."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        return
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = [int(line.split()[0]) for line in _lines(_PROCESS)]
    if most != resource.RLIM_INFINITY and pages:
        yield most - pages[0] * os.sysconf("SC_PAGE_SIZE")


def _number(file: Path) -> int | None:
    (line, *_) = [*_lines(file), ""]
    return int(line) if line.strip().isdecimal() else None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("ascii").splitlines()
    except OSError:
        return []
