"""Where the time of `verifai verify` goes, part by part, and subproblems a second.

    python benchmarks/where_time_goes.py MODEL.onnx PROPERTY.vnnlib [--timeout 60]
    python benchmarks/where_time_goes.py FAMILY/instances.csv [--limit 5] [--timeout 60]

Every instance runs in a process of its own, with one worker. A part is a set of modules; a call
from one part into another starts the other's clock and stops the caller's, so that the columns add
up to the wall time. Calls inside a part are not timed, which keeps the cost of measuring small;
what a module belongs to is decided by its name (`PARTS`), so that no list of functions goes stale.
Byte code is compiled before the first measurement, as installing a package does.
"""

from __future__ import annotations

import argparse
import csv
import functools
import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

PARTS = {
    "verifai.load": "load",
    "verifai.search.attack": "attack",
    "verifai.bounds": "bounds",
    "verifai.search": "branching",
    "verifai.search.close": "LP",
    "verifai.solvers": "LP",
    "verifai.proof": "certificate",
    "verifai.kernel.files": "certificate",
    "verifai.kernel.bound": "check",
    "verifai.kernel.checker": "check",
    "verifai.kernel.context": "check",
    "verifai.kernel.replay": "check",
}
COLUMNS = ("start-up", "load", "attack", "bounds", "branching", "LP", "certificate", "check")
PATCHED = tuple(
    f"verifai.{room}" for room in ("search", "bounds", "solvers", "load", "proof", "kernel")
)


def part_of(module: str) -> str | None:
    """The part that a module belongs to by the longest name that fits; None: its caller's."""
    while module:
        if module in PARTS:
            return PARTS[module]
        module = module.rpartition(".")[0]
    return None


@dataclass
class Clock:
    """Seconds by part; one part runs at a time."""

    running: str = "start-up"
    since: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0.0))

    def switch(self, part: str) -> str:
        """Lets another part run; the one that ran before."""
        before, now = self.running, time.monotonic()
        self.seconds[before] += now - self.since
        self.running, self.since = part, now
        return before

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its time charged to a part."""

        @functools.wraps(function)
        def run(*args: Any, **options: Any) -> Any:
            if self.running == part:
                return function(*args, **options)
            before = self.switch(part)
            try:
                return function(*args, **options)
            finally:
                self.switch(before)

        return run


def instrument(clock: Clock) -> None:
    """Times every function and method that one part takes from another."""
    modules = [module for package in PATCHED for module in loaded(package)]
    modules.append(importlib.import_module("verifai.verify"))
    done: dict[int, object] = {}
    for module in modules:
        mine = part_of(module.__name__)
        for name, value in list(vars(module).items()):
            part = part_of(getattr(value, "__module__", None) or "")
            if part is None or part == mine or not isinstance(value, FunctionType | type):
                continue
            if id(value) not in done:
                done[id(value)] = value  # keeps the object, and with it its number
                if inspect.isclass(value):
                    time_methods(clock, part, value)
            if isinstance(value, FunctionType):
                setattr(module, name, clock.timed(part, value))


def loaded(package: str) -> list[ModuleType]:
    """The modules of a package that load with what is installed."""
    found = importlib.import_module(package)
    modules = [found]
    for each in pkgutil.iter_modules(found.__path__):
        name = f"{package}.{each.name}"
        if name in sys.modules or package in ("verifai.search", "verifai.bounds"):
            modules.append(importlib.import_module(name))
    return modules


def time_methods(clock: Clock, part: str, kind: type) -> None:
    """Times the public methods of a class, and its construction if that does something."""
    for name, value in list(vars(kind).items()):
        is_made = name == "__init__" and not is_dataclass(kind)
        if isinstance(value, FunctionType) and (is_made or not name.startswith("_")):
            setattr(kind, name, clock.timed(part, value))


def run_one(model: Path, property_file: Path, timeout: float, started: float) -> None:
    """Verifies in this process and prints the clock as JSON."""
    from verifai.api import query_from
    from verifai.bounds.memory import keep_memory
    from verifai.verify import Options

    keep_memory()
    clock = Clock(since=started)
    clock.switch("load")
    query = query_from(model, property_file)
    clock.switch("start-up")
    instrument(clock)
    clock.since = time.monotonic()  # what measuring itself costs is nobody's
    clock.switch("branching")
    verdict = importlib.import_module("verifai.verify").verify(
        query, Options(timeout=timeout, workers=1)
    )
    clock.switch("start-up")
    line = {"verdict": type(verdict).__name__, "nodes": verdict.effort.nodes}
    print(json.dumps(line | {"seconds": clock.seconds}))


def measure(model: Path, property_file: Path, timeout: float, cache: str) -> dict[str, Any]:
    """What `run_one` prints in a fresh process, with Python's byte code kept in this folder."""
    setting = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    setting["PYTHONPYCACHEPREFIX"] = cache
    asked = ["--one", repr(time.monotonic()), "--timeout", str(timeout)]
    command = [sys.executable, __file__, str(model), str(property_file), *asked]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=setting)
    if done.returncode:
        sys.exit(f"{model} {property_file}: {done.stderr.strip()}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def show(name: str, result: dict[str, Any]) -> None:
    """One line of the table: shares of the total in percent, subproblems by the search's time."""
    seconds = result["seconds"]
    total = sum(seconds.values())
    search = total - seconds["start-up"] - seconds["load"]
    shares = " ".join(f"{100 * seconds[c] / total:{max(8, len(c))}.1f}" for c in COLUMNS)
    rate = result["nodes"] / search
    print(f"{name[:44]:44s} {result['verdict']:9s} {total:8.2f} {shares} {rate:9.1f}", flush=True)


def instances(path: Path, limit: int) -> list[tuple[Path, Path]]:
    """Models and properties of an instances.csv, evenly chosen down to the limit."""
    with path.open(newline="") as file:
        rows = [(path.parent / row[0], path.parent / row[1]) for row in csv.reader(file) if row]
    step = max(1, -(-len(rows) // limit))
    return rows[::step]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, help="MODEL PROPERTY, or an instances.csv")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for each instance")
    parser.add_argument("--limit", type=int, default=10, help="instances of a family")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        run_one(*options.files, options.timeout, options.one)
        return
    heads = " ".join(f"{c:>{max(8, len(c))}}" for c in COLUMNS)
    print(f"{'shares in %':44s} {'verdict':9s} {'seconds':>8s} {heads} {'nodes/s':>9s}")
    is_family = options.files[0].suffix == ".csv"
    chosen = instances(options.files[0], options.limit) if is_family else [tuple(options.files)]
    total = {"verdict": "", "nodes": 0, "seconds": dict.fromkeys(COLUMNS, 0.0)}
    with tempfile.TemporaryDirectory() as cache:
        measure(*chosen[0], min(1.0, options.timeout), cache)  # compiles what later starts load
        for model, property_file in chosen:
            result = measure(model, property_file, options.timeout, cache)
            show(f"{model.stem} {property_file.stem}", result)
            total["nodes"] += result["nodes"]
            for part, seconds in result["seconds"].items():
                total["seconds"][part] += seconds
    if len(chosen) > 1:
        show("all", total)


if __name__ == "__main__":
    main()
