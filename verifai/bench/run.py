"""Instances run one process each, their certificates re-checked by processes that saw no search.

May import: instances, process. Must not know: how the processes find answers.
"""

from __future__ import annotations

import gzip
import re
import shutil
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import verifai
from verifai.bench.instances import Instance, Result
from verifai.bench.process import Fleet, measure
from verifai.kernel.errors import InputError

GRACE = 15.0  # seconds between an instance's time-out and the end of its process
CHECK_LIMIT = 1200.0
_HEARS = 0.2  # seconds: a signal that comes just before a wait begins does not end it
_VERDICTS = {"verified": "unsat", "falsified": "sat", "unknown": "unknown", "timeout": "timeout"}
_VERIFAI = (sys.executable, "-m", "verifai")


@dataclass(frozen=True, slots=True)
class Recheck:
    """What became of a certificate in a process that did not make it."""

    result: str = ""  # accepted, or why not
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """How instances are run.

    Attributes:
        timeout: seconds instead of the instances' own; None: their own.
        check: whether every certificate is re-checked, from the original files and by a copy of
            the kernel alone.
        jobs: how many instances at once.
        workers: processes of one search; None: its own choice.
        keep: where certificates stay; None: nowhere.
    """

    timeout: float | None = None
    check: bool = False
    jobs: int = 1
    workers: int | None = None
    keep: Path | None = None


def run_all(
    instances: Sequence[Instance],
    folder: Path,
    plan: BenchPlan,
    *,
    done: Callable[[int, Result], None] = lambda number, result: None,
) -> list[Result]:
    """Every instance's result, in order; `done` hears of each when it is there.

    Args:
        instances: what to run.
        folder: where their files lie, with or without .gz.
        plan: how.
        done: called with the position and the result.

    Returns:
        A result for each; where a file is missing or cannot be unpacked its verdict is "error".
    """
    with tempfile.TemporaryDirectory(prefix="verifai-bench-") as temporary:
        workshop = Workshop(folder, Path(temporary), plan)
        missing = {i: reason for i in instances if (reason := workshop.missing(i))}

        def one(numbered: tuple[int, Instance]) -> Result:
            number, instance = numbered
            if instance in missing:
                paths = (instance.onnx, instance.vnnlib)
                result = Result(*paths, "error", instance.expected, message=missing[instance])
            else:
                result = workshop.run(number, instance)
            if not workshop.fleet.is_over:
                done(numbered[0], result)
            return result

        if plan.jobs == 1:
            return [one(numbered) for numbered in enumerate(instances)]
        pool = ThreadPoolExecutor(plan.jobs)
        try:
            futures = [pool.submit(one, numbered) for numbered in enumerate(instances)]
            return [_awaited(future) for future in futures]
        finally:  # where it is interrupted, nothing that runs or waits is waited for
            pool.shutdown(wait=False, cancel_futures=True)
            workshop.fleet.end()
            pool.shutdown()


def _awaited(future: Future[Result]) -> Result:
    while not future.done():
        wait([future], timeout=_HEARS)
    return future.result()


