"""Boxes a second that CROWN bounds on numpy, on torch's CPU and on CUDA, in one run.

    python benchmarks/boxes_per_second.py [--boxes 256 2048 8192] [--dtypes float64] [--seconds 5]

A pass is what the search does with a batch of boxes: interval arithmetic, refined bounds of every
unstable value, one plane below an output. Its multiplications and additions inside matrix products
are counted (element-wise work is not), and divided by what one large matrix product reaches on
the same device, with the same threads, in the same run. A second table says how many subproblems a
second a whole `verify` visits in one process on each, attack and bookkeeping included, on queries
that take longer than the time given. Without a CUDA device its lines are missing and the program
says so. Set OPENBLAS_NUM_THREADS and OMP_NUM_THREADS to compare cores.
"""

import argparse
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from flint import fmpq

from verifai.bounds.arrays import host, prototype
from verifai.bounds.compiled import Compiled, compile_network
from verifai.bounds.crown import backward, refine, unstable
from verifai.bounds.interval import interval
from verifai.bounds.memory import keep_memory
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Affine, Input, Network, Node
from verifai.kernel.number import exact
from verifai.kernel.operator import Conv, Dense
from verifai.kernel.query import And, Query
from verifai.search.loop.frontier import batch_size
from verifai.search.split.inputs import BATCH
from verifai.verify import Options, verify

LARGE = {"cuda": 8192}  # the side of the matrices whose product measures the peak
SIDE = 1024


@dataclass(frozen=True)
class Case:
    """A network, and the width of the boxes it is bounded on."""

    name: str
    network: Network
    width: float


def dense(widths: tuple[int, ...], seed: int = 0) -> Network:
    """A random dense relu network with these widths, inputs first."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [Input("x", (widths[0],))]
    for k, (n, m) in enumerate(itertools.pairwise(widths)):
        weight = Dense.of(rng.normal(size=(m, n)) * np.sqrt(2 / n))
        bias = rng.normal(size=m) / 4
        nodes.append(affine(f"y{k}", (m,), ((len(nodes) - 1, weight),), bias=bias))
        if k < len(widths) - 2:
            nodes.append(relu(f"z{k}", (m,), len(nodes) - 1))
    return Network(tuple(nodes), (len(nodes) - 1,))


def convolutional(side: int = 16, seed: int = 0) -> Network:
    """Three strided convolutions on a colour image of this side, and a dense layer."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [Input("x", (3, side, side))]
    channels = (3, 8, 16, 16)
    for k, (n, m) in enumerate(itertools.pairwise(channels)):
        weight = rng.normal(size=(m, n, 3, 3)) * np.sqrt(2 / (9 * n))
        shape = (side, side)
        conv = Conv.of(weight, shape, stride=(2, 2), padding=((1, 1), (1, 1)))
        side = conv.output[0]
        nodes.append(affine(f"y{k}", (m, side, side), ((len(nodes) - 1, conv),)))
        nodes.append(relu(f"z{k}", (m, side, side), len(nodes) - 1))
    size = channels[-1] * side * side
    weight = Dense.of(rng.normal(size=(10, size)) / np.sqrt(size))
    nodes.append(affine("out", (10,), ((len(nodes) - 1, weight),)))
    return Network(tuple(nodes), (len(nodes) - 1,))


def row_work(compiled: Compiled, node: int) -> float:
    """Multiplications and additions that eliminating one form of a node takes."""
    nodes, seen, todo = compiled.network.nodes, {node}, [node]
    while todo:
        fresh = set(nodes[todo.pop()].sources) - seen
        seen |= fresh
        todo += fresh
    first = nodes[node]
    is_row = isinstance(first, Affine) and isinstance(first.terms[0][1], Dense)
    skipped = {node} if is_row else set()  # a dense layer's form starts as its weight's row
    affines = [i for i in seen - skipped if isinstance(nodes[i], Affine)]
    return 2 * sum(compiled.work(i) for i in affines)


def count_work(compiled: Compiled, lower: np.ndarray, upper: np.ndarray) -> float:
    """Multiplications and additions in the matrix products of one pass."""
    bounds, total = interval(compiled, lower, upper), 0.0
    forward = 2 * sum(compiled.work(i) for i in compiled.linear)
    for node in set(compiled.preactivations) - compiled.direct:
        rows = 2 * int(unstable(compiled, bounds, node).sum())
        total += rows * row_work(compiled, node)
    last = len(compiled.network.nodes) - 1
    return total + len(lower) * (2 * forward + row_work(compiled, last) + compiled.work(last))


