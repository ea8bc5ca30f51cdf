"""Formal verification of neural networks: whatever proposes, a small exact kernel checks.

`__init__.pyi` beside this module lists the public interface; each part is loaded when it is first
used, so that `import verifai` costs nothing. The functions `load`, `verify` and `bounds` share
their names with subpackages: as attributes the functions win, and modules are reached by
`from verifai.load.onnx.read import load_onnx`.

May import: the standard library at load time; the rest on demand.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

__version__ = "0.1.0"


def _listed() -> Iterator[tuple[str, str]]:
    """Each public name, and the module that has it: the lines `from MODULE import NAME as NAME`."""
    with open(f"{__path__[0]}/__init__.pyi", encoding="utf-8") as stub:
        for line in stub:
            if line.startswith("from "):
                _, module, _, name, *_ = line.split()
                yield name, module


_HOMES = dict(_listed())
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """The public object of this name, imported now (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'verifai' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        from verifai.entry.sentences import missing_package

        raise missing_package(error) from error


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]


class _Front(ModuleType):
    """This module, whose public names importing a subpackage does not hide."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Front
