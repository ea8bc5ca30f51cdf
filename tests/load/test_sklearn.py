"""Perceptrons of scikit-learn load as their predict and predict_proba compute."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import verifai as vf
from verifai.entry.numbers import number
from verifai.kernel.number import nearest
from verifai.kernel.replay import evaluate

neural_network = pytest.importorskip("sklearn.neural_network")
RNG = np.random.default_rng(3)
X = RNG.uniform(-1, 1, (60, 3))
SEVERAL = RNG.integers(0, 4, 60)
TARGETS: dict[str, Any] = {
    "two": SEVERAL % 2,
    "several": SEVERAL,
    "labels": np.stack([SEVERAL % 2, SEVERAL // 2], axis=1),
}


def fitted(kind: str, y: Any, X: Any = X, **options: Any) -> Any:
    made = getattr(neural_network, kind)(
        hidden_layer_sizes=(5, 4), max_iter=30, random_state=0, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        return made.fit(X, y)


def outputs(net: vf.Network, x: Any) -> list[float]:
    low, high = evaluate(net, [number(v) for v in x])
    return [nearest((low[v] + high[v]) / 2) for v in net.output_values]


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_classifier_gives_its_probabilities(activation: str, target: str) -> None:
    model = fitted("MLPClassifier", TARGETS[target], activation=activation)
    net = vf.load(model)
    for x in X[:5]:
        wanted = model.predict_proba(x[None])[0]
        found = outputs(net, x)
        if target == "two":
            assert len(found) == 1
            assert model.predict(x[None])[0] == model.classes_[int(found[0] > 0.5)]
            wanted = wanted[1:]
        assert np.allclose(found, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_regressor_gives_its_predictions(activation: str, columns: int, dtype: Any) -> None:
    y = X[:, :columns] @ np.ones((columns, columns))
    y = y[:, 0] if columns == 1 else y
    model = fitted("MLPRegressor", y.astype(dtype), X.astype(dtype), activation=activation)
    net = vf.load(model)
    for x in X[:5]:
        wanted = model.predict(x[None]).reshape(-1)
        assert np.allclose(outputs(net, x), wanted, rtol=1e-12, atol=1e-14)


def test_the_object_itself_is_the_second_reader() -> None:
    model = fitted("MLPClassifier", SEVERAL)
    net = vf.load(model)
    assert vf.symbols(net)["hidden_1"].shape == (1, 5)
    x = X[0]
    query = vf.robust(net, x, eps="1/100000")
    verdict = vf.verify(query, workers=1)
    assert isinstance(verdict, vf.Verified)
    assert "the MLPClassifier was run in scikit-learn" in verdict.statement
    assert vf.check(query, verdict.certificate)
    model.coefs_[0][:] = 0  # a copy was taken
    assert isinstance(vf.verify(query, workers=1), vf.Verified)


def test_an_object_that_predicts_otherwise_is_misread() -> None:
    class Turned(neural_network.MLPRegressor):  # type: ignore[misc, name-defined]
        def predict(self, X: Any) -> Any:
            return super().predict(X) + 1

    model = fitted("MLPRegressor", X[:, 0])
    model.__class__ = Turned
    with pytest.raises(Exception, match="MLPRegressor"):
        vf.verify(vf.in_range(vf.load(model), [(0, 1)] * 3, upper=100), workers=1)


def test_two_classes_are_compared_with_a_half() -> None:
    model = fitted("MLPClassifier", TARGETS["two"], activation="relu")
    net = vf.load(model)
    y = vf.symbols(net).y
    x = X[0]
    box = [(v - 1e-6, v + 1e-6) for v in x]
    is_second = bool(model.predict(x[None])[0] == model.classes_[1])
    same = y[0] > "1/2" if is_second else y[0] <= "1/2"
    assert isinstance(vf.prove(net, then=same, domain=box, workers=1), vf.Verified)
    assert isinstance(vf.prove(net, then=~same, domain=box, workers=1), vf.Falsified)


def test_other_objects_are_refused_by_name() -> None:
    linear = pytest.importorskip("sklearn.linear_model").LinearRegression()
    with pytest.raises(vf.InputError, match="LinearRegression of scikit-learn"):
        vf.load(linear)
    with pytest.raises(vf.InputError, match="MLPClassifier is not fitted"):
        vf.load(neural_network.MLPClassifier())
    with pytest.raises(vf.InputError, match="without example"):
        vf.load(fitted("MLPRegressor", X[:, 0]), X[:1])
