"""How large pages are, and how long a browser takes to open them.

`python -m benchmarks.report_pages FOLDER [--benchmarks ../shared/benchmarks] [--results ours.csv]`
writes a digit's counterexample, a proof about ACAS Xu, a table of 96 rows and three theorems into
FOLDER and prints for each: seconds to make it, its size, seconds until a headless Chromium has
loaded it and run its scripts, what the browser complained of, and how much it asked for from
outside. Where a part of the benchmarks or the browser is missing, that is said.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import verifai as vf
from tests.chromium import Tab, tab
from verifai.cli import run
from verifai.kernel.errors import InputError
from verifai.report.terminal import table

ROOT = Path(__file__).parents[1]
DATA = Path(vf.__file__).parent / "data"
THEOREMS = ("yarotsky_square", "parity_bits", "sawtooth_depth")
ACAS = ("ACASXU_run2a_1_1_batch_2000.onnx", "prop_2.vnnlib")
MOST_SECONDS, MOST_BYTES, TIMES = 2.0, 3 << 20, 3


def digit(folder: Path) -> list[Path]:
    """A digit that is read wrongly, as a file of evidence."""
    with np.load(DATA / "digits_test.npz") as file:
        pixels, label = file["images"][0] / 16, int(file["labels"][0])
    query = vf.robust(
        vf.load(DATA / "digits_mlp.onnx"), pixels, eps="1/10", label=label, clip=(0, 1)
    )
    vf.verify(query, timeout=60).save(folder / "digit.proof")
    return [folder / "digit.proof"]


def acas(folder: Path, benchmarks: Path) -> list[Path]:
    """A proof about an ACAS Xu network."""
    files = []
    for name, part in zip(ACAS, ("onnx", "vnnlib"), strict=True):
        path = benchmarks / "acasxu" / part / f"{name}.gz"
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        (folder / name).write_bytes(gzip.decompress(path.read_bytes()))
        files.append(folder / name)
    query = vf.query_from(*files)
    vf.verify(query, timeout=300).save(folder / "acas.proof")
    return [folder / "acas.proof"]


def instances(benchmarks: Path, results: Path | None) -> list[Path]:
    """A table of 96 rows: ours, if it is given, and those of others."""
    found = sorted((benchmarks / "peers").glob("*_acasxu.csv"))
    if not found and results is None:
        raise InputError(f"{benchmarks / 'peers'}: no tables of others")
    return [*([] if results is None else [results]), *found]


def theorems() -> list[Path]:
    """The stored proofs of three theorems."""
    return [ROOT / "proofs" / name for name in THEOREMS]


def pages(folder: Path, benchmarks: Path, results: Path | None) -> Iterator[list[str]]:
    """One row a page: its name, seconds to make it, bytes."""
    makers: dict[str, Callable[[], list[Path]]] = {
        "digit": lambda: digit(folder),
        "acas": lambda: acas(folder, benchmarks),
        "instances": lambda: instances(benchmarks, results),
        "theorems": theorems,
    }
    for name, make in makers.items():
        try:
            sources = [str(path) for path in make()]
        except InputError as error:
            print(f"{name}: left out ({error})")
            continue
        out, start = folder / f"{name}.html", time.perf_counter()
        if run(["report", *sources, "-o", str(out), "--title", name]) != 0:
            raise SystemExit(f"{name}: no page")
        yield [name, f"{time.perf_counter() - start:.2f}", str(out.stat().st_size)]


def opened(browser: Tab, page: Path) -> list[str]:
    """Seconds until it is there and those of work (the best of TIMES), complaints, requests."""
    browser.complaints.clear()
    browser.requests.clear()
    seconds, work = [], []
    for _ in range(TIMES):
        seconds.append(browser.open(page))
        work.append(busy(browser))
    outside = [r for r in browser.requests if not r.startswith(("data:", "file:"))]
    times = [f"{min(seconds):.2f}", f"{min(work):.2f}"]
    return [*times, str(len(browser.complaints)), str(len(outside))]


def busy(browser: Tab) -> float:
    """Seconds of the processor that the tab has used for this page."""
    metrics = browser.call("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


def main() -> None:
    """Makes the pages, opens them, and prints a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--benchmarks", type=Path, default=ROOT.parent / "shared" / "benchmarks")
    parser.add_argument("--results", type=Path, help="a table of `verifai bench --out`")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    rows = list(pages(chosen.folder, chosen.benchmarks, chosen.results))
    try:
        with tab() as browser:
            browser.call("Performance.enable", timeDomain="threadTicks")
            browser.open(chosen.folder / f"{rows[0][0]}.html")  # the browser's own start
            rows = [[*row, *opened(browser, chosen.folder / f"{row[0]}.html")] for row in rows]
    except pytest.skip.Exception as skipped:
        print(skipped)
        rows = [[*row, *"––––"] for row in rows]
    heads = ["page", "made in s", "bytes", "opens in s", "works for s", "complaints", "requests"]
    print(table(heads, rows))
    late = [r[0] for r in rows if r[3] != "–" and float(r[3]) > MOST_SECONDS]
    large = [r[0] for r in rows if int(r[2]) > MOST_BYTES]
    loud = [r[0] for r in rows if set(r[5:]) - {"–", "0"}]
    for found, said in ((late, "slow"), (large, "large"), (loud, "not silent")):
        if found:
            print(f"{said}: {', '.join(found)}")


if __name__ == "__main__":
    main()
