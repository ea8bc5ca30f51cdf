"""One fuzzed file of each kind, and what reading it must do: succeed rightly or say no."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from flint import fmpq
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

import verifai
from tests.kernel.adversarial import Target, encoded, is_false, target, valid_tree
from tests.kernel.proofs import sample
from tests.load import fuzz_onnx
from tests.load.fuzz_bytes import mutate_bytes, mutate_container, mutate_json, mutate_text
from tests.load.test_onnx_cases import as_array, baked, cases, variants
from tests.load.test_onnx_operators import CASES
from tests.load.test_onnx_random import STEPS_BY_NAME, draw
from tests.load.test_vnnlib import BOX, SAMPLE, agree, asserted, declarations
from tests.load.test_vnnlib import network as linear_network
from tests.load.vnnlib2_documents import document, relu_model
from verifai.bounds.compiled import compile_network
from verifai.kernel.certificate import decode_certificate
from verifai.kernel.checker import Checker, check
from verifai.kernel.codec import decode_network, decode_query, digest, encode_network, encode_query
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.network import Network
from verifai.kernel.number import exact
from verifai.kernel.query import Or, Query
from verifai.kernel.replay import Replayer
from verifai.kernel.replay import evaluate as replay
from verifai.load.explain import explain_onnx
from verifai.load.float32 import load_float32
from verifai.load.onnx import load_onnx
from verifai.load.vnnlib import load_vnnlib
from verifai.load.vnnlib2 import load_vnnlib2

DATA = Path(verifai.__file__).parent / "data"
BENCHMARKS = Path(__file__).parents[2] / ".." / "shared" / "benchmarks"
MAX_SEED = 20_000  # bytes of a file that is mutated
MAX_VALUES = 20_000  # of a network that is compared with onnxruntime
NOISE = 1e-4  # relative to the largest value in the network: what float32 may be off
LARGEST = 1e6  # values beyond are not compared
RUNTIME_ERRORS = tuple(
    error
    for error in vars(runtime_errors).values()
    if isinstance(error, type) and issubclass(error, Exception)
)


class Finding(Exception):
    """A file was read wrongly: it means something else than what was made of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading a file came to.

    Attributes:
        result: "refused", "loaded", or more closely what happened to a loaded one.
        detail: the reason of a refusal.
    """

    result: str
    detail: str = ""


Stage = Callable[[str], None]  # told when something else than ours begins to work on a case
Maker = Callable[[random.Random, Path], bytes]
Reader = Callable[[bytes, random.Random, Path, Stage], Outcome]


# ---- ONNX ----------------------------------------------------------------------------------------


@cache
def models() -> tuple[bytes, ...]:
    """Shipped networks, small benchmarks, single operators, ONNX's own cases, random graphs."""
    found = [path.read_bytes() for path in sorted(DATA.glob("*.onnx"))]
    found += [gzip.decompress(p.read_bytes()) for p in sorted(BENCHMARKS.glob("*/**/*.onnx.gz"))]
    found += [proto.SerializeToString() for proto in CASES]
    for case in cases():
        inputs, _ = case.data_sets[0]
        arrays = [as_array(a) for a in inputs]
        if all(isinstance(array, np.ndarray) for array in arrays):
            free = next(variants(case.model, arrays))
            found.append(baked(case.model, arrays, free).SerializeToString())
    names = list(STEPS_BY_NAME)
    generator = np.random.default_rng(11)
    found += [draw(generator, names)[0].SerializeToString() for _ in range(300)]
    return tuple(data for data in found if len(data) <= MAX_SEED)


def make_onnx(rng: random.Random, folder: Path) -> bytes:
    data = rng.choice(models())
    if rng.random() < 0.25:
        return mutate_bytes(rng, data, rng.choice(models()))
    return fuzz_onnx.mutate(rng, data)


