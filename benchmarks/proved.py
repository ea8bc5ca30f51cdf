"""The proved checker beside the kernel: which certificates each accepts, in processor seconds.

    python benchmarks/proved.py certificates PROGRAM FILE.cert... [--exact]
    python benchmarks/proved.py false PROGRAM --first 1000 --last 3000 [--each 50]

PROGRAM is build/kernel/verifai-proved, which `make proved` builds. Beside FILE.cert are
FILE.cert.network and FILE.cert.query.json, as `verifai verify --certificate` writes them. `false`
makes certificates of false claims (valid proofs of nearby true ones, random ones, mutations,
damaged bytes) and exits 1 at the first that is accepted.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.kernel.adversarial import Judge, attempts, target
from verifai.kernel.check import check
from verifai.kernel.errors import Rejection
from verifai.proof.files import Files
from verifai.proof.upgrade import upgraded


def deep() -> None:
    """Lets the program's recursion over lists go as deep as this machine allows."""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (hard, hard))


def children() -> float:
    """The processor's seconds of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def verdicts(program: Path, network: Path, query: Path, certificates: list[Path]) -> list[str]:
    """What the program says of each certificate."""
    words = [program, network, query, *certificates]
    done = subprocess.run(words, capture_output=True, text=True, check=False, preexec_fn=deep)
    said = (done.stdout + done.stderr).splitlines()
    found = [line for line in said if line.startswith(("accepted: ", "refused: rule "))]
    return found if len(found) == len(certificates) else [f"failed: {said[-1:]}"]


def timed(files: Files, data: bytes, *, exact: bool) -> tuple[str, float]:
    """What the kernel says, and the processor's seconds for it."""
    start = time.process_time()
    try:
        check(files.network, files.query, data, exact=exact)
    except Rejection as rejection:
        return rejection.rule, time.process_time() - start
    return "accepted", time.process_time() - start


def certificates(options: argparse.Namespace) -> None:
    """A line for every certificate, and the sums of what both accept."""
    total, count = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for path in options.files:
            network, query = (Path(f"{path}.{end}") for end in ("network", "query.json"))
            files = Files(network.read_bytes(), query.read_bytes())
            data = upgraded(path.read_bytes(), files)
            (copy := Path(folder) / "certificate").write_bytes(data)
            modes = {"rounded": False} | ({"exact": True} if options.exact else {})
            found = {name: timed(files, data, exact=mode) for name, mode in modes.items()}
            start = children()
            (said,) = verdicts(options.program, network, query, [copy])
            found["proved"] = said.partition(":")[0], children() - start
            count[said if said.startswith("accepted") else " ".join(said.split()[:6])] += 1
            if all(word == "accepted" for word, _ in found.values()):
                total.update({name: seconds for name, (_, seconds) in found.items()})
            shown = ", ".join(f"{name} {word} {s:.2f} s" for name, (word, s) in found.items())
            print(f"{path.parent.name}/{path.name}: {shown}", said, sep=" | ", flush=True)
    print(dict(count))
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in total.items())
    print(f"of those that all accept: {times}")


def false(options: argparse.Namespace) -> None:
    """Counts by rule; exits 1 if a certificate of a false claim is accepted."""
    rules = Counter[str]()
    for seed in range(options.first, options.last):
        claim = target(seed)
        files, judge = Files.of(claim.query), Judge(claim, Counter())
        head = b"".join(bytes.fromhex(digest) for digest in files.digests)
        with tempfile.TemporaryDirectory() as name:
            folder, paths = Path(name), []
            (folder / "network").write_bytes(files.network)
            (folder / "query").write_bytes(files.query)
            for number, (_, data) in enumerate(attempts(seed, options.each, claim, judge)):
                paths.append(folder / str(number))
                paths[-1].write_bytes(data[:8] + head + data[8 + len(head) :])
            for said in verdicts(options.program, folder / "network", folder / "query", paths):
                rules[said.split(":")[1].strip() if said[:7] == "refused" else said] += 1
                if not said.startswith("refused: rule "):
                    sys.exit(f"seed {seed}: {said}")
        if seed % 100 == 0:
            print(f"seed {seed}: {rules.total()} tried, 0 accepted", flush=True)
    print(rules.total(), "tried, 0 accepted", dict(rules))


def main() -> None:
    """Runs the command that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("certificates")
    one.add_argument("program", type=Path)
    one.add_argument("files", type=Path, nargs="+")
    one.add_argument("--exact", action="store_true", help="time the kernel's exact mode, too")
    one.set_defaults(run=certificates)
    two = commands.add_parser("false")
    two.add_argument("program", type=Path)
    two.add_argument("--first", type=int, default=1000)
    two.add_argument("--last", type=int, default=3000)
    two.add_argument("--each", type=int, default=50, help="certificates a claim")
    two.set_defaults(run=false)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
