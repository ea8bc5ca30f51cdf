"""How people's arguments enter: exactly, or refused in one sentence that names the argument.

A public function says with `takes` by which rule each of its arguments is read. What comes out of
a rule is of one kind; whatever else a call can fail of (a missing package, a file that cannot be
read, values out of the kernel's range) leaves as an `InputError` too.

May import: numpy, python-flint, kernel. Must not know: any particular property.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from fractions import Fraction
from itertools import islice
from os import PathLike, fspath
from typing import Any, ParamSpec, TypeVar

import numpy as np
from flint import fmpq, fmpz

from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.number import exact, nearest, rational

Number = str | int | float | Fraction | fmpq
Rule = Callable[[Any, str], Any]  # the value and its name to what is meant; else InputError
P = ParamSpec("P")
R = TypeVar("R")

MAX_SHOWN = 60  # characters of a refused value
MAX_LISTED = 1 << 22  # items of a list without a length
MAX_PROCESSES = 1024
MAX_DEPTH = 64  # of nested lists
EXTRAS = {
    "array_api_compat": "torch",
    "cvc5": "smt",
    "jinja2": "report",
    "matplotlib": "report",
    "sklearn": "theorems",
    "sympy": "symbolic",
    "torch": "torch",
    "z3": "smt",
}


class MissingPackage(InputError, ImportError):
    """A package is not installed; the message names the extra that brings it."""


def missing_package(error: ImportError) -> MissingPackage:
    """What to install, in one sentence.

    >>> str(missing_package(ModuleNotFoundError("No module named 'z3'", name="z3")))
    "this needs the package z3: pip install 'verifai-nn[smt]'"
    """
    package = (error.name or "").partition(".")[0]
    if package in EXTRAS:
        extra = EXTRAS[package]
        said = f"this needs the package {package}: pip install 'verifai-nn[{extra}]'"
    elif package:
        said = f"this needs the package {package}, which cannot be imported: {error}"
    else:
        said = " ".join(str(error).split())
    return MissingPackage(said, name=error.name)


def unreadable(error: OSError) -> str:
    """The file that cannot be read or written and why, in one sentence.

    >>> unreadable(FileNotFoundError(2, "No such file or directory", "net.onnx"))
    'net.onnx: No such file or directory'
    """
    if error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def takes(**rules: Rule) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function whose arguments of these names go through the rules.

    Args:
        rules: by name of the argument; defaults do not go through them. Only a function that
            takes a certificate may raise a Rejection.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            for name, value in bound.arguments.items():
                if name in rules:
                    bound.arguments[name] = rules[name](value, name)
            try:
                with np.errstate(all="ignore"):  # what overflows is seen where it matters
                    return function(*bound.args, **bound.kwargs)
            except Rejection as rejection:
                if certificate in rules.values():
                    raise  # it was asked about a certificate
                raise InputError(f"values leave what can be bounded ({rejection})") from None
            except InputError:
                raise
            except ImportError as error:
                raise missing_package(error) from None
            except OSError as error:
                raise InputError(unreadable(error)) from None

        wrapper.__dict__["rules"] = rules
        return wrapper

    return decorated


def renamed(**old: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function that takes arguments by old names for one version more, with a warning.

    Stands above `takes`, which sees new names only.

    Args:
        old: the new name of an argument, by its old one.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs.keys() & old.keys():
                new = old[name]
                if new in kwargs:
                    raise InputError(f"{name}: this is {new}, which is given as well")
                said = f"{function.__name__}: the argument {name} is called {new} now"
                warnings.warn(said, DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(name)
            return function(*args, **kwargs)

        wrapper.__dict__["renamed"] = old
        return wrapper

    return decorated


def enter(instance: Any, **rules: Rule) -> None:
    """Puts the fields of a frozen dataclass through rules; for its `__post_init__`.

    Raises:
        InputError: a field is not what its rule wants.
    """
    for name, rule in rules.items():
        object.__setattr__(instance, name, rule(getattr(instance, name), name))


def shown(value: Any) -> str:
    """A value in a sentence: on one line, cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a foreign object's own code, or an integer too long for text
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def refused(what: str, wanted: str, value: Any) -> InputError:
    """The sentence "NAME: WANTED is wanted, not VALUE"."""
    named = f"{what}: " if what else ""
    return InputError(f"{named}{wanted} is wanted, not {shown(value)}")


def number(value: Any, what: str = "") -> fmpq:
    """The exact value: decimal text as written, a float as the dyadic that it is.

    >>> number("0.1"), number(0.5), number(Fraction(1, 3))
    (1/10, 1/2, 1/3)

    Raises:
        InputError: not finite, or none of text, integer, float, Fraction, Decimal, fmpq, a number
            of numpy, and an array or tensor of one such number.
    """
    found = value if isinstance(value, str) else _single(value, what)
    try:
        made = _exact(found)
    except InputError as error:
        raise InputError(f"{what}: {error}" if what else str(error)) from None
    if made is None:
        raise refused(what, "a number", value)
    return made


