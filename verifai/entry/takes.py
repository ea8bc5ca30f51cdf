"""How people's arguments enter: exactly, or refused in one sentence that names the argument.

A public function says with `takes` by which rule each of its arguments is read. What comes out of
a rule is of one kind; whatever else a call can fail of (a missing package, a file that cannot be
read, values out of the kernel's range) leaves as an `InputError` too.

May import: numpy, kernel, rules, sentences. Must not know: any particular property.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from verifai.entry.rules import Rule, certificate, evidence_file
from verifai.entry.sentences import EmptyDomain, missing_package, unreadable
from verifai.kernel.errors import InputError, Rejection

P = ParamSpec("P")
R = TypeVar("R")


def takes(**rules: Rule) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function whose arguments of these names go through the rules.

    Args:
        rules: by name of the argument; defaults do not go through them. Only a function that
            takes a certificate, or a file with one, may raise a Rejection.

    Raises:
        TypeError: when called with arguments that it does not have, or without those it must have.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                names = ", ".join(signature.parameters)
                said = f"{function.__name__}: {error} (its arguments: {names})"
                raise TypeError(said) from None
            for name, value in bound.arguments.items():
                if name in rules:
                    bound.arguments[name] = rules[name](value, name)
            try:
                with np.errstate(all="ignore"):  # what overflows is seen where it matters
                    return function(*bound.args, **bound.kwargs)
            except Rejection as rejection:
                if {certificate, evidence_file} & {*rules.values()}:
                    raise  # it was asked about a certificate
                raise InputError(f"values leave what can be bounded ({rejection})") from None
            except EmptyDomain as error:
                if "allow_empty" in signature.parameters:
                    raise
                raise InputError(error.found) from None
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
