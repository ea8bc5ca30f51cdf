"""python -m verifai.kernel NETWORK QUERY CERTIFICATE [--exact]: the checker alone.

Exit code 0: accepted, after the statement was printed. 1: rejected, with the rule. 4: everything
else. Nothing else ends in 0 or 1, so all imports and all work happen inside of `guarded`.

May import: everything of the kernel. Must not know: anything else of verifai.
"""

from __future__ import annotations

import mmap
import os
import sys
import traceback
from pathlib import Path

USAGE = "usage: python -m verifai.kernel NETWORK QUERY CERTIFICATE [--exact]"
HELP = f"""{USAGE}

Checks that CERTIFICATE proves what the canonical files NETWORK and QUERY say, and prints it.
  --exact  in exact rational arithmetic throughout (slower)
Exit code 0: accepted, and nothing else ends in 0. 1: rejected, with the rule. 4: the network or
the query is unreadable, the check could not be carried out (memory, an interruption, arithmetic
that is not binary64), the command line is wrong, or this help was printed."""
SPARE = 1 << 28  # bytes for libraries that end the process, with 1, where they get none


def guarded(arguments: list[str]) -> int:
    """The exit code; whatever else happens, the process ends here with 4."""
    code = None
    try:
        code = main(arguments)
    finally:
        if code is None:
            try:
                traceback.print_exc()
                print("error: the check broke off; nothing is judged", file=sys.stderr, flush=True)
            finally:
                os._exit(4)
    return code


def main(arguments: list[str]) -> int:
    """The exit code, after printing what was found."""
    if {"--help", "-h"} & {*arguments}:
        print(HELP)
        return 4
    files = [a for a in arguments if a != "--exact"]
    if len(files) != 3 or len(arguments) - len(files) > 1 or files[0].startswith("-"):
        print(f"error: {USAGE}", file=sys.stderr)
        return 4
    from verifai.kernel.errors import InputError, Rejection, Unable

    try:
        mmap.mmap(-1, SPARE).close()
        print(_check(*files, exact="--exact" in arguments), flush=True)
    except Rejection as rejection:
        print(f"rejected: {rejection}", flush=True)
        return 1
    except (InputError, Unable, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    except (MemoryError, RecursionError, KeyboardInterrupt) as error:
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else "memory ran out"
        print(f"error: {what}; nothing is judged", file=sys.stderr)
        return 4
    return 0


def _check(network_path: str, query_path: str, certificate_path: str, *, exact: bool) -> str:
    """What was proved; raises whatever stands against it."""
    from verifai.kernel.check import MAX_NETWORK, check
    from verifai.kernel.files.certificate import MAX_BYTES
    from verifai.kernel.files.container import digest
    from verifai.kernel.files.query import MAX_QUERY
    from verifai.kernel.statement import statement

    network, query = _read(network_path, MAX_NETWORK), _read(query_path, MAX_QUERY)
    found = check(network, query, _read(certificate_path, MAX_BYTES), exact=exact)
    kind = "exact" if exact else "rounded"
    return (
        f"{statement(found.query, vacuous=found.vacuous)}\n"
        f"network sha256 {digest(network)}\nquery sha256 {digest(query)}\n"
        f"accepted: {found.nodes} tree nodes, {found.leaves} leaves, {kind} arithmetic"
    )


def _read(path: str, most: int) -> bytes:
    """The file's bytes, one more than `most` if it is longer (which its reader refuses)."""
    from verifai.kernel.errors import InputError

    try:
        size = Path(path).stat().st_size
        with Path(path).open("rb") as file:
            return file.read(min(size, most) + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(guarded(sys.argv[1:]))
