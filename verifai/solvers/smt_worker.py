"""The process of one solver: reads one request on standard input, prints one answer.

May import: the standard library, streams, smt, smtlib, z3 and cvc5 (on demand).
Must not know: networks.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from verifai.solvers.smt import Engine, encode_answer, rational_model
from verifai.solvers.smtlib import Script
from verifai.streams import own_output

FOREVER = 1e9  # seconds from which on a limit is none


def engine_named(name: str) -> Engine:
    """The solver of this name, in this process.

    Raises:
        ImportError: its package is missing.
        KeyError: there is no such solver.
    """
    if name == "z3":
        from verifai.solvers.z3 import Z3

        return Z3()
    if name == "cvc5":
        from verifai.solvers.cvc5 import Cvc5

        return Cvc5()
    raise KeyError(name)


def main() -> None:
    """Answer the request on standard input."""
    sys.set_int_max_str_digits(0)
    request: dict[str, Any] = json.load(sys.stdin)
    _limit(request["seconds"], request["memory_mib"])
    script = Script(request["body"], tuple(request["inputs"]), request["logic"])
    with own_output(for_good=True):
        print(encode_answer(rational_model(engine_named(request["solver"]), script)), flush=True)


def _limit(seconds: float | None, memory_mib: int) -> None:
    """Ends this process by itself if whoever started it has gone."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib << 20, memory_mib << 20))
    if seconds is not None and seconds < FOREVER:
        most = math.ceil(seconds) + 2
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
