"""False claims, each with a certificate that would prove it if one small check were absent."""

from __future__ import annotations

from dataclasses import dataclass

from flint import fmpq

from tests.kernel.distance import at_least, query_of
from tests.kernel.proofs import (
    Block,
    Choose,
    Close,
    Derive,
    Form,
    Point,
    Split,
    Tree,
)
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.network import Input, Network, Node, Product, Sign, Smooth, Square
from verifai.kernel.operator import Conv, Dense, Gather
from verifai.kernel.query import And, Formula, Or, Query, Relation

LESS, EQUAL = Relation.LESS, Relation.EQUAL
ONE, ZERO = fmpq(1), fmpq(0)
X = 0  # the first input


@dataclass(frozen=True)
class False_:
    """A query, an input that is unsafe in it, and a certificate that says there is none.

    Attributes:
        point: None where the network holds a radius, and some function within it is unsafe.
    """

    query: Query
    tree: Tree
    point: tuple[fmpq, ...] | None


def chain(*nodes: Node, inputs: int = 1) -> Network:
    """Inputs x, then these nodes; the last is the output."""
    return Network((Input("x", (inputs,)), *nodes), (len(nodes),))


def on(network: Network, low: object, high: object, *unsafe: Formula, whole: bool = False) -> Query:
    """The query on a box; `whole`: all inputs are integers."""
    ends = [e if isinstance(e, tuple) else (e,) for e in (low, high)]
    lower, upper = (tuple(fmpq(q) for q in end) for end in ends)
    marked = frozenset(range(len(lower))) if whole else frozenset()
    return query_of(network, *unsafe, lower=lower, upper=upper, integers=marked)


def at_most(value: int, threshold: fmpq, relation: Relation = Relation.AT_MOST) -> Formula:
    return atom({value: ONE}, -threshold, relation)


def close(*rows: tuple[int, float], bounds: tuple[tuple[int, float], ...] = ()) -> Close:
    return Close(Block(rows=rows, bounds=bounds))


FIRST = close((0, 1.0))
LAST = close((-1, 1.0))
EMPTY = Close()


def _integer(node: Node, *more: Node, form: Form | None = None) -> False_:
    """A value that is 1/2 at x = 1 although inputs are integers, split between 0 and 1."""
    net = chain(node, *more)
    value = net.offsets[-1] - 1
    query = on(net, 0, 1, at_least(value, fmpq(1, 4)), at_most(value, fmpq(3, 4)), whole=True)
    return False_(query, Split(value if form is None else form, 0.5, EMPTY, EMPTY), (ONE,))


def _dense(weight: float, **more: object) -> Node:
    return affine("y", (1,), ((0, Dense.of([[weight]])),), **more)


def _gather(scale: float) -> Node:
    return affine("y", (1,), ((0, Gather.of(1, None, scale)),))


def _conv(weight: float) -> Node:
    return affine("y", (1,), ((0, Conv.of([[[weight]]], (1,))),))


HALF = affine("h", (1,), ((0, Gather.of(1, None, 0.5)),))
INPUT = Network((Input("x", (1,)),), (0,))
PAIR = Network((Input("x", (2,)),), (0,))

