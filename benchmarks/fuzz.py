"""Reads fuzzed files of every kind under limits of time and memory, and counts what they came to.

    python benchmarks/fuzz.py --files 100000
    python benchmarks/fuzz.py --kind onnx --first 500 --files 1000 --show

Files are mutated real ones: networks (ONNX), properties (VNN-LIB 1 and 2), certificates of false
claims, and canonical network and query files. A reader must succeed or refuse with a sentence; a
network that loads must compute what onnxruntime computes, a property must mean what an independent
reader makes of it, a certificate of a false claim is never accepted. Exits 1 after findings.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.load.fuzz_cases import KINDS, prepare
from tests.load.fuzz_run import Report, fuzz, general

SHARES = {"onnx": 5, "vnnlib": 2, "vnnlib2": 1, "certificate": 1, "network": 0.5, "query": 0.5}

EACH = 2000  # files until a line of progress


def show(kind: str, report: Report, seconds: float, more: bool) -> None:
    """Prints what the files of one kind came to."""
    print(f"{kind}: {report.files} files, {seconds:.0f} s")
    for result, count in report.outcomes.most_common():
        print(f"  {count:7} {result}")
    print(
        f"  slowest {report.slowest[0]:.2f} s (seed {report.slowest[1]}), "
        f"largest {report.largest[0] >> 20} MiB (seed {report.largest[1]})"
    )
    for (result, detail), count in report.details.most_common() if more else []:
        print(f"    {count:6} {result}: {detail} (seed {report.examples[result, detail]})")
    kinds = Counter(general(finding) for finding in report.findings.values())
    for what, count in kinds.most_common():
        seeds = [seed for seed, finding in report.findings.items() if general(finding) == what]
        print(f"  FINDING {count} times, {kind} seeds {seeds[:6]}: {report.findings[seeds[0]]}")
    sys.stdout.flush()


def main() -> None:
    """Runs the kinds one after another."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", choices=[*KINDS], help="only this kind")
    parser.add_argument("--files", type=int, default=100_000, help="in all")
    parser.add_argument("--first", type=int, default=0, help="seed of the first file of each kind")
    parser.add_argument("--show", action="store_true", help="reasons and examples, too")
    options = parser.parse_args()
    kinds = [options.kind] if options.kind else [*KINDS]
    whole = sum(SHARES[kind] for kind in kinds)
    for kind in kinds:
        prepare(kind)
    found = 0
    for kind in kinds:
        start, count = time.perf_counter(), round(options.files * SHARES[kind] / whole)
        last, report = options.first + count, Report()
        for seed in range(options.first, last, EACH):
            before = set(report.findings)
            fuzz(kind, range(seed, min(seed + EACH, last)), report)
            for new in report.findings.keys() - before:
                print(f"  {kind} seed {new}: {report.findings[new]}", file=sys.stderr)
            seconds = time.perf_counter() - start
            said = f"{kind}: {report.files} files, {len(report.findings)} findings, {seconds:.0f} s"
            print(said, file=sys.stderr)
        show(kind, report, time.perf_counter() - start, options.show)
        found += len(report.findings)
    print(f"{found} findings")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
