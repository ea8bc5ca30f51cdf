"""A graph that small programs may not make large.

May import: kernel, graph, reading, values. Must not know: files, operators of a file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from verifai.graph.graph import Graph
from verifai.graph.reading import Reading
from verifai.graph.values import check_size
from verifai.kernel.errors import InputError
from verifai.kernel.network import Node
from verifai.kernel.operator import MAX_SIZE

FREE_VALUES, FREE_EXACT = 3 << 23, 1 << 20  # what a program of any size may ask for
VALUES_A_BYTE = 16  # of a program: a large one may ask for more, up to what the kernel reads


class LimitedGraph(Graph):
    """A graph whose nodes, and what is computed for them, stay in proportion to a program.

    Attributes:
        values: how many all new nodes may have together; the tensors held meanwhile twice as many.
        exact: how many numbers may be computed exactly.
    """

    def __init__(self, nodes: Sequence[Node] = (), readings: Sequence[Reading] = ()) -> None:
        """Holds these nodes, and nothing is added yet; the limits are what the kernel reads."""
        super().__init__(nodes, readings)
        self.values, self.exact = MAX_SIZE, MAX_SIZE
        self._total = self._exact = 0

    def add(self, node: Node) -> int:
        """Adds a node, whose values count; its number."""
        self._total += math.prod(node.shape)
        return super().add(node)

    def limit(self, size: int) -> None:
        """Bound the work by the size of the program in bytes: small files may not ask for much."""
        self.values = min(MAX_SIZE, FREE_VALUES + VALUES_A_BYTE * size)
        self.exact = FREE_EXACT + size

    def afford(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of something to be made.

        Raises:
            InputError: it is too large, or too much for a program of this size.
        """
        if self._total + math.prod(check_size(shape)) > self.values:
            said = f"{self.values} values in all, the most for a file of this size"
            raise InputError(f"a tensor of shape {shape} makes more than {said}")
        return shape

    def spend(self, count: int) -> None:
        """Count numbers that are computed exactly.

        Raises:
            InputError: they become too many.
        """
        self._exact += count
        if self._exact > self.exact:
            said = f"more than {self.exact} constants in exact arithmetic"
            raise InputError(f"{said} in all, the most for a file of this size")