INTEGRALITY = {
    "dense weight": _integer(_dense(0.5)),
    "gather scale": _integer(_gather(0.5)),
    "convolution weight": _integer(_conv(0.5)),
    "bias": _integer(_dense(1.0, bias=-0.5)),
    "divisor": _integer(_dense(1.0, divisor=2.0)),
    "knot": _integer(pwl("y", (1,), 0, [0.5], [0.0, 1.0])),
    "slope": _integer(pwl("y", (1,), 0, [0.0], [0.0, 0.5])),
    "anchor": _integer(pwl("y", (1,), 0, [1.0], [1.0, 0.0], 0.5)),
    "sum over a half": _integer(HALF, affine("y", (1,), ((1, Dense.of([[1.0]])),))),
    "selection of a half": _integer(HALF, affine("y", (1,), ((1, Gather.of(1)),))),
    "convolution of a half": _integer(HALF, affine("y", (1,), ((1, Conv.of([[[1.0]]], (1,))),))),
    "relu of a half": _integer(HALF, relu("y", (1,), 1)),
    "product with a half": _integer(HALF, Product("y", (1,), 0, 1)),
    "product of a half": _integer(HALF, Product("y", (1,), 1, 0)),
    "square of a half": _integer(
        HALF, Square("s", (1,), 1), affine("y", (1,), ((2, Dense.of([[2.0]])),))
    ),
    "smooth": _integer(
        affine("d", (1,), ((0, Dense.of([[1.0]])),), bias=1.0), Smooth("y", (1,), 1, "reciprocal")
    ),
    "factor of a form": _integer(_gather(1.0), form=((X, 0.5),)),
}
INTEGRALITY["factor of a form"] = False_(
    on(INPUT, 0, 1, at_least(X, ONE), whole=True),
    Split(((X, 0.5),), 0.0, close((0, 1.0), (1, 2.0)), close((1, 1.0))),
    (ONE,),
)
# a radius on integers: y = x + δ with |δ| ≤ |x|/2
INTEGRALITY["radius"] = False_(
    on(
        chain(_dense(1.0, radius=0.5)),
        0,
        1,
        at_least(1, fmpq(1, 4)),
        at_most(1, fmpq(3, 4)),
        whole=True,
    ),
    Split(1, 0.5, EMPTY, EMPTY),
    None,
)
INTEGRALITY["real input"] = False_(
    query_of(
        PAIR,
        at_least(X, fmpq(1, 4)),
        at_most(X, fmpq(3, 4)),
        integers=frozenset({1}),
    ),
    Split(X, 0.5, EMPTY, EMPTY),
    (fmpq(1, 2), ZERO),
)
INTEGRALITY["a form of one integer and one that is none"] = False_(
    query_of(
        PAIR,
        atom({0: -ONE, 1: -ONE}, fmpq(1, 4)),
        atom({0: ONE, 1: ONE}, fmpq(-3, 4)),
        integers=frozenset({0}),
    ),
    Split(((0, 1.0), (1, 1.0)), 0.5, close((0, 1.0), (2, 1.0)), close((1, 1.0), (2, 1.0))),
    (ZERO, fmpq(1, 2)),
)

STRICTNESS = {
    "weight 0 on a strict row": False_(
        on(INPUT, 0, 1, at_least(X, ZERO, LESS)), close((0, 0.0)), (ONE,)
    ),
    "the upper side of an integer split": False_(
        on(INPUT, 0, 1, at_least(X, ONE), whole=True),
        Split(X, 0.0, close((0, 1.0), (1, 1.0)), close((1, 1.0), bounds=((X, -1.0),))),
        (ONE,),
    ),
    "the lower side of a split": False_(
        on(INPUT, 0, 1, at_most(X, ZERO)),
        Split(X, 0.0, close((1, 1.0), bounds=((X, 1.0),)), close((0, 1.0), (1, 1.0))),
        (ZERO,),
    ),
    "a row that is not strict": False_(on(INPUT, 0, 1, at_least(X, ONE)), FIRST, (ONE,)),
    "an equality": False_(on(INPUT, 0, 1, atom({X: ONE}, -ONE, EQUAL)), close((0, -1.0)), (ONE,)),
    "a derived row": False_(
        on(INPUT, 0, 1, at_most(X, ZERO)),
        Derive((("form", ((X, 1.0),), None),), close((0, 1.0), (1, 1.0))),
        (ZERO,),
    ),
    "a derived row whose bound is attained": False_(  # beyond binary64, so that no rounding helps
        on(PAIR, (0, 0), (1, 0), at_most(X, ZERO), atom({1: fmpq(10) ** 200}, ZERO, EQUAL)),
        Derive((("form", X, Block(rows=((1, 1e200),))),), close((0, 1.0), (2, 1.0))),
        (ZERO, ZERO),
    ),
    "the cut of a strict row": False_(
        on(PAIR, (0, 0), (1, 1), at_least(X, fmpq(1, 2), LESS), at_most(X, fmpq(3, 4))),
        Split(((X, 1.0), (1, 1.0)), 2.5, EMPTY, EMPTY),
        (fmpq(5, 8), ONE),
    ),
}


def _alternatives(*last: Tree) -> Tree:
    return Choose(0, last)


