"""`certify`: a data set against radii, by several processes, with every answer kept at once.

May import: api, entry, kernel, properties, proof, the rest of certify. Must not know: terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from verifai.api import ready
from verifai.api import search as verify
from verifai.certify.ball import BallAnswer, Balls, Classifier, Clip, radii
from verifai.certify.crew import Heard, Say, processors, work
from verifai.certify.decide import CertifyPlan, decide
from verifai.certify.folder import Entry, Folder, key_of
from verifai.certify.report import Certification, InputAnswer, without_evidence
from verifai.entry import rules
from verifai.entry.numbers import MAX_LISTED, Number, pair, rows
from verifai.entry.sentences import numbered, refused, shown
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import text
from verifai.kernel.query import Query
from verifai.original.look import Misread
from verifai.proof.files import Files
from verifai.properties.robust import robust

WARMING = 5.0  # seconds
Progress = Callable[[int, int, InputAnswer], None]


def radii_of(value: Any, what: str) -> tuple[str, ...]:
    """Exact radii: one number, or several.

    Raises:
        InputError: something else, a negative one, or none.
    """
    single = isinstance(value, str) or not hasattr(value, "__iter__")
    found = [value] if single else rows(value, what, MAX_LISTED)
    if not found:
        raise refused(what, "a radius, or several,", value)
    exact = [
        rules.not_negative(each, what if single else f"{what}[{i}]") for i, each in enumerate(found)
    ]
    return radii([text(each) for each in exact])


@takes(
    net=rules.network,
    eps=radii_of,
    clip=rules.optional(pair),
    timeout=rules.optional(rules.seconds),
    jobs=rules.optional(rules.processes),
    save=rules.optional(rules.path),
    progress=rules.optional(rules.function),
)
def certify(
    net: Network,
    X: Any,
    Y: Any,
    *,
    eps: Number | Sequence[Number],
    clip: Clip = None,
    timeout: float | None = None,
    jobs: int | None = None,
    save: str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Certification:
    """For every input and radius whether anything in the L∞ ball changes the network's answer.

    Inputs that the network classifies wrongly are counted, not searched. A certificate for a ball
    decides all smaller ones, a counterexample all larger ones: the answer says by which radius.

    Args:
        net: the network.
        X: the inputs, one item each, as `robust` takes them.
        Y: the right output of each, by index.
        eps: radii; "1/50" is exact, 0.02 is the double nearest to it.
        clip: least and greatest value an input can have, for instance (0, 1).
        timeout: seconds for each search; None: no limit.
        jobs: processes, an input each at a time; None: as many as there are processors.
        save: a folder for certificates, counterexamples and answers, written as they are found.
            Where it holds some already, the kernel checks them, and only what is open is searched;
            what was undecided is searched anew with more time only.
        progress: called with how many inputs are done, how many there are, and the newest.

    Returns:
        What is known; nothing is called certified whose certificate the kernel has not accepted.

    Raises:
        InputError: sizes do not fit, there is no such label, a ball has no point, or the folder
            holds something else.
        Misread: a model that the network was read from gives something else at a point.
    """
    inputs, labels = data_of(net, X, Y)
    count = processors() if jobs is None else jobs
    jobs = min(count, len(inputs))
    plan = CertifyPlan(radii_of(eps, "eps"), timeout, workers=1 if jobs > 1 else 2)
    folder = None if save is None else Folder(Path(save))
    task = _Task(Classifier(net, clip), inputs, labels, plan, folder)
    desk = _Desk(task, progress)
    if jobs > 1:
        task.warm()
    work(task, len(inputs), jobs, desk.hear)
    return desk.report()


def data_of(net: Network, inputs: Any, labels: Any) -> tuple[list[Any], list[int]]:
    """The inputs and the labels of a data set.

    Raises:
        InputError: they are not as many, or there are none, or there is no such label.
    """
    found, right = rows(inputs, "X", MAX_LISTED), rows(labels, "Y", MAX_LISTED)
    if len(found) != len(right):
        raise InputError(f"X has {len(found)} inputs, but Y has {len(right)} labels")
    if not found:
        raise InputError("X: there are no inputs")
    count = len(net.output_values)
    known = []
    for i, each in enumerate(right):
        label = rules.whole(each, f"Y[{i}]")
        if not 0 <= label < count:
            raise InputError(f"Y[{i}]: no label {shown(label)}: the network has {numbered(count)}")
        known.append(label)
    return found, known


@dataclass(slots=True)
class _Task:
    """What is done for one input of the data set, in whichever process."""

    classifier: Classifier
    inputs: list[Any]
    labels: list[int]
    plan: CertifyPlan
    folder: Folder | None
    network: str = ""

    def __post_init__(self) -> None:
        if self.folder is not None:
            net = self.classifier.net
            zeros = [0] * len(net.input_values)
            asked: Query = robust(net, zeros, eps=1, label=0)
            self.network = Files.of(ready(asked)).digests[0]

    def warm(self) -> None:
        """Imports what searches need and runs the model once, for all processes to come."""
        import verifai.search.close.leaf
        import verifai.search.split.phases  # noqa: F401

        try:
            first = self.classifier.around(self.inputs[0], self.labels[0])
            if first.answer == first.label:
                verify(first.query("0"), timeout=WARMING, workers=1)
        except InputError:
            return  # the task itself will say it

    def __call__(self, number: int, say: Say) -> InputAnswer:
        """The answers for one input; `say` hears of each as soon as it is kept."""
        try:
            return self._answers(number, say)
        except InputError as error:
            kind = Misread if isinstance(error, Misread) else InputError
            raise kind(f"X[{number}]: {error}") from None

    def _answers(self, number: int, say: Say) -> InputAnswer:
        label = self.labels[number]
        balls = self.classifier.around(self.inputs[number], label)
        answer = InputAnswer(number, label, balls.answer)
        if not answer.is_right:
            return answer
        folder = self.folder
        if folder is None:
            return replace(answer, balls=decide(balls, self.plan, (), say))
        key = key_of(balls, self.network)
        known = folder.known(key, self.plan.timeout)

        def keep(found: BallAnswer) -> None:
            entry = Entry(key, number, label, found, self.plan.timeout)
            say(folder.keep(balls, entry))

        found = decide(balls, self.plan, known, keep)
        return replace(answer, balls=without_evidence(found), key=key)


@dataclass(slots=True)
class _Desk:
    """Hears what is found, keeps it, and tells how far the work is."""

    task: _Task
    progress: Progress | None
    answers: dict[int, InputAnswer] = field(default_factory=dict)
    notes: dict[int, list[BallAnswer]] = field(default_factory=dict)

    def hear(self, heard: Heard) -> None:
        if heard.kind == "note":
            if self.task.folder is not None:
                self.task.folder.append(heard.what)
            found = heard.what.found if isinstance(heard.what, Entry) else heard.what
            self.notes.setdefault(heard.number, []).append(found)
            return
        is_lost = heard.kind == "lost"
        answer = self._lost(heard.number, heard.what) if is_lost else heard.what
        self.answers[heard.number] = answer
        if self.progress is not None:
            self.progress(len(self.answers), len(self.task.inputs), answer)

    def _lost(self, number: int, why: str) -> InputAnswer:
        """What is known of an input whose process was ended."""
        label = self.task.labels[number]
        balls = Balls(self.task.classifier, self._centre(number), label)
        known = {found.eps: found for found in self.notes.get(number, [])}
        found = (
            known.get(e, BallAnswer(e, "unknown", e, reason=why)) for e in self.task.plan.radii
        )
        key = "" if self.task.folder is None else key_of(balls, self.task.network)
        answer = balls.answer
        return InputAnswer(number, label, answer, tuple(found) if answer == label else (), key)

    def _centre(self, number: int) -> Any:
        return self.task.classifier.around(
            self.task.inputs[number], self.task.labels[number]
        ).centre

    def report(self) -> Certification:
        """Everything, in the order of the data set."""
        task = self.task
        found = tuple(self.answers[i] for i in range(len(task.inputs)))
        save = None if task.folder is None else task.folder.path
        return Certification(task.plan.radii, found, save, task.classifier, tuple(task.inputs))
