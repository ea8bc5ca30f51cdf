"""A folder of evidence: each file named by its query's digest, and which property asked for it.

Many processes may write at once, and be killed at any moment: a file is written beside its place
and moved there, the evidence before the line that names it. Two writers of one query write evidence
of one query. Nothing in the folder is believed: who reads evidence has the kernel judge it, and
what properties asked for only decides what is said about changes.

May import: the standard library, files, kernel, proof. Must not know: searches, test runners.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from verifai.files import write_atomically
from verifai.kernel.errors import InputError
from verifai.kernel.files.container import digest
from verifai.proof.archive import MAX_ARCHIVE
from verifai.proof.evidence import Evidence, write_evidence
from verifai.proof.files import Files
from verifai.proof.query import encode_query

PROOFS, ASKED = "proofs", "asked"
LISTED = "ci:"  # begins the names of properties that no test asks for
MAX_LINE = 1 << 16
STALE = 3600.0  # seconds after which a file that a killed writer left is removed
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What a property asked for when its evidence was found.

    Attributes:
        name: of the property.
        query: the digest of its query, which names the evidence.
        network: the digest of the query's network.
        wording: the digest of all of the query but its network.
        status: "verified" or "falsified".
    """

    name: str
    query: str
    network: str
    wording: str
    status: str = ""

    @classmethod
    def of(cls, name: str, files: Files) -> AskedFor:
        """What a property of this name asks for, with nothing found yet."""
        network, query = files.digests
        wording = digest(encode_query(files.question, "0" * len(network)))
        return cls(name, query, network, wording)


class Store:
    """Evidence by the digests of queries."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or made yet.

        Raises:
            InputError: something else than a folder of evidence lies there.
        """
        self.path = path
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: a folder for proofs is wanted, this is a file")

    def place(self, query: str) -> Path:
        """Where the evidence of a query lies, or would."""
        return self.path / PROOFS / f"{query}.proof"

    def evidence(self, query: str) -> bytes | None:
        """What lies there for a query, unjudged; None: nothing.

        Raises:
            OSError: it cannot be read.
        """
        place = self.place(query)
        try:
            if place.stat().st_size > MAX_ARCHIVE:
                return b""
            return place.read_bytes()
        except FileNotFoundError:
            return None

    def asked(self, name: str) -> AskedFor | None:
        """What a property asked for, when evidence for it was last kept; None: it is not known."""
        return _asked(self._line(name))

    def all_asked(self) -> Iterator[AskedFor]:
        """What all properties asked for, in no order; lines that say nothing are passed over."""
        for path in sorted((self.path / ASKED).glob("*.json")):
            found = _asked(path)
            if found is not None:
                yield found

    def keep(self, asked: AskedFor, evidence: Evidence) -> None:
        """Keeps the evidence, then who asked for it.

        Raises:
            InputError: the evidence is too large for a file.
            OSError: the disk is full, or the folder cannot be written.
        """
        data = write_evidence(evidence)
        for part in (PROOFS, ASKED):
            (self.path / part).mkdir(parents=True, exist_ok=True)
        write_atomically(self.place(asked.query), data)
        self.note(asked)

    def note(self, asked: AskedFor) -> None:
        """Keeps who asked, unless that is known.

        Raises:
            OSError: as `keep`.
        """
        if self.asked(asked.name) != asked:
            line = json.dumps(asdict(asked), indent=1) + "\n"
            write_atomically(self._line(asked.name), line.encode())

    def orphans(self, used: set[str]) -> list[str]:
        """The digests of queries whose evidence nobody asks for any more, but for those used."""
        wanted = used | {asked.query for asked in self.all_asked()}
        found = (path.stem for path in sorted((self.path / PROOFS).glob("*.proof")))
        return [query for query in found if _DIGEST.fullmatch(query) and query not in wanted]

    def forget(self, name: str) -> None:
        """Removes what a property asked for; its evidence stays until nobody asks for it."""
        with suppress(FileNotFoundError):
            self._line(name).unlink()

    def remove(self, query: str) -> None:
        """Removes the evidence of a query."""
        with suppress(FileNotFoundError):
            self.place(query).unlink()

    def sweep(self) -> None:
        """Removes what killed writers left beside files, some time ago."""
        for path in (*(self.path / PROOFS).glob(".*"), *(self.path / ASKED).glob(".*")):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE:
                    path.unlink()

    def _line(self, name: str) -> Path:
        return self.path / ASKED / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _asked(path: Path) -> AskedFor | None:
    """What a line says, if it is whole."""
    try:
        if path.stat().st_size > MAX_LINE:
            return None
        found = json.loads(path.read_bytes())
        asked = AskedFor(**found)
        is_text = all(isinstance(value, str) for value in asdict(asked).values())
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return asked if is_text and _DIGEST.fullmatch(asked.query) else None
