"""Results of a listing as JSON, JUnit XML, SARIF 2.1.0 and Markdown.

May import: the rest of ci. Must not know: how results are found, terminals.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from verifai import __version__
from verifai.ci.settle import STATUS, ListingResult, PropertyResult, relative

CI_SCHEMA = 1
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RULES = {
    "falsified": "A property that should hold is violated.",
    "verified": "A property that should be violated holds.",
    "stale": "Nothing that is kept shows a property as it is now.",
    "undecided": "A property was neither proved nor refuted in time.",
    "error": "A property could not be judged.",
    "vacuous": "A property holds only because its domain is empty.",
}
_UNPRINTABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(found: ListingResult) -> str:
    """One object, `schema` 1: docs/evidence.md has its fields."""
    counts = Counter(each.status for each in found.results)
    said = {
        "schema": CI_SCHEMA,
        "verifai": __version__,
        "file": relative(found.listing.path),
        "exit_code": found.exit_code,
        "counts": {status: counts[status] for status in STATUS},
        "properties": [_property(each) for each in found.results],
        "removed": list(found.removed),
    }
    return json.dumps(said, indent=1) + "\n"


def _property(each: PropertyResult) -> dict[str, Any]:
    return {
        "name": each.listed.name,
        "line": each.listed.line,
        "models": list(each.listed.models),
        "expected": each.listed.expect,
        "status": each.status,
        "right": each.is_right,
        "how": each.how,
        "vacuous": each.is_vacuous,
        "digest": each.digest,
        "message": each.message,
        "seconds": each.seconds,
    }


def as_junit(found: ListingResult) -> str:
    """A test suite with a test for each property."""
    results = found.results
    wrong = [each for each in results if not each.is_right]
    errors = sum(each.status == "error" for each in wrong)
    suite = ElementTree.Element(
        "testsuite",
        name="verifai",
        tests=str(len(results)),
        failures=str(len(wrong) - errors),
        errors=str(errors),
        skipped="0",
        time=f"{sum(each.seconds for each in results):.3f}",
    )
    for each in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_plain(relative(found.listing.path)),
            name=_plain(each.listed.name),
            time=f"{each.seconds:.3f}",
        )
        if not each.is_right:
            kind = "error" if each.status == "error" else "failure"
            head = _plain(headline(each))
            ElementTree.SubElement(case, kind, type=each.status, message=head).text = _plain(
                each.message
            )
        elif each.message:
            ElementTree.SubElement(case, "system-out").text = _plain(each.message)
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    ElementTree.indent(whole)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(whole, "unicode")}\n'


def _plain(text: str) -> str:
    """The text without what XML cannot hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def as_sarif(found: ListingResult) -> str:
    """A run with a result for each property that is not as expected, or vacuous."""
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()]
    shown = [each for each in found.results if not each.is_right or each.is_vacuous]
    run = {
        "tool": {"driver": {"name": "verifai", "version": __version__, "rules": rules}},
        "invocations": [
            {
                "executionSuccessful": found.exit_code != 4,
                "exitCode": found.exit_code,
            }
        ],
        "results": [_sarif_result(found, each) for each in shown],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _sarif_result(found: ListingResult, each: PropertyResult) -> dict[str, Any]:
    rule = {"unknown": "undecided", "timeout": "undecided"}.get(each.status, each.status)
    if each.is_right:
        rule = "vacuous"
    key = hashlib.sha256(f"{found.listing.path.name}\0{each.listed.name}".encode()).hexdigest()
    place = {
        "artifactLocation": {"uri": quote(relative(found.listing.path))},
        "region": {"startLine": each.listed.line},
    }
    text = "\n".join(filter(None, (headline(each), each.message)))
    return {
        "ruleId": rule,
        "ruleIndex": list(RULES).index(rule),
        "level": "warning" if rule in ("undecided", "vacuous") else "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"verifaiProperty/v1": key},
        "properties": {"digest": each.digest, "models": list(each.listed.models)},
    }


def headline(each: PropertyResult) -> str:
    """What is known of a property, on one line."""
    wanted = "" if each.is_right or each.status == "error" else f", not {each.listed.expect}"
    vacuous = " VACUOUSLY" if each.is_vacuous else ""
    how = f" ({each.how})" if each.how else ""
    return f"{each.listed.name}: {each.status}{vacuous}{wanted}{how}"


def as_markdown(found: ListingResult) -> str:
    """A table, as for the summary of a workflow, and below it what is to be said at length."""
    right = sum(each.is_right for each in found.results)
    lines = [f"### verifai: {right} of {len(found.results)} properties are as expected", ""]
    lines += ["| | property | answer | how | s |", "| --- | --- | --- | --- | ---: |"]
    for each in found.results:
        mark = "✓" if each.is_right else "✗"
        answer = each.status + (" VACUOUSLY" if each.is_vacuous else "")
        cells = [mark, _cell(each.listed.name), answer, each.how or "–", f"{each.seconds:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    for each in found.results:
        if each.message and not each.is_right:
            fence = "`" * max(
                3, 1 + max((len(r) for r in re.findall("`+", each.message)), default=0)
            )
            lines += ["", f"**{_cell(headline(each))}**", "", fence, each.message, fence]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text that Markdown takes for nothing but text."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
