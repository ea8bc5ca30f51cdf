"""Progress is told, and a search that is interrupted says how far it came."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import verifai as vf
from verifai.api import search
from verifai.verify import Progress

DATA = Path(vf.__file__).parent / "data"
NETS = [vf.load(DATA / f"{name}.onnx") for name in ("wave", "wave_16bit")]
QUERY = vf.equivalent(NETS[0], NETS[1], [(-1, 1)] * 2, tolerance="3/10000")


def test_progress_is_told_and_changes_nothing() -> None:
    heard: list[Progress] = []
    verdict = vf.verify(QUERY, nodes=200, workers=1, progress=heard.append)
    assert verdict.status == vf.verify(QUERY, nodes=200, workers=1).status
    assert heard
    for before, each in pairwise(heard):
        assert each.seconds >= before.seconds and 0 <= each.closed_fraction <= 1


@pytest.fixture
def _heard() -> Iterator[None]:
    """SIGINT is heard: a process that was started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heard")
def test_an_interrupted_search_is_unknown_with_its_bound() -> None:
    heard: list[Progress] = []

    def hear(now: Progress) -> None:
        heard.append(now)
        if now.bound is not None:
            signal.raise_signal(signal.SIGINT)

    verdict = vf.verify(QUERY, timeout=60, workers=1, progress=hear)
    assert isinstance(verdict, vf.Unknown)
    assert (verdict.reason, verdict.is_timeout) == ("interrupted", False)
    assert verdict.bound == heard[-1].bound is not None
    assert verdict.open_fraction == 1 - heard[-1].closed_fraction
    assert verdict.effort.nodes == heard[-1].nodes
    assert "bound" in repr(verdict)


def test_who_has_more_to_do_hears_of_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["verifai.verify"], "verify", interrupted)
    assert vf.verify(QUERY).status == "unknown"
    with pytest.raises(KeyboardInterrupt):
        search(QUERY)
    with pytest.raises(KeyboardInterrupt):
        vf.radius(vf.load(DATA / "digits_mlp.onnx"), [0] * 64)
