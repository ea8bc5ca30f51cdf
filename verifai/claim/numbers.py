"""Functions of exact numbers, and of balls around numbers that are not rational.

May import: python-flint, surd. Must not know: formulas.
"""

from __future__ import annotations

from collections.abc import Callable

from flint import arb, ctx, fmpq

from verifai.claim.surd import Surd

MAX_BITS = 20_000  # of a number on the way
Number = fmpq | Surd | arb


class Undefined(Exception):
    """An expression has no value at the point; says which."""


class Unsure(Exception):
    """The balls are too wide to tell."""


def sign_of(value: Number) -> int:
    """-1, 0 or 1.

    Raises:
        Unsure: a ball around 0.
    """
    if isinstance(value, fmpq):
        return int(value > 0) - int(value < 0)
    if isinstance(value, Surd):
        return value.sign
    if value > 0:
        return 1
    if value < 0:
        return -1
    raise Unsure


def subtracted(left: Number, right: Number) -> Number:
    """left - right."""
    return apply("+", [left, apply("neg", [right])])


def ball(value: Number) -> arb:
    """A ball around the value."""
    if isinstance(value, arb):
        return value
    if isinstance(value, fmpq):
        return arb(value)
    low, high = value.enclosure(fmpq(1, 1 << (2 * ctx.prec)))
    return arb(low).union(arb(high))


def apply(function: str, parts: list[Number]) -> Number:
    """A function of values.

    Raises:
        Undefined: it has no value there.
        Unsure: whether it has one is open, or the numbers grow too long.
    """
    first = parts[0]
    if function == "neg":
        return first.times(fmpq(-1)) if isinstance(first, Surd) else -first
    if function in ("+", "*"):
        return _pair(function, first, parts[1])
    if function == "/":
        if sign_of(parts[1]) == 0:
            raise Undefined("divided by 0")
        divisor = parts[1]
        turned = divisor.inverse() if isinstance(divisor, Surd) else _one_by(divisor)
        return _pair("*", first, turned)
    if function == "^":
        return _power(first, parts[1])
    if function in _CHOICES:
        return _CHOICES[function](parts)
    return _smooth(function, first)


def _one_by(divisor: fmpq | arb) -> fmpq | arb:
    if isinstance(divisor, fmpq):
        return fmpq(1) / divisor
    return 1 / divisor


def _pair(function: str, left: Number, right: Number) -> Number:
    if isinstance(left, arb) or isinstance(right, arb):
        a, b = ball(left), ball(right)
        return a + b if function == "+" else a * b
    if isinstance(left, Surd):
        return left.plus(right) if function == "+" else left.times(right)
    if isinstance(right, Surd):
        return right.plus(left) if function == "+" else right.times(left)
    if max(x.q.bit_length() + x.p.bit_length() for x in (left, right)) > MAX_BITS:
        raise Unsure
    return left + right if function == "+" else left * right


def _power(base: Number, exponent: Number) -> Number:
    found: Number = fmpq(1)
    if not isinstance(exponent, fmpq):
        raise TypeError("an exponent that is not rational")
    if isinstance(base, arb):
        return base ** int(exponent.p)
    for _ in range(int(exponent.p)):
        found = _pair("*", found, base)
    return found


def _larger(parts: list[Number]) -> Number:
    return parts[0] if sign_of(subtracted(parts[0], parts[1])) >= 0 else parts[1]


def _max(parts: list[Number]) -> Number:
    if any(isinstance(part, arb) for part in parts):
        return ball(parts[0]).max(ball(parts[1]))
    return _larger(parts)


def _min(parts: list[Number]) -> Number:
    return apply("neg", [_max([apply("neg", [part]) for part in parts])])


def _abs(parts: list[Number]) -> Number:
    (part,) = parts
    if isinstance(part, arb):
        return abs(part)
    return part if sign_of(part) >= 0 else apply("neg", [part])


def _floor(parts: list[Number]) -> Number:
    (part,) = parts
    if isinstance(part, fmpq):
        return fmpq(part.floor())
    found = ball(part).floor().unique_fmpz()
    if found is None:
        raise Unsure
    return fmpq(found)


def _mod(parts: list[Number]) -> Number:
    left, right = parts
    if not (isinstance(left, fmpq) and isinstance(right, fmpq)):
        raise Unsure
    return left - right * fmpq((left / right).floor())


_CHOICES: dict[str, Callable[[list[Number]], Number]] = {
    "max": _max,
    "min": _min,
    "abs": _abs,
    "floor": _floor,
    "mod": _mod,
    "sign": lambda parts: fmpq(sign_of(parts[0])),
}


def _smooth(function: str, value: Number) -> Number:
    if function == "log":
        if sign_of(value) <= 0:
            raise Undefined("log of what is not positive")
        return fmpq(0) if isinstance(value, fmpq) and value == 1 else ball(value).log()
    if function == "sqrt":
        if sign_of(value) < 0:
            raise Undefined("the root of what is negative")
        if isinstance(value, fmpq):
            root = fmpq(value.p.isqrt(), value.q.isqrt())
            if root * root == value:
                return root
        return ball(value).sqrt()
    if isinstance(value, fmpq) and value == 0:
        return fmpq(0) if function == "sin" else fmpq(1)
    x = ball(value)
    found = _ENTIRE[function](x)
    if not bool(found.is_finite()):
        raise Unsure
    return found


_ENTIRE: dict[str, Callable[[arb], arb]] = {"exp": arb.exp, "sin": arb.sin, "cos": arb.cos}
