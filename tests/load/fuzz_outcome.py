"""What reading one fuzzed file came to: refused with a sentence, loaded rightly, or a finding."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import verifai
from verifai.kernel.errors import InputError, Rejection

DATA = Path(verifai.__file__).parent / "data"
BENCHMARKS = Path(__file__).parents[2] / ".." / "shared" / "benchmarks"
MAX_SEED = 20_000  # bytes of a file that is mutated


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


def said(error: InputError | Rejection) -> str:
    """The message, one that can be printed."""
    text = str(error)
    if not text.strip():
        raise Finding("an error without a sentence")
    return text
