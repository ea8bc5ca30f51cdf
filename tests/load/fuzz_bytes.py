"""Mutations of bytes, of s-expressions, of JSON and of the kernel's container."""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from typing import Any

import numpy as np

from verifai.kernel.files.container import unpack
from verifai.proof.container import pack

PIECES = (
    *(b"\0", b"\xff", b"\x80", b"\x7f", b"(", b")", b'"', b"{", b"}", b"[", b"]", b";", b"\n"),
    *(b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\0" * 40, b"9" * 60, b"\xe2\x80\xae", b"-1"),
)


def mutate_bytes(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """One to four flips, insertions, deletions, repetitions, splices or truncations."""
    result = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 3, 4])):
        place, length = rng.randrange(len(result) + 1), rng.choice([1, 1, 2, 4, 8, 50])
        what = rng.random()
        if what < 0.4 and place < len(result):
            result[place] ^= rng.choice([1 << rng.randrange(8), rng.randrange(1, 256)])
        elif what < 0.55:
            result[place:place] = rng.choice(PIECES)
        elif what < 0.7:
            del result[place : place + length]
        elif what < 0.8:
            result[place:place] = result[place : place + length]
        elif what < 0.92:
            start = rng.randrange(len(other) + 1)
            result[place : place + length] = other[start : start + length]
        else:
            del result[place:]
    return bytes(result)


# ---- S-expressions -------------------------------------------------------------------------------

_TOKEN = re.compile(r"\s+|;[^\n]*|\"[^\"]*\"|[()\[\],]|[^\s()\"\[\],;]+")
NUMBERS = (
    *("0", "1", "-1", "0.1", "1e5", "1e-5", "-2.5e-1", "1e4000", "1e-4000", "1e999999999"),
    *("1e99999999999", "9" * 4001, "0." + "9" * 3990, "nan", "inf", "-0", "+1", "1/3", "1/0"),
    *("1_000", "0x10", "\u0661", "1.", ".5", ".", "1e", "--1", "(- 1)", "(/ 1 3)", "(- 0 1)"),
)
WORDS = (
    *("and", "or", "not", "<=", ">=", "<", ">", "=", "==", "!=", "+", "-", "*", "/", "assert"),
    *("declare-const", "declare-fun", "declare-input", "declare-output", "declare-hidden"),
    *("declare-network", "X_0", "X_1", "Y_0", "Y_1", "X_00", "X_-1", "Y_99999999999", "Z_0"),
    *("Real", "Int", "Bool", "float32", "real", "X_é", "true", "false", "isomorphic-to"),
    *("equal-to", "vnnlib-version", "<2.0>", "<3.0>", "let", "ite", "|X_0|", "()", "(and)"),
    *("(or)", "(not true)", "(+)", "(-)", "(<= 1)", "(< 1 2 3)", "(or (and) false)"),
)
DEPTHS = (3, 63, 64, 65, 1000, 20_000)


def _forms(tokens: list[str]) -> list[tuple[int, int]]:
    """Where the lists begin and end, exclusive."""
    opened: list[int] = []
    found = []
    for place, token in enumerate(tokens):
        if token == "(":
            opened.append(place)
        elif token == ")" and opened:
            found.append((opened.pop(), place + 1))
    return found


GROUPS = (
    re.compile(r"[-+]?[\d.][^\s]*"),
    re.compile(r"<=|>=|<|>|=|==|!="),
    re.compile(r"and|or|not"),
    re.compile(r"[-+*/]"),
    re.compile(r"[XYH]\w*"),
)
LIKE = (
    (*NUMBERS[:7], "0.25", "-3", "2.50", "12345678901234567890"),
    ("<=", ">=", "<", ">", "=", "=="),
    ("and", "or", "not"),
    ("+", "-", "*", "/"),
    ("X_0", "X_1", "Y_0", "Y_1"),
)