@dataclass(slots=True)
class Workshop:
    """A folder of unpacked files and certificates, and the processes that work on them."""

    source: Path
    folder: Path
    plan: BenchPlan
    fleet: Fleet = field(default_factory=Fleet)
    _local: dict[str, Path] = field(default_factory=dict)
    _copying: threading.Lock = field(default_factory=threading.Lock)

    def local(self, name: str) -> Path:
        """Where the file of this name lies, unpacked if it was gzipped.

        Raises:
            InputError: there is no such file, with or without .gz.
        """
        if name not in self._local:
            plain, packed = self.source / name, self.source / f"{name}.gz"
            if plain.is_file():
                self._local[name] = plain.resolve()
            elif packed.is_file():
                target = self.folder / "files" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with gzip.open(packed) as packed_file, target.open("wb") as file:
                    shutil.copyfileobj(packed_file, file)
                self._local[name] = target
            else:
                raise InputError(f"{plain}: no such file, nor with .gz")
        return self._local[name]

    def missing(self, instance: Instance) -> str:
        """Why a file of the instance cannot be had; empty if both can."""
        try:
            self.local(instance.onnx)
            self.local(instance.vnnlib)
        except (InputError, OSError, ValueError, EOFError, zlib.error) as error:
            return " ".join(str(error).split())
        return ""

    def run(self, number: int, instance: Instance) -> Result:
        """Solve one instance and, if the plan says so, re-check its certificate."""
        certificate = self._certificate(number, instance)
        result = self._solve(instance, certificate)
        if certificate.is_file():
            result = replace(result, certificate_bytes=certificate.stat().st_size)
            if self.plan.check:
                check = self.recheck(instance, certificate)
                alone = self.recheck_standalone(certificate)
                result = replace(
                    result,
                    check=check.result,
                    check_seconds=check.seconds,
                    standalone=alone.result,
                    standalone_wall_seconds=alone.seconds,
                )
        elif self.plan.check and result.verdict == "unsat":
            result = replace(result, check="no certificate")
        return result

    def _certificate(self, number: int, instance: Instance) -> Path:
        folder = self.plan.keep or self.folder / "certificates"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (re.sub(r"[^\w.=-]+", "_", f"{number:04}_{instance.name}") + ".cert")
        path.unlink(missing_ok=True)
        return path

    def _solve(self, instance: Instance, certificate: Path) -> Result:
        timeout = instance.timeout if self.plan.timeout is None else self.plan.timeout
        command = [*_VERIFAI, "verify", *self._files(instance), "--json"]
        command += ["--no-float32", "--timeout", str(timeout), "--certificate", str(certificate)]
        if self.plan.workers is not None:
            command += ["--workers", str(self.plan.workers)]
        ended = measure(command, limit=timeout + GRACE, fleet=self.fleet)
        said = ended.answer()
        verdict = _VERDICTS.get(str(said.get("verdict")), "error")
        if ended.was_killed:
            verdict, said = "timeout", {"error": f"killed {GRACE:g} s after its time-out"}
        return Result(
            instance.onnx,
            instance.vnnlib,
            verdict,
            instance.expected,
            wall_seconds=round(ended.seconds, 3),
            search_seconds=round(float(said.get("search_seconds", 0.0)), 3),
            kernel_seconds=round(float(said.get("check_seconds", 0.0)), 3),
            peak_mib=round(ended.peak_mib, 1),
            message=str(said.get("error", said.get("reason", said.get("warning", "")))),
            vacuous=said.get("vacuous") is True,
        )

    def _files(self, instance: Instance) -> list[str]:
        return [str(self.local(instance.onnx)), str(self.local(instance.vnnlib))]

    def recheck(self, instance: Instance, certificate: Path) -> Recheck:
        """`verifai check` on the original files; its time is without start-up and loading."""
        command = [*_VERIFAI, "check", *self._files(instance), str(certificate), "--json"]
        ended = measure(command, limit=CHECK_LIMIT, fleet=self.fleet)
        said = ended.answer()
        if ended.code == 0 and said.get("accepted") is True:
            return Recheck("accepted", round(float(said["check_seconds"]), 3))
        reason = f"{said.get('rule')}: {said.get('reason')}" if "rule" in said else ended.complaint
        return Recheck(f"not accepted: {reason}", round(ended.seconds, 3))

    def recheck_standalone(self, certificate: Path) -> Recheck:
        """A copy of the kernel, with nothing else of ours, on the canonical files."""
        home = self.folder / "alone"
        with self._copying:
            if not home.exists():
                package = Path(verifai.__file__).parent
                ignored = shutil.ignore_patterns("__pycache__")
                partial = self.folder / "copying"
                shutil.copytree(package / "kernel", partial / "verifai" / "kernel", ignore=ignored)
                (partial / "verifai" / "__init__.py").write_text('"""The kernel alone."""\n')
                partial.rename(home)
        names = [f"{certificate}.network", f"{certificate}.query.json", str(certificate)]
        command = [sys.executable, "-m", "verifai.kernel", *names]
        ended = measure(command, limit=CHECK_LIMIT, home=home, fleet=self.fleet)
        is_right = ended.code == 0 and not ended.was_killed
        result = "accepted" if is_right else f"not accepted: {ended.complaint}"
        return Recheck(result, round(ended.seconds, 3))
