"""The table of ONNX operators that are lowered; what is not here is refused by name.

`python -m verifai.load.onnx.operators` prints it as the page of the documentation. From which opset
on the standard has an operator stands in schemas.json, which is the standard's own.

May import: call, lower/rounding, schema. Must not know: protobuf, nodes.
"""

from __future__ import annotations

from verifai.load.lower.rounding import (
    EXACT,
    EXACT_INTEGERS,
    MOMENTS,
    SMOOTH,
    UNKNOWN,
    correct,
    sums,
)
from verifai.load.onnx.call import OnnxRow, plain

CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
OLDEST_OPSET = 7
NEWEST_OPSET = 28
OLDEST_IR, NEWEST_IR = 3, 14  # versions of the file format; from 3 on it says which opset it uses
_SMALL = ("stash_type",)  # the precision of means
_ROWS = (
    plain("Abs", "pieces.absolute", EXACT, "the absolute value"),
    plain("Add", "arithmetic.add", sums(0, folds=True), "the sum of two"),
    OnnxRow("And", "fold.conjunction", EXACT, "of constants"),
    OnnxRow("AveragePool", "pool.average_pool", sums(2), "averages over windows"),
    OnnxRow("BatchNormalization", "linear.batch_normalization", sums(6), "in inference"),
    OnnxRow(
        "Cast", "fold.cast", EXACT, "constants to any type, values to float or double", typed="to"
    ),
    OnnxRow("CastLike", "fold.cast_like", UNKNOWN, "as `Cast`, to the type of another tensor"),
    OnnxRow("Ceil", "fold.ceiling", EXACT, "of constants"),
    plain(
        "Celu", "smooth.celu", UNKNOWN, "max(x, 0) + alpha·(exp(min(x, 0)/alpha) - 1)", alpha=1.0
    ),
    OnnxRow("Clip", "pointwise.clip", EXACT, "to constant bounds"),
    OnnxRow("Concat", "join.concat", EXACT, "one after the other along an axis"),
    OnnxRow("Constant", "fold.constant", EXACT, "numbers or a tensor", typed="value"),
    OnnxRow(
        *("ConstantOfShape", "fold.constant_of_shape", EXACT),
        "one number everywhere",
        typed="value",
    ),
    OnnxRow("Conv", "conv.convolution", sums(2), "with constant weights, on any number of axes"),
    OnnxRow("ConvTranspose", "conv.transposed_convolution", sums(2), "with constant weights"),
    plain("Cos", "smooth.cosine", SMOOTH, "the cosine"),
    plain("Cosh", "smooth.hyperbolic_cosine", UNKNOWN, "(exp(x) + exp(-x))/2"),
    OnnxRow("CumSum", "select.cumulative_sum", UNKNOWN, "sums of the entries up to each"),
    OnnxRow("DepthToSpace", "shape.depth_to_space", EXACT, "entries moved"),
    plain("Div", "arithmetic.divide", correct(1, folds=True), "by a constant, or a reciprocal"),
    OnnxRow("Dropout", "shape.dropout", EXACT, "in inference: no change"),
    OnnxRow("Einsum", "einsum.einsum", UNKNOWN, "of one or two tensors"),
    plain("Elu", "smooth.elu", UNKNOWN, "max(x, 0) + alpha·(exp(min(x, 0)) - 1)", alpha=1.0),
    OnnxRow("Equal", "fold.equal", EXACT, "of constants"),
    plain("Erf", "smooth.error_function", SMOOTH, "the error function"),
    plain("Exp", "smooth.exponential", SMOOTH, "the exponential"),
    OnnxRow("Expand", "shape.expand", EXACT, "entries repeated"),
    OnnxRow("Flatten", "shape.flatten", EXACT, "entries moved"),
    OnnxRow("Floor", "fold.floor", EXACT, "of constants"),
    OnnxRow("Gather", "shape.gather", EXACT, "entries chosen by constant indices"),
    OnnxRow(
        "GatherElements", "select.gather_elements", EXACT, "entries chosen by constant indices"
    ),
    OnnxRow("GatherND", "select.gather_nd", EXACT, "entries chosen by constant indices"),
    plain("Gelu", "smooth.gelu", UNKNOWN, "x·(1 + erf(x/√2))/2, or by tanh", approximate="none"),
    OnnxRow("Gemm", "linear.gemm", sums(3), "alpha·A·B + beta·C"),
    OnnxRow("GlobalAveragePool", "reduce.global_average", sums(2), "the mean over all places"),
    OnnxRow("GlobalMaxPool", "reduce.global_maximum", EXACT, "the maximum over all places"),
    OnnxRow("Greater", "fold.greater", EXACT, "of constants"),
    OnnxRow("GreaterOrEqual", "fold.greater_or_equal", EXACT, "of constants"),
    OnnxRow(
        "GroupNormalization", "normalize.group_normalization", MOMENTS, "by the data's moments"
    ),
    plain(
        *("HardSigmoid", "pieces.hard_sigmoid", UNKNOWN, "alpha·x + beta, cut off at 0 and 1"),
        alpha=0.2,
        beta=0.5,
    ),
    plain("HardSwish", "smooth.hard_swish", UNKNOWN, "x·clip(x/6 + 1/2, 0, 1)"),
    OnnxRow("Identity", "shape.identity", EXACT, "no change"),
    OnnxRow(
        "InstanceNormalization",
        "normalize.instance_normalization",
        MOMENTS,
        "by the data's moments",
    ),
    OnnxRow(
        *("LayerNormalization", "normalize.layer_normalization", MOMENTS),
        "by the data's moments",
        is_plain=True,
        options={"axis": -1, "epsilon": 1e-5},
        ignored=_SMALL,
    ),
    plain("LeakyRelu", "pieces.leaky_relu", correct(1), "alpha·x below 0", alpha=0.01),
    OnnxRow("Less", "fold.less", EXACT, "of constants"),
    OnnxRow("LessOrEqual", "fold.less_or_equal", EXACT, "of constants"),
    plain("Log", "smooth.logarithm", SMOOTH, "the natural logarithm"),
    OnnxRow("LogSoftmax", "softmax.log_softmax", UNKNOWN, "the logarithm of `Softmax`"),
    plain(
        *("LpNormalization", "normalize.lp_normalization", UNKNOWN),
        "divided by the norm of order 1 or 2",
        axis=-1,
        p=2,
    ),
    plain("MatMul", "matrix.matmul", sums(2), "by a constant, or of two tensors"),
    plain("Max", "arithmetic.maximum", EXACT, "the largest of several"),
    OnnxRow("MaxPool", "pool.max_pool", EXACT, "maxima over windows; not the indices"),
    plain("Mean", "arithmetic.mean", sums(2), "the mean of several"),
    plain("Min", "arithmetic.minimum", EXACT, "the smallest of several"),
    plain("Mish", "smooth.mish", UNKNOWN, "x·tanh(log(1 + exp(x)))"),
    OnnxRow("Mod", "fold.mod", EXACT_INTEGERS, "of constants"),
    plain("Mul", "arithmetic.times", sums(0, folds=True), "the product of two"),
    plain("Neg", "arithmetic.negate", EXACT, "-x"),
    OnnxRow("Not", "fold.negation", EXACT, "of constants"),
    OnnxRow("Or", "fold.disjunction", EXACT, "of constants"),
    plain("PRelu", "arithmetic.p_relu", correct(1), "slope·x below 0"),
    OnnxRow("Pad", "join.pad", EXACT, "with a constant, or entries of the tensor"),
    plain("Pow", "power.power", correct(3), "constant exponents: integers up to 64, 1/2, -1/2"),
    OnnxRow(
        *("RMSNormalization", "normalize.rms_normalization", UNKNOWN),
        "by the root of the mean of squares",
        is_plain=True,
        options={"axis": -1, "epsilon": 1e-5},
        ignored=_SMALL,
    ),
    OnnxRow("Range", "fold.range_", EXACT_INTEGERS, "of constants"),
    plain("Reciprocal", "smooth.reciprocal", SMOOTH, "1/x"),
    OnnxRow("ReduceL1", "reduce.reduction", UNKNOWN, "the sum of absolute values along axes"),
    OnnxRow("ReduceL2", "reduce.reduction", UNKNOWN, "the root of the sum of squares along axes"),
    OnnxRow("ReduceLogSum", "reduce.reduction", UNKNOWN, "the logarithm of the sum along axes"),
    OnnxRow("ReduceLogSumExp", "reduce.reduction", UNKNOWN, "that of the sum of exponentials"),
    OnnxRow("ReduceMax", "reduce.reduction", EXACT, "the maximum along axes"),
    OnnxRow("ReduceMean", "reduce.reduction", sums(2), "the mean along axes"),
    OnnxRow("ReduceMin", "reduce.reduction", EXACT, "the minimum along axes"),
    OnnxRow("ReduceProd", "reduce.reduction", EXACT_INTEGERS, "the product along axes"),
    OnnxRow("ReduceSum", "reduce.reduction", sums(1), "the sum along axes"),
    OnnxRow("ReduceSumSquare", "reduce.reduction", UNKNOWN, "the sum of squares along axes"),
    plain("Relu", "pieces.relu", EXACT, "max(x, 0)"),
    OnnxRow("Reshape", "shape.reshape", EXACT, "entries moved"),
    OnnxRow("Round", "fold.nearest_integer", EXACT, "of constants"),
    plain(
        *("Selu", "smooth.selu", UNKNOWN, "gamma·(max(x, 0) + alpha·(exp(min(x, 0)) - 1))"),
        alpha=1.67326319217681884765625,
        gamma=1.05070102214813232421875,
    ),
    OnnxRow("Shape", "fold.shape", EXACT, "a constant"),
    plain(
        *("Shrink", "pieces.shrink", UNKNOWN, "x ∓ bias beyond ±lambd, 0 between"),
        bias=0.0,
        lambd=0.5,
    ),
    plain("Sigmoid", "smooth.sigmoid", SMOOTH, "1/(1 + exp(-x))"),
    plain("Sign", "pieces.sign", EXACT, "-1, 0 or 1"),
    plain("Sin", "smooth.sine", SMOOTH, "the sine"),
    plain("Sinh", "smooth.hyperbolic_sine", UNKNOWN, "(exp(x) - exp(-x))/2"),
    OnnxRow("Size", "fold.size", EXACT, "a constant"),
    OnnxRow("Slice", "shape.slice_", EXACT, "entries chosen by constant ranges"),
    OnnxRow(
        "Softmax", "softmax.softmax", UNKNOWN, "along one axis; from an axis on before opset 13"
    ),
    plain("Softplus", "smooth.softplus", UNKNOWN, "log(1 + exp(x))"),
    plain("Softsign", "smooth.softsign", UNKNOWN, "x/(1 + abs(x))"),
    OnnxRow("SpaceToDepth", "shape.space_to_depth", EXACT, "entries moved"),
    OnnxRow("Split", "shape.split", EXACT, "parts along an axis"),
    plain("Sqrt", "smooth.square_root_of", SMOOTH, "the square root"),
    OnnxRow("Squeeze", "shape.squeeze", EXACT, "entries moved"),
    plain("Sub", "arithmetic.subtract", sums(0, folds=True), "the difference of two"),
    plain("Sum", "arithmetic.total", sums(0), "the sum of several"),
    plain("Swish", "smooth.swish", UNKNOWN, "x/(1 + exp(-alpha·x))", alpha=1.0),
    plain("Tan", "smooth.tangent", UNKNOWN, "sin(x)/cos(x)"),
    plain("Tanh", "smooth.hyperbolic_tangent", SMOOTH, "the hyperbolic tangent"),
    plain(
        "ThresholdedRelu", "pieces.thresholded_relu", UNKNOWN, "x above alpha, else 0", alpha=1.0
    ),
    OnnxRow("Tile", "shape.tile", EXACT, "entries repeated"),
    OnnxRow("Transpose", "shape.transpose", EXACT, "entries moved"),
    OnnxRow("Trilu", "select.trilu", EXACT, "zeros above or below a diagonal"),
    OnnxRow("Unsqueeze", "shape.unsqueeze", EXACT, "entries moved"),
    OnnxRow("Where", "join.where", EXACT, "with a constant condition"),
    OnnxRow("Xor", "fold.exclusive_disjunction", EXACT, "of constants"),
)
ROWS: dict[str, OnnxRow] = {row.name: row for row in _ROWS}
_INTRODUCTION = f"""\
# Operators of ONNX files

Opsets {OLDEST_OPSET} to {NEWEST_OPSET} are read, each operator as the opset of the file means it.
Over the reals every operator of this table is lowered exactly; *of constants* means that it may not
depend on the input, *entries moved* that it costs nothing: no node is made of it.

The column *float32* says how a float32 program rounds the results, which `--semantics float32`
rests on: *exact* where they are the values over the reals; *sum* where products are added in any
order; *rounded* so many times; `--assume-ulp` where that must be declared; *refused* where it is
not known.

This page is printed by `python -m verifai.load.onnx.operators`.
"""


def blocker(op_type: str, domain: str) -> str:
    """Why no operator of this kind is lowered, empty if some are."""
    if domain not in ("", "ai.onnx"):
        return f"an operator of the domain {domain!r}"
    if op_type in CONTROL_FLOW:
        return "control flow is not supported"
    return "" if op_type in ROWS else "this operator is not supported"


def page() -> str:
    """The documentation's page of operators, as Markdown."""
    from verifai.load.onnx.schema import first_opset

    lines = [
        f"| `{row.name}` | {max(first_opset(row.name), OLDEST_OPSET)} | {row.meaning} "
        f"| {row.rounding.meaning} |"
        for row in ROWS.values()
    ]
    head = ["| operator | from opset | means | float32 |", "| --- | --- | --- | --- |"]
    return "\n".join([_INTRODUCTION, *head, *lines, ""])


if __name__ == "__main__":
    print(page(), end="")
