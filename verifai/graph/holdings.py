"""The tensors of a walk that are still to be read, and how much they are in all.

May import: kernel errors, operator, memory, values. Must not know: files, operators of a file.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from verifai.graph.values import Activation, Value
from verifai.kernel.errors import InputError
from verifai.memory import claim

MADE, HELD = 8, 2  # times the values of all nodes: what may be made in all, and held at once
_BYTES_AN_ENTRY = 10  # of a number or an index, with what is beside it
Key = TypeVar("Key", bound=Hashable)


class Holdings(Generic[Key]):
    """Counts entries of tensors: those made so far, and those that somebody still reads.

    A view that shares its memory counts as well, as most operators on it would copy it.
    """

    def __init__(self, readers: Iterable[Key], values: int) -> None:
        """Knows who will be read.

        Args:
            readers: the tensors that are read, as often as they are.
            values: how many the network may have.
        """
        self._readers = Counter(readers)
        self._values = values
        self._sizes: dict[Key, int] = {}
        self._moved: Counter[Key] = Counter()
        self._held = self._made = 0

    def add(self, key: Key, value: Value) -> None:
        """Count a new tensor.

        Raises:
            InputError: all are more than memory holds, or too many for a program of this size.
        """
        size = math.prod(value.shape)
        self._sizes[key] = size
        self._held += size
        if isinstance(value, Activation):
            self._moved[key] = size
            self._made += size
        for count, most, what in (
            (self._made, MADE * self._values, "made in all"),
            (self._moved.total(), HELD * self._values, "held at once"),
        ):
            if count > most:
                said = f"views of more than {most} values are {what}"
                raise InputError(f"{said}, the most for a file of this size")
        claim(_BYTES_AN_ENTRY * self._held, "the tensors that are held at once")

    def read(self, key: Key) -> bool:
        """Count a reader; whether it was the last one."""
        self._readers[key] -= 1
        if self._readers[key] > 0:
            return False
        self._held -= self._sizes.pop(key, 0)
        del self._moved[key]
        return True
