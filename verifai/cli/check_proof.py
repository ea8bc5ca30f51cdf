"""`verifai check FILE.proof`: one file of evidence, judged by the kernel.

May import: api, evidence, proof, the cli's own parts. Must not know: verify, search.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from verifai.cli.exits import SCHEMA, Exit
from verifai.evidence.load import judged, matched, read_file
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.network import Network
from verifai.proof.archive import MAGIC
from verifai.proof.evidence import Evidence, read_evidence
from verifai.verdict import VACUOUS, Verified


def check_proof(file: Path, model: Path | None, options: dict[str, Any]) -> int:
    """Prints what the kernel finds of a file of evidence; 0 only if it proves its property.

    Args:
        file: of `verdict.save`.
        model: the ONNX file that it must be about; None: the network inside.
        options: of the command: how the model is read, "exact" arithmetic, "as_json".

    Raises:
        InputError: the file is something else, or its network or query cannot be read.
    """
    start = time.monotonic()
    data = read_file(file)
    if not data.startswith(MAGIC):
        said = "this is no file of evidence; of a model, PROPERTY and CERTIFICATE are wanted"
        raise InputError(f"{file}: {said}")
    found, lines = dict[str, Any](), list[str]()
    try:
        evidence = read_evidence(data)
        net = None if model is None else _network(evidence, model, options)
        verdict = judged(evidence, net, exact=options["exact"])
        if options["proved"]:
            _require_proved(evidence)
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; nothing is judged") from None
    except Rejection as rejection:
        found = {"accepted": False, "rule": rejection.rule, "reason": rejection.reason}
        lines = [f"rejected: rule {rejection.rule}: {rejection.reason}"]
        code = Exit.FALSIFIED
    else:
        found = {"accepted": True, "verdict": verdict.status, "statement": verdict.statement}
        found |= {"digest": evidence.files.digests[1], "versions": dict(evidence.versions)}
        found |= {"checkers": ["kernel", "proved"] if options["proved"] else ["kernel"]}
        by = "; by the kernel and by the proved checker" if options["proved"] else ""
        lines = [f"accepted: {verdict.status}, {time.monotonic() - start:.2f} s{by}"]
        code = Exit.FALSIFIED
        if isinstance(verdict, Verified):
            code, found["vacuous"] = Exit.VERIFIED, verdict.vacuous
            if verdict.vacuous:
                found["warning"] = VACUOUS
                lines.append(f"WARNING: {VACUOUS}")
            lines.append(verdict.statement)
        else:
            lines.append(str(verdict))
    found["seconds"] = round(time.monotonic() - start, 6)
    if options["as_json"]:
        click.echo(json.dumps({"schema": SCHEMA} | found))
    else:
        click.echo("\n".join(lines))
    return code


def _require_proved(evidence: Evidence) -> None:
    """The checker that is proved accepts, too.

    Raises:
        Rejection: it refuses.
        InputError: it is not there, or the evidence is no proof.
        Unable: it broke off.
    """
    from verifai.proof.proved import require_proved
    from verifai.proof.upgrade import upgraded

    if evidence.certificate is None:
        raise InputError("--proved: a counterexample has no certificate; leave the option out")
    require_proved(evidence.files, upgraded(evidence.certificate, evidence.files))


def _network(evidence: Evidence, model: Path, options: dict[str, Any]) -> Network:
    """The model's network, if it is the one that the evidence is about.

    Raises:
        Rejection: it is another one.
    """
    from verifai.api import load

    if options["semantics"] != "real":
        kind, ulp = options["semantics"], options["assume_ulp"]
        return matched(evidence, load(model, semantics=kind, assume_ulp=ulp))
    try:
        return matched(evidence, load(model))
    except Rejection as rejection:
        try:  # VNN-LIB properties are read with equal neurons tied
            return matched(evidence, load(model, shrink=True))
        except Rejection:
            raise rejection from None
