"""Evidence as one file: a zip whose entries have fixed names, an order, and sizes with limits.

Equal content is equal bytes: there are no times, and nothing of the machine but what the content
says. The reader takes what the writer makes and nothing else. It looks at every size before it
inflates anything, and compares the archive's directory byte for byte with the one that its entries
should have. What an entry holds is for others to judge.

May import: the standard library, kernel errors. Must not know: verdicts, what a proof proves.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from verifai.kernel.errors import InputError, Rejection

MAX_ARCHIVE = (1 << 32) - 1
DENSE = 100  # times its packed size that an entry may hold, beyond LIGHT
LIGHT = 1 << 24
STORED, DEFLATED = 0, 8
MAGIC = b"PK\3\4"
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _DATE = 20, 33  # 1 January 1980: archives have no time of their own


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    method: int
    check: int
    packed: int
    size: int
    start: int  # of its header

    def _fields(self) -> Sequence[int]:
        return 0, self.method, 0, _DATE, self.check, self.packed, self.size, len(self.name), 0

    def local(self) -> bytes:
        return _LOCAL.pack(MAGIC, _VERSION, *self._fields()) + self.name

    def central(self) -> bytes:
        fields = self._fields()
        head = _CENTRAL.pack(b"PK\1\2", _VERSION, _VERSION, *fields, 0, 0, 0, 0, self.start)
        return head + self.name


def pack_archive(parts: Mapping[str, bytes]) -> bytes:
    """The archive of these entries, in their order; JSON is packed, everything else stored.

    Raises:
        InputError: more bytes than an archive may have.
    """
    out, entries = bytearray(), list[_Entry]()
    for name, data in parts.items():
        packed, method = data, STORED
        if name.endswith(".json"):
            small = _deflated(data)
            if len(data) <= _room(len(small)):
                packed, method = small, DEFLATED
        if len(out) + len(packed) > MAX_ARCHIVE:
            raise InputError(f"evidence of more than {MAX_ARCHIVE} bytes does not fit into a file")
        check = zlib.crc32(data)
        entry = _Entry(name.encode(), method, check, len(packed), len(data), len(out))
        entries.append(entry)
        out += entry.local() + packed
    return bytes(out + _directory(entries, len(out)))


def unpack_archive(data: bytes, limits: Mapping[str, int]) -> dict[str, bytes]:
    """The entries of an archive, by name.

    Args:
        data: untrusted bytes.
        limits: the names that entries may have, in their order, and the greatest size of each.
            Names may be left out; whoever asks says which he needs.

    Raises:
        Rejection: anything that `pack_archive` does not write, an entry beyond its limit, or one
            that is packed too densely.
    """
    if len(data) > MAX_ARCHIVE:
        raise _refused(f"more than {MAX_ARCHIVE} bytes")
    entries, start, order = list[_Entry](), 0, list(limits)
    while data[start : start + 4] == MAGIC:
        entry = _entry(data, start)
        name = entry.name.decode("ascii", "replace")
        if name not in order:
            raise _refused(f"the entry {name!r} is unknown, there twice, or out of order")
        del order[: order.index(name) + 1]
        if entry.size > min(limits[name], _room(entry.packed)):
            raise _refused(f"the entry {name!r} has {entry.size} bytes, too many")
        entries.append(entry)
        start += _LOCAL.size + len(entry.name) + entry.packed
    if data[start:] != _directory(entries, start):
        raise _refused("its directory is not that of its entries")
    return {entry.name.decode(): _content(data, entry) for entry in entries}


def _entry(data: bytes, start: int) -> _Entry:
    """The header of an entry; all of it is what the writer writes."""
    head = data[start : start + _LOCAL.size]
    if len(head) < _LOCAL.size:
        raise _refused("it ends within a header")
    _, _, _, method, _, _, check, packed, size, length, _ = _LOCAL.unpack(head)
    name = data[start + _LOCAL.size : start + _LOCAL.size + length]
    entry = _Entry(name, method, check, packed, size, start)
    if entry.local() != head + name or method not in (STORED, DEFLATED):
        raise _refused("a header that this format does not have")
    return entry


def _content(data: bytes, entry: _Entry) -> bytes:
    start = entry.start + _LOCAL.size + len(entry.name)
    found = data[start : start + entry.packed]
    if entry.method == DEFLATED:
        found = _inflated(found, entry.size)
    if len(found) != entry.size or zlib.crc32(found) != entry.check:
        raise _refused(f"the entry {entry.name.decode()!r} is damaged")
    return found


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _inflated(packed: bytes, size: int) -> bytes:
    """The content of `size` bytes; nothing more is inflated."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = unpacker.decompress(packed, size + 1)
    except zlib.error as error:
        raise _refused(f"an entry cannot be inflated ({error})") from None
    if not unpacker.eof or unpacker.unused_data or unpacker.unconsumed_tail:
        raise _refused("an entry does not end where it says")
    return found


def _room(packed: int) -> int:
    """How many bytes an entry may hold that takes so many in the archive."""
    return LIGHT + DENSE * packed


def _directory(entries: Sequence[_Entry], start: int) -> bytes:
    """What stands behind all entries."""
    listed = b"".join(entry.central() for entry in entries)
    count = len(entries)
    return listed + _END.pack(b"PK\5\6", 0, 0, count, count, len(listed), start, 0)


def _refused(reason: str) -> Rejection:
    return Rejection("container", f"no file of evidence: {reason}")
