"""Pages about counterexamples: exact numbers, the reference, drawings, the form of the page."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from tests.report.pages import Page, parsed
from tests.report.test_proved import HOSTILE, number, sum_of_relus
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network
from verifai.kernel.number import exact, nearest
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Query
from verifai.kernel.replay import evaluate
from verifai.report.page import page
from verifai.report.plane import runs
from verifai.report.proved import Origin
from verifai.report.reference import reference_of
from verifai.report.refuted import Refuted, refuted
from verifai.report.views import layouts, png
from verifai.verdict import Counterexample, Falsified

DATA = Path(vf.__file__).parent / "data"


def digit() -> tuple[Network, list[float], int]:
    with np.load(DATA / "digits_test.npz") as file:
        pixels, label = (file["images"][0] / 16).tolist(), int(file["labels"][0])
    return vf.load(DATA / "digits_mlp.onnx"), pixels, label


@cache
def read_wrongly() -> tuple[Query, Falsified]:
    net, pixels, label = digit()
    query = vf.robust(net, pixels, eps="1/10", label=label, clip=(0, 1))
    verdict = vf.verify(query)
    assert isinstance(verdict, Falsified)
    return query, verdict


@cache
def section() -> Refuted:
    query, verdict = read_wrongly()
    return refuted(query, verdict.counterexample, Origin("digit"))


@cache
def digit_page() -> Page:
    return parsed(page("Digit", [section()]))


def test_the_centre_of_a_clipped_ball_is_found_exactly() -> None:
    _, pixels, _ = digit()
    found = reference_of(read_wrongly()[0])
    assert list(found.inputs) == [exact(p) for p in pixels]
    assert found.radius == fmpq(1, 10)


def test_a_box_that_is_no_ball_has_its_middle_as_reference() -> None:
    net = sum_of_relus("")
    query = vf.in_range(net, [(0, 1), (0, "1/2")], lower=0, upper=1)
    found = reference_of(query)
    assert found.inputs == (fmpq(1, 2), fmpq(1, 4))
    assert found.radius is None


def test_what_is_violated_is_what_the_kernel_says() -> None:
    query, verdict = read_wrongly()
    low, _ = evaluate(query.network, verdict.counterexample.inputs)
    outputs = [low[v] for v in query.network.output_values]
    _, _, label = digit()
    violated = {k for k in range(10) if k != label and outputs[k] >= outputs[label]}
    rows = [row for row in section().conditions if row.after is not None]
    assert len(rows) == 9
    named = {int(re.findall(r"\[(\d+)\]", row.words)[1]) for row in rows if not row.holds}
    assert named == violated
    assert all(row.held for row in rows)
    assert number(section().margin) == verdict.counterexample.margin


def test_outputs_and_phases_are_exact() -> None:
    query, verdict = read_wrongly()
    net = query.network
    both = [
        evaluate(net, x)[0] for x in (reference_of(query).inputs, verdict.counterexample.inputs)
    ]
    for row, value in zip(section().outputs, net.output_values, strict=True):
        assert [number(row.before), number(row.after)] == [v[value] for v in both]
        assert number(row.change) == both[1][value] - both[0][value]
    changed = 0
    for node in net.nodes:
        if hasattr(node, "knots"):
            where = slice(net.offsets[node.source], net.offsets[node.source + 1])
            changed += sum(
                (a > 0) != (b > 0) for a, b in zip(*(v[where] for v in both), strict=True)
            )
    assert changed == sum(layer.changed for layer in section().layers) == len(section().phases) > 0


def test_the_way_begins_safe_and_ends_violated() -> None:
    data = section().way.data
    assert data["margins"][0] < 0 < data["margins"][-1]
    exactly = nearest(read_wrongly()[1].counterexample.margin)
    assert data["margins"][-1] == pytest.approx(exactly, rel=1e-3)
    begins = section().way.begins
    assert begins is not None
    assert data["margins"][round(100 * begins)] >= 0 > data["margins"][round(100 * begins) - 1]


def test_the_input_of_another_query_makes_no_page() -> None:
    net, pixels, label = digit()
    query = vf.robust(net, pixels, eps="1/1000", label=label, clip=(0, 1))
    with pytest.raises(InputError, match="no violation"):
        refuted(query, read_wrongly()[1].counterexample, Origin("digit"))


def test_the_page_shows_images_with_words_and_data_for_the_slider() -> None:
    found = digit_page()
    pictures = found.all("img")
    assert [p.attributes["alt"] for p in pictures][:2] == [
        "the reference input, 8 by 8 pixels",
        "the counterexample, 8 by 8 pixels",
    ]
    captions = [e.text for e in found.all("figcaption")]
    assert any(text.startswith("difference, amplified ×10") for text in captions)
    (script,) = found.all("script", type="application/json")
    assert json.loads(script.text) == json.loads(json.dumps(section().way.data))
    (slider,) = found.all("input", type="range")
    assert slider.attributes["id"] in {e.attributes.get("for") for e in found.all("label")}
    assert found.all("svg", **{"class": "plane"})
    assert len(found.all("tr", **{"class": "bad"})) > 1


@pytest.mark.parametrize(
    ("shape", "kind", "drawn"),
    [
        ((1, 1, 8, 8), "image", (1, 8, 8)),
        ((1, 3, 32, 32), "image", (3, 32, 32)),
        ((1, 64), "image", (1, 8, 8)),
        ((1, 20, 3), "curve", (3, 20)),
        ((1, 30), "curve", (1, 30)),
        ((1, 5), "table", (5,)),
        ((1, 1, 1, 5), "table", (5,)),
    ],
)
def test_what_inputs_look_like(shape: tuple[int, ...], kind: str, drawn: tuple[int, ...]) -> None:
    net = Network((Input("x", shape),), (0,))
    size = len(net.input_values)
    (found,) = layouts(Query(net, (fmpq(0),) * size, (fmpq(1),) * size, And(())))
    assert (found.kind, found.shape) == (kind, drawn)


def test_a_png_holds_its_pixels() -> None:
    pixels = np.arange(2 * 3 * 3).reshape(2, 3, 3) * 10.0
    data = base64.b64decode(png(pixels).partition(",")[2])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (3, 2)
    start = data.index(b"IDAT") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big")
    lines = zlib.decompress(data[start : start + size])
    expected = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in pixels)
    assert lines == expected


def test_runs_cover_the_cells_and_nothing_else() -> None:
    mask = np.random.default_rng(1).random((6, 7)) < 0.5
    seen = np.zeros_like(mask)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", runs(mask)):
        seen[int(y), int(x) : int(x) + int(width)] = True
    assert (seen == mask).all()


def test_hostile_names_stay_text_in_tables_and_data() -> None:
    nodes = (
        Input(f"in{HOSTILE}", (1, 3)),
        affine(f"y{HOSTILE}</script>", (1, 2), ((0, Dense.of([[1.0, 0, 0], [0, 1.0, 0]])),)),
    )
    query = vf.robust(Network(nodes, (1,)), [1, 0, 0], eps=1, label=0)
    found = refuted(
        query, Counterexample((fmpq(0), fmpq(1), fmpq(0)), (), fmpq(0)), Origin(HOSTILE)
    )
    html = parsed(page(HOSTILE, [found]))
    assert len(html.all("script")) == 2
    assert not html.all("img")
    (data,) = html.all("script", type="application/json")
    assert json.loads(data.text)["names"][0] == f"y{HOSTILE}</script>[0]"


def test_a_function_of_two_inputs_is_drawn_with_its_exact_regions() -> None:
    query = vf.in_range(sum_of_relus(""), [(-1, 1), (-1, 1)], lower=0, upper="3/2")
    found = refuted(query, Counterexample((fmpq(1), fmpq(1)), (), fmpq(0)), Origin("two"))
    assert found.function is not None
    assert "its 4 activation regions, exactly" in found.function.words
    html = parsed(page("two", [found]))
    assert len(html.all("polygon", **{"class": "region"})) == 4


def test_a_function_of_one_input_is_drawn_with_its_exact_pieces() -> None:
    net = vf.load(DATA / "yarotsky_4.onnx")
    query = vf.in_range(net, [(0, 1)], lower=0, upper="1/2")
    found = refuted(query, Counterexample((fmpq(1),), (), fmpq(0)), Origin("one"))
    assert found.function is not None
    assert "exactly 16 pieces" in found.function.words
    assert found.plane is None
