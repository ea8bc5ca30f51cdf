"""What the signs and the names of functions mean, on numbers, matrices and formulas.

May import: python-flint, kernel (errors, number), grid, term. Must not know: text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeGuard

from flint import fmpq

from verifai.claim.grid import Grid, minus, plus, times, total
from verifai.claim.term import (
    ONE,
    ZERO,
    Applied,
    Compared,
    Expression,
    Formula,
    Joined,
    Named,
    Rational,
    Sort,
    Truth,
    every,
    negation,
)
from verifai.kernel.errors import InputError
from verifai.kernel.number import rational

MAX_POWER = 64
MAX_BITS = 512  # of a number
Value = Expression | Formula | Grid


def is_formula(value: Value) -> TypeGuard[Formula]:
    """Whether it is true or false rather than a number or a matrix."""
    if isinstance(value, Named):
        return value.sort is Sort.BOOLEAN
    return isinstance(value, Truth | Compared | Joined)


def number_of(value: Value, what: str) -> Expression:
    """The value, which must be a number.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, Grid):
        raise InputError(f"{what} of a matrix ({value.shape}): want a number")
    if is_formula(value):
        raise InputError(f"{what} of a statement: want a number")
    return value  # type: ignore[return-value]


def grid_of(value: Value, what: str) -> Grid:
    """The value, which must be a matrix.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, Grid):
        raise InputError(f"{what} wants a matrix")
    return value


def number(text: str) -> Rational:
    """The exact value of a decimal.

    Raises:
        InputError: it is too long.
    """
    return bounded(rational(text))


def bounded(value: fmpq) -> Rational:
    """A constant of bearable size.

    Raises:
        InputError: it has too many digits.
    """
    if max(value.p.bit_length(), value.q.bit_length()) > MAX_BITS:
        raise InputError(f"a number of more than {MAX_BITS} bits")
    return Rational(value)


def is_whole(part: Expression) -> bool:
    """Whether it is an integer wherever it has a value, as far as its form says so."""
    if isinstance(part, Rational):
        return int(part.value.q) == 1
    if isinstance(part, Named):
        return part.sort is Sort.INTEGER
    if part.function in ("floor", "mod", "sign"):
        return True
    kept = part.function in ("+", "*", "neg", "abs", "min", "max", "^")
    return kept and all(map(is_whole, part.parts))


def summed(left: Value, right: Value, *, is_minus: bool) -> Value:
    """left + right, or left - right.

    Raises:
        InputError: shapes or kinds differ.
    """
    if isinstance(left, Grid) and isinstance(right, Grid):
        return left.paired(right.mapped(minus) if is_minus else right, plus)
    if isinstance(left, Grid) or isinstance(right, Grid):
        raise InputError("a number and a matrix are not added")
    a, b = number_of(left, "sum"), number_of(right, "sum")
    return plus(a, minus(b) if is_minus else b)


def multiplied(sign: str, left: Value, right: Value) -> Value:
    """left * right, left / right, left mod right or, entry by entry, left ∘ right.

    Raises:
        InputError: shapes or kinds do not fit.
    """
    if sign == "∘":
        return grid_of(left, "∘").paired(grid_of(right, "∘"), times)
    if sign == "mod":
        return _mod(number_of(left, "mod"), number_of(right, "mod"))
    if isinstance(left, Grid) and isinstance(right, Grid):
        if sign == "/":
            raise InputError("matrices are not divided")
        return left.times(right)
    if isinstance(left, Grid):
        factor = number_of(right, "product")
        return left.mapped(lambda entry: _product(sign, entry, factor))
    if isinstance(right, Grid):
        if sign == "/":
            raise InputError("a number is not divided by a matrix")
        factor = number_of(left, "product")
        return right.mapped(lambda entry: times(factor, entry))
    return _product(sign, number_of(left, "product"), number_of(right, "product"))


def _product(sign: str, left: Expression, right: Expression) -> Expression:
    if isinstance(left, Rational) and isinstance(right, Rational):
        if sign == "*":
            return bounded(left.value * right.value)
        if right.value != 0:
            return bounded(left.value / right.value)
    return Applied(sign, (left, right))


def _mod(left: Expression, right: Expression) -> Expression:
    if not isinstance(right, Rational) or int(right.value.q) != 1 or right.value < 1:
        raise InputError("mod wants a positive whole number on its right")
    if not is_whole(left):
        raise InputError("mod wants integers (declare 'integer n')")
    return Applied("mod", (left, right))


def negated(value: Value) -> Value:
    """-value.

    Raises:
        InputError: it is a formula.
    """
    return value.mapped(minus) if isinstance(value, Grid) else minus(number_of(value, "minus"))


def raised(base: Value, exponent: Value) -> Value:
    """base to a whole power from -64 to 64; x^0 is 1.

    Raises:
        InputError: another power.
    """
    if not isinstance(exponent, Rational) or int(exponent.value.q) != 1:
        raise InputError("exponents are whole numbers (roots are written sqrt(x))")
    power = int(exponent.value.p)
    if abs(power) > MAX_POWER:
        raise InputError(f"exponents are at most {MAX_POWER}")
    if isinstance(base, Grid):
        base.require_square("a power")
        if not 0 <= power <= 8:
            raise InputError("powers of matrices are from 0 to 8")
        found = Grid.identity(base.height)
        for _ in range(power):
            found = found.times(base)
        return found
    part = number_of(base, "power")
    if power < 0:
        below = number_of(raised(part, Rational(fmpq(-power))), "power")
        return _product("/", ONE, below)
    if isinstance(part, Rational):
        return bounded(part.value**power)
    return Applied("^", (part, exponent))


def compared(relation: str, left: Value, right: Value) -> Formula:
    """A comparison of numbers, of matrices (entry by entry) or of statements.

    Raises:
        InputError: kinds or shapes differ, or matrices are ordered.
    """
    if relation == "divides":
        a, b = number_of(left, "divides"), number_of(right, "divides")
        return Compared("=", _mod(b, a), ZERO)
    if is_formula(left) and is_formula(right) and relation in ("=", "!="):
        alike = Joined("iff", (left, right))
        return alike if relation == "=" else negation(alike)
    if isinstance(left, Grid) and isinstance(right, Grid) and relation in ("=", "!="):
        left.require_shape(right)
        pairs = zip(left.entries, right.entries, strict=True)
        same = every(Compared("=", a, b) for a, b in pairs)
        return same if relation == "=" else negation(same)
    if isinstance(left, Grid) or isinstance(right, Grid):
        raise InputError("matrices are compared with matrices, by = or !=")
    a, b = number_of(left, "comparison"), number_of(right, "comparison")
    if relation in (">", ">="):
        return Compared("<" if relation == ">" else "<=", b, a)
    if relation == "!=":
        return negation(Compared("=", a, b))
    return Compared(relation, a, b)


Function = Callable[[Sequence[Value]], Value]


def _of(count: int, name: str, arguments: Sequence[Value]) -> Sequence[Value]:
    if len(arguments) != count:
        raise InputError(f"{name} of {len(arguments)} arguments (want {count})")
    return arguments


def _unary(name: str, function: str = "") -> Function:
    def made(arguments: Sequence[Value]) -> Value:
        (only,) = _of(1, name, arguments)
        return Applied(function or name, (number_of(only, name),))

    return made


def _matrix(name: str, function: Callable[[Grid], Value]) -> Function:
    def made(arguments: Sequence[Value]) -> Value:
        (only,) = _of(1, name, arguments)
        return function(grid_of(only, name))

    return made


def _extreme(name: str) -> Function:
    def made(arguments: Sequence[Value]) -> Value:
        if len(arguments) < 2:
            raise InputError(f"{name} of one argument (want two or more)")
        found, *others = (number_of(each, name) for each in arguments)
        for other in others:
            found = Applied(name, (found, other))
        return found

    return made


def _relu(arguments: Sequence[Value]) -> Value:
    (only,) = _of(1, "relu", arguments)
    return Applied("max", (number_of(only, "relu"), ZERO))


def _ceil(arguments: Sequence[Value]) -> Value:
    (only,) = _of(1, "ceil", arguments)
    return minus(Applied("floor", (minus(number_of(only, "ceil")),)))


def _inner(arguments: Sequence[Value]) -> Value:
    left, right = _of(2, "inner", arguments)
    return grid_of(left, "inner").inner(grid_of(right, "inner"))


def _norm(grid: Grid) -> Value:
    return Applied("sqrt", (grid.inner(grid),))


def _parity(odd: int) -> Function:
    def made(arguments: Sequence[Value]) -> Value:
        (only,) = _of(1, "parity", arguments)
        rest = _mod(number_of(only, "parity"), Rational(fmpq(2)))
        return Compared("=", rest, Rational(fmpq(odd)))

    return made


def _identity(arguments: Sequence[Value]) -> Value:
    (size,) = _of(1, "identity", arguments)
    if not isinstance(size, Rational) or size.value not in range(1, 9):
        raise InputError("identity wants a size from 1 to 8")
    return Grid.identity(int(size.value.p))


FUNCTIONS: dict[str, Function] = {
    **{name: _unary(name) for name in ("abs", "sign", "floor", "sqrt", "exp", "log", "sin", "cos")},
    "ln": _unary("ln", "log"),
    "min": _extreme("min"),
    "max": _extreme("max"),
    "relu": _relu,
    "ceil": _ceil,
    "even": _parity(0),
    "odd": _parity(1),
    "trace": _matrix("trace", lambda grid: grid.trace),
    "tr": _matrix("tr", lambda grid: grid.trace),
    "transpose": _matrix("transpose", lambda grid: grid.transposed),
    "det": _matrix("det", lambda grid: grid.determinant),
    "sum": _matrix("sum", lambda grid: total(grid.entries)),
    "norm": _matrix("norm", _norm),
    "inner": _inner,
    "dot": _inner,
    "identity": _identity,
}
