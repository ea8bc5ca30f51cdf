"""The build of proofs/kernel, once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.coq import Built, Sources


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Sources("kernel").built(tmp_path_factory.mktemp("kernel"), "Flocq", "Coquelicot")


@pytest.fixture(scope="session")
def program(built: Built) -> Path:
    """The checker as a program."""
    path = built.folder / "verifai-proved"
    if not path.is_file():
        pytest.skip("OCaml's zarith is not installed (Debian: libzarith-ocaml-dev ocaml-findlib)")
    return path
