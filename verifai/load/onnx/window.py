"""Windows of convolutions and pools: kernel, strides and padding as ONNX's attributes say them.

Source: the pages of Conv, ConvTranspose, MaxPool and AveragePool of the ONNX standard.
May import: numpy, kernel, values, lower/window, call.
Must not know: protobuf, nodes.
"""

from __future__ import annotations

from typing import overload

from verifai.load.lower.window import (
    Ends,
    Steps,
    Stretched,
    Window,
    full_lengths,
    stretched,
    window,
)
from verifai.load.onnx.call import Call

_LEAST_OF_CONV = -2  # the padding by auto_pad SAME from which on convolutions are read in one way
_MODES = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def read_window(
    call: Call, lengths: tuple[int, ...], kernel: tuple[int, ...] | None = None
) -> Window:
    """The window that the attributes of Conv, MaxPool or AveragePool describe.

    Args:
        call: the operator.
        lengths: the input's spatial lengths.
        kernel: the weights' spatial lengths, if it has weights.

    Raises:
        InputError: attributes that do not fit each other, or an output without values.
    """
    axes, ones = len(lengths), (1,) * len(lengths)
    given, pads = _given(call, "kernel_shape", kernel), _given(call, "pads", (0,) * (2 * axes))
    stride, dilation = _given(call, "strides", ones), _given(call, "dilations", ones)
    if given is None or len(pads) != 2 * axes:
        raise call.refuse(f"kernel, strides, dilations or pads not for {axes} spatial axes")
    steps = Steps(given, stride, dilation)
    ends: Ends = list(zip(pads[:axes], pads[axes:], strict=True))
    steps.check(axes, ends)
    if kernel is not None and given != kernel:
        raise call.refuse(f"kernel_shape {given} with weights for {kernel}")
    mode, ceil = _mode(call), kernel is None and call.flag("ceil_mode")
    if mode != "NOTSET":
        is_plain = mode == "VALID" or dilation == ones or kernel is not None
        call.check_agreed(is_plain, f"auto_pad {mode} of a pool with dilations {dilation}")
        rows = list(zip(lengths, steps.spans(), stride, strict=True))
        least = 0 if kernel is None else _LEAST_OF_CONV
        ends = [_auto_pad(call, mode, least, *each) for each in rows]
        is_whole = mode != "VALID" or not ceil or all((n - s) % k == 0 for n, s, k in rows)
        call.check_agreed(is_whole, "ceil_mode with auto_pad VALID and a rest")
    return window(lengths, steps, ends, ceil=ceil)


def _mode(call: Call) -> str:
    mode = call.text("auto_pad", "NOTSET")
    if mode not in _MODES:
        raise call.refuse(f"auto_pad {mode!r}")
    return mode


@overload
def _given(call: Call, name: str, default: tuple[int, ...]) -> tuple[int, ...]: ...
@overload
def _given(call: Call, name: str, default: None) -> tuple[int, ...] | None: ...
def _given(call: Call, name: str, default: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """An attribute that is a list of integers, the default where it is left out."""
    value = call.sequence(name)
    return default if value is None else value


def _auto_pad(
    call: Call, mode: str, least: int, length: int, span: int, step: int
) -> tuple[int, int]:
    """Padding before and after that gives ⌈length/step⌉ outputs (none for VALID).

    A negative one would leave values out; `least` says from where on it has two readings.
    """
    if mode == "VALID":
        return 0, 0
    total = (-(-length // step) - 1) * step + span - length
    if total < least:
        said = f"auto_pad {mode} where a window of {span} in steps of {step}"
        raise call.refuse(f"{said} leaves {-total} of {length} values out (write pads instead)")
    less, more = max(total, 0) // 2, (max(total, 0) + 1) // 2
    return (less, more) if mode == "SAME_UPPER" else (more, less)


def read_stretch(call: Call, lengths: tuple[int, ...], kernel: tuple[int, ...]) -> Stretched:
    """What the attributes of ConvTranspose say about an input of these spatial lengths.

    Raises:
        InputError: attributes that do not fit each other, or an output without values.
    """
    axes, ones = len(lengths), (1,) * len(lengths)
    given, extra = (
        _given(call, "kernel_shape", kernel),
        _given(call, "output_padding", (0,) * axes),
    )
    steps = Steps(given, _given(call, "strides", ones), _given(call, "dilations", ones))
    if given != kernel:
        raise call.refuse(f"kernel {given}, strides, dilations or output_padding for {axes} axes")
    full = full_lengths(lengths, steps, extra)
    same = tuple(n * s for n, s in zip(lengths, steps.stride, strict=True))
    is_short = all(more < step for more, step in zip(extra, steps.stride, strict=True))
    cuts = _cuts(call, full, same, is_extended=any(extra))
    call.check_agreed(is_short, f"output_padding {extra} with strides {steps.stride}")
    return stretched(lengths, steps, extra, cuts)


def _cuts(call: Call, full: tuple[int, ...], same: tuple[int, ...], *, is_extended: bool) -> Ends:
    """What ConvTranspose cuts off before and after each axis of its full output.

    Args:
        call: the operator.
        full: the lengths of the output without padding.
        same: the lengths that auto_pad SAME asks for.
        is_extended: whether there is output_padding.
    """
    axes, mode = len(full), _mode(call)
    pads, wanted = _given(call, "pads", (0,) * (2 * axes)), call.sequence("output_shape")
    if wanted is None and mode.startswith("SAME"):
        wanted = same
    if wanted is None:
        if len(pads) != 2 * axes or min(pads) < 0:
            raise call.refuse(f"pads {pads} for {axes} spatial axes")
        pads = pads if mode == "NOTSET" else (0,) * (2 * axes)
        return list(zip(pads[:axes], pads[axes:], strict=True))
    wanted = wanted[-axes:]
    if len(wanted) != axes or any(n > most for n, most in zip(wanted, full, strict=True)):
        raise call.refuse(f"an output of lengths {wanted} from one of lengths {full}")
    totals = [most - n for n, most in zip(wanted, full, strict=True)]
    is_plain = not is_extended or not any(totals)
    call.check_agreed(is_plain, "padding from both output_shape and output_padding")
    if mode == "SAME_UPPER":
        return [(total // 2, total - total // 2) for total in totals]
    return [(total - total // 2, total // 2) for total in totals]
