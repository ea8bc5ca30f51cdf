"""Counterexample-guided training: train, verify, learn from what violates the property, again.

May import: entry, torch, kernel, load, verify, verdict, learner, report, properties. Must not know:
terminals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch

from verifai.api import load
from verifai.entry import rules
from verifai.entry.sentences import refused
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.train.learner import Learner, Loss
from verifai.train.properties import TrainingProperty
from verifai.train.report import Answered, Round, TrainingOptions, TrainingReport
from verifai.verdict import Falsified
from verifai.verify import Options, verify

Asked = list[tuple[int, int, Query]]  # place of the property, number of its query, query


@takes(loss=rules.optional(rules.function), progress=rules.optional(rules.function))
def train_until_verified(
    module: torch.nn.Module,
    properties: TrainingProperty | Sequence[TrainingProperty],
    data: tuple[torch.Tensor, torch.Tensor],
    *,
    options: TrainingOptions | None = None,
    loss: Loss | None = None,
    progress: Callable[[Round], None] | None = None,
) -> TrainingReport:
    """Trains until the kernel has accepted a certificate for every query, or a budget is spent.

    Every round trains the module (in place, from where it stands), loads its weights as the
    exact numbers they are, and verifies all queries anew. An exact counterexample becomes
    training data, rounded to the module's number format, with the targets and the loss that its
    property implies. What the report calls verified holds whatever training did.

    Args:
        module: the torch module; its present weights are the start.
        properties: what it must have.
        data: inputs (k, …) and targets (k, …).
        options: budgets and recipe.
        loss: on the data; None: cross-entropy for integer targets, the mean square for others.
        progress: called after every round.

    Raises:
        InputError: the data do not fit together, a property asks nothing, or the module holds an
            operator that is not supported.
    """
    options = TrainingOptions() if options is None else options
    start = time.perf_counter()
    wanted = [properties] if isinstance(properties, TrainingProperty) else properties
    wanted = rules.listed(wanted, "properties")
    for each in wanted:
        if not isinstance(each, TrainingProperty):
            raise refused("properties", "a TrainingProperty", each)
    if not isinstance(options, TrainingOptions):
        raise refused("options", "TrainingOptions", options)
    learner = Learner(module, wanted, data, loss, options)
    rounds: list[Round] = []
    while True:
        began = time.perf_counter()
        losses = learner.train(options.retrain_epochs if rounds else options.epochs)
        network = load(*learner.exported())
        asked = _asked(wanted, network)
        middle = time.perf_counter()
        answers = _answers(wanted, asked, options, start)
        end = time.perf_counter()
        made = Round(
            len(rounds) + 1, *losses, learner.learned, answers, middle - began, end - middle
        )
        rounds.append(made)
        if progress is not None:
            progress(made)
        reason = _ending(made, options, end - start)
        if reason is not None:
            queries = tuple(query for _, _, query in asked)
            device = str(learner.device)
            return TrainingReport(tuple(rounds), reason, network, queries, options.seed, device)
        for (place, number, _), answer in zip(asked, answers, strict=True):
            if isinstance(answer.verdict, Falsified):
                learner.learn(place, number, answer.verdict.counterexample.inputs)


def _asked(properties: Sequence[TrainingProperty], network: Network) -> Asked:
    """Every query of every property about this network."""
    found: Asked = []
    for place, each in enumerate(properties):
        made = each.queries(network)
        queries = [made] if isinstance(made, Query) else rules.listed(made, each.name)
        if not all(isinstance(query, Query) for query in queries):
            raise refused(each.name, "a query, or a list of queries,", made)
        if not queries:
            raise InputError(f"the property {each.name!r} asks nothing")
        found += [(place, number, query) for number, query in enumerate(queries)]
    if not found:
        raise InputError("no property to train for")
    return found


def _answers(
    properties: Sequence[TrainingProperty], asked: Asked, options: TrainingOptions, start: float
) -> tuple[Answered, ...]:
    answers = []
    for place, _, query in asked:
        left = options.query_timeout
        if options.timeout is not None:
            left = max(0.0, min(left, start + options.timeout - time.perf_counter()))
        verdict = verify(query, Options(timeout=left, workers=options.workers, seed=options.seed))
        answers.append(Answered(properties[place].name, verdict))
    return tuple(answers)


def _ending(made: Round, options: TrainingOptions, seconds: float) -> str | None:
    """Why this round is the last one; None: it is not."""
    if made.is_verified:
        return f"every query is verified after {made.number} rounds"
    if options.timeout is not None and seconds >= options.timeout:
        return f"the time budget of {options.timeout:g} s is spent"
    if made.number >= options.rounds:
        return f"the budget of {options.rounds} rounds is spent"
    return None
