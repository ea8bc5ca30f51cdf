"""The rules by which arguments are read, one a kind; `number` and `pair` of numbers are two more.

May import: numpy, python-flint, kernel, numbers, sentences. Must not know: any particular property.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np
from flint import fmpq

from verifai.entry.numbers import MAX_LISTED, number, rows, single
from verifai.entry.sentences import refused, shown
from verifai.kernel.errors import InputError
from verifai.kernel.number import nearest

Rule = Callable[[Any, str], Any]  # the value and its name to what is meant; else InputError

MAX_PROCESSES = 1024


def whole(value: Any, what: str) -> int:
    """An integer of any kind.

    Raises:
        InputError: something else.
    """
    found = single(value, what)
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
    found = single(value, what)
    if isinstance(found, str | bool | np.bool_):
        raise refused(what, "a number of seconds", value)
    if isinstance(found, float | np.floating) and math.isinf(found) and found > 0:
        return None
    time = number(found, what)
    if time < 0:
        raise refused(what, "a number of seconds that is not negative", value)
    return None if time > 1 << 62 else float(time.p) / float(time.q)


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


def real(value: Any, what: str) -> float:
    """A finite number that is not negative, as the nearest double.

    Raises:
        InputError: something else, or it is too large for a double.
    """
    found = nearest(not_negative(value, what))
    if math.isinf(found):
        raise refused(what, "a number that a double can hold", value)
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


def evidence_file(value: Any, what: str) -> str:
    """The path of a file of evidence, which the kernel may reject.

    Raises:
        InputError: something else.
    """
    return path(value, what)


def _kind(value: Any) -> Any:
    """What is shown of a wrong object: its type; of text and the like the value itself."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    from verifai.kernel.network import Network

    name = "Network" if isinstance(value, Network) else type(value).__name__
    return _Named(f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}")
