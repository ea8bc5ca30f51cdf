"""The container: what is written reads back, what is malformed is refused, safetensors agrees."""

import json
from contextlib import suppress

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from verifai.kernel.files.container import DTYPES, ContainerError, parse_json, unpack
from verifai.proof.container import pack

CAP = 1 << 20
SAMPLE = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([1, 2], np.uint8)}


def container(header: object, body: bytes = b"", *, raw: bytes | None = None) -> bytes:
    text = json.dumps(header).encode() if raw is None else raw
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype: object = "U8", shape: object = (2,), offsets: object = (0, 2)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def same(left: dict, right: dict) -> bool:
    return set(left) == set(right) and all(
        left[k].dtype == right[k].dtype
        and left[k].shape == right[k].shape
        and left[k].tobytes() == right[k].tobytes()
        for k in left
    )


arrays = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9_.:/-]{1,20}", fullmatch=True).filter(lambda n: n != "__metadata__"),
    st.sampled_from(sorted(DTYPES.values())).flatmap(
        lambda code: hnp.arrays(
            np.dtype(code),
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
            elements={"allow_nan": False, "allow_infinity": False} if "f" in code else None,
        )
    ),
    max_size=5,
)


@given(arrays, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_what_is_packed_unpacks_to_the_same(content: dict, metadata: dict) -> None:
    data = pack(metadata, content)
    found, back = unpack(data, max_header=CAP)
    assert found == metadata
    assert same(back, content)
    assert pack(found, back) == data
    assert not any(array.flags.writeable for array in back.values())


@given(arrays)
def test_the_safetensors_package_reads_what_we_write(content: dict) -> None:
    assert same(safetensors.numpy.load(pack({"format": "x"}, content)), content)


@given(arrays)
def test_we_read_what_the_safetensors_package_writes(content: dict) -> None:
    metadata, back = unpack(safetensors.numpy.save(content, {"k": "v"}), max_header=CAP)
    assert metadata == {"k": "v"}
    assert same(back, content)


def test_the_order_of_insertion_does_not_matter() -> None:
    assert pack({"x": "1", "y": "2"}, SAMPLE) == pack(
        {"y": "2", "x": "1"}, dict(reversed(SAMPLE.items()))
    )


def test_arrays_are_aligned_and_big_endian_input_is_converted() -> None:
    content = {"a": np.zeros(3, np.uint8), "b": np.array([1.5], ">f8"), "c": np.array([7], ">i4")}
    _, back = unpack(pack({}, content), max_header=CAP)
    assert back["b"][0] == 1.5
    assert back["c"][0] == 7
    assert all(array.flags.aligned for array in back.values())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a file of 0 bytes"),
        (b"\x00" * 7, "a file of 7 bytes"),
        ((3).to_bytes(8, "little") + b"{}", "a header of 3 bytes"),
        ((2**63).to_bytes(8, "little") + b"{}", "a header of"),
        (container(None, raw=b" " * CAP + b"{}"), "a header of"),
        (container(None, raw=b'{"\xff": 1}'), "not UTF-8"),
        (container(None, raw=b"{"), "not JSON"),
        (container(None, raw=b"{} x"), "not JSON"),
        (container([]), "no JSON object"),
        (container(None, raw=b'{"__metadata__":{},"__metadata__":{}}'), "twice"),
        (container(None, raw=b'{"__metadata__":{"a":"b","a":"b"}}'), "twice"),
        (container(None, raw=b'{"a":NaN}'), "no integer: NaN"),
        (container(None, raw=b'{"a":-Infinity}'), "no integer: -Infinity"),
        (container(None, raw=b'{"a":1e999}'), "no integer: 1e999"),
        (container(None, raw=b'{"a":' + b"9" * 5000 + b"}"), "not JSON"),
        (container(None, raw=b"[" * 100_000), "nested too deeply"),
        (container({"__metadata__": []}), "metadata"),
        (container({"__metadata__": {"a": 1}}), "metadata"),
        (container({str(i): 0 for i in range(100_001)}), "a header of"),
        (container({"": entry()}, b"ab"), "bad array name"),
        (container({"a\n": entry()}, b"ab"), "bad array name"),
        (container({"é": entry()}, b"ab"), "bad array name"),
        (container({"a" * 201: entry()}, b"ab"), "bad array name"),
        (container({"a": [1]}), "want dtype"),
        (container({"a": ["dtype", "shape", "data_offsets"]}), "want dtype"),
        (container({"a": {"dtype": "U8", "shape": [2]}}), "want dtype"),
        (container({"a": {**entry(), "more": 1}}, b"ab"), "want dtype"),
        (container({"a": entry("U64")}, b"ab"), "unknown dtype"),
        (container({"a": entry("F16")}, b"ab"), "unknown dtype"),
        (container({"a": entry(["U8"])}, b"ab"), "unknown dtype"),
        (container({"a": entry(shape=2)}, b"ab"), "not lists"),
        (container({"a": entry(shape=[True, 2])}, b"ab"), "not lists"),
        (container({"a": entry(shape=["2"])}, b"ab"), "not lists"),
        (container({"a": entry(shape=[-1, -2])}, b"ab"), "not lists"),
        (container({"a": entry(offsets=[False, 2])}, b"ab"), "not lists"),
        (container({"a": entry(offsets=[0, 2, 2])}, b"ab"), "not lists"),
        (container({"a": entry(shape=[2**32, 2**32])}, b"ab"), "too many axes"),
        (container({"a": entry(shape=[0, 2**62], offsets=[0, 0])}), "too many axes"),
        (container({"a": entry(shape=[1] * 9, offsets=[0, 1])}, b"a"), "too many axes"),
        (container({"a": entry(offsets=[1, 3])}, b"abc"), "offsets"),
        (container({"a": entry(offsets=[0, 1])}, b"ab"), "offsets"),
        (container({"a": entry("U16", offsets=[0, 2])}, b"ab"), "offsets"),
        (container({"a": entry()}, b"a"), "offsets"),
        (container({"a": entry(), "b": entry(offsets=[3, 5])}, b"abcde"), "offsets"),
        (container({"a": entry(), "b": entry(offsets=[1, 3])}, b"abc"), "offsets"),
        (container({"a": entry(offsets=[2, 4]), "b": entry()}, b"abcd"), "offsets"),
        (container({"a": entry()}, b"abc"), "1 bytes after"),
        (container({"a": entry("F32", [1], [0, 4])}, np.float32("nan").tobytes()), "NaN"),
        (container({"a": entry("F64", [1], [0, 8])}, np.float64("-inf").tobytes()), "infinity"),
    ],
)
def test_a_malformed_container_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ContainerError, match=reason):
        unpack(data, max_header=CAP)


