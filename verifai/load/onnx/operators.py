"""The table of ONNX operators that are lowered; what is not here is refused by name.

May import: this folder's modules of lowerings. Must not know: protobuf, nodes.
"""

import importlib
from collections.abc import Iterator, Mapping

from verifai.load.onnx.call import Lowering

_OPERATORS = {
    "conv": "Conv ConvTranspose",
    "einsum": "Einsum",
    "fold": (
        "And Cast CastLike Ceil Constant ConstantOfShape Equal Floor Greater GreaterOrEqual "
        "Less LessOrEqual Mod Not Or Range Round Shape Size Xor"
    ),
    "join": "Concat Pad Where",
    "linear": "BatchNormalization Gemm MatMul",
    "normalize": (
        "GroupNormalization InstanceNormalization LayerNormalization LpNormalization "
        "RMSNormalization"
    ),
    "pointwise": "Abs Add Clip LeakyRelu Max Mean Min Neg PRelu Relu Sign Sub Sum",
    "pool": "AveragePool GlobalAveragePool GlobalMaxPool MaxPool",
    "power": "Div Mul Pow",
    "reduce": (
        "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
        "ReduceProd ReduceSum ReduceSumSquare"
    ),
    "select": "CumSum GatherElements GatherND Trilu",
    "shape": (
        "DepthToSpace Dropout Expand Flatten Gather Identity Reshape Slice SpaceToDepth Split "
        "Squeeze Tile Transpose Unsqueeze"
    ),
    "softmax": "LogSoftmax Softmax",
    "smooth": (
        "Celu Cos Cosh Elu Erf Exp Gelu HardSigmoid HardSwish Log Mish Reciprocal Selu Shrink "
        "Sigmoid Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu"
    ),
}


class _Lowerings(Mapping[str, Lowering]):
    """How every operator is lowered, each by a module that is imported when it is needed."""

    def __init__(self) -> None:
        self.modules = {
            op_type: module for module, names in _OPERATORS.items() for op_type in names.split()
        }

    def __getitem__(self, op_type: str) -> Lowering:
        module = importlib.import_module(f"verifai.load.onnx.{self.modules[op_type]}")
        lowering: Lowering = module.LOWERINGS[op_type]
        return lowering

    def __iter__(self) -> Iterator[str]:
        return iter(self.modules)

    def __len__(self) -> int:
        return len(self.modules)

    def __contains__(self, op_type: object) -> bool:
        return op_type in self.modules


LOWERINGS: Mapping[str, Lowering] = _Lowerings()
CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
OLDEST_OPSET = 7
NEWEST_OPSET = 28
OLDEST_IR, NEWEST_IR = 3, 14  # versions of the file format; from 3 on it says which opset it uses


def blocker(op_type: str, domain: str) -> str:
    """Why no operator of this kind is lowered, empty if some are."""
    if domain not in ("", "ai.onnx"):
        return f"an operator of the domain {domain!r}"
    if op_type in CONTROL_FLOW:
        return "control flow is not supported"
    return "" if op_type in LOWERINGS else "this operator is not supported"
