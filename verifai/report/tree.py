"""A certificate's tree for people: what every node decides, and how far each leaf is from failing.

The kernel's own walk over the proof is watched: every bound here is one that it computed.

May import: kernel, words. Must not know: pages, verdicts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from flint import fmpq

from verifai.kernel.bound import Root
from verifai.kernel.checker import Checker, _Run, refuse
from verifai.kernel.context import Context
from verifai.kernel.files.certificate import Kind, Proof
from verifai.kernel.network import Network, Pwl
from verifai.kernel.number import exact, nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import Query
from verifai.report.words import Shown, condition, form, shown

MAX_ITEMS = 1500
MAX_LEVEL = 60
Bound = fmpq | float


class Watch(_Run):
    """The kernel's walk over one proof, which remembers what it computed.

    Attributes:
        bounds: LB of every leaf that is closed by one, by its place in the tree.
        added: the rows that a branch adds, as places in the ledger's table.
        empty: nodes whose intervals hold no point.
        above: the kind of the node that a branch comes from.
    """

    def __init__(self, checker: Checker, proof: Proof) -> None:
        """Nothing is visited yet."""
        self.bounds: dict[int, Bound] = {}
        self.added: dict[int, tuple[int, ...]] = {}
        self.empty: set[int] = set()
        self.above: dict[int, Kind] = {}
        super().__init__(checker, proof)

    def _enter(self, context: Context) -> Context:
        entered = super()._enter(context)
        if entered.is_empty:
            self.empty.add(entered.position)
        return entered

    def _split(self, context: Context) -> list[Context]:
        return self._noted(context, super()._split(context))

    def _choose(self, context: Context) -> list[Context]:
        return self._noted(context, super()._choose(context))

    def _noted(self, context: Context, children: list[Context]) -> list[Context]:
        kind = Kind(int(self.proof.tree[context.position]))
        for child in children:
            self.above[child.position] = kind
            self.added[child.position] = child.rows[len(context.rows) :]
        return children

    def _bounds(self, root: Root, contexts: list[Context]) -> tuple[Array, list[bool]]:
        bounds, strict = super()._bounds(root, contexts)
        for context, bound in zip(contexts, bounds, strict=True):
            self.bounds[context.position] = bound if isinstance(bound, fmpq) else float(bound)
        return bounds, strict


def watched(query: Query, proof: Proof) -> Watch:
    """The walk over a whole proof, finished.

    Raises:
        Rejection: the proof does not hold.
    """
    watch = Watch(Checker(query), proof)
    refuse(watch.walk())
    return watch


@dataclass(frozen=True, slots=True)
class Item:
    """A node of the tree as a line of a list.

    Attributes:
        position: its place in the certificate.
        level, place, siblings: where it stands, each from 1.
        kind: "split", "choose", "close", "point" or "empty".
        branch: what holds on this branch; empty at the root.
        words: what is decided here, or why nothing is left.
        derived: how many bounds were derived first.
        leaves: below it, itself included.
        least: the smallest bound of a leaf below; None where there is none.
        hidden: nodes below that are not listed.
    """

    position: int
    level: int
    place: int
    siblings: int
    kind: str
    branch: str
    words: str
    derived: int
    leaves: int
    least: Shown | None
    hidden: int = 0

    @property
    def is_leaf(self) -> bool:
        """Whether nothing is below."""
        return self.kind in ("close", "point", "empty")


@dataclass(frozen=True, slots=True)
class Tree:
    """The lines of a tree and its figures.

    Attributes:
        items: in preorder, as far as they are listed.
        nodes: in all.
        kinds: how many leaves are closed by a bound, by evaluation, and are empty.
        depth: of the deepest leaf, bounds that are derived on the way not counted.
        tightest: the place of the leaf with the smallest bound; None where no leaf has one.
        least: that bound.
    """

    items: tuple[Item, ...]
    nodes: int
    kinds: tuple[tuple[str, int], ...]
    depth: int
    tightest: int | None
    least: Shown | None


class _Sums:
    """Leaves and smallest bounds below every tree node."""

    def __init__(self, watch: Watch) -> None:
        proof = watch.proof
        count = len(proof.tree)
        self.leaves, self.depth = [1] * count, [0] * count
        self.least: list[int | None] = [None] * count
        for position in range(count - 1, -1, -1):
            children = proof.children(position)
            if not children:
                is_bound = position in watch.bounds and position not in watch.empty
                self.least[position] = position if is_bound else None
                continue
            self.leaves[position] = sum(self.leaves[c] for c in children)
            is_derive = proof.tree[position] == Kind.DERIVE
            self.depth[position] = max(self.depth[c] for c in children) + (not is_derive)
            ends = [end for c in children if (end := self.least[c]) is not None]
            self.least[position] = min(ends, key=lambda p: _exact(watch.bounds[p]), default=None)


def tree_of(watch: Watch, most: int = MAX_ITEMS) -> Tree:
    """The tree of a finished walk: its first levels, and all on the way to the tightest leaf.

    Args:
        watch: the walk.
        most: how many nodes are listed, those on the way not counted.
    """
    proof, sums = watch.proof, _Sums(watch)
    tightest = sums.least[0]
    items: dict[int, Item] = {}
    waiting: deque[tuple[int, int, int, int]] = deque([(0, 1, 1, 1)])
    while waiting:
        first, level, place, siblings = waiting.popleft()
        position, derived = _behind_derived(proof, first)
        end = int(proof.ends[position])
        is_on_way = tightest is not None and position <= tightest < end
        children = proof.children(position)
        is_cut = bool(children) and (len(items) >= most or level >= MAX_LEVEL)
        hidden = end - position - 1 if is_cut and not is_on_way else 0
        kind = _kind(watch, position)
        least = sums.least[position]
        items[first] = Item(
            position,
            level,
            place,
            siblings,
            kind,
            _branch(watch, first),
            _words(watch, position, kind),
            derived,
            sums.leaves[position],
            None if least is None else shown(watch.bounds[least]),
            hidden,
        )
        if not hidden:
            each = enumerate(children, 1)
            waiting += [(child, level + 1, number, len(children)) for number, child in each]
    ordered = tuple(items[first] for first in sorted(items))
    leaves = [p for p in range(len(proof.tree)) if proof.tree[p] in (Kind.CLOSE, Kind.POINT)]
    kinds = [_kind(watch, p) for p in leaves]
    counts = tuple((name, kinds.count(name)) for name in ("close", "point", "empty"))
    bound = None if tightest is None else shown(watch.bounds[tightest])
    return Tree(ordered, len(proof.tree), counts, sums.depth[0], tightest, bound)


def _exact(bound: Bound) -> fmpq:
    return bound if isinstance(bound, fmpq) else exact(bound)


def _behind_derived(proof: Proof, position: int) -> tuple[int, int]:
    """The first node that is no `derive`, and how many steps there were before."""
    steps = 0
    while proof.tree[position] == Kind.DERIVE:
        steps += int(proof.plan_size[proof.derive_plan[proof.ordinal[position]]])
        position += 1
    return position, steps


def _kind(watch: Watch, position: int) -> str:
    kind = Kind(int(watch.proof.tree[position])).name.lower()
    return "empty" if kind in ("close", "point") and position in watch.empty else kind


def _branch(watch: Watch, position: int) -> str:
    """What a branch adds, in words."""
    if position not in watch.added:
        return ""
    net = watch.checker.query.network
    rows = [watch.ledger.table[r] for r in watch.added[position]]
    return " and ".join(condition(net, row) for row in rows) or "a part of the property"


def _words(watch: Watch, position: int, kind: str) -> str:
    proof, net = watch.proof, watch.checker.query.network
    record = proof.ordinal[position]
    if kind == "split":
        row = watch.ledger.form(int(proof.split_form[record]))
        at = exact(float(proof.split_at[record]))
        if len(row.values) == 1:
            return _split_words(net, row.values[0], at)
        terms = list(zip(row.values, row.factors, strict=True))
        return f"split {form(net, terms)} at {shown(at).plain}"
    if kind == "choose":
        return f"choose one of {int(proof.choose_count[record])} ways to violate the property"
    if kind == "close":
        return f"closed: bound {shown(watch.bounds[position])}"
    return "closed: evaluated exactly" if kind == "point" else "closed: no point is left"


def _split_words(net: Network, value: int, at: fmpq) -> str:
    """Which input, or which neuron's phase, a split on one value decides."""
    node, _ = net.owner(value)
    if node in net.inputs:
        return f"split input {net.describe(value)} at {shown(at).plain}"
    users = [n for n in net.nodes if isinstance(n, Pwl) and n.source == node]
    knots = {float(k) for n in users for k in n.knots.reshape(-1)}
    what = "phase of neuron" if nearest(at) in knots else "neuron"
    return f"split {what} {net.describe(value)} at {shown(at).plain}"
