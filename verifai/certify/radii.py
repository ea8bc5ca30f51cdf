"""The radius of every input of a data set: brackets, a table, and the curve over the radius.

May import: entry, kernel, certify, files, tables. Must not know: terminals.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from flint import fmpq

from verifai.certify.ball import Classifier, Clip
from verifai.certify.chart import step_chart
from verifai.certify.crew import Heard, Say, processors, work
from verifai.certify.radius import Radius, radius
from verifai.certify.run import data_of
from verifai.entry import rules
from verifai.entry.numbers import Number, pair
from verifai.entry.takes import takes
from verifai.files import write_atomically
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest, text
from verifai.original.look import Misread

COLUMNS = ("input", "label", "lower", "upper", "status")
WRONG = "classified wrongly"


@dataclass(frozen=True, slots=True, eq=False)
class Radii:
    """What is known about the radius of every input.

    Attributes:
        found: a bracket for each input, in order; both ends 0 where the network is wrong.
    """

    found: tuple[Radius, ...]

    def __len__(self) -> int:
        """How many inputs there are."""
        return len(self.found)

    def certified(self, eps: Number) -> float:
        """The share of inputs whose certified radius is at least eps.

        Raises:
            InputError: eps is no number, or negative.
        """
        least = rules.not_negative(eps, "eps")
        return sum(each.certificate is not None and each.lower >= least for each in self.found) / (
            len(self.found)
        )

    def attacked(self, eps: Number) -> float:
        """The share of inputs with a counterexample within eps.

        Raises:
            InputError: eps is no number, or negative.
        """
        most = rules.not_negative(eps, "eps")
        ends = [each.upper for each in self.found]
        return sum(end is not None and end <= most for end in ends) / len(self.found)

    def __str__(self) -> str:
        """How the radii are spread: quartiles of both ends."""
        lower = sorted(nearest(each.lower) for each in self.found)
        known = [each.upper for each in self.found if each.upper is not None]
        upper = sorted(map(nearest, known))
        lines = [f"certified radii: {_quartiles(lower)}"]
        lines.append(f"counterexamples: {_quartiles(upper)}" if upper else "no counterexamples")
        near = sum(each.status.startswith("converged") for each in self.found)
        return "\n".join([*lines, f"({near} of {len(self.found)} inputs to the tolerance)"])

    @takes(to=rules.optional(rules.path))
    def to_csv(self, to: str | PathLike[str] | None = None) -> str:
        """A line for each input, its ends as exact text; also written to a file, if one is named.

        Raises:
            InputError: the file cannot be written.
        """
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, each in enumerate(self.found):
            upper = "" if each.upper is None else text(each.upper)
            writer.writerow((number, each.label, text(each.lower), upper, each.status))
        return _written(table.getvalue(), to)

    @takes(to=rules.optional(rules.path))
    def plot(self, to: str | PathLike[str] | None = None) -> str:
        """An SVG image: the share of inputs that is certified, and not attacked, over the radius.

        Also written to a file, if one is named.

        Raises:
            InputError: the file cannot be written.
        """
        lower = [nearest(each.lower) for each in self.found]
        upper = [None if each.upper is None else nearest(each.upper) for each in self.found]
        return _written(step_chart(lower, upper), to)


def _quartiles(values: list[float]) -> str:
    """Least, quartiles, greatest."""
    last = len(values) - 1
    names = ("least", "quarter", "half", "three quarters", "greatest")
    picked = (values[round(last * i / 4)] for i in range(5))
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(names, picked, strict=True))


def _written(content: str, to: str | PathLike[str] | None) -> str:
    if to is not None:
        write_atomically(Path(to), content.encode())
    return content


@takes(
    net=rules.network,
    clip=rules.optional(pair),
    tolerance=rules.positive,
    timeout=rules.optional(rules.seconds),
)
def radii(
    net: Network,
    X: Any,
    Y: Any,
    *,
    clip: Clip = None,
    tolerance: Number = "1/1000",
    timeout: float | None = None,
) -> Radii:
    """`radius` of every input of a data set, an input a process at a time.

    Args:
        net: the network.
        X: the inputs, one item each, as `robust` takes them.
        Y: the right output of each, by index.
        clip: least and greatest value an input can have, for instance (0, 1).
        tolerance: how near the two ends are to come, in input units.
        timeout: seconds for each input; None: no limit.

    Raises:
        InputError: sizes do not fit, or there is no such label.
        Misread: a model that the network was read from gives something else at a point.
        RuntimeError: a process failed.
    """
    inputs, labels = data_of(net, X, Y)
    width = rules.positive(tolerance, "tolerance")
    task = _RadiusTask(net, inputs, labels, clip, width, timeout)
    found: dict[int, Radius] = {}

    def hear(heard: Heard) -> None:
        if heard.kind == "lost":
            found[heard.number] = Radius(labels[heard.number], fmpq(0), None, str(heard.what))
        elif heard.kind == "done":
            found[heard.number] = task.whole(heard.number, heard.what)

    work(task, len(inputs), min(processors(), len(inputs)), hear)
    return Radii(tuple(found[i] for i in range(len(inputs))))


@dataclass(frozen=True, slots=True)
class _RadiusTask:
    """What is done for one input, in whichever process."""

    net: Network
    inputs: list[Any]
    labels: list[int]
    clip: Clip
    tolerance: fmpq
    timeout: float | None

    def __call__(self, number: int, _say: Say) -> Radius:
        """The bracket; its query stays behind, as it holds the network."""
        x, label = self.inputs[number], self.labels[number]
        try:
            found = radius(
                self.net,
                x,
                label,
                clip=self.clip,
                tolerance=self.tolerance,
                timeout=self.timeout,
            )
        except InputError as error:
            kind = Misread if isinstance(error, Misread) else InputError
            raise kind(f"X[{number}]: {error}") from None
        return replace(found, query=None)

    def whole(self, number: int, found: Radius) -> Radius:
        """The bracket with the query that its certificate proves."""
        if found.certificate is None:
            is_wrong = found.upper is not None and found.upper == 0
            return replace(found, status=WRONG) if is_wrong else found
        balls = Classifier(self.net, self.clip).around(self.inputs[number], found.label)
        return replace(found, query=balls.query(text(found.lower)))
