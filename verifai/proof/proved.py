"""The second checker, whose soundness is a theorem of Coq: a program that `make proved` builds.

It reads the same files as the kernel. Nothing here says yes by itself: what is not the program's
word of acceptance, with its exit code, is an error or a rejection.

May import: kernel, the floor's own files. Must not know: what a proof proves.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from verifai.kernel.errors import InputError, Rejection, Unable
from verifai.proof.files import Files

PROGRAM = "verifai-proved"
BUILT = Path(__file__).parents[2] / "build" / "kernel" / PROGRAM
MISSING = (
    "the proved checker is not there: run make proved in a checkout of verifai (it needs Coq and "
    f"OCaml, as docs/proved.md says), or put {PROGRAM} on the PATH"
)
ACCEPTED = "accepted: proved"
REFUSED = re.compile(r"refused: rule (\w+): (.*)")


def program() -> Path:
    """The checker: of the checkout that this package lies in, or else on the PATH.

    Raises:
        InputError: there is none.
    """
    found = BUILT if BUILT.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise InputError(MISSING)
    return Path(found)


def require_proved(files: Files, certificate: bytes) -> None:
    """The proved checker accepts the certificate of these files, or this raises.

    Args:
        files: the network and the query, as the kernel reads them.
        certificate: of format 2.

    Raises:
        Rejection: it refuses; the rule is "uncovered" where it does not know something yet.
        InputError: there is no such program.
        Unable: it broke off.
    """
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / part for part in ("network", "query", "certificate")]
        for path, data in zip(paths, (files.network, files.query, certificate), strict=True):
            path.write_bytes(data)
        done = subprocess.run(
            ["sh", "-c", 'ulimit -s "$(ulimit -H -s)"; exec "$0" "$@"', program(), *paths],
            capture_output=True,
            text=True,
            check=False,
        )
    last = done.stdout.rstrip().rpartition("\n")[2]
    if (done.returncode, last) == (0, ACCEPTED):
        return
    if done.returncode == 1 and (refused := REFUSED.fullmatch(last)):
        raise Rejection(refused[1], f"the proved checker: {refused[2]}")
    said = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
    raise Unable(f"the proved checker broke off: {said}")
