"""The elementary functions a second time: flint's ball arithmetic."""

from collections.abc import Callable

from flint import arb, ctx, fmpq

from verifai.kernel import elementary, fixed_point

ctx.prec = 1600

BALLS: dict[str, Callable[[arb], arb]] = {
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "sqrt": lambda x: x.sqrt(),
    "reciprocal": lambda x: 1 / x,
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "erf": lambda x: x.erf(),
    "gauss": lambda x: 2 / arb.pi().sqrt() * (-x * x).exp(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
}

ELEMENTARY = {name: getattr(elementary, name) for name in BALLS}
FIXED_POINT = {name: getattr(fixed_point, name) for name in BALLS}


def ball(function: str, x: fmpq) -> arb:
    """An interval around f(x), far narrower than anything compared with it."""
    return BALLS[function](arb(x))


def exceeds(function: str, x: fmpq, value: fmpq, error: fmpq) -> bool:
    """Whether f(x) may be further from value than error."""
    return not abs(ball(function, x) - arb(value)) <= arb(error) and not (
        error == 0 and (ball(function, x) - arb(value)).contains(0)
    )
