"""Work is counted as SPEC.md says, to the last unit, and refused one unit beyond."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tests.kernel.distance import ABS
from tests.kernel.proofs import Block, Choose, Close, Derive, Form, Point, Split, Tree, written
from verifai.kernel import limits
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.limits import Allowance, asked, check_work
from verifai.kernel.operator import Conv, Dense, Gather, Operator

UNLIMITED = 1 << 60, 0

# an operator, its inputs, the numbers that it holds or makes, the products that it adds
OPERATORS: dict[str, tuple[Operator, int, int, int]] = {
    "dense": (Dense.of(np.ones((3, 5))), 5, 15 + 5, 15),
    "dense on four rows": (Dense.of(np.ones((3, 5))), 20, 15 + 20, 4 * 15),
    "gather": (Gather.of(7), 7, 7 + 3 * 7, 7),
    "selection": (Gather.of(7, [1, -1, 1]), 7, 7 + 3 * 3, 3),
    "convolution": (Conv.of(np.ones((2, 1, 3)), (8,)), 8, 6 + 8, 6 * 6),
    "padded": (Conv.of(np.ones((2, 1, 3)), (8,), padding=((1,), (2,))), 8, 6 + 11, 6 * 9),
    "groups": (Conv.of(np.ones((2, 3, 3)), (8,), groups=2), 48, 18 + 6 * 8, 18 * 6),
    "strides": (Conv.of(np.ones((1, 1, 2, 2)), (4, 6), stride=(2, 3)), 24, 4 + 24, 4 * 2 * 2),
}


def allowance(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> Allowance:
    """So much of one kind, and of all others as much as one likes."""
    for kind in ("VALUES", "NUMBERS", "PRODUCTS"):
        monkeypatch.setattr(limits, kind, (most, 0) if kind == name else UNLIMITED)
    return Allowance(10)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("times", [1, 3])
def test_operators_are_counted_to_the_last_number_and_product(
    monkeypatch: pytest.MonkeyPatch, name: str, times: int
) -> None:
    operator, inputs, numbers, products = OPERATORS[name]
    for kind, each in (("NUMBERS", numbers), ("PRODUCTS", products)):
        enough = allowance(monkeypatch, kind, times * each)
        for _ in range(times):
            enough.operator(operator, inputs)
        short = allowance(monkeypatch, kind, times * each - 1)
        for _ in range(times - 1):
            short.operator(operator, inputs)
        with pytest.raises(InputError, match=f"more {kind.lower()} in all"):
            short.operator(operator, inputs)


def test_values_and_pieces_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    allowance(monkeypatch, "VALUES", 12).values(12)
    with pytest.raises(InputError, match="more values"):
        allowance(monkeypatch, "VALUES", 11).values(12)
    allowance(monkeypatch, "PRODUCTS", 12).pieces(3, 4)
    with pytest.raises(InputError, match="more products"):
        allowance(monkeypatch, "PRODUCTS", 11).pieces(3, 4)


@pytest.mark.parametrize("kind", ["VALUES", "NUMBERS", "PRODUCTS"])
def test_a_byte_of_the_files_allows_more(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    for name in ("VALUES", "NUMBERS", "PRODUCTS"):
        monkeypatch.setattr(limits, name, (100, 7) if name == kind else UNLIMITED)
    left = Allowance(10).left
    assert left[kind.lower()] == 170
    assert sorted(left.values())[1:] == [UNLIMITED[0]] * 2


# what a tree asks for


def block_terms(block: Block | None, longest: int) -> int:
    return 1 if block is None else 1 + longest * (len(block.rows) + len(block.bounds))


def form_terms(form: Form) -> int:
    return 1 if isinstance(form, int) else len(form)


def step_terms(step: tuple[str, Form, Block | None], longest: int) -> int:
    kind, target, block = step
    size = form_terms(target) if kind == "form" else 2 * ABS.sizes[target]  # type: ignore[index]
    return size * block_terms(block if kind in ("node", "form") else None, longest)


def followed(tree: Tree, longest: int) -> tuple[int, int]:
    """Steps and terms over all tree nodes, by plain recursion."""
    if isinstance(tree, Close):
        return 0, block_terms(tree.block, longest)
    if isinstance(tree, Point):
        return 0, 0
    if isinstance(tree, Split):
        parts = [followed(t, longest) for t in (tree.left, tree.right)]
        own = 0, form_terms(tree.form)
    elif isinstance(tree, Choose):
        parts, own = [followed(t, longest) for t in tree.children], (0, 0)
    else:
        parts = [followed(tree.child, longest)]
        own = len(tree.plan), sum(step_terms(step, longest) for step in tree.plan)
    return own[0] + sum(p[0] for p in parts), own[1] + sum(p[1] for p in parts)


def random_block(random: Random) -> Block:
    rows = tuple((0, 1.0) for _ in range(random.randrange(3)))
    bounds = tuple((0, 1.0) for _ in range(random.randrange(3)))
    return Block(rows, bounds, tuple((4, 0, 0.5) for _ in range(random.randrange(2))))


def random_form(random: Random) -> Form:
    if random.random() < 0.4:
        return random.randrange(7)
    return tuple((v, 1.0) for v in random.sample(range(7), random.randrange(1, 6)))


def random_step(random: Random) -> tuple[str, Form, Block | None]:
    kind = random.choice(["node", "form", "image", "plain"])
    block = random.choice([None, random_block(random)])
    return kind, random_form(random) if kind == "form" else random.randrange(1, 4), block


def random_tree(random: Random, depth: int) -> Tree:
    what = random.random()
    if depth == 0 or what < 0.2:
        return Point() if random.random() < 0.2 else Close(random_block(random))
    children = tuple(random_tree(random, depth - 1) for _ in range(random.randrange(1, 4)))
    if what < 0.4:
        return Choose(0, children)
    if what < 0.7:
        return Split(random_form(random), 0.0, children[0], children[-1])
    plan = tuple(random_step(random) for _ in range(random.randrange(4)))
    return Derive(plan, children[0])


def sizes(tree: Tree) -> list[int]:
    """Of all forms that stand in the proof."""
    proof = written(tree)
    return [*proof.form_size.tolist(), 1]


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize("longest", [0, 2, 9])
def test_what_a_tree_asks_for_is_what_it_follows(seed: int, longest: int) -> None:
    tree = random_tree(Random(seed), 4)
    row = max(1, longest, *sizes(tree))
    steps, terms = asked(written(tree), ABS, longest)
    assert (steps.followed, terms.followed) == followed(tree, row)


def repeated(plan: tuple[tuple[str, Form, Block | None], ...], times: int) -> Tree:
    tree: Tree = Point()
    for _ in range(times):
        tree = Derive(plan, tree)
    return tree


def allowed(
    monkeypatch: pytest.MonkeyPatch, tree: Tree, steps: tuple[int, int], terms: tuple[int, int]
) -> bool:
    monkeypatch.setattr(limits, "STEPS", steps)
    monkeypatch.setattr(limits, "TERMS", terms)
    try:
        check_work(written(tree), ABS, 1)
    except Rejection as rejection:
        return rejection.rule != "work"
    return True


def test_what_stands_in_the_file_may_be_followed_four_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for plan in ((("node", 1, None),), (("node", 1, None), ("form", 1, Block(rows=((0, 1.0),))))):
        for times, may in ((4, True), (5, False)):
            assert allowed(monkeypatch, repeated(plan, times), (0, 0), UNLIMITED) is may


def test_a_tree_node_allows_steps_for_every_node_and_terms_for_every_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten times a plan of six node steps with 4 values each: 60 steps, 480 terms, 11 tree nodes."""
    tree = repeated((("node", 1, None), ("node", 2, None)) * 3, 10)
    nodes, values, count = len(ABS.nodes), ABS.offsets[-1], 11
    assert ABS.sizes[1:3] == (2, 2)
    stored_terms = 6 * 4
    more_steps = 60 - 4 * 6
    assert allowed(monkeypatch, tree, (more_steps, 0), UNLIMITED)
    assert not allowed(monkeypatch, tree, (more_steps - 1, 0), UNLIMITED)
    assert nodes * count >= more_steps > nodes
    assert allowed(monkeypatch, tree, (0, 1), UNLIMITED)
    assert not allowed(monkeypatch, tree, (more_steps - nodes * count - 1, 1), UNLIMITED)
    slack = 2 * limits.STORED  # what is no block, and no form, counts as one each
    more_terms = 240 - 4 * stored_terms
    assert allowed(monkeypatch, tree, UNLIMITED, (more_terms, 0))
    assert not allowed(monkeypatch, tree, UNLIMITED, (more_terms - slack - 1, 0))
    assert allowed(monkeypatch, tree, UNLIMITED, (more_terms - values * count, 1))
    assert not allowed(monkeypatch, tree, UNLIMITED, (more_terms - values * count - slack - 1, 1))


def test_blocks_and_forms_that_stand_in_the_file_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leaf of 1 + 3·1 terms may be visited four times, and a split of five terms, too."""
    leaf, form = Close(Block(rows=((0, 1.0),) * 3)), tuple((v, 1.0) for v in range(5))
    tree: Tree = Split(0, 0.0, Split(0, 0.0, leaf, leaf), Split(0, 0.0, leaf, leaf))
    assert allowed(monkeypatch, tree, UNLIMITED, (3, 0))
    assert not allowed(monkeypatch, Split(0, 0.0, tree, tree), UNLIMITED, (3, 0))
    for count, may in ((4, True), (7, False)):
        long: Tree = Point()
        for _ in range(count):
            long = Split(form, 0.0, Point(), long)
        assert allowed(monkeypatch, long, UNLIMITED, (0, 0)) is may
