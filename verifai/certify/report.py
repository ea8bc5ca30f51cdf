"""What is known about a data set: shares for each radius, as text, CSV, LaTeX and a picture.

May import: ball, chart, folder, files, kernel, report. Must not know: how answers are found.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape
from os import PathLike
from pathlib import Path

from verifai.certify.ball import DECIDED, BallAnswer, Balls, Classifier, Evidence, shown
from verifai.certify.chart import chart
from verifai.certify.folder import Folder
from verifai.entry import rules
from verifai.entry.takes import takes
from verifai.files import write_atomically
from verifai.kernel.network import Network
from verifai.report.terminal import table

COLUMNS = ("input", "label", "answer", "eps", "status", "by", "seconds", "reason")
WRONG = "misclassified"


@dataclass(frozen=True, slots=True)
class InputAnswer:
    """What is known about one input of a data set.

    Attributes:
        number: where it stands.
        label: what is right.
        answer: the network's exact answer; None where no output is strictly the largest.
        balls: an answer for each radius; none where the network is wrong.
        key: of the question in a folder of answers.
    """

    number: int
    label: int
    answer: int | None
    balls: tuple[BallAnswer, ...] = ()
    key: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the network's answer is the label."""
        return self.answer == self.label


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of `total` inputs are what at one radius.

    The network is right on `clean` of them, and each of these is certified (nothing in the ball
    changes the answer), attacked (something does) or undecided.
    """

    eps: str
    total: int
    clean: int
    certified: int
    attacked: int
    undecided: int


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What came of a second look at all evidence.

    Attributes:
        proofs: how many balls are certified by certificates that the kernel accepted.
        counterexamples: how many balls have a counterexample that the kernel replayed.
        failures: one sentence for each that did not stand.
    """

    proofs: int
    counterexamples: int
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Certification:
    """What `certify` found.

    Attributes:
        radii: from the smallest to the largest, as exact text.
        inputs: an answer for each input of the data set, in order.
        save: the folder that keeps the evidence; None: it is in the answers.
    """

    radii: tuple[str, ...]
    inputs: tuple[InputAnswer, ...]
    save: Path | None = None
    _classifier: Classifier | None = field(default=None, repr=False, compare=False)
    _points: tuple[object, ...] = field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        """The table."""
        return self.table()

    def __repr__(self) -> str:
        inputs, radii = len(self.inputs), ", ".join(self.radii)
        return f"Certification({inputs} input{'s' * (inputs != 1)}, eps {radii})"

    def _repr_html_(self) -> str:
        """For notebooks: the table."""
        return f"<pre>{escape(self.table())}</pre>"

    def shares(self) -> tuple[Shares, ...]:
        """The counts for each radius."""
        clean = sum(each.is_right for each in self.inputs)
        found = []
        for place, eps in enumerate(self.radii):
            counts = Counter(each.balls[place].status for each in self.inputs if each.balls)
            decided = counts["verified"], counts["falsified"]
            rest = clean - sum(decided)
            found.append(Shares(eps, len(self.inputs), clean, *decided, rest))
        return tuple(found)

    def table(self) -> str:
        """Shares for each radius, and how many inputs there are."""
        rows = [[shown(s.eps), *_percents(s)] for s in self.shares()]
        head = ["eps", "clean %", "certified %", "attacked %", "undecided %"]
        return f"{table(head, rows)}\n({len(self.inputs)} inputs)"

    @takes(to=rules.optional(rules.path))
    def to_csv(self, to: str | PathLike[str] | None = None) -> str:
        """A line for each input and radius; also written to a file, if one is named.

        Raises:
            InputError: the file cannot be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in self.inputs:
            head = (each.number, each.label, "" if each.answer is None else each.answer)
            if not each.balls:
                writer.writerows((*head, eps, WRONG, "", "", "") for eps in self.radii)
            for ball in each.balls:
                found = (ball.eps, ball.status, ball.by, ball.seconds, ball.reason)
                writer.writerow((*head, *found))
        return _written(text.getvalue(), to)

    @takes(to=rules.optional(rules.path))
    def to_latex(self, to: str | PathLike[str] | None = None) -> str:
        """A `tabular` of the shares in percent; also written to a file, if one is named.

        Raises:
            InputError: the file cannot be written.
        """
        head = r"$\varepsilon$ & clean & certified & attacked & undecided \\"
        lines = [r"\begin{tabular}{lrrrr}", r"\hline", head, r"\hline"]
        lines += [rf"{' & '.join([shown(s.eps), *_percents(s)])} \\" for s in self.shares()]
        return _written("\n".join([*lines, r"\hline", r"\end{tabular}", ""]), to)

    @takes(to=rules.optional(rules.path))
    def plot(self, to: str | PathLike[str] | None = None) -> str:
        """An SVG image: certified and attacked shares over the radius, the undecided between.

        Also written to a file, if one is named.

        Raises:
            InputError: the file cannot be written.
        """
        return _written(chart(self.shares()), to)

    @takes(net=rules.optional(rules.network))
    def recheck(self, net: Network | None = None) -> Rechecked:
        """Every certificate read and checked, every counterexample replayed, by the kernel, now.

        Queries are made anew from the data; nothing that is kept is believed.

        Args:
            net: the network, loaded once more by yourself; None: the one that was certified.

        Raises:
            InputError: the network does not fit the data.
        """
        proofs, counterexamples, failures = 0, 0, []
        for each, ball, why in self._checked(net):
            if why:
                failures.append(f"X[{each.number}] at eps {shown(ball.eps)}: {why}")
            elif ball.status == "verified":
                proofs += 1
            else:
                counterexamples += 1
        return Rechecked(proofs, counterexamples, tuple(failures))

    def _checked(self, net: Network | None) -> Iterator[tuple[InputAnswer, BallAnswer, str]]:
        """Each ball that is said to be decided, and why it is not."""
        if self._classifier is None:
            return
        old = self._classifier
        classifier = old if net is None else Classifier(net, old.clip)
        folder = None if self.save is None else Folder(self.save)
        for each, x in zip(self.inputs, self._points, strict=True):
            balls = classifier.around(x, each.label)
            right = balls.answer == each.label
            judged = _Judged(balls, partial(_evidence, folder, each))
            for ball in each.balls:
                if ball.status in DECIDED:
                    yield each, ball, judged(ball) if right else "the network is wrong there"


class _Judged:
    """The balls of one input, each certificate checked once."""

    def __init__(self, balls: Balls, evidence: Callable[[BallAnswer], Evidence]) -> None:
        self.balls, self.evidence = balls, evidence
        self.certificates: dict[str, str] = {}

    def __call__(self, ball: BallAnswer) -> str:
        """Why the ball is not decided; empty if it is."""
        if ball.status == "falsified" or ball.by not in self.certificates:
            why = self.balls.holds(ball, self.evidence(ball))
            if ball.status == "verified":
                self.certificates[ball.by] = why
            return why
        return self.certificates[ball.by] or self.balls.follows(ball)


def _evidence(folder: Folder | None, each: InputAnswer, ball: BallAnswer) -> Evidence:
    """What decides a ball: in the folder, or in the answers themselves."""
    if folder is None:
        return next((b.evidence for b in each.balls if b.eps == ball.by), None)
    entry = folder.entries.get((each.key, ball.by))
    return None if entry is None else folder.evidence(entry)


def without_evidence(balls: tuple[BallAnswer, ...]) -> tuple[BallAnswer, ...]:
    """The answers alone: a folder keeps what they rest on."""
    return tuple(replace(ball, evidence=None) for ball in balls)


def _percents(shares: Shares) -> list[str]:
    counts = (shares.clean, shares.certified, shares.attacked, shares.undecided)
    return [f"{100 * count / shares.total:.1f}" for count in counts]


def _written(text: str, to: str | PathLike[str] | None) -> str:
    if to is not None:
        write_atomically(Path(to), text.encode())
    return text
