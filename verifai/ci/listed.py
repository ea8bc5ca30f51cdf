"""verifai.toml: the properties of a project, each in a few words; every mistake is named.

Numbers are exact decimals as they are written: 0.1 is a tenth. Paths are beside the file.

May import: api, entry, kernel, properties. Must not know: evidence, searches, forms of output.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verifai.ci.pose import KINDS, Poser
from verifai.entry.rules import seconds
from verifai.entry.sentences import refused, shown
from verifai.kernel.errors import InputError
from verifai.kernel.query import Query

FILE = "verifai.toml"
MAX_BYTES = 1 << 22
TIMEOUT = 60.0  # seconds for each search
TOP = ("proofs", "timeout", "property")
OWN = ("name", "timeout", "expect")
MODEL = ("model", "models", "semantics", "assume_ulp")
EXPECTED = ("verified", "falsified")
_HEAD = re.compile(r"^[ \t]*\[\[[ \t]*property[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ListedProperty:
    """A property that the file lists.

    Attributes:
        name: which no other has.
        line: of the file, where it begins.
        timeout: seconds for a search.
        expect: the answer that is right: "verified", or "falsified".
        models: what it is about, as the file says.
        pose: its query.
    """

    name: str
    line: int
    timeout: float | None
    expect: str
    models: tuple[str, ...]
    pose: Callable[[], Query] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a file says.

    Attributes:
        path: of the file.
        proofs: the folder of evidence.
        properties: in their order, one at least.
    """

    path: Path
    proofs: Path
    properties: tuple[ListedProperty, ...]


def read_listing(path: Path) -> Listing:
    """What a file says.

    Raises:
        InputError: it is unreadable, or says something that has no meaning; it is named.
        OSError: there is none.
    """
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name}: longer than {MAX_BYTES} bytes")
    try:
        text = path.read_bytes().decode("utf-8")
        found = tomllib.loads(text, parse_float=str)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path.name}: {error or 'nested too deeply'}") from None
    try:
        return _listing(path, text, found)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None


def _listing(path: Path, text: str, found: dict[str, Any]) -> Listing:
    _require_known("", found, TOP)
    items = found.get("property", [])
    if not isinstance(items, list) or not items:
        raise InputError("there is no [[property]]")
    starts = [text.count("\n", 0, match.start()) + 1 for match in _HEAD.finditer(text)]
    lines = starts if len(starts) == len(items) else [1] * len(items)
    folder = found.get("proofs", ".verifai")
    if not isinstance(folder, str) or not folder:
        raise refused("proofs", "the path of a folder", folder)
    timeout = found.get("timeout", TIMEOUT)
    poser = Poser(path.parent)
    listed = [
        _property(poser, item, line, timeout) for item, line in zip(items, lines, strict=True)
    ]
    names: set[str] = set()
    for each in listed:
        if each.name in names:
            raise InputError(f"line {each.line}: a second property is called {shown(each.name)}")
        names.add(each.name)
    return Listing(path, path.parent / folder, tuple(listed))


def _property(poser: Poser, item: Any, line: int, timeout: Any) -> ListedProperty:
    where = f"line {line}"
    if not isinstance(item, dict):
        raise refused(where, "a table", item)
    name = item.get("name")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise refused(f"{where}: name", "a name", name)
    where = f"line {line}: {shown(name)}"
    _require_known(where, item, (*OWN, *MODEL, *KINDS))
    expect = item.get("expect", "verified")
    if expect not in EXPECTED:
        raise refused(f"{where}: expect", "one of verified, falsified", expect)
    kinds = [kind for kind in KINDS if kind in item]
    if len(kinds) != 1:
        raise InputError(f"{where}: one of {', '.join(KINDS)} is wanted, not {len(kinds)}")
    limit = _seconds(item.get("timeout", timeout), f"{where}: timeout")
    models = _models(item, where)

    def pose() -> Query:
        return poser.query(item)

    return ListedProperty(name, line, limit, expect, models, pose)


def _seconds(value: Any, where: str) -> float | None:
    try:
        return seconds(float(value) if isinstance(value, str) else value, where)
    except ValueError:
        raise refused(where, "seconds", value) from None


def _models(item: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """The models that a property names; how many it needs is its kind's to say."""
    one, several = item.get("model"), item.get("models", [])
    found = several if one is None else [one]
    if one is not None and "models" in item:
        raise InputError(f"{where}: model or models, not both")
    if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
        raise refused(f"{where}: models", "paths of ONNX files", found)
    return tuple(found)


def _require_known(where: str, found: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in found:
        if key not in known:
            from difflib import get_close_matches

            near = get_close_matches(key, known, 1)
            said = f" (is {near[0]} meant?)" if near else f" (known are {', '.join(known)})"
            raise InputError(f"{where + ': ' if where else ''}unknown key {shown(key)}{said}")
