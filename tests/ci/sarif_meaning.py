"""What SARIF 2.1.0 asks of the objects that we write, read off the standard: a closed list of keys.

The schema that OASIS publishes is no part of this project; its demands on these objects are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

LEVELS = ("none", "note", "warning", "error")


def _object(value: Any, required: str, allowed: str) -> Mapping[str, Any]:
    assert isinstance(value, dict)
    assert {*required.split()} <= value.keys() <= {*required.split(), *allowed.split()}, (
        value.keys()
    )
    return value


def _message(value: Any) -> None:
    said = _object(value, "text", "markdown id arguments properties")
    assert isinstance(said["text"], str) and said["text"]


def require_sarif(log: Any, rules: Iterable[str]) -> None:
    """Returns if a log is a SARIF 2.1.0 log of one run with these rules.

    Raises:
        AssertionError: it is none.
    """
    top = _object(log, "version runs", "$schema")
    assert top["version"] == "2.1.0"
    assert re.fullmatch(r"https://\S+/sarif-2\.1\.0\.json", top["$schema"])
    (run,) = top["runs"]
    _object(run, "tool", "invocations results columnKind")
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    driver = _object(_object(run["tool"], "driver", "")["driver"], "name", "version rules")
    assert driver["name"] == "verifai" and isinstance(driver["version"], str)
    known = [_rule(rule) for rule in driver["rules"]]
    assert known == [*rules] and len({*known}) == len(known)
    for each in run["invocations"]:
        _object(each, "executionSuccessful", "exitCode")
        assert isinstance(each["executionSuccessful"], bool) and type(each["exitCode"]) is int
    for result in run["results"]:
        _result(result, known)


def _rule(rule: Any) -> str:
    _message(_object(rule, "id", "shortDescription")["shortDescription"])
    assert isinstance(rule["id"], str)
    return str(rule["id"])


def _result(result: Any, rules: list[str]) -> None:
    _object(
        result,
        "message",
        "ruleId ruleIndex level locations partialFingerprints properties",
    )
    _message(result["message"])
    assert rules[result["ruleIndex"]] == result["ruleId"] and result["ruleIndex"] >= 0
    assert result["level"] in LEVELS
    for location in result["locations"]:
        place = _object(location, "", "physicalLocation")["physicalLocation"]
        _object(place, "artifactLocation", "region")
        uri = _object(place["artifactLocation"], "", "uri uriBaseId index description")["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri), "a URI reference is percent-encoded"
        line = _object(place["region"], "", "startLine")["startLine"]
        assert type(line) is int and line >= 1
    prints = result["partialFingerprints"]
    assert prints and all(isinstance(value, str) for value in prints.values())
    assert isinstance(result["properties"], dict)
