"""The archive of evidence: a zip to others, and nothing but its own writing to its reader."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest

from verifai.kernel.errors import Rejection
from verifai.proof.archive import DENSE, LIGHT, MAGIC, pack_archive, unpack_archive

LIMITS = {"head.json": 1000, "body": 5000, "tail.json": 1 << 28}
PARTS = {"head.json": b'{"a": 1}' * 20, "body": bytes(range(256)) * 4, "tail.json": b"[1,2]"}
GOOD = pack_archive(PARTS)


def refused(data: bytes) -> str:
    with pytest.raises(Rejection) as caught:
        unpack_archive(data, LIMITS)
    assert caught.value.rule == "container"
    return caught.value.reason


def test_it_comes_back_and_equal_content_is_equal_bytes() -> None:
    assert unpack_archive(GOOD, LIMITS) == PARTS
    assert pack_archive(dict(PARTS)) == GOOD
    assert unpack_archive(pack_archive({"body": b""}), LIMITS) == {"body": b""}


def test_others_read_it_as_a_zip() -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as file:
        assert file.testzip() is None
        assert {name: file.read(name) for name in file.namelist()} == PARTS


def test_no_changed_byte_changes_what_is_read_and_none_can_be_cut_or_added() -> None:
    """A packed entry may have bits that say nothing."""
    same = 0
    for place in range(len(GOOD)):
        for flip in (1, 0x80):
            changed = bytearray(GOOD)
            changed[place] ^= flip
            try:
                assert unpack_archive(bytes(changed), LIMITS) == PARTS
                same += 1
            except Rejection:
                continue
    assert same <= 2
    for end in range(len(GOOD)):
        refused(GOOD[:end])
    refused(GOOD + b"\0")
    refused(b"\0" + GOOD)
    refused(GOOD + GOOD)


@pytest.mark.parametrize(
    "parts",
    [
        {"other": b""},
        {"../body": b""},
        {"body": b"", "head.json": b""},
        {"": b""},
        {"BODY": b""},
    ],
    ids=str,
)
def test_names_are_fixed_and_in_order(parts: dict[str, bytes]) -> None:
    assert "unknown, there twice, or out of order" in refused(pack_archive(parts))


def test_an_entry_beyond_its_limit_is_refused() -> None:
    assert "too many" in refused(pack_archive({"body": bytes(5001)}))
    assert "too many" in refused(pack_archive({"head.json": bytes(1001)}))


def stated(size: int) -> bytes:
    """An archive whose only entry says that it has so many bytes; little is packed in it."""
    archive = pack_archive({"tail.json": bytes(1000)})
    places = [archive.index(MAGIC) + 22, archive.index(b"PK\1\2") + 24]
    changed = bytearray(archive)
    for place in places:
        changed[place : place + 4] = struct.pack("<L", size)
    return bytes(changed)


def test_what_is_packed_too_densely_is_refused_before_it_is_inflated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def untouched(*_: object) -> object:
        raise AssertionError("something was inflated")

    monkeypatch.setattr(zlib, "decompressobj", untouched)
    assert "too many" in refused(stated(LIGHT + 1000 * DENSE))
    assert "too many" in refused(stated((1 << 32) - 1))


def test_an_entry_that_holds_more_or_less_than_it_says_is_refused() -> None:
    for size in (0, 1, 998, 999, 1001, 5000):
        assert "damaged" in (said := refused(stated(size))) or "end where it says" in said
    assert unpack_archive(stated(1000), LIMITS)


def test_zips_of_others_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in PARTS.items():
            file.writestr(name, data)
    refused(out.getvalue())
    refused(b"")
    refused(MAGIC)


def test_dense_content_is_stored_where_packing_would_pass_the_limit() -> None:
    data = b" " * (LIGHT + 100_000_000)
    archive = pack_archive({"tail.json": data})
    assert len(archive) > len(data)
    assert unpack_archive(archive, LIMITS)["tail.json"] == data
