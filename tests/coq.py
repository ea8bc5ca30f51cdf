"""What tests of the proofs in Coq share: building them, and what they must not hold or assume."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PROOFS = Path(__file__).parents[1] / "proofs"
REAL_NUMBERS = {  # what the standard library's real numbers rest on
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}
UNPROVED = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjecture|Context|bypass_check|Unset"
    r"|Declare|type_in_type|native_compute)\b"
)
DEBIAN = "Debian: coq libcoq-flocq libcoq-coquelicot"


def bare(text: str) -> str:
    """The text without comments and strings."""
    return re.sub(r'\(\*.*?\*\)|"[^"]*"', " ", text, flags=re.DOTALL)


@dataclass(frozen=True)
class Sources:
    """The files of one folder of proofs."""

    name: str

    @property
    def folder(self) -> Path:
        return PROOFS / self.name

    @property
    def files(self) -> dict[str, str]:
        return {path.name: path.read_text("utf-8") for path in sorted(self.folder.glob("*.v"))}

    @property
    def readme(self) -> str:
        return (self.folder / "README.md").read_text("utf-8")

    @property
    def listed(self) -> list[str]:
        """The files that are built, in order."""
        project = (self.folder / "_CoqProject").read_text("utf-8").split()
        return [word for word in project if word.endswith(".v")]

    def require_nothing_assumed(self) -> None:
        for name, text in self.files.items():
            assert "(*" not in bare(text), f"{name}: a comment in a comment"
            assert not UNPROVED.search(bare(text)), name

    def built(self, folder: Path, *libraries: str) -> Built:
        """The proofs, compiled there; a skip where Coq or one of these libraries is missing."""
        if shutil.which("coqc") is None:
            pytest.skip(f"coqc is not installed ({DEBIAN})")
        where = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=True)
        for library in libraries:
            if not (Path(where.stdout.strip()) / "user-contrib" / library).is_dir():
                pytest.skip(f"Coq's library {library} is not installed ({DEBIAN})")
        words = [PROOFS / "build", self.name, folder]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stderr
        return Built(self.name.capitalize(), folder, done.stdout)


@dataclass(frozen=True)
class Built:
    """Compiled proofs: the library's name, where it is, and what the build said."""

    library: str
    folder: Path
    said: str

    def compiled(self, text: str) -> subprocess.CompletedProcess[str]:
        """What Coq says of one more file."""
        (self.folder / "More.v").write_text(text, "utf-8")
        words = ["coqc", "-q", "-Q", ".", self.library, "More.v"]
        return subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=600, cwd=self.folder
        )

    def require_real_numbers_alone(self) -> set[str]:
        """The theorems whose assumptions are printed, which are those of the real numbers."""
        said = self.said.partition("== Assumptions.v\n")[2]
        sections = re.split(r"^== (\w+)\n", said, flags=re.MULTILINE)
        found = dict(zip(sections[1::2], sections[2::2], strict=True))
        for name, text in found.items():
            first, *rest = text.splitlines()
            if first != "Closed under the global context":
                assert first == "Axioms:", name
                assert {line.split()[0] for line in rest if line[:1].strip()} <= REAL_NUMBERS, name
        return set(found)
