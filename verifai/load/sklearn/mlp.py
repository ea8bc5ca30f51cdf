"""MLPClassifier and MLPRegressor as networks, and as the second reader runs them: themselves.

Objects are read by their attributes, so that nothing of scikit-learn is imported.

May import: numpy, kernel, graph, lower, original. Must not know: queries.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from verifai.graph.builder import Builder
from verifai.graph.nodes import affine, relu
from verifai.graph.reading import read_from
from verifai.graph.results import network_of
from verifai.graph.tie import shrunk
from verifai.graph.values import Activation, Value
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network, Smooth
from verifai.kernel.operator import Array, Dense
from verifai.load.lower.softmax import softmax
from verifai.original.model import FLOAT64, CannotRun, Precision

KNOWN = ("MLPClassifier", "MLPRegressor")
SMOOTH = {"tanh": "tanh", "logistic": "sigmoid", "exp": "exp"}
FACTOR = 16.0  # times the roundings of a sum that a smooth function may stray


def is_estimator(model: Any) -> bool:
    """Whether the object is one of scikit-learn; nothing is imported for it."""
    return any(kind.__module__.partition(".")[0] == "sklearn" for kind in type(model).__mro__)


def load_estimator(model: Any, *, shrink: bool = False) -> Network:
    """The network of a fitted MLPClassifier or MLPRegressor: input x (1, features), output y.

    Its outputs are what `predict` of a regressor gives, and the columns of a classifier's
    `predict_proba`: `predict` names the largest, and of several labels all above 1/2. A
    classifier of two classes has one output, the probability of `classes_[1]`, and predicts that
    class where it is above 1/2.

    Args:
        model: the object.
        shrink: as for ONNX files.

    Raises:
        InputError: another object of scikit-learn, one that is not fitted, an activation that is
            not known, or a weight that is not finite.
    """
    name = next((k.__name__ for k in type(model).__mro__ if k.__name__ in KNOWN), None)
    if name is None:
        kind = type(model).__name__
        raise InputError(
            f"{kind} of scikit-learn: MLPClassifier and MLPRegressor load; of a pipeline load its"
            " last step, and say its properties about what that step is given"
        )
    weights, biases = getattr(model, "coefs_", None), getattr(model, "intercepts_", None)
    if not weights or not biases:
        raise InputError(f"this {name} is not fitted: call fit(X, y) first")
    builder = Builder()
    value: Value = builder.input("x", (1, len(weights[0])))
    layers = [*zip(weights, biases, strict=True)]
    for number, (weight, bias) in enumerate(layers, 1):
        is_last = number == len(layers)
        stem = "y" if is_last else f"hidden_{number}"
        value = _dense(builder, f"{stem}/sum", value, weight, bias)
        value = _activated(
            builder, stem, value, model.out_activation_ if is_last else model.activation
        )
    network = network_of(builder, [("y", value)])
    return read_from(shrunk(network) if shrink else network, MlpOriginal(model, name))


def _dense(builder: Builder, name: str, x: Value, weight: Array, bias: Array) -> Activation:
    """x W + b with the exact weights."""
    place = builder.whole(builder.lift(x))
    matrix = Dense.of(np.asarray(weight, dtype=np.float64).T)
    shape = (1, len(bias))
    return _all(builder, builder.add(affine(name, shape, ((place, matrix),), bias=bias)))


def _activated(builder: Builder, name: str, x: Activation, function: str) -> Value:
    """The values of an activation function.

    Raises:
        InputError: it is not known.
    """
    shape = x.shape
    if function == "identity":
        return x
    if function == "relu":
        return _all(builder, builder.add(relu(name, shape, x.node)))
    if function == "softmax":
        builder.prefix = name
        return softmax(builder, x, -1)
    if function in SMOOTH:
        return _all(
            builder, builder.add(Smooth(builder.name(name), shape, x.node, SMOOTH[function]))
        )
    raise InputError(
        f"an activation {function!r}: identity, relu, softmax, {', '.join(SMOOTH)} load"
    )


def _all(builder: Builder, place: int) -> Activation:
    shape = builder.nodes[place].shape
    return Activation(place, np.arange(math.prod(shape)).reshape(shape))


class MlpOriginal:
    """A copy of an estimator, which may be fitted further."""

    runtime = "scikit-learn"
    outputs = ("y",)

    def __init__(self, model: Any, name: str) -> None:
        """Copies the estimator; `name` is that of its class."""
        self.name = f"the {name}"
        self._model = copy.deepcopy(model)

    @property
    def precision(self) -> Precision:
        """That of float64, in which it computes where its input is."""
        return replace(FLOAT64, factor=FACTOR)

    def types(self) -> tuple[np.dtype[Any], ...]:
        """Its one input is given in float64."""
        return (np.dtype(np.float64),)

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """What `predict_proba` or a regressor's `predict` gives.

        Raises:
            CannotRun: its own code fails.
        """
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # of inputs without names
                if not hasattr(self._model, "predict_proba"):
                    found = np.asarray(self._model.predict(inputs[0]))
                else:
                    found = np.asarray(self._model.predict_proba(inputs[0]))
                    if len(self._model.coefs_[-1].T) == 1:
                        found = found[:, 1:]
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise CannotRun(f"scikit-learn: {str(error).partition(chr(10))[0][:200]}") from None
        return [found.astype(np.float64).reshape(1, -1)]
