"""The checker of the theorem as a program: on stored, on wrong and on damaged certificates."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import verifai as vf
from tests.kernel.adversarial import Judge, attempts, is_false, target
from verifai.proof.files import Files
from verifai.proof.upgrade import upgraded

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "tests" / "kernel"
NETWORK, QUERY = KERNEL / "corpus" / "network", KERNEL / "corpus" / "query"
REJECT = sorted((KERNEL / "reject").glob("*.certificate"))
STORED = sorted((ROOT / "proofs").glob("*/*.cert"))
COVERED = [path for path in STORED if path.parent.name != "smooth_functions"]


def judged(program: Path, network: Path, query: Path, certificate: Path) -> tuple[int, str, str]:
    """The exit code, the last line and everything before it."""

    def deep() -> None:
        hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
        resource.setrlimit(resource.RLIMIT_STACK, (hard, hard))

    words = [program, network, query, certificate]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=300, preexec_fn=deep
    )
    before, _, last = (done.stdout + done.stderr).rstrip().rpartition("\n")
    return done.returncode, last, before


def test_every_program_file_is_explained() -> None:
    readme = (ROOT / "proofs" / "kernel" / "README.md").read_text("utf-8")
    files = list((ROOT / "proofs" / "kernel" / "program").glob("*.ml"))
    assert len(files) > 5
    assert all(f"`{path.name}`" in readme for path in files)


def test_what_is_believed_in_ocaml_is_short() -> None:
    folder = ROOT / "proofs" / "kernel" / "program"
    names = ("number", "json", "sha256", "reader", "main", "judge")
    lines = [
        line
        for name in names
        for line in (folder / f"{name}.ml").read_text("utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith("(*")
    ]
    assert len(lines) <= 530


@pytest.mark.parametrize("path", COVERED, ids=lambda path: path.stem)
def test_stored_certificates_are_accepted(program: Path, tmp_path: Path, path: Path) -> None:
    network, query = Path(f"{path}.network"), Path(f"{path}.query.json")
    files = Files(network.read_bytes(), query.read_bytes())
    (tmp_path / "certificate").write_bytes(upgraded(path.read_bytes(), files))
    code, last, before = judged(program, network, query, tmp_path / "certificate")
    assert (code, last) == (0, "accepted: proved"), before
    assert hashlib.sha256(network.read_bytes()).hexdigest() in before
    assert "over the real numbers" in before


def test_check_asks_it_too(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifai.proof.proved.BUILT", program)
    path = ROOT / "proofs" / "stable_exists" / "stable-0.cert"
    network, query = Path(f"{path}.network"), Path(f"{path}.query.json")
    files = Files(network.read_bytes(), query.read_bytes())
    assert vf.check(files.question, path.read_bytes(), proved=True).leaves == 5
    other = ROOT / "proofs" / "smooth_functions" / "exp-2.cert"
    network, query = Path(f"{other}.network"), Path(f"{other}.query.json")
    question = Files(network.read_bytes(), query.read_bytes()).question
    with pytest.raises(vf.Rejection, match="the proved checker"):
        vf.check(question, other.read_bytes(), proved=True)


def test_what_must_be_rejected_is_refused(program: Path) -> None:
    assert len(REJECT) > 80
    for path in REJECT:
        rule = path.name.partition(".")[0]
        code, last, _ = judged(program, NETWORK, QUERY, path)
        assert code == 1, path.name
        assert last.startswith(f"refused: rule {rule}: "), last


def test_what_is_accepted_is_accepted_by_the_kernel_too(program: Path) -> None:
    for name in ("close", "split", "derive-close"):
        path = KERNEL / "accept" / f"{name}.certificate"
        assert judged(program, NETWORK, QUERY, path)[:2] == (0, "accepted: proved")


def test_a_certificate_of_another_query_is_refused(program: Path, tmp_path: Path) -> None:
    path = KERNEL / "accept" / "close.certificate"
    data = json.loads(QUERY.read_text("utf-8"))
    data["inputs"][0]["upper"][0] += "0"
    (tmp_path / "query").write_text(json.dumps(data), "utf-8")
    code, last, _ = judged(program, NETWORK, tmp_path / "query", path)
    assert (code, last) == (1, "refused: rule digest: the certificate is about another query")


@pytest.mark.parametrize("seed", range(6))
def test_no_false_claim_is_accepted(program: Path, tmp_path: Path, seed: int) -> None:
    claim = target(seed)
    assert is_false(claim)
    files, judge = Files.of(claim.query), Judge(claim, Counter())
    (tmp_path / "network").write_bytes(files.network)
    (tmp_path / "query").write_bytes(files.query)
    head = b"".join(bytes.fromhex(digest) for digest in files.digests)
    paths = []
    for number, (_, data) in enumerate(attempts(seed, 40, claim, judge)):
        paths.append(tmp_path / f"{number}.certificate")
        paths[-1].write_bytes(data[:8] + head + data[8 + len(head) :])
    words = [program, tmp_path / "network", tmp_path / "query", *paths]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    verdicts = [line for line in done.stdout.splitlines() if line.startswith(("acc", "refused: "))]
    assert done.returncode == 1, done.stderr
    assert len(verdicts) == len(paths) > 30
    assert all(line.startswith("refused: rule ") for line in verdicts)


@pytest.mark.parametrize(
    "change", [b"verifai-network-2", b"verifai-query-9", b'"<"x', b"NaN", b"0.5"]
)
def test_files_that_cannot_be_read_are_told(program: Path, tmp_path: Path, change: bytes) -> None:
    data = NETWORK.read_bytes()
    if change == b"verifai-network-2":
        (tmp_path / "network").write_bytes(data.replace(b"verifai-network-1", change))
        shutil.copy(QUERY, tmp_path / "query")
    else:
        shutil.copy(NETWORK, tmp_path / "network")
        text = QUERY.read_bytes().replace(b'"verifai-query-1"', b'"' + change + b'"', 1)
        if change == b"0.5":
            text = QUERY.read_bytes().replace(b'"integer":[', b'"integer":[0.5,', 1)
            text = text.replace(b'"integer": [', b'"integer": [0.5,', 1)
        (tmp_path / "query").write_bytes(text)
    path = KERNEL / "accept" / "close.certificate"
    assert judged(program, tmp_path / "network", tmp_path / "query", path)[0] == 4
