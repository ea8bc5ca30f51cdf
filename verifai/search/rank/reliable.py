"""The neuron whose splits have gained most so far, by a linear program that sees both halves.

A neuron's promise is what its splits have gained so far, for each unit of the gap that the program
leaves at it; neurons tried seldom are tried anew, by solving both halves. It chooses where linear
programs fit and no rule is asked for; it has no name, as it needs a program rather than arrays.
Source: Achterberg, Koch, Martin 2005, Branching Rules Revisited (reliability branching).

May import: numpy, close.kept, solvers. Must not know: trees, certificates, processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from verifai.bounds.maps import Array
from verifai.search.close.formulation import Duals
from verifai.search.close.kept import KeptFormulation
from verifai.solvers.linear_program import Optimum

RELIABLE = 4  # tries of a neuron's halves after which its average is believed
PATIENCE = 8  # neurons tried in vain before the best so far is taken
TRIAL_ITERATIONS = 200  # of a half that is only tried
TINY = 1e-7  # gaps that do not count
LEAST = 1e-6  # gain that counts as none

Proofs = tuple[Duals, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A neuron to split.

    Attributes:
        neuron: which of the units, or -1: none is open.
        halves: multipliers that should refute the inactive and the active half.
        gain: by how much its split is expected to raise the bound.
    """

    neuron: int = -1
    halves: tuple[Proofs, Proofs] = ((), ())
    gain: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Half:
    """One half tried: how much it gained, up to what refutes it, and what does."""

    gain: float
    proofs: Proofs = ()


@dataclass(slots=True, eq=False)
class _Promise:
    """What splits of each neuron have gained, (m, 2) for the inactive and the active half."""

    total: Array
    count: Array = field(init=False)

    def __post_init__(self) -> None:
        self.count = np.zeros_like(self.total)

    def note(self, neuron: int, side: int, gain: float) -> None:
        self.total[neuron, side] += gain
        self.count[neuron, side] += 1

    def expected(self, gaps: Array) -> Array:
        """Gains (m, 2) at these gaps; those never tried promise the average."""
        known = self.count > 0
        each = np.where(known, self.total / np.maximum(self.count, 1), 0)
        average = each.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        fallback = np.where(known.any(axis=0), average, 1.0)
        return np.asarray(np.where(known, each, fallback) * gaps[:, None])

    def is_reliable(self, neuron: int) -> bool:
        return bool(self.count[neuron].min() >= RELIABLE)


class Reliable:
    """The choices of one goal's program, with what they have gained."""

    def __init__(self, program: KeptFormulation, margin: float) -> None:
        """Nothing was tried; beyond `margin` the program's value refutes a region."""
        self.program, self.margin = program, margin
        self.promise = _Promise(np.zeros((program.count, 2)))

    def choose(self, optimum: Optimum, ends: tuple[Array, Array]) -> Choice:
        """The neuron that promises most, and what is known to refute its halves.

        Args:
            optimum: of the program as it is set to a region; it is set so again.
            ends: of the neurons there.
        """
        gaps = self._gaps(optimum, ends)
        expected = np.minimum(self.promise.expected(gaps), self.margin - optimum.value)
        scores = np.where(gaps > 0, np.maximum(expected, LEAST).prod(axis=1), 0)
        best, best_score, basis, vain = Choice(), 0.0, self.program.simplex.basis, 0
        for neuron in np.argsort(-scores).tolist():
            if not scores[neuron] > 0 or vain > PATIENCE:
                break
            tried: tuple[_Half, ...] = ()
            score = float(scores[neuron])
            if not self.promise.is_reliable(neuron):
                tried = self._try(neuron, (ends[0][neuron], ends[1][neuron]), optimum.value)
                self.program.simplex.resume(basis)
                for side, half in enumerate(tried):
                    self.promise.note(neuron, side, half.gain / max(float(gaps[neuron]), TINY))
                score = max(tried[0].gain, LEAST) * max(tried[1].gain, LEAST)
            vain += 1
            if score > best_score:
                best_score, vain = score, 0
                halves = (tried[0].proofs, tried[1].proofs) if tried else ((), ())
                best = Choice(neuron, halves, float(np.sqrt(score)))
            if tried and all(half.proofs for half in tried):
                break
        return best

    def _gaps(self, optimum: Optimum, ends: tuple[Array, Array]) -> Array:
        """What each open neuron's split may close, (m,); 0 of others."""
        is_open = (ends[0] < 0) & (ends[1] > 0)
        gaps = np.where(is_open, self.program.gaps(optimum.point), 0)
        if (gaps > TINY).any():
            weighed = gaps * self.program.pulls(optimum)
            return np.maximum(weighed, LEAST * gaps)
        return np.where(is_open, np.minimum(-ends[0], ends[1]), 0)  # a point of the network

    def _try(self, neuron: int, ends: tuple[float, float], value: float) -> tuple[_Half, ...]:
        """Solves the programs of both halves."""
        program, found = self.program, []
        for active in (False, True):
            program.fix(neuron, *ends, active=active)
            solved = program.simplex.solve(TRIAL_ITERATIONS)
            gain = max(0.0, min(solved.value, self.margin) - value)
            if solved.value == np.inf:
                found.append(_Half(gain, program.proofs_of(solved.ray)))
            elif solved.is_optimal and solved.value > self.margin:
                found.append(_Half(gain, (program.duals(),)))
            else:
                found.append(_Half(gain))
            program.loosen(neuron, *ends)
        return tuple(found)
