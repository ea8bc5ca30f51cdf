"""Kept proofs: what a second run of tests costs, and what kills at random moments lose.

    python benchmarks/evidence.py [--runs 3] [--kills 100] [--only pytest|store|certify]

A pytest project of five properties runs with an empty store, then with a full one: both best times,
their ratio, and how many searches there were. Then processes that write into a store, and `certify`
into its folder, are killed so often; the script fails if anything that was kept is lost.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import verifai as vf
from tests.certify.kills import survive as survive_certify
from tests.evidence import project
from tests.evidence.kills import kept, survive
from verifai.proof.files import Files

DATA = Path(vf.__file__).parent / "data"
TESTS = """import numpy as np, pytest, verifai as vf

digits = np.load("digits.npz")
CASES = [*(("maxpool", i, parts) for i, parts in ((3, 16), (5, 16), (3, 15))),
         ("tanh", 1, 10), ("tanh", 3, 10)]

@pytest.mark.parametrize(("kind", "i", "parts"), CASES)
def test_a_digit_is_robust(proved, kind, i, parts):
    net, x = vf.load(f"digits_{kind}.onnx"), digits["images"][i] / 16
    label = int(digits["labels"][i])
    proved(vf.robust(net, x, eps=f"1/{parts}", label=label, clip=(0, 1)))
"""


def tests_run_twice(folder: Path, runs: int) -> None:
    """Prints the best times of first and second runs."""
    assert len([line for line in TESTS.splitlines() if line.strip()]) <= 10
    times: list[list[float]] = [[], []]
    counts = [0, 0]
    for run in range(runs):
        place = project.make(folder / str(run), TESTS)
        for name in ("digits_maxpool", "digits_tanh"):
            (place / f"{name}.onnx").write_bytes((DATA / f"{name}.onnx").read_bytes())
        for turn in (0, 1):
            start = time.perf_counter()
            done = project.pytest(place)
            times[turn].append(time.perf_counter() - start)
            counts[turn] = project.searches(place)
            if done.returncode != 0:
                sys.exit(done.stdout + done.stderr)
    first, second = map(min, times)
    print(
        f"five properties, best of {runs}: first run {first:.2f} s ({counts[0]} searches),", end=""
    )
    print(f" second run {second:.2f} s ({counts[1]} searches): {first / second:.1f} times faster")


def store_is_killed(folder: Path, kills: int) -> None:
    """Prints how often something was kept by two writers that were killed."""
    net = vf.load(DATA / "wave.onnx")
    queries = [vf.in_range(net, [(-1, 1)] * 2, lower=-9, upper=upper) for upper in range(5, 13)]
    found = [vf.verify(query, workers=1) for query in queries]
    proofs = [each.certificate for each in found if isinstance(each, vf.Verified)]
    count = survive(folder / "store", kept([Files.of(q) for q in queries], proofs), kills)
    print(f"store: {kills} kills of two writers, {count} files kept on the way, nothing lost")


def certify_is_killed(folder: Path, kills: int) -> None:
    """Prints how many answers `certify` kept, and that the kernel accepts all of them."""
    net, place = vf.load(DATA / "digits_mlp.onnx"), folder / "certified"
    with np.load(DATA / "digits_test.npz") as file:
        inputs, labels = file["images"][:40] / 16, file["labels"][:40].tolist()

    def work(jobs: int, save: Path | None = place) -> vf.Certification:
        eps = ["1/100", "1/25", "1/10"]
        return vf.certify(net, inputs, labels, eps=eps, clip=(0, 1), jobs=jobs, save=save)

    work(1, None)  # so that children need import nothing
    before = survive_certify(work, place, kills, most=1.5)
    again = work(2).recheck()
    if again.failures:
        sys.exit("\n".join(again.failures))
    print(f"certify: {kills} kills, {len(before)} answers kept on the way, nothing lost;", end=" ")
    print(f"{again.proofs} proofs and {again.counterexamples} counterexamples stand")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--only", choices=["pytest", "store", "certify"])
    asked = parser.parse_args()
    parts = {
        "pytest": lambda folder: tests_run_twice(folder, asked.runs),
        "store": lambda folder: store_is_killed(folder, asked.kills),
        "certify": lambda folder: certify_is_killed(folder, asked.kills),
    }
    for name, part in parts.items():
        if asked.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                part(Path(folder))


if __name__ == "__main__":
    main()
