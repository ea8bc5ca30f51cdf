"""Tries adversarial certificates against false claims, in both arithmetics, and counts.

    python benchmarks/adversarial.py --first 1000 --last 3100 [--smooth]

Every claim is false by an exact counterexample; certificates are valid proofs of nearby true
claims, random ones, mutations, damaged bytes, and steps of a hill climb on the kernel's bound.
Exits 1 at the first that is accepted.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.kernel.adversarial import smooth_target, target
from tests.kernel.test_adversarial import run


def main() -> None:
    """Runs the seeds in groups and prints what was tried so far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--last", type=int, default=3100)
    parser.add_argument("--each", type=int, default=50, help="certificates a claim")
    parser.add_argument("--smooth", action="store_true", help="networks of smooth functions")
    options = parser.parse_args()
    make = smooth_target if options.smooth else target
    start, made, counts = time.perf_counter(), Counter[str](), Counter[str]()
    for seed in range(options.first, options.last, 10):
        more, why = run(range(seed, min(seed + 10, options.last)), options.each, make)
        made += more
        counts += why
        seconds = time.perf_counter() - start
        print(f"seeds to {seed + 10}: {counts['certificates']} tried, 0 accepted, {seconds:.0f} s")
    print(f"how made: {dict(made)}\nrejected by rule: {dict(counts)}")


if __name__ == "__main__":
    main()