def _exchange(rng: random.Random, tokens: list[str]) -> None:
    """Put a token of the same sort in the place of another."""
    group = rng.randrange(len(GROUPS))
    places = [i for i, token in enumerate(tokens) if GROUPS[group].fullmatch(token)]
    if places:
        own = tuple(tokens[i] for i in rng.sample(places, min(3, len(places))))
        tokens[rng.choice(places)] = rng.choice((*own, *own, *LIKE[group]))


def _nested(rng: random.Random, form: str) -> str:
    """The form below many connectives."""
    depth, how = rng.choice(DEPTHS), rng.randrange(4)
    opening = ("(and ", "(or ", "(not ", "(+ ")[how]
    if rng.random() < 0.4 and depth <= 1000:
        return "(and X (or " * depth + form + "))" * depth
    return opening * depth + form + ")" * depth


def mutate_text(rng: random.Random, data: bytes) -> bytes:
    """One to four changes of tokens or lists of s-expressions."""
    tokens = _TOKEN.findall(data.decode("utf-8"))
    for _ in range(rng.choice([1, 1, 2, 3, 4])):
        forms, what = _forms(tokens), rng.random()
        places = [i for i, token in enumerate(tokens) if not token.isspace()]
        if not places or not forms:
            break
        place = rng.choice(places)
        start, end = rng.choice(forms)
        other = rng.choice(forms)
        if what < 0.1:
            tokens[place] = rng.choice(WORDS)
        elif what < 0.2:
            tokens[place] = rng.choice(NUMBERS)
        elif what < 0.5:
            _exchange(rng, tokens)
        elif what < 0.6:
            a, b = rng.choice(places), rng.choice(places)
            tokens[a], tokens[b] = tokens[b], tokens[a]
        elif what < 0.7:
            tokens[end:end] = [" ", *tokens[start:end]]
        elif what < 0.78:
            del tokens[start:end]
        elif what < 0.88:
            tokens[start:end] = tokens[slice(*other)]
        elif what < 0.94:
            tokens[start:end] = [_nested(rng, "".join(tokens[start:end]))]
        else:
            tokens.insert(place, rng.choice(["(", ")", '"', ";", "\u202e", "\0", "\r", "\f", "|"]))
    return "".join(tokens).encode("utf-8")


# ---- JSON ----------------------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    *(
        0,
        1,
        -1,
        2,
        3,
        7,
        1 << 20,
        1 << 27,
        1 << 31,
        1 << 53,
        1 << 63,
        1 << 64,
        -(1 << 63),
        True,
        False,
        None,
    ),
    *("", "0", "x", "1/3", "1e9999", "9" * 4100, "\u202e", "\ud800", [], {}, [0], [[]], [1, 2]),
    *(0.5, 1e300, "affine", "relu", "<", "<=", "=", "and", "or", "input", "dense", "conv"),
    *("gather", "smooth", "exp", "log", "product", "square", "sign", "pwl"),
)


def _slots(item: Any) -> list[tuple[Any, Any]]:
    """Every place (container, key) below a JSON value."""
    found: list[tuple[Any, Any]] = []
    todo = [item]
    while todo:
        top = todo.pop()
        keys = range(len(top)) if isinstance(top, list) else list(top)
        found += [(top, key) for key in keys]
        todo += [top[key] for key in keys if isinstance(top[key], list | dict)]
    return found


def mutate_json(rng: random.Random, text: str) -> str:
    """One to three values, keys or entries of a JSON text changed, dropped or repeated."""
    value = json.loads(text)
    for _ in range(rng.choice([1, 1, 2, 3])):
        slots = _slots(value)
        if not slots:
            break
        holder, key = rng.choice(slots)
        other, place = rng.choice(slots)
        what = rng.random()
        if what < 0.4:
            holder[key] = json.loads(json.dumps(rng.choice(VALUES)))
        elif what < 0.55:
            holder[key] = json.loads(json.dumps(other[place]))
        elif what < 0.7:
            del holder[key]
        elif what < 0.8 and isinstance(holder, list):
            holder.insert(key, json.loads(json.dumps(holder[key])))
        elif what < 0.9 and isinstance(holder[key], int):
            holder[key] += rng.choice([-1, 1, 2])
        elif isinstance(holder, dict):
            holder[rng.choice(["", "extra", "kind", "name"])] = holder.pop(key)
    result = json.dumps(value, ensure_ascii=rng.random() < 0.9)
    if rng.random() < 0.03:
        depth = rng.choice([100, 990, 5000, 200_000])
        return result.replace("[", "[" * depth, 1)
    return result