# beside 1/10 stand doubles on both sides, and beside 1/3
TENTH, THIRD = fmpq(1, 10), fmpq(1, 3)
SIGNS = chain(Sign("s", (2,), 0), inputs=2)
TWICE = chain(affine("t", (2,), ((0, Gather.of(2, None, 2.0)),)), inputs=2)
ENDS = {
    "a lower end": False_(
        on(PAIR, (TENTH, 0), (ONE, 0), atom({0: ONE, 1: ONE}, -TENTH)), Point(), (TENTH, ZERO)
    ),
    "a lower end of a third": False_(
        on(PAIR, (THIRD, 0), (ONE, 0), atom({0: ONE, 1: ONE}, -THIRD)), Point(), (THIRD, ZERO)
    ),
    "an upper end": False_(
        on(PAIR, (0, 0), (TENTH, 0), atom({0: -ONE, 1: -ONE}, TENTH)), Point(), (TENTH, ZERO)
    ),
    "an upper end of a third": False_(
        on(PAIR, (0, 0), (THIRD, 0), atom({0: -ONE, 1: -ONE}, THIRD)), Point(), (THIRD, ZERO)
    ),
    "a cut from below": False_(
        on(INPUT, 0, 1, atom({X: fmpq(-3)}, ONE), atom({X: fmpq(3)}, -ONE)), Point(), (THIRD,)
    ),
    "a cut from above": False_(
        on(INPUT, 0, 1, atom({X: fmpq(3)}, -ONE), atom({X: fmpq(-3)}, ONE)), Point(), (THIRD,)
    ),
    "the cut of an equality": False_(
        on(INPUT, 0, 1, atom({X: fmpq(3)}, -ONE, EQUAL)), Point(), (THIRD,)
    ),
    "the cut of an equality at a tenth": False_(
        on(INPUT, 0, 1, atom({X: fmpq(10)}, -ONE, EQUAL)), Point(), (TENTH,)
    ),
    "an integer's lower cut": False_(
        on(INPUT, 0, 2, atom({X: fmpq(-2)}, ONE), at_most(X, ONE), whole=True), Point(), (ONE,)
    ),
    "an integer's upper cut": False_(
        on(INPUT, 0, 2, atom({X: fmpq(2)}, fmpq(-3)), at_least(X, ONE), whole=True),
        Point(),
        (ONE,),
    ),
    "an interval of one point after a derivation": False_(
        on(chain(Sign("s", (1,), 0)), 1, 2, at_least(1, ONE)),
        Derive((("image", 1, None),), FIRST),
        (ONE,),
    ),
    "an interval of one point after a cut": False_(
        on(INPUT, 0, 1, at_least(X, ONE)), Derive((("form", X, None),), FIRST), (ONE,)
    ),
    "the lower end of an image": False_(
        on(SIGNS, (-1, 0), (1, 0), atom({2: ONE, 1: ONE}, ZERO)),
        Derive((("image", 1, None),), close((0, 1.0), bounds=((2, 1.0),))),
        (-ONE, ZERO),
    ),
    "the upper end of an image": False_(
        on(SIGNS, (-1, 0), (1, 0), atom({2: -ONE, 1: ONE}, ZERO)),
        Derive((("image", 1, None),), close((0, 1.0), bounds=((2, -1.0),))),
        (ONE, ZERO),
    ),
    "the lower end of a derived value": False_(
        on(TWICE, (-1, 0), (1, 0), atom({2: ONE, 1: ONE}, ZERO)),
        Derive((("node", 1, None),), close((0, 1.0), bounds=((2, 1.0),))),
        (-ONE, ZERO),
    ),
    "the upper end of a derived value": False_(
        on(TWICE, (-1, 0), (1, 0), atom({2: -ONE, 1: ONE}, ZERO)),
        Derive((("node", 1, None),), close((0, 1.0), bounds=((2, -1.0),))),
        (ONE, ZERO),
    ),
    "a box of one point": False_(on(INPUT, 1, 1, at_least(X, ONE)), EMPTY, (ONE,)),
    "an integer between equal ends": False_(
        on(INPUT, 1, 1, at_least(X, ONE), whole=True), EMPTY, (ONE,)
    ),
}

