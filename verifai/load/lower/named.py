"""Functions that a table of operators names, imported when an operator is met.

So a table costs nothing to import, and a network only what its own operators need.

May import: nothing of ours but what is named. Must not know: which tables there are.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def named(make: str | Callable[..., Any], folder: str) -> Callable[..., Any]:
    """The function itself, or the one of this name ("module.function") in a folder of loaders."""
    if not isinstance(make, str):
        return make
    module, _, name = make.partition(".")
    found: Callable[..., Any] = getattr(
        importlib.import_module(f"verifai.load.{folder}.{module}"), name
    )
    return found
