"""Networks that evaluate Taylor polynomials by Horner's rule, with a product network at each step.

May import: kernel, the gallery's parts; torch on demand. Must not know: queries.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING

from flint import fmpq

from verifai.kernel.number import nearest
from verifai.theorems.construction import relu_module
from verifai.theorems.yarotsky_square import layers

if TYPE_CHECKING:
    import torch

MOST_DEGREE = 10  # coefficients that are multiples of 4^-d fit into float32
FUNCTIONS = ("exp", "sin")
FIXED = 12  # weights of one product beside its three squares: the sums in front and behind


def derivative_at_zero(function: str, order: int) -> int:
    """The derivative of exp or sin at 0.

    >>> [derivative_at_zero("sin", k) for k in range(5)]
    [0, 1, 0, -1, 0]
    """
    return 1 if function == "exp" else (0, 1, 0, -1)[order % 4]


def coefficients(function: str, degree: int) -> list[fmpq]:
    """Taylor coefficients, each rounded to a multiple of 4^-degree: off by half of that at most."""
    unit = 4**degree
    exact = [fmpq(derivative_at_zero(function, k), factorial(k)) for k in range(degree + 1)]
    return [fmpq((c * unit + fmpq(1, 2)).floor()) / unit for c in exact]


def error_bound(degree: int) -> fmpq:
    """(2(d - 1) + (d + 1)/2) 4^-d + 2/(d + 1)!, for the network of degree and depth d."""
    share: fmpq = fmpq(2 * (degree - 1)) + fmpq(degree + 1, 2)
    return share / fmpq(4) ** degree + fmpq(2, factorial(degree + 1))


def size(degree: int) -> int:
    """The number of parameters: d - 1 products of three squares of depth d, d + 1 coefficients."""
    return (degree - 1) * (3 * (12 * degree - 2) + FIXED) + degree + 1


def horner_module(function: str, degree: int) -> torch.nn.Module:
    """The torch module of p_0 where p_k = a_k + x·p_{k+1}, on rows of one number.

    A product x·p is 2 N(x, p/2) with Yarotsky's N of depth `degree`, for |p| stays below 2; the
    first, with the constant a_degree, is exact.
    """
    import torch

    class Horner(torch.nn.Module):
        """The polynomial on rows (x,)."""

        def __init__(self) -> None:
            super().__init__()
            self.factors = [nearest(c) for c in coefficients(function, degree)]
            squares = [relu_module(layers(degree)) for _ in range(3 * (degree - 1))]
            self.squares = torch.nn.ModuleList(squares)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """p_0(x) of every row."""
            p = self.factors[-2] + self.factors[-1] * x
            for k in range(degree - 2, -1, -1):
                parts = [
                    square(torch.abs(v) / 2)
                    for v, square in zip(
                        (x + p / 2, x, p / 2), self.squares[3 * k : 3 * k + 3], strict=True
                    )
                ]
                p = self.factors[k] + 4 * (parts[0] - parts[1] - parts[2])
            return p

    return Horner().eval()