_Y = ("node", 1, None)
# two rows of two numbers, each times [[1, -1], [0, 2]]
ROWS_OF_TWO = chain(affine("y", (2, 2), ((0, Dense.of([[1.0, -1.0], [0.0, 2.0]])),)), inputs=4)
LINES = {
    "a radius of a row of weights": False_(
        on(chain(_dense(1.0, radius=0.5)), 1, 2, at_most(1, fmpq(3, 4))),
        Derive((_Y,), FIRST),
        None,
    ),
    "a radius of a selection": False_(
        on(
            chain(affine("y", (1,), ((0, Gather.of(1)),), radius=0.5)),
            1,
            2,
            at_most(1, fmpq(3, 4)),
        ),
        Derive((_Y,), FIRST),
        None,
    ),
    "a radius of an image": False_(
        on(chain(_dense(1.0, radius=0.5)), 1, 2, at_most(1, fmpq(3, 4))),
        Derive((("image", 1, None),), FIRST),
        None,
    ),
    "a radius in the root": False_(
        on(chain(_dense(1.0, radius=0.5)), 1, 2, at_most(1, fmpq(3, 4))), EMPTY, None
    ),
    "a radius under a bias": False_(
        on(chain(_dense(0.0, bias=1.0, radius=0.5)), 1, 2, at_most(1, fmpq(3, 4))),
        Derive((_Y,), FIRST),
        None,
    ),
    "a bias above": False_(
        on(chain(_dense(1.0, bias=1.0)), 0, 1, at_least(1, fmpq(2))),
        Derive((_Y,), FIRST),
        (ONE,),
    ),
    "a bias below": False_(
        on(chain(_dense(-1.0, bias=-1.0)), 0, 1, at_most(1, fmpq(-2))),
        Derive((_Y,), FIRST),
        (ONE,),
    ),
    "weights for every row of a matrix": False_(
        on(ROWS_OF_TWO, (0, 0, 0, 1), (1, 0, 0, 1), at_least(7, fmpq(2))),
        Derive((_Y,), FIRST),
        (ZERO, ZERO, ZERO, ONE),
    ),
    "a divisor of a row of weights": False_(
        on(chain(_dense(1.0, divisor=2.0)), 1, 2, at_most(1, fmpq(3, 4))),
        Derive((_Y,), FIRST),
        (ONE,),
    ),
    "a divisor of a bias": False_(
        on(chain(_dense(0.0, bias=1.0, divisor=2.0)), 1, 2, at_most(1, fmpq(3, 4))),
        Derive((_Y,), FIRST),
        (ONE,),
    ),
    "a piece of slope 0 before the last knot": False_(
        on(
            chain(pwl("y", (1,), 0, [0.0, 1.0], [1.0, 0.0, 1.0])),
            fmpq(1, 2),
            3,
            at_least(1, ONE),
        ),
        Close(Block(rows=((0, 1.0),), slopes=((1, 0, 0.0), (1, 1, 0.0)))),
        (fmpq(2),),
    ),
    "a piece of slope 0 that is not at 0": False_(
        on(chain(pwl("y", (1,), 0, [0.0], [0.0, 1.0], 1.0)), -1, 0, at_least(1, ONE)),
        Close(Block(rows=((0, 1.0),), slopes=((1, 0, 0.0), (1, 1, 0.0)))),
        (ZERO,),
    ),
    "slopes 0 on a function that is not 0": False_(
        on(chain(relu("y", (1,), 0)), -1, 1, at_least(1, ONE)),
        Close(Block(rows=((0, 1.0),), slopes=((1, 0, 0.0), (1, 1, 0.0)))),
        (ONE,),
    ),
    "an inner knot": False_(
        on(
            chain(pwl("y", (1,), 0, [-0.5, 0.0, 0.5], [0.0, 2.0, -2.0, 0.0])),
            -1,
            1,
            at_least(1, ONE),
        ),
        Close(Block(rows=((0, 1.0),), slopes=((1, 0, 0.0), (1, 1, 0.0)))),
        (ZERO,),
    ),
    "sign from below": False_(
        on(chain(Sign("s", (1,), 0)), -1, 0, at_least(1, ZERO)), FIRST, (ZERO,)
    ),
    "sign from above": False_(
        on(chain(Sign("s", (1,), 0)), 0, 1, at_most(1, ZERO)), FIRST, (ZERO,)
    ),
    "sign beyond 0": False_(
        on(chain(Sign("s", (1,), 0)), 0, 1, at_least(1, ONE)),
        Close(Block(rows=((0, 1.0),), slopes=((1, 0, 0.0), (1, 1, 0.0)))),
        (fmpq(1, 2),),
    ),
    "the least square": False_(
        on(chain(Square("y", (1,), 0)), -1, 2, at_most(1, ZERO)),
        Close(Block(rows=((0, 1.0),), slopes=((1, 0, -4.0),))),
        (ZERO,),
    ),
    "the greatest square": False_(
        on(chain(Square("y", (1,), 0)), -2, 1, at_least(1, fmpq(4))),
        Close(Block(rows=((0, 1.0),), slopes=((1, 1, 2.0),))),
        (fmpq(-2),),
    ),
    "a product's corner": False_(
        on(chain(Product("y", (1,), 0, 0)), -1, 2, at_least(1, fmpq(4))),
        Close(Block(rows=((0, 1.0),), slopes=((1, 2, -1.0), (1, 3, 5.0)))),
        (fmpq(2),),
    ),
    "a tangent that is not a tangent": False_(
        on(chain(Smooth("y", (1,), 0, "exp")), 0, 1, at_most(1, ONE)),
        Close(Block(rows=((0, 1.0),), slopes=((1, 0, 4.0),))),
        (ZERO,),
    ),
    "beside an inflection": False_(
        on(chain(Smooth("y", (1,), 0, "tanh")), -2, 2, at_most(1, fmpq(-9, 10))),
        Close(Block(rows=((0, 1.0),), slopes=((1, 0, 1.0),))),
        (fmpq(-2),),
    ),
}