# ---- The container and the certificate -----------------------------------------------------------

FLOATS = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 5e-324, 1e308, -1e308, 1e30, float("nan"), float("inf")),
)
INTEGERS = (0, 1, -1, 2, 3, 127, 255, 1 << 15, 1 << 30, (1 << 31) - 1, -(1 << 31))


def mutate_certificate(rng: random.Random, data: bytes) -> bytes:
    """Numbers or bytes of what is compressed in a certificate changed, or its first bytes."""
    head, body = data[:72], bytearray(zlib.decompress(data[80:]))
    what = rng.random()
    if what < 0.1:
        head = mutate_bytes(rng, head, data)
    elif what < 0.3:
        body = bytearray(mutate_bytes(rng, bytes(body), bytes(body)))
    for _ in range(rng.choice([1, 1, 2, 3]) if what >= 0.3 and len(body) >= 8 else 0):
        kind = rng.choice("qidB")
        size = struct.calcsize(kind)
        place = rng.randrange(len(body) // size) * size
        number = rng.choice(FLOATS if kind == "d" else INTEGERS)
        if kind == "B":
            number = int(number) & 255
        struct.pack_into("<" + kind, body, place, number)
    return head + len(body).to_bytes(8, "little") + zlib.compress(bytes(body))


def mutate_container(rng: random.Random, data: bytes, texts: tuple[str, ...] = ()) -> bytes:
    """Header, metadata or arrays of a container changed; `texts` are metadata that hold JSON."""
    length = int.from_bytes(data[:8], "little")
    what = rng.random()
    if what < 0.2:
        header = mutate_json(rng, data[8 : 8 + length].decode()).encode("utf-8", "surrogatepass")
        return len(header).to_bytes(8, "little") + header + data[8 + length :]
    metadata, given = unpack(data, max_header=1 << 26)
    arrays = dict(given)
    if texts and what < 0.65:
        key = rng.choice([text for text in texts for _ in range(len(metadata[text]))])
        metadata = metadata | {key: mutate_json(rng, metadata[key])}
    elif what < 0.7:
        metadata = metadata | {rng.choice([*metadata, "more"]): rng.choice(["", "0" * 64, "real"])}
    else:
        for _ in range(rng.choice([1, 1, 2, 3])):
            _change_array(rng, arrays)
    finite = {n: a for n, a in arrays.items() if a.dtype.kind != "f" or np.isfinite(a).all()}
    return pack(metadata, finite)


def _change_array(rng: random.Random, arrays: dict[str, Any]) -> None:
    if not arrays:
        return
    name = rng.choice(sorted(arrays))
    array, what = np.array(arrays[name]), rng.random()
    flat = array.reshape(-1)
    if what < 0.5 and flat.size:
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                flat[rng.randrange(flat.size)] = np.float64(rng.choice(FLOATS)).astype(array.dtype)
        else:
            limits, place = np.iinfo(array.dtype), rng.randrange(flat.size)
            chosen = rng.choice([*INTEGERS, int(flat[place]) + 1, int(flat[place]) - 1])
            flat[place] = min(max(chosen, int(limits.min)), int(limits.max))
    elif what < 0.6 and array.ndim:
        array = np.concatenate([array, array[-1:]])
    elif what < 0.7 and array.ndim:
        array = np.delete(array, rng.randrange(len(array)), 0) if len(array) else array
    elif what < 0.75:
        array = array[None]
    elif what < 0.8:
        del arrays[name]
        return
    elif what < 0.9:
        array = np.array(arrays[rng.choice(sorted(arrays))])
    elif flat.size:
        i, j = rng.randrange(flat.size), rng.randrange(flat.size)
        flat[i], flat[j] = flat[j], flat[i]
    arrays[name] = array
