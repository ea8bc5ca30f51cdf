"""The query of a listed property: a VNN-LIB file, a builder with its arguments, or a function.

May import: api, entry, kernel, properties. Must not know: the file's other words, evidence.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from verifai.api import load, query_from
from verifai.entry.numbers import entries, number
from verifai.entry.rules import count, whole
from verifai.entry.sentences import refused, shown
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.properties.equivalent import equivalent
from verifai.properties.in_range import in_range
from verifai.properties.monotone import monotone
from verifai.properties.robust import robust

KINDS = ("vnnlib", "robust", "range", "monotone", "equivalent", "query")
KEYS = {
    "robust": ("input", "scale", "label", "target", "eps", "clip"),
    "range": ("box", "lower", "upper", "output"),
    "monotone": ("box", "input", "output", "direction", "margin"),
    "equivalent": ("box", "tolerance"),
}


class Poser:
    """Makes queries from what a file says; models are loaded once."""

    def __init__(self, folder: Path) -> None:
        """Paths are beside `folder`."""
        self._folder = folder
        self._nets: dict[str, Network] = {}

    def query(self, item: Mapping[str, Any]) -> Query:
        """The query of a property.

        Args:
            item: the property's table.

        Raises:
            InputError: what it says has no meaning, or a file is unreadable.
            OSError: a file cannot be read.
        """
        kind = next(kind for kind in KINDS if kind in item)
        given = item[kind]
        if kind == "vnnlib":
            return self._from_file(item, given)
        if kind == "query":
            return self._from_function(given)
        if not isinstance(given, dict):
            raise refused(kind, f"a table of {', '.join(KEYS[kind])}", given)
        for key in given:
            if key not in KEYS[kind]:
                raise InputError(
                    f"{kind}: unknown key {shown(key)} (known are {', '.join(KEYS[kind])})"
                )
        nets = [self._net(item, name) for name in _named(item, 2 if kind == "equivalent" else 1)]
        made: Query = getattr(self, f"_{kind}")(nets, given)
        return made

    def _from_file(self, item: Mapping[str, Any], given: Any) -> Query:
        if not isinstance(given, str):
            raise refused("vnnlib", "the path of a VNN-LIB file", given)
        models = self._folder / _named(item, 1)[0]
        return query_from(models, self._folder / given, **_meaning(item))

    def _from_function(self, given: Any) -> Query:
        """What a function of the project's own gives: "FILE.py:FUNCTION"."""
        file, _, name = given.rpartition(":") if isinstance(given, str) else ("", "", "")
        if not file or not name.isidentifier():
            raise refused("query", "FILE.py:FUNCTION", given)
        path = self._folder / file
        if not path.is_file():
            raise InputError(f"{file}: there is no such file")
        spec = importlib.util.spec_from_file_location(f"_verifai_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise InputError(f"{file}: no Python file")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
            found = getattr(module, name)()
        except InputError:
            raise
        except Exception as error:  # somebody else's code
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(f"{given}: {said}") from None
        if not isinstance(found, Query):
            raise refused(given, "a query", found)
        return found

    def _net(self, item: Mapping[str, Any], name: str) -> Network:
        meaning = _meaning(item)
        key = f"{name}\0{meaning}"
        if key not in self._nets:
            self._nets[key] = load(self._folder / name, **meaning)
        return self._nets[key]

    def _robust(self, nets: list[Network], given: dict[str, Any]) -> Query:
        for key in ("input", "eps"):
            if key not in given:
                raise InputError(f"robust: {key} is wanted")
        factor = number(given.get("scale", 1), "scale")
        centre = [factor * number(each) for each in self._input(given["input"])]
        label, target = (_maybe_whole(given, key) for key in ("label", "target"))
        return robust(
            nets[0], centre, eps=given["eps"], label=label, target=target, clip=given.get("clip")
        )

    def _range(self, nets: list[Network], given: dict[str, Any]) -> Query:
        lower, upper = given.get("lower"), given.get("upper")
        output = whole(given.get("output", 0), "output")
        return in_range(nets[0], _box(given, nets[0]), lower=lower, upper=upper, output=output)

    def _monotone(self, nets: list[Network], given: dict[str, Any]) -> Query:
        how = {
            key: given[key]
            for key in ("input", "output", "increasing", "tolerance")
            if key in given
        }
        if "input" not in how:
            raise InputError("monotone: input is wanted")
        return monotone(nets[0], _box(given, nets[0]), **how)

    def _equivalent(self, nets: list[Network], given: dict[str, Any]) -> Query:
        tolerance = given.get("tolerance", 0)
        return equivalent(nets[0], nets[1], _box(given, nets[0]), tolerance=tolerance)

    def _input(self, given: Any) -> list[Any]:
        """Numbers, or those of FILE.npy, or of FILE.npz:ARRAY, or of one entry of it: …:INDEX."""
        if not isinstance(given, str):
            return entries(given, "input")
        file, *parts = given.split(":")
        path = self._folder / file
        try:
            loaded = np.load(path, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                with loaded:
                    name = parts.pop(0) if parts else ""
                    if name not in loaded.files:
                        there = ", ".join(loaded.files)
                        raise InputError(f"input: {file} has no array {shown(name)} ({there})")
                    loaded = loaded[name]
            for part in parts:
                loaded = loaded[int(part)]
        except (ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"input: {given}: {error}") from None
        return entries(loaded, "input")


def _named(item: Mapping[str, Any], wanted: int) -> list[str]:
    """The models of a property, which are as many as wanted."""
    found = item.get("models", []) if item.get("model") is None else [item["model"]]
    if len(found) != wanted:
        word = "a model is" if wanted == 1 else f"{wanted} models are"
        raise InputError(f"{word} wanted, {len(found)} are named")
    return [*found]


def _meaning(item: Mapping[str, Any]) -> dict[str, Any]:
    meaning = {"semantics": item.get("semantics", "real")}
    if "assume_ulp" in item:
        meaning["assume_ulp"] = count(item["assume_ulp"], "assume_ulp")
    return meaning


def _maybe_whole(given: Mapping[str, Any], key: str) -> int | None:
    return None if given.get(key) is None else whole(given[key], key)


def _box(given: Mapping[str, Any], net: Network) -> Any:
    """The box: a pair for each input, or one for all."""
    box = given.get("box")
    if not isinstance(box, list) or not box:
        raise refused("box", "pairs [lower, upper], one for each input or one for all", box)
    single = len(box) == 2 and not any(isinstance(end, list) for end in box)
    return [box] * len(net.input_values) if single else box