FAR = atom({0: -ONE, 1: -ONE}, fmpq(3))  # of two inputs up to 1
ROWS = {
    "a negative multiplier": False_(
        on(PAIR, (0, 0), (1, 1), atom({0: -ONE, 1: -ONE}, ONE)), close((0, -3.0)), (ONE, ONE)
    ),
    "an equality of either sign": False_(
        on(PAIR, (0, 0), (1, 1), atom({0: -ONE, 1: ONE}, ZERO, EQUAL)),
        close((0, -1.0)),
        (ONE, ONE),
    ),
    "a lower end for an upper": False_(
        on(PAIR, (0, 0), (1, 1), atom({0: -ONE, 1: -ONE}, fmpq(3, 2))),
        close((0, 1.0), bounds=((0, 1.0),)),
        (ONE, ONE),
    ),
    "an upper end for a lower": False_(
        on(PAIR, (0, 0), (1, 1), atom({0: ONE, 1: ONE}, -ONE)),
        close((0, 1.0), bounds=((0, -1.0),)),
        (ZERO, ZERO),
    ),
    "the sibling's row": False_(
        on(PAIR, (0, 0), (1, 1), atom({0: -ONE, 1: -ONE}, ONE)),
        Split(0, 0.5, close((0, 2.0), (1, 2.0)), close((0, 2.0), (1, 2.0))),
        (ONE, ONE),
    ),
    "an alternative that is none of the path's": False_(
        on(
            PAIR,
            (0, 0),
            (1, 1),
            Or((atom({0: -ONE, 1: -ONE}, fmpq(3)), atom({0: -ONE, 1: -ONE}, fmpq(2)))),
        ),
        Choose(0, (close((0, 1.0)), close((0, 1.0)))),
        (ONE, ONE),
    ),
    "a disjunction inside an alternative": False_(
        on(
            PAIR,
            (0, 0),
            (1, 1),
            Or(
                (
                    And((at_least(0, ZERO), Or((at_least(1, ONE), at_least(1, fmpq(2)))))),
                    at_least(0, fmpq(2)),
                )
            ),
        ),
        Choose(0, (Choose(0, (EMPTY, EMPTY)), EMPTY)),
        (ONE, ONE),
    ),
    "a disjunction as an alternative": False_(
        on(
            PAIR,
            (0, 0),
            (1, 1),
            Or((Or((atom({0: -ONE, 1: -ONE}, fmpq(2)), FAR)), FAR)),
        ),
        Choose(0, (LAST, LAST)),
        (ONE, ONE),
    ),
    "a derived bound with the row of another path": False_(
        on(PAIR, (0, 0), (1, 1), atom({0: -ONE, 1: -ONE}, ONE)),
        Split(
            0,
            0.5,
            Derive((("form", 1, Block(rows=((-1, 1.0),))),), LAST),
            Derive((("form", 1, Block(rows=((-1, 1.0),))),), LAST),
        ),
        (ONE, ONE),
    ),
    "a number between two doubles": False_(
        on(INPUT, 0, 1, atom({X: fmpq(-3)}, ONE), atom({X: fmpq(3)}, -ONE)),
        close((0, 1.0), (1, 1.0)),
        (THIRD,),
    ),
}


def _lost_radii(count: int, missed: int) -> False_:
    """x0 + y ≤ 1 + 2^-10 - missed·u, where y starts as x1 and sinks by 1.98u in every node.

    Next to the constant of the claim, half of what each node takes off is lost by rounding.
    """
    sinks = [affine("y0", (1,), ((0, Gather.of(2, [1])),))]
    for i in range(1, count + 1):
        same = ((i, Gather.of(1)),)
        sinks.append(affine(f"y{i}", (1,), same, bias=-0.99 * 2.0**-53, radius=0.99 * 2.0**-43))
    net, start = chain(*sinks, inputs=2), (ONE, fmpq(1, 1024))
    most = ONE + fmpq(1, 1024) - missed * fmpq(1, 2**53)
    last = net.offsets[-1] - 1
    return False_(on(net, start, start, atom({X: ONE, last: ONE}, -most)), FIRST, None)


ROUNDING = {"radii next to a large constant": _lost_radii(100, 190)}

EVERY = {
    f"{kind}: {name}": claim
    for kind, claims in (
        ("integrality", INTEGRALITY),
        ("strictness", STRICTNESS),
        ("ends", ENDS),
        ("lines", LINES),
        ("rows", ROWS),
        ("rounding", ROUNDING),
    )
    for name, claim in claims.items()
}
