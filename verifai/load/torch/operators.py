"""The table of ATen operators that are lowered; what is not here is decomposed or refused by name.

`python -m verifai.load.torch.operators` prints it as the page of the documentation.

May import: call. Must not know: programs, nodes.
"""

from __future__ import annotations

from verifai.load.torch.call import AtenRow, plain


def _moving(name: str, takes: str = "self") -> AtenRow:
    """The row of an operator that only moves the entries of these arguments."""
    return AtenRow(name, "moves.moved", "entries moved", takes)


def _truth(name: str, make: str, meaning: str, takes: str = "") -> AtenRow:
    """The row of an operator that makes truth values, combines them, or chooses by them."""
    return AtenRow(name, make, meaning, takes, gives_truth=True)


_REFUSED = "refused: statistics of a batch"
_MOVED = """
    _unsafe_view.default diagonal.default expand.default flip.default gather.default
    im2col.default index.Tensor index_select.default permute.default pixel_shuffle.default
    pixel_unshuffle.default reflection_pad1d.default reflection_pad2d.default
    reflection_pad3d.default repeat.default replication_pad2d.default
    replication_pad3d.default reshape.default roll.default select.int slice.Tensor
    split.Tensor split_with_sizes.default squeeze.default squeeze.dim squeeze.dims t.default
    transpose.int tril.default triu.default unbind.int unfold.default unsqueeze.default
    view.default
"""  # what only moves the entries of `self`
_ROWS = (
    *(_moving(f"aten.{name}") for name in _MOVED.split()),
    *(
        _truth(f"aten.{name}.{kind}", "choice.comparison", "`Sign` of the difference", name)
        for name in ("eq", "ge", "gt", "le", "lt", "ne")
        for kind in ("Scalar", "Tensor")
    ),
    AtenRow("aten._adaptive_avg_pool2d.default", "reduce.adaptive_average", "`MatMul`, `Div`"),
    AtenRow("aten._adaptive_avg_pool3d.default", "reduce.adaptive_average", "`MatMul`, `Div`"),
    AtenRow("aten._log_softmax.default", "attention.log_softmax", "`LogSoftmax`"),
    AtenRow(
        "aten._native_batch_norm_legit.default",
        "linear.first_of_three",
        "`BatchNormalization`",
        "batch",
    ),
    AtenRow("aten._native_batch_norm_legit.no_stats", "linear.in_training", _REFUSED),
    AtenRow("aten._native_batch_norm_legit_functional.default", "linear.in_training", _REFUSED),
    AtenRow(
        "aten._native_batch_norm_legit_no_training.default",
        "linear.first_of_three",
        "`BatchNormalization`",
        "batch",
    ),
    AtenRow("aten._prelu_kernel.default", "pointwise.p_relu", "`PRelu`"),
    AtenRow("aten._softmax.default", "attention.softmax", "`Softmax`"),
    AtenRow("aten._to_copy.default", "moves.converted", "no change; constants are rounded"),
    plain("aten.abs.default", "pieces.absolute", "`Abs`"),
    AtenRow("aten.adaptive_max_pool2d.default", "reduce.adaptive_max", "maxima; not the indices"),
    AtenRow("aten.adaptive_max_pool3d.default", "reduce.adaptive_max", "maxima; not the indices"),
    AtenRow("aten.add.Scalar", "pointwise.add", "`Add`"),
    AtenRow("aten.add.Tensor", "pointwise.add", "`Add`"),
    AtenRow("aten.addmm.default", "linear.addmm", "`Gemm`"),
    AtenRow("aten.alias.default", "moves.copied", "no change"),
    AtenRow("aten.amax.default", "reduce.over", "`ReduceMax`", "Max"),
    AtenRow("aten.amin.default", "reduce.over", "`ReduceMin`", "Min"),
    AtenRow("aten.any.dim", "known.computed", "constants only"),
    AtenRow("aten.arange.default", "known.computed", "a constant"),
    AtenRow("aten.arange.start", "known.computed", "a constant"),
    AtenRow("aten.arange.start_step", "known.computed", "a constant"),
    AtenRow("aten.avg_pool2d.default", "reduce.average_pool", "`AveragePool`"),
    AtenRow("aten.avg_pool3d.default", "reduce.average_pool", "`AveragePool`"),
    AtenRow("aten.baddbmm.default", "linear.baddbmm", "`MatMul`, `Add`"),
    AtenRow("aten.batch_norm.default", "linear.batch_norm", "`BatchNormalization`"),
    AtenRow("aten.bilinear.default", "linear.bilinear", "`MatMul`, `Add`"),
    _truth("aten.bitwise_and.Tensor", "choice.conjunction", "`Min`"),
    _truth("aten.bitwise_not.default", "choice.negation", "1 - x"),
    _truth("aten.bitwise_or.Tensor", "choice.disjunction", "`Max`"),
    plain("aten.bmm.default", "matrix.matmul", "`MatMul`", "self mat2"),
    _moving("aten.cat.default", "tensors"),
    plain("aten.celu.default", "smooth.celu", "`Celu`", numbers="alpha"),
    AtenRow("aten.clamp.Tensor", "pointwise.clamp_tensor", "`Max`, `Min`"),
    AtenRow("aten.clamp.default", "pointwise.clamp", "`Clip`", "min max"),
    AtenRow("aten.clone.default", "moves.copied", "no change"),
    AtenRow("aten.constant_pad_nd.default", "moves.pad", "entries moved"),
    AtenRow("aten.convolution.default", "linear.convolution", "`Conv`, `ConvTranspose`"),
    _moving("aten.copy.default", "self src"),
    plain("aten.cos.default", "smooth.cosine", "`Cos`"),
    plain("aten.cosh.default", "smooth.hyperbolic_cosine", "`Cosh`"),
    AtenRow("aten.cumsum.default", "reduce.cumulative_sum", "`CumSum`"),
    AtenRow("aten.detach.default", "moves.copied", "no change"),
    _moving("aten.diagonal_scatter.default", "self src"),
    plain("aten.div.Scalar", "arithmetic.divide", "`Div`", "self other"),
    plain("aten.div.Tensor", "arithmetic.divide", "`Div`", "self other"),
    AtenRow("aten.div.Tensor_mode", "known.computed", "constants only"),
    AtenRow("aten.dropout.default", "linear.dropout", "no change"),
    AtenRow("aten.elu.default", "pointwise.elu", "`Elu`"),
    _moving("aten.embedding.default", "weight"),
    plain("aten.erf.default", "smooth.error_function", "`Erf`"),
    plain("aten.exp.default", "smooth.exponential", "`Exp`"),
    AtenRow("aten.expm1.default", "pointwise.exponential_less_one", "`Exp` less 1"),
    AtenRow("aten.eye.default", "known.computed", "a constant"),
    AtenRow("aten.eye.m", "known.computed", "a constant"),
    AtenRow("aten.fmod.Scalar", "known.computed", "constants only"),
    AtenRow("aten.full.default", "known.computed", "a constant"),
    AtenRow("aten.full_like.default", "known.alike", "a constant"),
    AtenRow("aten.gelu.default", "pointwise.gelu", "`Gelu`"),
    AtenRow("aten.hardsigmoid.default", "pointwise.hard_sigmoid", "`Clip`, `Div`"),
    plain("aten.hardswish.default", "smooth.hard_swish", "`HardSwish`"),
    AtenRow("aten.hardtanh.default", "pointwise.clamp", "`Clip`", "min_val max_val"),
    AtenRow("aten.instance_norm.default", "linear.instance_norm", "`InstanceNormalization`"),
    plain("aten.leaky_relu.default", "pieces.leaky_relu", "`LeakyRelu`", numbers="negative_slope"),
    AtenRow("aten.lift_fresh_copy.default", "moves.copied", "no change"),
    AtenRow(
        "aten.linalg_vector_norm.default",
        "reduce.vector_norm",
        "`ReduceL1`, `ReduceL2`, `ReduceMax`",
    ),
    AtenRow("aten.linear.default", "linear.linear", "`MatMul`, `Add`"),
    AtenRow("aten.linspace.default", "known.computed", "a constant"),
    plain("aten.log.default", "smooth.logarithm", "`Log`"),
    AtenRow("aten.log1p.default", "pointwise.logarithm_of_one_more", "`Log` of 1 more"),
    AtenRow("aten.log_sigmoid.default", "pointwise.log_sigmoid", "`Softplus`"),
    _truth("aten.logical_and.default", "choice.conjunction", "`Min`"),
    _truth("aten.logical_not.default", "choice.negation", "1 - x"),
    _truth("aten.logical_or.default", "choice.disjunction", "`Max`"),
    AtenRow("aten.logsumexp.default", "reduce.over", "`ReduceLogSumExp`", "LogSumExp"),
    AtenRow("aten.max.default", "reduce.over", "`ReduceMax`", "Max"),
    AtenRow("aten.max.dim", "reduce.with_places", "`ReduceMax`; not the indices", "Max"),
    AtenRow(
        "aten.max_pool2d_with_indices.default", "reduce.max_pool", "`MaxPool`; not the indices"
    ),
    AtenRow(
        "aten.max_pool3d_with_indices.default", "reduce.max_pool", "`MaxPool`; not the indices"
    ),
    plain("aten.maximum.default", "arithmetic.maximum", "`Max`", "self other"),
    AtenRow("aten.mean.default", "reduce.over", "`ReduceMean`", "Mean"),
    AtenRow("aten.mean.dim", "reduce.over", "`ReduceMean`", "Mean"),
    AtenRow("aten.min.default", "reduce.over", "`ReduceMin`", "Min"),
    AtenRow("aten.min.dim", "reduce.with_places", "`ReduceMin`; not the indices", "Min"),
    plain("aten.minimum.default", "arithmetic.minimum", "`Min`", "self other"),
    plain("aten.mish.default", "smooth.mish", "`Mish`"),
    plain("aten.mm.default", "matrix.matmul", "`MatMul`", "self mat2"),
    plain("aten.mul.Scalar", "arithmetic.times", "`Mul`", "self other"),
    plain("aten.mul.Tensor", "arithmetic.times", "`Mul`", "self other"),
    AtenRow("aten.native_dropout.default", "linear.native_dropout", "no change"),
    AtenRow(
        "aten.native_group_norm.default", "linear.first_of_three", "`GroupNormalization`", "group"
    ),
    AtenRow(
        "aten.native_layer_norm.default", "linear.first_of_three", "`LayerNormalization`", "layer"
    ),
    plain("aten.neg.default", "arithmetic.negate", "`Neg`"),
    AtenRow("aten.ones.default", "known.computed", "a constant"),
    AtenRow("aten.ones_like.default", "known.alike", "a constant"),
    AtenRow("aten.pad.default", "moves.pad", "entries moved"),
    plain("aten.pow.Tensor_Scalar", "power.power", "`Pow`", "self exponent"),
    plain("aten.pow.Tensor_Tensor", "power.power", "`Pow`", "self exponent"),
    AtenRow("aten.prelu.default", "pointwise.p_relu", "`PRelu`"),
    AtenRow("aten.prod.default", "reduce.over", "`ReduceProd`", "Prod"),
    AtenRow("aten.prod.dim_int", "reduce.over", "`ReduceProd`", "Prod"),
    plain("aten.reciprocal.default", "smooth.reciprocal", "`Reciprocal`"),
    plain("aten.relu.default", "pieces.relu", "`Relu`"),
    AtenRow("aten.remainder.Scalar", "known.computed", "constants only"),
    AtenRow("aten.rms_norm.default", "linear.rms_norm", "`RMSNormalization`"),
    AtenRow("aten.rsqrt.default", "pointwise.inverse_root", "`Sqrt`, `Reciprocal`"),
    AtenRow("aten.scalar_tensor.default", "known.computed", "a constant"),
    AtenRow(
        "aten.scaled_dot_product_attention.default", "attention.attention", "`MatMul`, `Softmax`"
    ),
    _moving("aten.select_scatter.default", "self src"),
    plain("aten.sigmoid.default", "smooth.sigmoid", "`Sigmoid`"),
    plain("aten.sign.default", "pieces.sign", "`Sign`"),
    plain("aten.silu.default", "smooth.swish", "`Swish`"),
    plain("aten.sin.default", "smooth.sine", "`Sin`"),
    plain("aten.sinh.default", "smooth.hyperbolic_sine", "`Sinh`"),
    _moving("aten.slice_scatter.default", "self src"),
    AtenRow("aten.softplus.default", "pointwise.softplus", "`Softplus`"),
    plain("aten.sqrt.default", "smooth.square_root_of", "`Sqrt`"),
    _moving("aten.stack.default", "tensors"),
    AtenRow("aten.sub.Scalar", "pointwise.subtract", "`Sub`"),
    AtenRow("aten.sub.Tensor", "pointwise.subtract", "`Sub`"),
    AtenRow("aten.sum.default", "reduce.over", "`ReduceSum`", "Sum"),
    AtenRow("aten.sum.dim_IntList", "reduce.over", "`ReduceSum`", "Sum"),
    plain("aten.tan.default", "smooth.tangent", "`Tan`"),
    plain("aten.tanh.default", "smooth.hyperbolic_tangent", "`Tanh`"),
    AtenRow("aten.threshold.default", "pointwise.threshold", "`ThresholdedRelu`"),
    AtenRow("aten.upsample_nearest1d.vec", "moves.nearest", "entries moved"),
    AtenRow("aten.upsample_nearest2d.vec", "moves.nearest", "entries moved"),
    AtenRow("aten.upsample_nearest3d.vec", "moves.nearest", "entries moved"),
    AtenRow("aten.var.correction", "reduce.variance", "`ReduceMean`, `ReduceSum`"),
    _truth("aten.where.self", "choice.choice", "`Where`, or `Mul` by 0 and 1"),
    AtenRow("aten.zeros.default", "known.computed", "a constant"),
    AtenRow("aten.zeros_like.default", "known.alike", "a constant"),
)
ROWS: dict[str, AtenRow] = {row.name: row for row in _ROWS}
_INTRODUCTION = """\
# Operators of torch programs

A module is exported with `torch.export`, and what this table does not list is decomposed into
operators that it does, where torch knows how. The right column says what an operator means, by
the names that [ONNX](onnx-operators.md) has for it (in `code`) or in a few words; numbers such as
slopes and epsilons are the doubles that they are in torch.

*Entries moved* costs nothing: no node is made of it. *Constants only* means that the operator may
not depend on the input; integers and truth values that do not are computed by torch itself,
arithmetic on floats that do not is done exactly. Values are those over the reals, so a conversion
between types of floats changes nothing, and what only guards against overflow (the threshold of
softplus) is left out.

This page is printed by `python -m verifai.load.torch.operators`.
"""


def page() -> str:
    """The documentation's page of operators, as Markdown."""
    rows = [f"| `{name}` | {ROWS[name].meaning} |" for name in sorted(ROWS)]
    return "\n".join([_INTRODUCTION, "| operator | means |", "| --- | --- |", *rows, ""])


if __name__ == "__main__":
    print(page(), end="")