def read_onnx(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Load a model; what loads must be what onnxruntime computes."""
    path = folder / "model.onnx"
    path.write_bytes(data)
    (folder / "weights.bin").write_bytes(b"\0\0\x80\x3f" * 16)
    if rng.random() < 0.1:
        path = folder / "packed.onnx.gz"
        path.write_bytes(mutate_bytes(rng, gzip.compress(data, 1), data))
    if rng.random() < 0.2:
        try:
            explain_onnx(path)
            load_float32(path, rng.choice([None, 4]))
        except InputError:
            pass
    try:
        network = load_onnx(path)
    except InputError as error:
        return Outcome("refused", said(error))
    stage("onnxruntime")
    return compared(network, path, rng)


def said(error: InputError | Rejection) -> str:
    """The message, one that can be printed."""
    text = str(error)
    if not text.strip():
        raise Finding("an error without a sentence")
    return text


def compared(network: Network, path: Path, rng: random.Random) -> Outcome:
    """The outcome of evaluating the network and its file at random points.

    Raises:
        Finding: they differ by more than float32 explains.
    """
    if network.offsets[-1] > MAX_VALUES:
        return Outcome("loaded: too large to compare")
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    session = _session(data, path)
    if not isinstance(session, str):
        return _evaluated(network, session, rng)
    second = _session(without_idle(data), path)
    if isinstance(second, str):
        return Outcome("loaded: onnxruntime refuses the file", second)
    outcome = _evaluated(network, second, rng)
    return Outcome(f"{outcome.result} once operators that no output needs are dropped", session)


def without_idle(data: bytes) -> bytes:
    """The model without operators that no output needs: the loader reads their names only."""
    model = onnx.ModelProto.FromString(data)
    wanted, kept = {entry.name for entry in model.graph.output}, []
    for node in reversed(model.graph.node):
        if wanted.intersection(node.output):
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
            wanted.update(node.input)
    del model.graph.node[:]
    model.graph.node.extend(reversed(kept))
    return bytes(model.SerializeToString())


def _session(data: bytes, path: Path) -> Any:
    """What runs the model, or why onnxruntime refuses it."""
    (path.parent / "runtime.onnx").write_bytes(data)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    providers = ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(
            str(path.parent / "runtime.onnx"), options, providers=providers
        )
    except (*RUNTIME_ERRORS, UnicodeDecodeError, RuntimeError) as error:
        return re.sub(r".* failed:", "", str(error))


def _evaluated(network: Network, session: Any, rng: random.Random) -> Outcome:
    """The outcome of running both."""
    try:
        types = {entry.name: entry.type for entry in session.get_inputs()}
    except UnicodeDecodeError:
        return Outcome("loaded: not comparable", "a length whose name is no UTF-8")
    made = [(network.nodes[i].name, network.nodes[i].shape) for i in network.inputs]
    if set(types) != {name for name, _ in made}:
        raise Finding(f"inputs {made}, of onnxruntime {types}")
    codes = {
        "tensor(float)": np.float32,
        "tensor(double)": np.float64,
        "tensor(float16)": np.float16,
    }
    if not set(types.values()) <= set(codes):
        return Outcome("loaded: not comparable", f"inputs of types {types}")
    result = Outcome("loaded: agrees")
    for spread in (1.0, 3.0):
        source = np.random.default_rng(rng.randrange(1 << 30))
        given = {
            name: source.uniform(-spread, spread, size=shape).astype(codes[types[name]])
            for name, shape in made
        }
        try:
            expected = session.run(None, given)
        except (*RUNTIME_ERRORS, RuntimeError, UnicodeDecodeError) as error:
            return Outcome("loaded: onnxruntime cannot run it", str(error))
        if not _agree(network, given, expected):
            result = Outcome("loaded: not comparable", "large, infinite or noisy values")
    return result


def _agree(network: Network, given: dict[str, Any], expected: list[Any]) -> bool:
    """Whether the outputs could be compared; they are the same then."""
    point = np.concatenate([array.astype(np.float64).ravel() for array in given.values()])
    with np.errstate(all="ignore"):
        fine, coarse = (
            compile_network(network, dtype).forward(point[None].astype(dtype))
            for dtype in (np.float64, np.float32)
        )
    for place, output in zip(network.outputs, expected, strict=True):
        if network.nodes[place].shape != np.shape(output):
            raise Finding(f"shape {network.nodes[place].shape}, of onnxruntime {np.shape(output)}")
    scale = max(float(np.abs(value).max()) for value in fine)
    if not scale < LARGEST:
        return False
    half = any(np.asarray(o).dtype == np.float16 for o in (*given.values(), *expected))
    is_compared = True
    for place, output in zip(network.outputs, expected, strict=True):
        if np.asarray(output).dtype.kind not in "fiub":
            is_compared = False
            continue
        noise = float(np.abs(fine[place] - coarse[place]).max())
        if not noise < 1e-2 * max(1.0, scale):
            is_compared = False
            continue
        slack = (NOISE * max(1.0, scale) + 100 * noise) * (100 if half else 1)
        off = np.abs(fine[place][0] - np.asarray(output, np.float64).ravel())
        if (off <= slack).all():
            continue
        exactly = exact_values(network, point, place)
        if exactly is None:
            return False
        off = np.abs(exactly - np.asarray(output, np.float64).ravel())
        if not (np.abs(exactly - fine[place][0]) <= slack).all():
            is_compared &= bool((off <= slack).all())  # floats are not up to this network
        elif not (off <= slack).all():
            raise Finding(
                f"values {exactly[:8]}, of onnxruntime {np.ravel(output)[:8]}; "
                f"scale {scale:.3g}, noise {noise:.3g}"
            )
    return is_compared


def exact_values(network: Network, point: Any, node: int) -> Any:
    """What the kernel's exact arithmetic says that a node is; None where that is undefined."""
    try:
        low, high = replay(network, [exact(float(x)) for x in point])
    except InputError:
        return None
    span = slice(network.offsets[node], network.offsets[node + 1])
    return np.array([float((l + h) / 2) for l, h in zip(low[span], high[span], strict=True)])


# ---- VNN-LIB -------------------------------------------------------------------------------------


@cache
def properties() -> tuple[bytes, ...]:
    """Properties of two inputs and two outputs, and the small ones of the benchmarks."""
    texts = [
        SAMPLE,
        declarations() + BOX + "(assert (or (and (<= X_0 0.5) (>= Y_0 2)) (and (>= Y_1 Y_0))))",
        declarations() + BOX + "(assert (<= (+ (* 2.0 Y_0) (- Y_1) 1e-3) (* (/ 1 3) X_0)))",
        declarations() + "(assert (or (and (<= X_0 1) (>= X_0 0) (= X_1 2)) (and (= X_0 3)"
        " (<= 0 X_1 1) (not (< Y_0 Y_1)))))",
    ]
    found = [text.encode() for text in texts]
    for path in sorted(BENCHMARKS.glob("**/*.vnnlib.gz"))[::4]:
        data = gzip.decompress(path.read_bytes())
        found += [data] if len(data) <= 3000 else []
    return tuple(found)


def make_vnnlib(rng: random.Random, folder: Path) -> bytes:
    data = rng.choice(properties())
    if rng.random() < 0.25:
        return mutate_bytes(rng, data, rng.choice(properties()))
    return mutate_text(rng, data)


def read_vnnlib(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Load a property; what loads must hold where the file says so."""
    inputs, outputs = ((data.count(b"declare-const " + letter) or 2) for letter in (b"X", b"Y"))
    network = linear_network(min(inputs, 20), min(outputs, 20))
    path = folder / "property.vnnlib"
    path.write_bytes(data)
    try:
        query = load_vnnlib(path, network)
    except InputError as error:
        return Outcome("refused", said(error))
    stage("the independent reading")
    text = data.decode("utf-8-sig")
    if "|" in text or '"' in text or text.count("(") > 400 or "1e" in text.replace("1e-5", ""):
        return Outcome("loaded: not comparable")
    conditions = asserted(text)
    found = 0
    for _ in range(6):
        point = {}
        for i, (low, high) in enumerate(zip(query.lower, query.upper, strict=True)):
            end = rng.choice([low, high, (low + high) / 2, low - 1])
            point[f"X_{i}"] = Fraction(int(end.p), int(end.q))
        for j in range(network.sizes[network.outputs[0]]):
            point[f"Y_{j}"] = Fraction(rng.randint(-12, 12), 4)
        try:
            found += agree(query, "fuzzed", point, conditions)
        except AssertionError:
            raise Finding(f"the query and the file differ at {point}") from None
    return Outcome("loaded: agrees")


def make_vnnlib2(rng: random.Random, folder: Path) -> bytes:
    seed = rng.randrange(200)
    text = document(seed).text.encode()
    if rng.random() < 0.25:
        changed = mutate_bytes(rng, text, document(rng.randrange(200)).text.encode())
    else:
        changed = mutate_text(rng, text)
    return bytes([seed]) + changed


def read_vnnlib2(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Load a document; the first byte says with which networks."""
    path = folder / "query.vnnlib"
    path.write_bytes(data[1:])
    files: dict[str, Path] = {}
    drawn = document(data[0])
    for name, tensors in drawn.networks.items():
        if name in drawn.relations and drawn.relations[name][0] == "equal-to":
            continue
        files[name] = folder / f"{name}.onnx"
        files[name].write_bytes(relu_model(ord(name), tensors[-1][2]).SerializeToString())
    try:
        posed = load_vnnlib2(path, files)
        encode_query(posed.query)
    except InputError as error:
        return Outcome("refused", said(error))
    return Outcome("loaded")


# ---- Files of the kernel -------------------------------------------------------------------------


@cache
def claim(seed: int) -> Target:
    found = target(seed)
    if not is_false(found):
        raise Finding(f"the claim {seed} is not false")
    return found


@cache
def proofs(seed: int) -> tuple[bytes, ...]:
    """Proofs of a true claim near the false one."""
    ors = tuple(p for p in claim(seed).query.unsafe.parts if isinstance(p, Or))
    rows = len(claim(seed).query.unsafe.parts) - len(ors)
    trees = [valid_tree(random.Random(seed), claim(seed), ors, rows, depth) for depth in (0, 1, 2)]
    return tuple(encoded(tree) for tree in trees)


@cache
def checkers(seed: int) -> tuple[Checker, Checker]:
    return Checker(claim(seed).query), Checker(claim(seed).query, exact=True)


CLAIMS = 120


def make_certificate(rng: random.Random, folder: Path) -> bytes:
    seed = rng.randrange(CLAIMS)
    data = rng.choice(proofs(seed))
    if rng.random() < 0.4:
        changed = mutate_bytes(rng, data, rng.choice(proofs(seed)))
    else:
        changed = mutate_container(rng, data)
    return seed.to_bytes(2, "little") + changed


def read_certificate(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Check a certificate of a false claim; the first two bytes say which claim."""
    try:
        proof = decode_certificate(data[2:], "n", "q")
        for checker in checkers(int.from_bytes(data[:2], "little")):
            for _, rejection in checker.failures(proof):
                raise rejection
    except Rejection as rejection:
        return Outcome("refused", said(rejection))
    raise Finding("a certificate of a false claim is accepted")


@cache
def networks() -> tuple[bytes, ...]:
    """Canonical files of small networks of all kinds."""
    found = [encode_network(claim(seed).query.network) for seed in range(60)]
    found += [encode_network(load_onnx(path)) for path in sorted(DATA.glob("*.onnx"))]
    return tuple(data for data in found if len(data) <= MAX_SEED)


def make_network(rng: random.Random, folder: Path) -> bytes:
    data = rng.choice(networks())
    if rng.random() < 0.25:
        return mutate_bytes(rng, data, rng.choice(networks()))
    return mutate_container(rng, data, ("nodes", "outputs"))


def read_network(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Decode a network; what is read is written and read again the same."""
    try:
        network = decode_network(data)
        again = encode_network(network)
    except InputError as error:
        return Outcome("refused", said(error))
    if encode_network(decode_network(again)) != again:
        raise Finding("a network that does not come back")
    return Outcome("loaded")


def make_query(rng: random.Random, folder: Path) -> bytes:
    seed = rng.randrange(CLAIMS)
    text = encode_query(claim(seed).query).decode()
    if rng.random() < 0.3:
        changed = mutate_bytes(rng, text.encode(), encode_query(claim(seed ^ 1).query))
    else:
        changed = mutate_json(rng, text).encode("utf-8", "surrogatepass")
    return seed.to_bytes(2, "little") + changed


def read_query(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Decode a query; whatever proof of it is accepted, no point of its domain speaks against."""
    seed, data = int.from_bytes(data[:2], "little"), data[2:]
    network = claim(seed).query.network
    network_digest = digest(encode_network(network))
    try:
        query = decode_query(data, network, network_digest)
    except InputError as error:
        return Outcome("refused", said(error))
    again = encode_query(query)
    if encode_query(decode_query(again, network, network_digest)) != again:
        raise Finding("a query that does not come back")
    accepted = any(_accepts(query, proof) for proof in proofs(seed))
    if accepted and _violation(query, claim(seed), rng):
        raise Finding("a proof of a false query is accepted")
    return Outcome("loaded: a proof is accepted" if accepted else "loaded")


def _accepts(query: Query, proof: bytes) -> bool:
    try:
        check(query, proof, network_digest="n", query_digest="q")
    except Rejection:
        return False
    return True


def _violation(query: Query, false: Target, rng: random.Random) -> bool:
    """Whether a point of the domain is known at which the unsafe formula holds."""
    if query.is_vacuous:
        return False
    points: list[Any] = [false.point]
    if all(high - low < fmpq(10) ** 9 for low, high in zip(query.lower, query.upper, strict=True)):
        points += [point for point, _, _ in sample(query, rng, 4)]
    replayer = Replayer(query)
    return any(replayer.replay(point).violates is True for point in points)


KINDS: Mapping[str, tuple[Maker, Reader]] = {
    "onnx": (make_onnx, read_onnx),
    "vnnlib": (make_vnnlib, read_vnnlib),
    "vnnlib2": (make_vnnlib2, read_vnnlib2),
    "certificate": (make_certificate, read_certificate),
    "network": (make_network, read_network),
    "query": (make_query, read_query),
}


def prepare(kind: str) -> None:
    """Make all that the files of a kind are made from, once."""
    if kind == "onnx":
        models()
    elif kind == "network":
        networks()
    elif kind == "vnnlib":
        properties()
    elif kind != "vnnlib2":
        for seed in range(CLAIMS):
            proofs(seed), checkers(seed)


def made(kind: str, seed: int, folder: Path) -> tuple[bytes, random.Random]:
    """The fuzzed file of a seed, and the generator for what is done with it."""
    rng = random.Random(f"{kind} {seed}")
    return KINDS[kind][0](rng, folder), rng


def trial(kind: str, seed: int, folder: Path, stage: Stage = lambda what: None) -> Outcome:
    """Make a file from a seed and read it.

    Raises:
        Finding: it was read wrongly; any other exception is a crash of the reader.
    """
    data, rng = made(kind, seed, folder)
    stage("reading")
    return KINDS[kind][1](data, rng, folder, stage)