def _exact(value: Any) -> fmpq | None:
    """The exact value; None of what is no number."""
    if isinstance(value, fmpq):
        return value
    if isinstance(value, str):
        return rational(value)
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer | fmpz):
        return fmpq(int(value))
    if isinstance(value, float):
        return exact(value)
    if isinstance(value, np.floating):  # a long double may be no double
        if not np.isfinite(value):
            raise InputError(f"a number that is not finite: {float(value)!r}")
        return fmpq(*value.as_integer_ratio())
    from decimal import Decimal
    from numbers import Rational

    if isinstance(value, Decimal):
        return rational(str(value))
    if isinstance(value, Rational):
        return fmpq(int(value.numerator), int(value.denominator))
    return None


def _single(value: Any, what: str) -> Any:
    """The value, taken out of an array or a tensor that holds nothing else."""
    if isinstance(value, np.generic) or not hasattr(value, "__array__"):
        return value
    flat = entries(value, what)
    if len(flat) != 1:
        raise refused(what, "a single number", value)
    return flat[0]


def entries(value: Any, what: str = "", most: int | None = None) -> list[Any]:
    """The entries of nested lists, arrays and tensors, in row-major order.

    Args:
        value: what holds them.
        what: its name.
        most: reading stops where there are more than so many; None: nowhere.

    Raises:
        InputError: it is none of these, or its entries cannot be had.
    """
    if isinstance(value, str | bytes | Mapping | Set) or (
        not hasattr(value, "__array__") and not isinstance(value, Iterable)
    ):
        raise refused(what, "a list or an array of numbers", value)
    if not isinstance(value, list | tuple | range) and not hasattr(value, "__array__"):
        value = rows(value, what, MAX_LISTED if most is None else most)
    found: list[Any] = []
    todo: list[Iterator[Any]] = [iter((value,))]
    while todo:
        if len(todo) > MAX_DEPTH:
            raise InputError(f"{what}: lists nested deeper than {MAX_DEPTH}")
        for item in todo[-1]:
            if hasattr(item, "__array__") and not isinstance(item, np.generic):
                found += _listed(item, what)
            elif isinstance(item, list | tuple | range):
                todo.append(iter(item))
                break
            else:
                found.append(item)
            if most is not None and len(found) > most:
                return found
        else:
            todo.pop()
    return found


def _listed(array: Any, what: str) -> list[Any]:
    """The entries of an array, or of a tensor wherever it is and whatever gradients it needs."""
    try:
        if hasattr(array, "detach"):
            flat = array.detach().cpu().reshape(-1).tolist()
        else:
            flat = np.asarray(array).reshape(-1).tolist()
    except Exception as error:  # torch's own code: sparse, quantized, without storage
        raise InputError(f"{what}: its entries cannot be read ({_first_line(error)})") from None
    return list(flat)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0]


