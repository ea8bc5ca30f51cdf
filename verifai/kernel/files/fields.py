"""Reading the fields of JSON objects: each is what it must be, or an error that names it.

May import: errors. Must not know: networks, queries.
"""

from typing import Any, NoReturn

from verifai.kernel.errors import InputError


def bad(where: str, want: str, found: Any) -> NoReturn:
    """Raise the InputError that says what was wanted where, and what was found.

    Raises:
        InputError: always.
    """
    if isinstance(found, list | dict):
        shown = "a list" if isinstance(found, list) else "an object"
    else:
        shown = repr(found)[:80] if found is not None else "nothing"
    raise InputError(f"{where}: want {want}, found {shown}")


def fields(where: str, item: Any, keys: str) -> list[Any]:
    """The values of an object that has exactly these keys, in their order here.

    Raises:
        InputError: no object, a key is missing, or there is another.
    """
    names = keys.split()
    if not isinstance(item, dict):
        bad(where, f"an object with {', '.join(names)}", item)
    if set(item) != set(names):
        bad(where, f"the keys {', '.join(names)}", ", ".join(sorted(item)))
    return [item[name] for name in names]


def a_list(where: str, item: Any) -> list[Any]:
    """The item, a list; InputError otherwise."""
    return item if isinstance(item, list) else bad(where, "a list", item)


def a_string(where: str, item: Any) -> str:
    """The item, 1 to 500 printable characters (it will stand in a statement); else InputError."""
    if not (isinstance(item, str) and 1 <= len(item) <= 500 and item.isprintable()):
        bad(where, "a printable string", item)
    return item


def an_integer(where: str, item: Any) -> int:
    """The item, an integer and no boolean; InputError otherwise."""
    return item if type(item) is int else bad(where, "an integer", item)


def integers(where: str, item: Any) -> tuple[int, ...]:
    """The item, a list of integers; InputError otherwise."""
    return tuple(an_integer(where, entry) for entry in a_list(where, item))
