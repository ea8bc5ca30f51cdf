"""Fuzzed certificates, network files and query files, and what reading one must do."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

from flint import fmpq

from tests.kernel.adversarial import Target, encoded, is_false, target, valid_tree
from tests.kernel.proofs import ANY, sample
from tests.load.fuzz_bytes import mutate_bytes, mutate_certificate, mutate_container, mutate_json
from tests.load.fuzz_outcome import DATA, MAX_SEED, Finding, Outcome, Stage, said
from verifai.kernel.checker import Checker, judge
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.files.certificate import decode_certificate
from verifai.kernel.files.container import digest
from verifai.kernel.files.network import decode_network
from verifai.kernel.files.query import decode_query
from verifai.kernel.query import Or, Query
from verifai.kernel.replay import Replayer
from verifai.load.onnx.read import load_onnx
from verifai.proof.network import encode_network
from verifai.proof.query import encode_query


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
        changed = mutate_certificate(rng, data)
    return seed.to_bytes(2, "little") + changed


def read_certificate(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Check a certificate of a false claim; the first two bytes say which claim."""
    try:
        proof = decode_certificate(data[2:], *ANY)
        for checker in checkers(int.from_bytes(data[:2], "little")):
            for rejection in (leaf.reason for leaf in checker.open_leaves(proof)):
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
        judge(query, decode_certificate(proof, *ANY))
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
