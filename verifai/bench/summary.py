"""Tables over results: how many were solved, how fast, and side by side with other solvers.

May import: instances, report. Must not know: how instances are run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from verifai.bench.instances import Result
from verifai.report.terminal import table

Times = Mapping[tuple[str, str], tuple[str, float]]
DEFINITE = ("sat", "unsat")


def exit_code(results: Sequence[Result]) -> int:
    """0: all solved, none wrong; 1: a wrong verdict or a refused certificate; 4: an error; else 2.

    Of several the first in the order 1, 4, 2.
    """
    if any(result.mark == "wrong" or result.is_refuted for result in results):
        return 1
    if any(result.verdict == "error" for result in results):
        return 4
    return 0 if all(result.is_solved for result in results) else 2


def summary(results: Sequence[Result]) -> str:
    """Counts of verdicts, what is wrong or refused, times of what was solved, then every error."""
    verdicts = Counter(result.verdict for result in results)
    marks = Counter(result.mark for result in results)
    solved = [result.wall_seconds for result in results if result.is_solved]
    checked = [result for result in results if result.check]
    rows = [
        ["instances", str(len(results))],
        ["solved", _list(verdicts, DEFINITE, len(solved))],
        ["unsolved", _list(verdicts, ("timeout", "unknown", "error"), len(results) - len(solved))],
        ["as expected", f"{marks['right']} of {marks['right'] + marks['wrong']} compared"],
        ["wrong", str(marks["wrong"])],
        ["seconds, total of solved", f"{sum(solved):.2f}"],
        ["seconds, median of solved", f"{median(solved):.2f}" if solved else "–"],
        ["MiB, highest peak", f"{max((r.peak_mib for r in results), default=0):.0f}"],
        ["certificate bytes, largest", f"{max((r.certificate_bytes for r in results), default=0)}"],
    ]
    if checked:
        good = sum(not result.is_refuted for result in checked)
        longest = max(result.check_seconds for result in checked)
        rows.append(["certificates re-checked", f"{good} of {len(checked)} accepted"])
        rows.append(["seconds, longest re-check", f"{longest:.2f}"])
    if vacuous := sum(result.vacuous for result in results):
        rows.append(["VACUOUS, the domain being empty", str(vacuous)])
    failed = [result for result in results if result.verdict == "error"]
    lines = [f"error: {result.onnx} {result.vnnlib}: {result.message}" for result in failed]
    return "\n".join([table(["", "verifai"], rows), *lines])


def _list(counts: Mapping[str, int], names: Sequence[str], total: int) -> str:
    parts = ", ".join(f"{counts[name]} {name}" for name in names if counts[name])
    return f"{total} ({parts})" if parts else str(total)


def side_by_side(results: Sequence[Result], peers: Mapping[str, Times]) -> str:
    """One row an instance that a peer ran: seconds of each solver, marked where undecided."""
    rows = []
    for result in results:
        found = [times.get((result.onnx, result.vnnlib)) for times in peers.values()]
        if any(found):
            name = f"{result.onnx.split('/')[-1][:40]} {result.vnnlib.split('/')[-1][:40]}"
            own = (result.verdict, result.wall_seconds)
            rows.append([name, *(_cell(each) for each in (own, *found))])
    return table(["instance", "verifai", *peers], rows)


def _cell(found: tuple[str, float] | None) -> str:
    return "–" if found is None else f"{found[1]:.2f} {found[0]}"


def comparison(results: Sequence[Result], peers: Mapping[str, Times]) -> str:
    """One row a peer, over the instances that both ran; ratios are ours divided by theirs."""
    header = ["peer", "both ran", "we solve", "it solves", "differ", "our s", "its s", "ratio"]
    header += ["median ratio", "slowest ratio"]
    rows = []
    for name, times in peers.items():
        pairs = [(r, times[r.onnx, r.vnnlib]) for r in results if (r.onnx, r.vnnlib) in times]
        both = [(r, p) for r, p in pairs if r.is_solved and p[0] in DEFINITE]
        ours, theirs = sum(r.wall_seconds for r, _ in both), sum(p[1] for _, p in both)
        ratios = [r.wall_seconds / max(p[1], 1e-3) for r, p in both]
        counts = [
            len(pairs),
            sum(r.is_solved for r, _ in pairs),
            sum(p[0] in DEFINITE for _, p in pairs),
            sum(r.verdict != p[0] for r, p in both),
        ]
        row = [name, *map(str, counts), f"{ours:.2f}", f"{theirs:.2f}"]
        if ratios:
            row += [f"{ours / theirs:.2f}", f"{median(ratios):.2f}", f"{max(ratios):.2f}"]
        else:
            row += ["–"] * 3
        rows.append(row)
    return table(header, rows)