def rows(value: Any, what: str, most: int) -> list[Any]:
    """At most `most + 1` items of a list, an array or any other iterable.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, str | bytes | Mapping | Set) or not isinstance(value, Iterable):
        raise refused(what, "a list", value)
    try:
        items = value.detach().cpu().tolist() if hasattr(value, "detach") else value
        return list(islice(items, most + 1))
    except InputError:
        raise
    except Exception:  # an array without axes, a tensor without values, a foreign object's own code
        raise refused(what, "a list", value) from None


def pair(value: Any, what: str) -> tuple[Any, Any]:
    """Two things.

    Raises:
        InputError: not two.
    """
    try:
        found = rows(value, what, 2)
    except InputError:
        found = []
    if len(found) != 2:
        raise refused(what, "a pair (lower, upper)", value)
    return found[0], found[1]


def whole(value: Any, what: str) -> int:
    """An integer of any kind.

    Raises:
        InputError: something else.
    """
    found = _single(value, what)
    if isinstance(found, bool | np.bool_ | str):
        raise refused(what, "an integer", value)
    try:
        return operator.index(found)
    except TypeError:
        raise refused(what, "an integer", value) from None


def count(value: Any, what: str) -> int:
    """An integer that is at least 1 and fits a machine.

    Raises:
        InputError: something else.
    """
    found = whole(value, what)
    if not 1 <= found < 1 << 63:
        raise refused(what, "an integer that is at least 1", value)
    return found


def processes(value: Any, what: str) -> int:
    """How many processes; at most 1024.

    Raises:
        InputError: something else.
    """
    found = count(value, what)
    if found > MAX_PROCESSES:
        raise refused(what, f"a number of processes of at most {MAX_PROCESSES}", value)
    return found


def index(value: Any, what: str) -> int:
    """An integer that is not negative and fits a machine.

    Raises:
        InputError: something else.
    """
    found = whole(value, what)
    if not 0 <= found < 1 << 63:
        raise refused(what, "an index from 0", value)
    return found


def seconds(value: Any, what: str) -> float | None:
    """A time that is not negative; infinity is None, which is no limit.

    Raises:
        InputError: something else.
    """
    found = _single(value, what)
    if isinstance(found, str | bool | np.bool_):
        raise refused(what, "a number of seconds", value)
    if isinstance(found, float | np.floating) and math.isinf(found) and found > 0:
        return None
    time = number(found, what)
    if time < 0:
        raise refused(what, "a number of seconds that is not negative", value)
    return None if time > 1 << 62 else float(time.p) / float(time.q)


def real(value: Any, what: str) -> float:
    """A finite number that is not negative, as the nearest double.

    Raises:
        InputError: something else, or it is too large for a double.
    """
    found = nearest(not_negative(value, what))
    if math.isinf(found):
        raise refused(what, "a number that a double can hold", value)
    return found


def not_negative(value: Any, what: str) -> fmpq:
    """An exact number that is at least zero.

    Raises:
        InputError: something else.
    """
    found = number(value, what)
    if found < 0:
        raise InputError(f"{what}: a negative number: {shown(found)}")
    return found


def positive(value: Any, what: str) -> fmpq:
    """An exact number above zero.

    Raises:
        InputError: something else.
    """
    found = number(value, what)
    if found <= 0:
        raise InputError(f"{what}: a number that is not positive: {shown(found)}")
    return found


def flag(value: Any, what: str) -> bool:
    """True or False.

    Raises:
        InputError: something else.
    """
    if not isinstance(value, bool | np.bool_):
        raise refused(what, "True or False", value)
    return bool(value)


def text(value: Any, what: str) -> str:
    """Text.

    Raises:
        InputError: something else.
    """
    if not isinstance(value, str):
        raise refused(what, "text", value)
    return value


def choice(*known: str) -> Rule:
    """The rule that takes one of these words."""

    def rule(value: Any, what: str) -> str:
        if not isinstance(value, str) or value not in known:
            raise InputError(f"no {what} {shown(value)} (one of {', '.join(known)})")
        return value

    return rule


def path(value: Any, what: str) -> str:
    """The path of a file.

    Raises:
        InputError: something else, or no file can have that name.
    """
    if not isinstance(value, str | PathLike):
        raise refused(what, "the path of a file", value)
    found = fspath(value)
    if not isinstance(found, str) or not found or "\0" in found:
        raise refused(what, "the path of a file", value)
    return found


def paths(value: Any, what: str) -> Any:
    """The path of a file, or paths by names.

    Raises:
        InputError: something else.
    """
    if not isinstance(value, Mapping):
        return path(value, what)
    return {text(k, f"a name in {what}"): path(v, f"{what}[{k!r}]") for k, v in value.items()}


def listed(value: Any, what: str) -> list[Any]:
    """The items of a list, an array or any other iterable.

    Raises:
        InputError: something else.
    """
    return rows(value, what, MAX_LISTED)


def function(value: Any, what: str) -> Any:
    """Something to call.

    Raises:
        InputError: something else.
    """
    if not callable(value):
        raise refused(what, "a function", value)
    return value


def optional(rule: Rule) -> Rule:
    """The rule that lets None through."""

    def either(value: Any, what: str) -> Any:
        return None if value is None else rule(value, what)

    return either


def network(value: Any, what: str) -> Any:
    """A network.

    Raises:
        InputError: something else; it says how networks are made.
    """
    from verifai.kernel.network import Network

    if not isinstance(value, Network):
        raise refused(what, "a network, as verifai.load makes one,", _kind(value))
    return value


def query(value: Any, what: str) -> Any:
    """A query.

    Raises:
        InputError: something else; it says how queries are made.
    """
    from verifai.kernel.query import Query

    if not isinstance(value, Query):
        raise refused(what, "a query, as robust, in_range or query_from make one,", _kind(value))
    return value


def subject(value: Any, what: str) -> Any:
    """A query or a network.

    Raises:
        InputError: something else.
    """
    from verifai.kernel.network import Network
    from verifai.kernel.query import Query

    if not isinstance(value, Network | Query):
        raise refused(what, "a query or a network", _kind(value))
    return value


def certificate(value: Any, what: str) -> bytes:
    """The bytes of a certificate.

    Raises:
        InputError: something else, such as the verdict or the path.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        wanted = "the bytes of a certificate (verdict.certificate, or a file's read_bytes())"
        raise refused(what, wanted, _kind(value))
    return bytes(value)


class _Named:
    """Shown by its name alone."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def _kind(value: Any) -> Any:
    """What is shown of a wrong object: its type; of text and the like the value itself."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    from verifai.kernel.network import Network

    name = "Network" if isinstance(value, Network) else type(value).__name__
    return _Named(f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}")