def test_too_many_arrays_are_refused() -> None:
    header = {str(i): entry(shape=[0], offsets=[0, 0]) for i in range(100_001)}
    with pytest.raises(ContainerError, match="100001 arrays"):
        unpack(container(header), max_header=1 << 30)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({str(i): SAMPLE["a"] for i in range(100_001)}, "100001 arrays"),
        ({"a b": np.zeros(1)}, "bad array name"),
        ({"__metadata__": np.zeros(1)}, "metadata"),
        ({"a": np.array([np.nan])}, "NaN"),
        ({"a": np.array([np.inf], np.float32)}, "infinity"),
        ({"a": np.zeros(1, np.float16)}, "does not fit"),
        ({"a": np.zeros(1, object)}, "does not fit"),
        ({"a": np.zeros((1,) * 9)}, "too many axes"),
    ],
)
def test_the_writer_refuses_what_the_reader_refuses(content: dict, reason: str) -> None:
    with pytest.raises(ContainerError, match=reason):
        pack({}, content)


@given(st.data())
def test_a_mutated_container_is_refused_or_read(data: st.DataObject) -> None:
    good = bytearray(pack({"format": "x"}, SAMPLE))
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(good), len(good) - 1, 20]))
    with suppress(ContainerError):
        unpack(bytes(good[:end]), max_header=CAP)


def test_integers_of_json_are_exact() -> None:
    assert parse_json("[12345678901234567890, -1]") == [12345678901234567890, -1]
