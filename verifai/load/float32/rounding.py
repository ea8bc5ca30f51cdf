"""How the operators of a float32 program round, by name.

A list is a claim about every program that runs a file, and that claim is what
`Float32Network.assumptions` tells the reader.

May import: nothing. Must not know: how operators are lowered.
"""

from __future__ import annotations

_EXACT_NAMES = """
    Abs And Cast Ceil Clip Concat Constant ConstantOfShape DepthToSpace Dropout Equal Expand
    Flatten Floor Gather GatherElements GatherND GlobalMaxPool Greater GreaterOrEqual
    Identity Less LessOrEqual Max MaxPool Min Mod Neg Not Or Pad Range ReduceMax ReduceMin
    ReduceProd Relu Reshape Round Shape Sign Size Slice SpaceToDepth Split Squeeze Tile
    Transpose Trilu Unsqueeze Where Xor
"""
EXACT = frozenset(_EXACT_NAMES.split())
"""Of float32 numbers these give the float32 number that is their value over the reals."""
SUMS = {
    "Add": 0,
    "AveragePool": 2,
    "BatchNormalization": 6,
    "Conv": 2,
    "ConvTranspose": 2,
    "Gemm": 3,
    "GlobalAveragePool": 2,
    "MatMul": 2,
    "Mean": 2,
    "Mul": 0,
    "ReduceMean": 2,
    "ReduceSum": 1,
    "Sub": 0,
    "Sum": 0,
}  # sums of products in any order, and how often a product rounds more than the sum needs
CORRECT = {"Div": 1, "LeakyRelu": 1, "PRelu": 1, "Pow": 3}  # roundings of the exact value
SMOOTH = frozenset(
    ["Cos", "Erf", "Exp", "Log", "Reciprocal", "Sigmoid", "Sin", "Sqrt", "Tanh"]
)  # off by a declared number of units in the last place
