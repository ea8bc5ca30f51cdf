"""A process that does not compute in binary64 as IEEE 754 says judges nothing."""

from __future__ import annotations

import operator
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.distance import ABS, far, query_of
from tests.kernel.proofs import Close, decide, written
from tests.kernel.test_alone import ACCEPT, NETWORK, QUERY
from verifai.kernel import binary64
from verifai.kernel.binary64 import CASES, require_binary64
from verifai.kernel.bound import rounded_root
from verifai.kernel.check import check
from verifai.kernel.checker import judge
from verifai.kernel.errors import Unable
from verifai.kernel.files.network import decode_network
from verifai.kernel.operator import Array
from verifai.kernel.replay import replay

ROOT = Path(__file__).parents[2]


def test_this_process_computes_as_it_should() -> None:
    require_binary64()


def flushed(array: Array) -> Array:
    """Subnormal numbers taken for 0."""
    return np.where(abs(array) < 2.0**-1022, array * 0, array)


def upwards(array: Array) -> Array:
    return np.nextafter(array, np.inf)


WRONG: dict[str, Callable[..., Callable[..., Array]]] = {
    "flush to zero": lambda right: lambda *a: flushed(right(*a)),
    "denormals are zero": lambda right: lambda *a: right(*map(flushed, a)),
    "a unit too large": lambda right: lambda *a: upwards(right(*a)),
    "single precision": lambda right: (
        lambda *a: right(*(x.astype(np.float32) for x in a)).astype(np.float64)
    ),
}


EACH = [
    (wrong, name)
    for wrong in WRONG
    for name in ("add", "subtract", "multiply", "divide", "sqrt")
    if (wrong, name) != ("flush to zero", "sqrt")  # no square root is subnormal
]


@pytest.mark.parametrize(("wrong", "name"), EACH)
def test_an_operation_on_arrays_that_is_wrong_is_seen(
    monkeypatch: pytest.MonkeyPatch, wrong: str, name: str
) -> None:
    changed = {**binary64.ARRAYS, name: WRONG[wrong](getattr(np, name))}
    monkeypatch.setattr(binary64, "ARRAYS", changed)
    with pytest.raises(Unable, match="binary64"):
        require_binary64()


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "sqrt"])
def test_a_number_that_is_wrong_is_seen(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    right = binary64.NUMBERS[name]
    wrong = {name: lambda *a: float(np.nextafter(right(*a), np.inf))}
    monkeypatch.setattr(binary64, "NUMBERS", {**binary64.NUMBERS, name: wrong[name]})
    with pytest.raises(Unable, match="binary64"):
        require_binary64()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a, b: (a.astype(np.float32) @ b.astype(np.float32)).astype(np.float64),
        lambda a, b: a @ b * 2,
        lambda a, b: a @ b * 0,
        lambda a, b: flushed(a @ b),
        lambda a, b: upwards(a @ b),
    ],
)
def test_a_product_of_matrices_that_is_wrong_is_seen(
    monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Array, Array], Array]
) -> None:
    monkeypatch.setattr(binary64, "PRODUCT", wrong)
    with pytest.raises(Unable, match="matrix product"):
        require_binary64()


def test_cases_are_those_of_exact_arithmetic() -> None:
    """What is expected is the double nearest to the exact result, ties to even."""

    def value(bits: int) -> float:
        return float(np.array([bits], dtype=np.uint64).view(np.float64)[0])

    exactly = {
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
    }
    seen = set()
    for name, bits, want in CASES:
        numbers = [fmpq(*value(b).as_integer_ratio()) for b in bits]
        seen.add(name)
        if name == "sqrt":
            below, above = (np.nextafter(value(want), side) for side in (-np.inf, np.inf))
            low, high = (fmpq(*float(x).as_integer_ratio()) for x in (below, above))
            near = fmpq(*value(want).as_integer_ratio())
            assert ((low + near) / 2) ** 2 < numbers[0] < ((near + high) / 2) ** 2
        elif name == "rint":
            assert value(want) == float(np.rint(value(bits[0])))
        else:
            result = exactly[name](*numbers)
            assert int(result.p) / int(result.q) == value(want), (name, bits)
    assert seen == {*exactly, "sqrt", "rint"}


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary64, "PRODUCT", lambda a, b: a @ b * 0)


@pytest.mark.parametrize("exact", [False, True])
def test_nothing_is_judged_by_a_process_that_fails(broken: None, exact: bool) -> None:
    query = query_of(ABS, far(3))
    with pytest.raises(Unable):
        decide(query, Close(), exact=exact)
    with pytest.raises(Unable):
        check(b"", b"", b"", exact=exact)
    with pytest.raises(Unable):
        judge(query, written(Close()), exact=exact)
    with pytest.raises(Unable):
        replay(query, (fmpq(0), fmpq(0)))
    with pytest.raises(Unable):
        rounded_root(query)
    with pytest.raises(Unable):
        decode_network(NETWORK.read_bytes())


SETTINGS = {
    "flush": "import torch; print('set' if torch.set_flush_denormal(True) else 'cannot')",
    "upwards": """
import ctypes, platform
code = {"x86_64": 0x800, "AMD64": 0x800, "aarch64": 0x400000}.get(platform.machine())
libm = None
try:
    libm = ctypes.CDLL("libm.so.6")
except OSError:
    pass
print("cannot" if code is None or libm is None or libm.fesetround(code) else "set")
""",
}


@pytest.mark.parametrize("options", [[], ["--exact"]])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_process_set_wrongly_refuses_to_judge(setting: str, options: list[str]) -> None:
    """Really set: by torch for its own thread, by the C library for rounding."""
    program = f"{SETTINGS[setting]}\nimport sys\nsys.stdout.flush()\n"
    program += "from verifai.kernel.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"
    words = [str(NETWORK), str(QUERY), str(ACCEPT[0]), *options]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stdout.startswith("cannot"):
        pytest.skip("this machine cannot be set so")
    assert done.stdout == "set\n", done.stderr
    assert done.returncode == 4
    assert "binary64" in done.stderr


def test_a_process_set_wrongly_after_the_search_accepts_nothing() -> None:
    program = """
import torch
import verifai as vf
from flint import fmpq
from tests.kernel.distance import ABS, far, query_of
from verifai.kernel.errors import Unable
query = query_of(ABS, far(3))
assert vf.verify(query).status == "verified"
if not torch.set_flush_denormal(True):
    print("cannot")
else:
    try:
        print(vf.verify(query).status)
    except Unable as error:
        print("refused:", error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.stdout.startswith("cannot"):
        pytest.skip("this machine cannot be set so")
    assert done.stdout.startswith("refused: "), done.stdout + done.stderr
