"""The Python interface: load, build a query, verify, ask, check; what a network does in a box.

Every function imports what it needs when it is called.

May import: everything below the command line. Must not know: terminals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from verifai.entry import rules
from verifai.entry.sentences import refused
from verifai.entry.takes import renamed, takes
from verifai.kernel.errors import InputError

MEANING, SOLVER = rules.choice("real", "float32"), rules.choice("z3", "cvc5", "both")

if TYPE_CHECKING:
    from flint import fmpq

    from verifai.kernel.checker import Accepted
    from verifai.kernel.network import Network
    from verifai.kernel.query import Query as KernelQuery
    from verifai.properties.always import Conditions
    from verifai.properties.domain import Domain, Ends
    from verifai.query import Query
    from verifai.search.rank.protocol import Rank
    from verifai.symbolic.regions import Lipschitz, Region
    from verifai.verdict import Verdict
    from verifai.verify import Progress

    Asked = TypeVar("Asked", bound=KernelQuery)


@takes(semantics=MEANING, assume_ulp=rules.optional(rules.count), shrink=rules.flag)
def load(
    model: str | PathLike[str] | Any,
    example_input: Any = None,
    *,
    semantics: str = "real",
    assume_ulp: int | None = None,
    shrink: bool = False,
) -> Network:
    """The exact network of an ONNX file, of torch modules and programs, of scikit-learn's MLPs.

    What is verified of a module is its exported graph over the reals, with the weights as they
    are.

    Args:
        model: the path of an ONNX file or of what torch.export.save wrote (.pt2), a torch.nn.Module
            in evaluation mode, a torch.export.ExportedProgram, or a fitted MLPClassifier or
            MLPRegressor of scikit-learn (two classes: one output, the probability of the second).
        example_input: for a module, a tensor (or a tuple of tensors) as it is called with.
        semantics: "real", or "float32" for all that float32 programs of a file may compute.
        assume_ulp: in "float32", how many units in the last place smooth operators may be off.
        shrink: over the reals, ties neurons that are equal or negatives of each other: the same
            function, easier to verify, but with fewer neurons than the model has.

    Raises:
        InputError: the file is unreadable or holds an operator that is not supported, the
            module is in training mode, its example input is missing, or torch is.
    """
    if isinstance(model, str | PathLike):
        return _load_file(Path(rules.path(model, "model")), semantics, assume_ulp, shrink=shrink)
    if semantics != "real":
        raise InputError("the semantics float32 is for ONNX files: export the model first")
    from verifai.load.sklearn.mlp import is_estimator, load_estimator

    if is_estimator(model):
        if example_input is not None:
            raise InputError("an object of scikit-learn knows its inputs: load it without example")
        return load_estimator(model, shrink=shrink)
    from verifai.load.torch.module import load_torch_module

    return load_torch_module(model, example_input, shrink=shrink)


def _load_file(path: Path, semantics: str, assume_ulp: int | None, *, shrink: bool) -> Network:
    if path.suffix == ".pt2":
        if semantics != "real" or assume_ulp is not None:
            raise InputError(f"{path}: the semantics float32 is for ONNX files")
        from verifai.load.torch.module import load_saved_program

        return load_saved_program(path, shrink=shrink)
    if semantics == "float32":
        from verifai.load.float32.network import load_float32

        return load_float32(path, assume_ulp)
    if assume_ulp is not None:
        raise InputError("an accuracy of smooth operators is for the semantics float32 only")
    from verifai.load.onnx.read import load_onnx

    return load_onnx(path, shrink=shrink)


@takes(
    model=rules.paths,
    property_path=rules.path,
    semantics=MEANING,
    assume_ulp=rules.optional(rules.count),
)
def query_from(
    model: str | PathLike[str] | Mapping[str, str | PathLike[str]],
    property_path: str | PathLike[str],
    *,
    semantics: str = "real",
    assume_ulp: int | None = None,
) -> Query:
    """The query that ONNX files and a VNN-LIB file (1.0 or 2.0) pose, over the reals.

    Networks are shrunk (see `load`).

    With the semantics "float32" (VNN-LIB 1.0 only) the network stands for all float32 programs of
    the file, and the domain holds the binary32 numbers of the box.

    Args:
        model: the ONNX file; for a VNN-LIB 2.0 file about several networks the files by the
            networks' names, without those that are declared equal to others.
        property_path: the VNN-LIB file.
        semantics: "real" or "float32".
        assume_ulp: in "float32", how many units in the last place smooth operators may be off.

    Raises:
        InputError: a file is unreadable or not supported; the line or node is named.
    """
    from verifai.load.vnnlib.sexpr import is_version_2, read_source

    source = read_source(Path(property_path))
    if is_version_2(source):
        from verifai.load.vnnlib.version2 import pose

        if semantics != "real":
            raise InputError(f"{source.name}: VNN-LIB 2 files are read over the reals only")
        return pose(source, model).query
    from verifai.load.vnnlib.version1 import query_of_source

    if isinstance(model, Mapping):
        reason = "networks have names in VNN-LIB 2 only: give the ONNX file itself"
        raise InputError(f"{source.name}: {reason}")
    network = _load_file(Path(model), semantics, assume_ulp, shrink=True)
    return ready(query_of_source(source, network))


def ready(query: Asked) -> Asked:
    """The query as it is decided and checked: about float32 programs, on binary32 inputs."""
    if _is_real(query):
        return query
    from verifai.load.float32.query import float32_query

    return float32_query(query)


def _is_real(query: KernelQuery) -> bool:
    """Whether the query is over the reals, so that nothing of float32 need be imported."""
    from verifai.graph.reading import is_function

    return is_function(query.network)


def _rank(value: Any, what: str) -> Any:
    """The argument named `what` as a ranking rule."""
    from verifai.search.rank.select import rank_of

    if not isinstance(value, str) and not callable(value):
        raise refused(what, "the name of a ranking rule, or a function", value)
    return rank_of(value)


@takes(
    query=rules.query,
    timeout=rules.optional(rules.seconds),
    nodes=rules.optional(rules.count),
    workers=rules.processes,
    device=rules.optional(rules.text),
    rank=rules.optional(_rank),
    progress=rules.optional(rules.function),
)
def verify(
    query: KernelQuery,
    *,
    timeout: float | None = None,
    nodes: int | None = None,
    workers: int = 2,
    device: str | None = None,
    rank: str | Rank | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Verdict:
    """Verified, Falsified or Unknown; the first two only as the kernel confirms them.

    Args:
        query: from robust, in_range, query_from and the like.
        timeout: seconds; None: no limit.
        nodes: nodes of the search tree; None: no limit.
        workers: processes.
        device: None, or where torch is to bound subproblems, such as "cuda".
        rank: which input or neuron is split: the name of a rule, such as "babsr", or a function
            from `verifai.search.rank.protocol.Splits` to scores; None: what fits the search.
        progress: called now and then with how far the search is: `seconds`, `nodes` done and
            `open`, the best proved `bound`, the `closed_fraction`.

    Returns:
        The verdict; interrupted (Ctrl-C), Unknown with the best bound that was proved.

    Raises:
        InputError: torch is not installed, or there is no such device or rule.
        Misread: a model that the query was read from gives something else at a point.
    """
    from verifai.verify import Options, interrupted
    from verifai.verify import verify as decide

    options = Options(
        timeout=timeout,
        nodes=nodes,
        workers=workers,
        device=device,
        rank=rank,
    )
    start, asked = time.perf_counter(), ready(query)
    last: list[Progress] = []

    def hear(now: Progress) -> None:
        last[:] = [now]
        if progress is not None:
            progress(now)

    try:
        return decide(asked, options, progress=hear)
    except KeyboardInterrupt:
        seconds = time.perf_counter() - start
        return interrupted(asked, last[0] if last else None, seconds)


@takes(net=rules.network, timeout=rules.optional(rules.seconds), workers=rules.processes)
def prove(
    net: Network,
    *,
    then: Conditions,
    given: Conditions = (),
    domain: Domain | Ends | None = None,
    timeout: float | None = None,
    workers: int = 2,
) -> Verdict:
    """Verified if `then` holds wherever `given` does, Falsified by an input where not, or Unknown.

    As `verify` of the query that `always` makes.

    Args:
        net: the network.
        then: what must hold, over values of `symbols(net)`.
        given: where it must hold; nothing: everywhere in the domain.
        domain: as for `always`.
        timeout: seconds; None: no limit.
        workers: processes.

    Raises:
        InputError: as `always`.
        Misread: as `verify`.
    """
    from verifai.properties.always import always

    query = always(net, then=then, given=given, domain=domain)
    return verify(query, timeout=timeout, workers=workers)


def search(query: KernelQuery, *, timeout: float | None = None, workers: int = 2) -> Verdict:
    """As `verify`; an interruption goes on to the caller, who has more to do than this query.

    Args:
        query: as for `verify`.
        timeout: as for `verify`.
        workers: as for `verify`.

    Raises:
        InputError: as `verify`.
        Misread: as `verify`.
    """
    from verifai.verify import Options
    from verifai.verify import verify as decide

    return decide(ready(query), Options(timeout=timeout, workers=workers))


@takes(query=rules.query, solver=SOLVER, timeout=rules.optional(rules.seconds), certify=rules.flag)
def ask(
    query: KernelQuery, solver: str = "both", *, timeout: float | None = None, certify: bool = False
) -> Verdict:
    """Falsified if an SMT solver's model survives exact replay; otherwise Unknown with its words.

    A solver gives no certificate: its "unsat" never becomes Verified, unless `certify` lets the
    search look for a certificate after such a claim.

    Args:
        query: the decision problem, over the reals.
        solver: "z3", "cvc5", or "both" side by side.
        timeout: seconds for everything; a solver's process is killed when they are over.
        certify: whether to run the search for a certificate once a solver has claimed "unsat".

    Raises:
        InputError: no such solver, its package is missing, a node that none of those asked can
            express (it is named), or a query about a float32 program.
    """
    from verifai.solvers.scripts import scripts_for
    from verifai.solvers.smt import NAMES, Status, race, require_solver
    from verifai.verdict import Effort, Unknown
    from verifai.verify import confirm

    start = time.perf_counter()
    if not _is_real(query):
        raise InputError("SMT solvers are asked about real numbers, not about a float32 program")
    names = NAMES if solver == "both" else (solver,)
    for name in names:
        require_solver(name)
    scripts, refused = scripts_for(query, names)
    heard = [f"{name} cannot be asked ({why})" for name, why in refused.items()]
    is_late, is_claimed = False, False
    with closing(race(scripts, timeout)) as answers:
        for answer in answers:
            if answer.status is Status.SAT:
                effort = Effort(time.perf_counter() - start)
                falsified = confirm(query, answer.inputs, effort=effort)
                if falsified is not None:
                    return falsified
            heard.append(str(answer))
            is_late |= answer.is_timeout
            if answer.status is Status.UNSAT:
                is_claimed = True
                break
    spent = time.perf_counter() - start
    left = None if timeout is None else timeout - spent
    if is_claimed and certify and (left is None or left > 0):
        verdict = verify(query, timeout=left)
        if isinstance(verdict, Unknown):
            verdict = replace(verdict, reason=f"{heard[-1]}; the search: {verdict.reason}")
        return verdict
    return Unknown("; ".join(heard), is_late and not is_claimed, effort=Effort(spent))


@takes(query=rules.query, certificate=rules.certificate, exact=rules.flag, proved=rules.flag)
def check(
    query: KernelQuery, certificate: bytes, exact: bool = False, *, proved: bool = False
) -> Accepted:
    """What the kernel accepted: the certificate proves that nothing unsafe happens.

    Args:
        query: the statement, loaded by yourself rather than taken from whoever proved it.
        certificate: the bytes of a certificate file.
        exact: whether to use exact rational arithmetic throughout (slower).
        proved: whether the checker that is proved in Coq (`make proved`) must accept it, too.

    Raises:
        Rejection: the certificate does not prove the query; the rule is named, "uncovered" where
            the proved checker does not know something.
        InputError: the proved checker is asked for and not there.
        Misread: a model that the query was read from gives something else at a point.
    """
    return check_twice(query, certificate, exact=exact, proved=proved)[0]


def check_twice(
    query: KernelQuery, certificate: bytes, *, exact: bool = False, proved: bool = False
) -> tuple[Accepted, tuple[str, ...]]:
    """As `check`, and what a second look at the models found, one sentence a model.

    Args:
        query: as for `check`.
        certificate: as for `check`.
        exact: as for `check`.
        proved: as for `check`.

    Raises:
        InputError: as `check`.
        Rejection: as `check`.
        Misread: as `check`.
    """
    from verifai.bounds.threads import one_thread
    from verifai.kernel.check import check as kernel_check
    from verifai.original.look import SecondLook
    from verifai.proof.files import Files
    from verifai.proof.upgrade import upgraded

    query = ready(query)
    look, files = SecondLook(query), Files.of(query)
    certificate = upgraded(certificate, files)
    with one_thread():
        accepted = kernel_check(files.network, files.query, certificate, exact=exact)
        look.at_domain()
    if proved:
        from verifai.proof.proved import require_proved

        require_proved(files, certificate)
    return replace(accepted, query=files.judged(accepted)), look.said


@renamed(box="domain")
@takes(net=rules.network)
def bounds(net: Network, domain: Domain | Ends) -> list[tuple[fmpq, fmpq]]:
    """Certified intervals (lower, upper) of the outputs, in order, over a domain.

    Each contains every value that its output reaches there; the kernel derives them, so
    they need no certificate. They are as tight as one CROWN pass is.

    Args:
        net: the network.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`, of which only
            the box counts.

    Raises:
        InputError: sizes do not fit, the box is empty, or a value may exceed every bound.
        Misread: a model that the network was read from gives something else at a point.
    """
    from verifai.bounds.certified import output_bounds
    from verifai.kernel.query import And
    from verifai.original.look import SecondLook
    from verifai.properties.domain import domain_of
    from verifai.query import Query

    region = domain_of(net, domain, allow_empty=True)
    query = ready(Query(net, region.lower, region.upper, And(())))
    found = output_bounds(query)
    SecondLook(query).at_domain()
    return found


@renamed(box="domain")
@takes(net=rules.network)
def regions(net: Network, domain: Domain | Ends) -> Iterator[Region]:
    """The activation regions of a piecewise-linear network in a box, exactly.

    Args:
        net: the network.
        domain: one pair (lower, upper) for each input value, or a `Domain` that is a box.

    Raises:
        InputError: sizes do not fit, a node is not piecewise linear, or there are too many.
    """
    from verifai.properties.domain import box_of
    from verifai.symbolic.regions import regions as find

    return find(net, *box_of(net, domain))


@renamed(box="domain")
@takes(net=rules.network)
def exact_lipschitz(net: Network, domain: Domain | Ends) -> Lipschitz:
    """The exact Lipschitz constant of a piecewise-linear network on a box, in the maximum norm.

    Args:
        net: the network.
        domain: one pair (lower, upper) for each input value, or a `Domain` that is a box.

    Raises:
        InputError: as `regions`.
    """
    from verifai.properties.domain import box_of
    from verifai.symbolic.regions import lipschitz

    return lipschitz(net, *box_of(net, domain))
