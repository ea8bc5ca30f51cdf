"""Reverse differentiation gives the derivative, for at most five times the operations.

May import: the gallery's parts; sympy, torch on demand. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flint import fmpq

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter
from verifai.theorems.network_sweeps import at_the_knot, listed
from verifai.theorems.reverse_sweep import KINDS, Counter, Step, forward, reverse

LISTED = 6  # networks with drawn weights
STATEMENT = """\
A program computes values one after the other from inputs and constants by +, -, x, ÷ and relu.
1. Where no argument of a relu is 0 and no divisor is 0, the reverse sweep (adjoints from the last
   value to the inputs) gives the derivatives of the program's function.
2. It costs, the forward sweep included, at most 5 operations for each of the program's: 3 for +, -
   and relu, 5 for x and ÷ (Linnainmaa 1970; Baur, Strassen 1983). Forward differentiation costs as
   much for each input.
3. "Automatic differentiation gives the derivative wherever the function has one" is false: relu(x)
   - relu(-x) = x has the derivative 1 at 0, where the sweep, with relu'(0) = 0, says 0.
4. The two functions by which it is taught, ForwardNN and BackwardNN, give the gradients of the loss
   off the knots of ρ: with M_r = ρ'(A_r X_r + b_r)·g_{r+1} and g_r = A_rᵀ M_r they are M_r X_rᵀ for
   A_r and M_r 1 for b_r.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    programs: int = parameter(40, "drawn programs", 1, 1000)
    length: int = parameter(12, "operations of a program", 1, 60)
    inputs: int = parameter(3, "inputs of a program", 1, 10)
    seed: int = parameter(0, "of the programs")


def drawn(sizes: Parameters, number: int) -> tuple[list[Step], list[fmpq]]:
    """A program and rational inputs at which no relu is at its knot and no divisor is 0."""
    source = random.Random(f"{sizes.seed} {number}")
    while True:
        program: list[Step] = []
        for place in range(sizes.length):
            many = sizes.inputs + place
            first = many - 1 if place else source.randrange(many)
            program.append((source.choice(KINDS), first, source.randrange(many)))
        inputs = [fmpq(source.choice((-5, -3, -2, 2, 3, 4, 7)), 2) for _ in range(sizes.inputs)]
        try:
            values = forward(program, inputs, Counter())
        except ZeroDivisionError:
            continue
        if all(values[a] != 0 for kind, a, _ in program if kind == "relu"):
            return program, inputs


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "derivative",
        f"{sizes.programs} drawn programs of {sizes.length} operations: the reverse sweep is the "
        "symbolic derivative, at a drawn rational point of an open phase.",
        partial(derivatives, sizes),
    )
    yield Claim(
        "cost",
        "The same programs: at most 5 times the operations; and for each kind as stated.",
        partial(costs, sizes, 5),
    )
    yield Claim(
        "autograd",
        "torch's autograd gives the same numbers, for programs without ÷ on whole numbers, where "
        "float64 does not round.",
        partial(autograd, sizes),
    )
    yield Claim(
        "two-functions",
        "The two functions that Peyré lists, ForwardNN (X_0 = Z, X_{r+1} = ρ(A_r X_r + b_r)) and "
        "BackwardNN (M = ρ'(A_r X_r + b_r)·g, ∂A_r = M X_rᵀ, ∂b_r = Σ M, g = A_rᵀ M), taken "
        f"literally: the gradients of |X_R - Y|²/2 for {LISTED} networks 3 → 4 → 3 → 2, exactly.",
        partial(listed, LISTED),
    )
    yield Claim(
        "two-functions-everywhere",
        "The loss has a derivative at all weights, and BackwardNN gives it, with ρ = relu.",
        at_the_knot,
        role=Role.CONTROL,
    )
    yield Claim(
        "four",
        "Four times the operations are enough.",
        partial(costs, sizes, 4),
        role=Role.CONTROL,
    )
    yield Claim(
        "wherever",
        "Automatic differentiation gives the derivative wherever the function has one.",
        at_a_knot,
        role=Role.CONTROL,
    )


def _symbolic(program: Sequence[Step], inputs: Sequence[fmpq]) -> tuple[Any, list[Any]]:
    """The last value as an expression, each relu replaced by what it does at the inputs."""
    import sympy

    symbols = list(sympy.symbols(f"x:{len(inputs)}"))
    values, numbers = list(symbols), forward(program, inputs, Counter())
    for kind, a, b in program:
        if kind == "relu":
            values.append(values[a] if numbers[a] > 0 else sympy.Integer(0))
        else:
            values.append(Counter().done(kind, values[a], values[b]))
    return values[-1], symbols


