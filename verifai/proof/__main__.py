"""python -m verifai.proof NETWORK QUERY CERTIFICATE OUT: a certificate of format 1 in format 2.

What is written is judged by nobody here: the kernel does that. Exit code 0: written. 1: it is no
certificate of format 1 about these files. 4: a file cannot be read or written, or wrong usage.

May import: kernel, the floor's own parts. Must not know: what a proof proves.
"""

from __future__ import annotations

import sys
from pathlib import Path

from verifai.kernel.errors import InputError, Rejection, Unable
from verifai.proof.files import Files
from verifai.proof.upgrade import upgraded

USAGE = "usage: python -m verifai.proof NETWORK QUERY CERTIFICATE OUT"


def main(arguments: list[str]) -> int:
    """The exit code, after writing the certificate."""
    if len(arguments) != 4 or arguments[0].startswith("-"):
        print(f"error: {USAGE}", file=sys.stderr)
        return 4
    network, query, certificate, out = map(Path, arguments)
    try:
        files = Files(network.read_bytes(), query.read_bytes())
        out.write_bytes(upgraded(certificate.read_bytes(), files))
    except Rejection as rejection:
        print(f"rejected: {rejection}")
        return 1
    except (InputError, Unable, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    print(f"written: {out}; python -m verifai.kernel {network} {query} {out} checks it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
