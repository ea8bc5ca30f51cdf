"""Arrays of another library (torch, on a graphics card too) that numpy's functions accept.

The bounds are written once, against numpy. Numpy hands a call on to an argument that speaks its
dispatch protocols (NEP 13, NEP 18), so a `DeviceArray` runs the same code on the device; numpy's
own arrays take the way they always took, at no cost. Nothing comes back to the host unasked.

May import: numpy; array_api_compat and torch once a device is asked for. Must not know: networks.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

T = TypeVar("T")
DEVICES = re.compile("cpu|cuda(:[0-9]+)?")  # torch's that have doubles
Namespace = Any  # an array API namespace; its arrays are Any as well
RENAMED = {
    "absolute": "abs",
    "concatenate": "concat",
    "cumsum": "cumulative_sum",
    "invert": "bitwise_invert",
    "rint": "round",
    "true_divide": "divide",
    "unique": "unique_values",
}


class DeviceArray(NDArrayOperatorsMixin):
    """An array of an array API namespace, to be used under numpy's names.

    Attributes:
        xp: the namespace.
        array: what it holds, in the library's own type.
    """

    __slots__ = ("array", "xp")
    __hash__ = None  # type: ignore[assignment]  # comparisons are elementwise

    def __init__(self, xp: Namespace, array: Any) -> None:
        self.xp, self.array = xp, array

    def __array__(self, *_args: object, **_options: object) -> np.ndarray[Any, Any]:
        raise TypeError("an array on a device: `host` brings it back")

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        if method == "at" and ufunc is np.add:
            _add_at(*(self._raw(each) for each in inputs))
            return None
        if method != "__call__" or options:
            return NotImplemented
        name = RENAMED.get(ufunc.__name__, ufunc.__name__)
        own = _OWN.get(name)
        raw = [self._raw(each) for each in inputs]
        result = own(self.xp, *raw) if own else getattr(self.xp, name)(*raw)
        return self._wrapped(result) if out is None else self._into(out[0], result)

    def __array_function__(
        self, function: Callable[..., Any], _types: Any, args: Any, options: dict[str, Any]
    ) -> Any:
        name = RENAMED.get(function.__name__, function.__name__)
        own = _OWN.get(name)
        raw = [self._raw(each) for each in args]
        named = {key: self._raw(each) for key, each in options.items() if key != "out"}
        if name in _MAKERS:
            named.setdefault("device", self.array.device)
        result = own(self.xp, *raw, **named) if own else getattr(self.xp, name)(*raw, **named)
        out = options.get("out")
        return self._wrapped(result) if out is None else self._into(out, result)

    def _raw(self, value: Any) -> Any:
        """A value as the namespace takes it; numpy's arrays go to the device."""
        match value:
            case DeviceArray():
                return value.array
            case np.generic():
                return value.item()
            case np.ndarray():
                return self.xp.asarray(value, device=self.array.device, copy=True)
            case list() | tuple():
                return type(value)(self._raw(each) for each in value)
            case np.dtype() | type():
                return getattr(self.xp, np.dtype(value).name)
        return value

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(self._wrapped(each) for each in value)
        return value if value is None else DeviceArray(self.xp, value)

    def _into(self, target: DeviceArray, value: Any) -> DeviceArray:
        target.array[...] = value
        return target

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return tuple(self.array.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of the entries."""
        return np.dtype(str(self.array.dtype).rpartition(".")[2])

    @property
    def nbytes(self) -> int:
        """What the entries hold."""
        return int(self.array.nbytes)

    @property
    def T(self) -> DeviceArray:
        """The array with its axes in reverse order, a view."""
        return self.transpose(*reversed(range(self.ndim)))

    def __len__(self) -> int:
        return int(self.array.shape[0])

    def __iter__(self) -> Iterator[DeviceArray]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __float__(self) -> float:
        return float(self.array)

    def __getitem__(self, key: Any) -> DeviceArray:
        return DeviceArray(self.xp, self.array[self._raw(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.array[self._raw(key)] = self._raw(value)

    def reshape(self, *shape: int) -> DeviceArray:
        """The same entries in another shape."""
        return DeviceArray(self.xp, self.xp.reshape(self.array, shape))

    def transpose(self, *axes: int) -> DeviceArray:
        """The axes in this order, a view."""
        return DeviceArray(self.xp, self.xp.permute_dims(self.array, axes))

    def take(self, index: Any, axis: int) -> DeviceArray:
        """Entries of one axis."""
        return DeviceArray(self.xp, self.xp.take(self.array, self._raw(index), axis=axis))

    def astype(self, dtype: npt.DTypeLike, copy: bool = True) -> DeviceArray:
        """The entries in another type."""
        kind = self._raw(np.dtype(dtype))
        return DeviceArray(self.xp, self.xp.astype(self.array, kind, copy=copy))

    def copy(self) -> DeviceArray:
        """An independent copy."""
        return DeviceArray(self.xp, self.xp.asarray(self.array, copy=True))

    def _reduced(self, name: str, axis: int | None, keepdims: bool) -> DeviceArray:
        return DeviceArray(
            self.xp, getattr(self.xp, name)(self.array, axis=axis, keepdims=keepdims)
        )

    def any(self, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
        """Whether some entry is true."""
        return self._reduced("any", axis, keepdims)

    def all(self, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
        """Whether all entries are true."""
        return self._reduced("all", axis, keepdims)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
        """The sum."""
        return self._reduced("sum", axis, keepdims)

    def mean(self, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
        """The mean."""
        return self._reduced("mean", axis, keepdims)

    def min(self, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
        """The least entry."""
        return self._reduced("min", axis, keepdims)

    def max(self, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
        """The greatest entry."""
        return self._reduced("max", axis, keepdims)


def _bounded(name: str) -> Callable[..., Any]:
    """The maximum ("min") or minimum ("max") of two, a number without a trip to the device."""
    whole = {"min": "maximum", "max": "minimum"}[name]

    def bounded(xp: Namespace, a: Any, b: Any) -> Any:
        if isinstance(a, int | float):
            a, b = b, a
        return xp.clamp(a, **{name: b}) if isinstance(b, int | float) else getattr(xp, whole)(a, b)

    return bounded


def _clip(xp: Namespace, a: Any, low: Any, high: Any) -> Any:
    return _OWN["minimum"](xp, _OWN["maximum"](xp, a, low), high)


def _where(xp: Namespace, condition: Any, a: Any, b: Any) -> Any:
    """As in numpy, double precision where both are floats of Python."""
    if isinstance(a, float) and isinstance(b, float | int):
        a = xp.full((), a, dtype=xp.float64, device=condition.device)
    return xp.where(condition, a, b)


def _add_at(target: Any, index: Any, values: Any) -> None:
    target.index_put_((index,), values, accumulate=True)  # sums in a fixed order, unlike index_add_


def _split(_xp: Namespace, array: Any, where: Any, axis: int = 0) -> list[Any]:
    """The parts between places, or so many equal parts."""
    length = array.shape[axis]
    if isinstance(where, int):
        where = range(length // where, length, length // where)
    places = [0, *(int(place) for place in where), length]
    ends = itertools.pairwise(places)
    return [array[(slice(None),) * axis + (slice(low, high),)] for low, high in ends]


def _windows(_xp: Namespace, array: Any, window: Any, axis: Any, **_options: object) -> Any:
    """numpy's sliding_window_view: an axis for the places in a window behind all others."""
    for each, size in zip(axis, window, strict=True):
        array = array.unfold(each, size, 1)
    return array


def _full_like(xp: Namespace, like: Any, value: Any, shape: Any = None, dtype: Any = None) -> Any:
    lengths, kind = shape or like.shape, dtype or like.dtype
    return xp.full(tuple(lengths), value, dtype=kind, device=like.device)


def _copyto(_xp: Namespace, target: Any, source: Any, where: Any) -> None:
    target[...] = target.where(~where, source)


def _diff(_xp: Namespace, array: Any, axis: int) -> Any:
    return array.diff(dim=axis)


def _flatnonzero(xp: Namespace, array: Any) -> Any:
    return xp.nonzero(array.reshape(-1))[0]


_MAKERS = frozenset({"arange", "asarray", "full", "ones", "zeros"})
_OWN: dict[str, Callable[..., Any]] = {
    "clip": _clip,
    "copyto": _copyto,
    "diff": _diff,
    "flatnonzero": _flatnonzero,
    "full_like": _full_like,
    "maximum": _bounded("min"),
    "minimum": _bounded("max"),
    "sliding_window_view": _windows,
    "split": _split,
    "where": _where,
    "zeros_like": lambda xp, like, **options: _full_like(xp, like, 0, **options),
}


def prototype(dtype: npt.DTypeLike, device: str | None) -> npt.NDArray[Any]:
    """An empty array, numpy's without a device, to be the `like` of those made from shapes.

    Args:
        dtype: of its entries.
        device: a device of torch: "cpu", "cuda", "cuda:1".

    Raises:
        ImportError: torch or array-api-compat is not installed.
        ValueError: there is no such device.
    """
    empty = np.zeros(0, dtype)
    if device is None:
        return empty
    if not DEVICES.fullmatch(device):
        raise ValueError(f"no device {device!r}: there are cpu, cuda, cuda:1 and so on")
    try:
        xp: Namespace = importlib.import_module("array_api_compat.torch")
    except ImportError as error:
        raise ImportError("bounds on a device need the extra verifai-nn[torch]") from error
    try:
        placed = xp.asarray(empty, device=device)
    except (RuntimeError, AssertionError) as error:  # how torch says that it was built without
        said = str(error).partition("\n")[0].partition(". ")[0]
        raise ValueError(f"no device {device!r}: {said}") from error
    return cast("npt.NDArray[Any]", DeviceArray(xp, placed))


def is_placed(array: object) -> bool:
    """Whether an array is one on a device."""
    return isinstance(array, DeviceArray)


def host(array: npt.NDArray[Any] | np.generic) -> npt.NDArray[Any]:
    """The array as numpy's own."""
    known: object = array
    if isinstance(known, DeviceArray):
        return np.asarray(known.array.cpu().numpy())
    return np.asarray(array)


def hosted(data: T) -> T:
    """The same dataclass, dict, list or tuple with numpy's own arrays in it."""
    return cast("T", _mapped(data, host))


def placed(data: T, like: npt.NDArray[Any]) -> T:
    """The same dataclass, dict, list or tuple with its arrays put where another one is."""
    if not is_placed(like):
        return data
    return cast("T", _mapped(data, lambda array: np.asarray(array, like=like)))


def _mapped(data: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(data, np.ndarray | DeviceArray):
        return change(data)
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        known = {f.name: getattr(data, f.name) for f in dataclasses.fields(data)}
        return dataclasses.replace(data, **{k: _mapped(v, change) for k, v in known.items()})
    if isinstance(data, dict):
        return {key: _mapped(each, change) for key, each in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(_mapped(each, change) for each in data)
    return data


def free_bytes(like: npt.NDArray[Any]) -> int | None:
    """How much of a graphics card's memory is free; None for arrays in the host's."""
    known: Any = like
    if not is_placed(like) or known.array.device.type != "cuda":
        return None
    torch = importlib.import_module("torch")
    return int(torch.cuda.mem_get_info(known.array.device)[0])


def is_out_of_memory(error: Exception) -> bool:
    """Whether the host or a device had no memory left."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