def derivatives(sizes: Parameters) -> Finding:
    """The symbolic derivative at the same point, in rational numbers."""
    import sympy

    for number in range(sizes.programs):
        program, inputs = drawn(sizes, number)
        whole, symbols = _symbolic(program, inputs)
        point = {
            s: sympy.Rational(int(x.p), int(x.q)) for s, x in zip(symbols, inputs, strict=True)
        }
        found = reverse(program, inputs, Counter(), fmpq(1))
        for symbol, ours in zip(symbols, found, strict=True):
            theirs = sympy.diff(whole, symbol).subs(point)
            if fmpq(int(theirs.p), int(theirs.q)) != ours:
                said = f"{program} at {inputs}: {ours}, not {theirs}"
                return evidence.exact(False, counterexample=said)
    return evidence.exact(True, f"seed {sizes.seed}")


def costs(sizes: Parameters, most: int) -> Finding:
    """Operations counted, forward sweep included."""
    rows = []
    for kind in KINDS:
        counter = Counter()
        reverse([(kind, 0, 1)], [fmpq(2), fmpq(3)], counter, fmpq(1))
        rows.append((kind, str(counter.count)))
        if counter.count > most:
            said = f"one {kind} costs {counter.count} operations"
            return evidence.exact(False, counterexample=said)
    for number in range(sizes.programs):
        program, inputs = drawn(sizes, number)
        counter = Counter()
        reverse(program, inputs, counter, fmpq(1))
        if counter.count > most * len(program):
            said = f"{program}: {counter.count} operations for {len(program)}"
            return evidence.exact(False, counterexample=said)
    table = Table(("operation", "with its reverse"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, f"{sizes.programs} programs", table=table)


def autograd(sizes: Parameters) -> Finding:
    """Programs of + - x relu on whole numbers, few enough products for float64 to hold them."""
    import torch

    tried = 0
    for number in range(sizes.programs):
        program, inputs = drawn(sizes, number)
        program = [step for step in program if step[0] != "/"][:6]
        program = [
            (kind, min(a, len(inputs) + i - 1), min(b, len(inputs) + i - 1))
            for i, (kind, a, b) in enumerate(program)
        ]
        whole = [2 * x for x in inputs]
        values = forward(program, whole, Counter())
        if not program or any(kind == "relu" and values[a] == 0 for kind, a, _ in program):
            continue
        tensors = [torch.tensor(float(x.p), dtype=torch.float64, requires_grad=True) for x in whole]
        torch_values = list(tensors)
        for kind, a, b in program:
            one, two = torch_values[a], torch_values[b]
            torch_values.append(
                torch.relu(one) if kind == "relu" else Counter().done(kind, one, two)
            )
        if not torch_values[-1].requires_grad:
            continue
        torch_values[-1].backward()  # type: ignore[no-untyped-call]
        theirs = [0 if t.grad is None else int(t.grad) for t in tensors]
        ours = reverse(program, whole, Counter(), fmpq(1))
        tried += 1
        if ours != theirs:
            return evidence.exact(
                False, counterexample=f"{program} at {whole}: {theirs}, not {ours}"
            )
    return evidence.exact(tried > 0, f"{tried} programs", counterexample="no program was tried")


def at_a_knot() -> Finding:
    """relu(x) - relu(0 - x) at 0, by the sweep and by torch."""
    import torch

    program: list[Step] = [("relu", 0, 0), ("-", 1, 0), ("relu", 3, 3), ("-", 2, 4)]
    inputs = [fmpq(0), fmpq(0)]  # x and the constant 0
    ours = reverse(program, inputs, Counter(), fmpq(1))[0]
    x = torch.zeros(1, requires_grad=True)
    (torch.relu(x) - torch.relu(-x)).sum().backward()  # type: ignore[no-untyped-call]
    theirs = None if x.grad is None else x.grad.item()
    ends = [forward(program, [at, fmpq(0)], Counter())[-1] for at in (fmpq(-1), fmpq(1, 7))]
    said = (
        f"relu(x) - relu(-x) is x ({ends} at -1, 1/7); at 0 the sweep says {ours}, torch {theirs}"
    )
    return evidence.exact(ours == 1 and theirs == 1, counterexample=said)


THEOREM = Theorem(
    name="backpropagation",
    title="reverse differentiation is the derivative off the knots, at most 5 times the operations",
    statement=STATEMENT,
    proposal="drawn programs, their operations counted one by one",
    source="Linnainmaa (1970); Baur, Strassen, The complexity of partial derivatives (1983); "
    "Bolte, Pauwels, Conservative set valued fields (2021) on the knots; Peyré, lectures on the "
    "mathematics of neural networks (ForwardNN, BackwardNN)",
    defaults=Parameters(),
    claims=claims,
    example="""\
f = x·y + x at x = 2, y = 5.  forward: u = x·y = 10, f = u + x = 12 (2 operations)
back: f' = 1; u' = 1, x' = 1; then x' = 1 + 1·5 = 6, y' = 0 + 1·2 = 2. With two additions for f and
two products and two additions for u: 8 in all, at most 5·2.""",
)