def best(work: Callable[[], object], seconds: float) -> float:
    """The least time of one call, from calls for so many seconds after a first one."""
    work()
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def peak(dtype: type, device: str | None, seconds: float) -> float:
    """Multiplications and additions a second of a large product of square matrices."""
    side = LARGE.get(device or "", SIDE)
    matrix = np.ones((side, side), dtype)
    placed = np.asarray(matrix, like=prototype(dtype, device))
    return 2 * side**3 / best(lambda: host((placed @ placed)[:1, :1]), seconds)


def crown_pass(compiled: Compiled, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Lower bounds of the first output, on the host."""
    relaxation = refine(compiled, interval(compiled, lower, upper))
    last = len(compiled.network.nodes) - 1
    form = compiled.zeros(len(lower), compiled.sizes[last])
    form[:, 0] = 1
    return host(backward(compiled, relaxation, {last: form}).value)


def devices() -> list[str | None]:
    """numpy (None), and those that torch has."""
    try:
        import torch
    except ImportError:
        print("torch is not installed: numpy only")
        return [None]
    if not torch.cuda.is_available():
        print("no CUDA device: numpy and torch's CPU only")
        return [None, "cpu"]
    return [None, "cpu", "cuda"]


def main() -> None:
    """Prints one line for each network, float type, device and batch size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--boxes", type=int, nargs="+", default=[256, 2048, 8192])
    parser.add_argument("--dtypes", nargs="+", default=["float64", "float32"])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--search", type=float, default=15.0, help="seconds of each verify")
    options = parser.parse_args()
    keep_memory()
    cases = [
        Case("dense 5-6x50-5", dense((5, 50, 50, 50, 50, 50, 50, 5)), 0.1),
        Case("conv 3x16x16", convolutional(), 0.004),
    ]
    found = devices()
    print(
        f"{'network':15s} {'type':8s} {'device':10s} boxes   boxes/s MFLOP/box GFLOP/s  peak share"
    )
    for dtype in (np.dtype(name).type for name in options.dtypes):
        peaks = {device: peak(dtype, device, options.seconds) for device in found}
        for case, device in itertools.product(cases, found):
            measure(case, dtype, device, peaks[device], options)
    print(f"\n{'search':15s} device       batch    nodes seconds  nodes/s")
    for device in found:
        search(device, options.search)


def measure(
    case: Case, dtype: type, device: str | None, most: float, options: argparse.Namespace
) -> None:
    """Prints the lines of one network on one device."""
    here = compile_network(case.network, dtype)
    there = compile_network(case.network, dtype, device)
    size = len(here.input_values)
    for count in options.boxes:
        middle = np.random.default_rng(1).uniform(-1, 1, (count, size)).astype(dtype)
        ends = middle - dtype(case.width / 2), middle + dtype(case.width / 2)
        placed = [there.place(end) for end in ends]
        seconds = best(lambda placed=placed: crown_pass(there, *placed), options.seconds)
        flops = count_work(here, *ends)
        name = "numpy" if device is None else f"torch-{device}"
        rate = flops / seconds / 1e9
        print(
            f"{case.name:15s} {dtype.__name__:8s} {name:10s} {count:5d} {count / seconds:9.0f} "
            f"{flops / count / 1e6:9.2f} {rate:7.1f} {most / 1e9:6.0f} {rate * 1e9 / most:5.3f}",
            flush=True,
        )


def endless(network: Network, radius: float = 1.0) -> Query:
    """Whether the first output stays just above what sampling reaches: a long search."""
    compiled, rng = compile_network(network), np.random.default_rng(0)
    size = len(network.input_values)
    seen = compiled.forward(rng.uniform(-radius, radius, (20_000, size)))[-1][:, 0]
    threshold = exact(float(seen.max() + 0.2 * np.ptp(seen)))
    out, end = network.offsets[network.outputs[0]], fmpq(int(1000 * radius), 1000)
    unsafe = And((atom({out: fmpq(-1)}, threshold),))
    return Query(network, (-end,) * size, (end,) * size, unsafe)


def search(device: str | None, seconds: float) -> None:
    """Prints the line of one device: subproblems a second of a whole search."""
    network = dense((5, 50, 50, 50, 50, 50, 50, 5))
    query = endless(network)
    verify(query, Options(nodes=10, workers=1, device=device))  # what the first call alone pays
    effort = verify(query, Options(timeout=seconds, workers=1, device=device)).effort
    batch = batch_size(compile_network(network, device=device), BATCH)
    name = "numpy" if device is None else f"torch-{device}"
    rate = effort.nodes / effort.seconds
    print(
        f"{'dense 5-6x50-5':15s} {name:10s} {batch:7d} {effort.nodes:8d} {effort.seconds:7.1f} "
        f"{rate:8.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
