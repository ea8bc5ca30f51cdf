"""Makes claims, constants and networks of the gallery wrong, one at a time: each must be noticed.

    python benchmarks/theorem_mutations.py [--only MODULE] [--first 0] [--last 200]

A change is noticed if its theorem, run with small parameters, fails or ends with an error. One that
is listed with a reason leaves everything true and must survive. Exits 1 if one survives that should
not, or is noticed that should not be, or if its text no longer occurs in the module exactly once.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import sys
import time
import tomllib
import types
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
GALLERY = "verifai.theorems"
KEPT = {f"{GALLERY}.{name}" for name in ("claim", "evidence", "run")}


class Change(NamedTuple):
    """One mutation of a theorem's source.

    Attributes:
        module: the theorem.
        old, new: what is replaced by what.
        file: the module whose text is changed; "": the theorem's own.
        claims: the claims that are run; none: all.
        sizes: parameters other than the small ones.
        why: the reason for which it must survive.
    """

    module: str
    old: str
    new: str
    file: str = ""
    claims: tuple[str, ...] = ()
    sizes: dict[str, int] = {}  # noqa: RUF012
    why: str = ""

    @property
    def path(self) -> Path:
        """The file whose text is changed."""
        return ROOT / "verifai" / "theorems" / f"{self.file or self.module}.py"


CHANGES = [
    Change(**{**entry, "claims": tuple(entry.get("claims", ()))})
    for entry in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["change"]
]


def main() -> int:
    """Runs the changes asked for; 1 if one is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=len(CHANGES))
    parser.add_argument("--only", default="", help="a theorem")
    options = parser.parse_args()
    wrong = ran = 0
    for number in range(options.first, min(options.last, len(CHANGES))):
        change = CHANGES[number]
        if options.only in ("", change.module):
            ran += 1
            wrong += is_wrong(number, change)
    print(f"{wrong} of {ran} changes are not as they should be")
    return int(wrong > 0)


def is_wrong(number: int, change: Change) -> bool:
    """Runs a change and says what became of it."""
    start = time.monotonic()
    said = noticed(change)
    is_bad = bool(said) == bool(change.why)
    what = f"noticed: {said}" if said else f"survives ({change.why or 'WHY?'})"
    mark = "!!" if is_bad else "ok"
    spent = time.monotonic() - start
    print(f"{mark} {number} {change.module} {spent:.1f} s: {change.new!r}: {what}", flush=True)
    return is_bad


def noticed(change: Change) -> str:
    """How the theorem fails with the change; "" if it holds."""
    from tests.theorems.test_gallery import SMALL

    text = change.path.read_text("utf-8")
    if text.count(change.old) != 1:
        raise SystemExit(f"{change.module}: {change.old!r} occurs {text.count(change.old)} times")
    module = f"{GALLERY}.{change.file or change.module}"
    try:
        theorem = loaded(change, module, text.replace(change.old, change.new))
        sizes = {**SMALL[change.module], **change.sizes}
        return failing(theorem, dataclasses.replace(theorem.defaults, **sizes), change.claims)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:100] if str(error) else ''}"


def loaded(change: Change, module: str, text: str) -> Any:
    """The theorem, after its modules were loaded anew, one of them from this text."""
    for name in [name for name in sys.modules if name.startswith(f"{GALLERY}.")]:
        if name not in KEPT:
            del sys.modules[name]
    made = types.ModuleType(module)
    made.__file__ = str(change.path)
    sys.modules[module] = made
    setattr(importlib.import_module(GALLERY), module.rpartition(".")[2], made)
    exec(compile(text, str(change.path), "exec"), made.__dict__)
    return importlib.import_module(f"{GALLERY}.{change.module}").THEOREM


def failing(theorem: Any, parameters: Any, wanted: tuple[str, ...]) -> str:
    """The first problem."""
    from verifai.theorems.run import Checked

    for claim in theorem.claims(parameters):
        if not wanted or claim.name in wanted:
            problem = Checked(claim, claim.check(), 0.0).problem
            if problem:
                return str(problem)
    return ""


if __name__ == "__main__":
    sys.exit(main())
