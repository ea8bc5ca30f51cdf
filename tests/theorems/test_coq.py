"""What proofs/gallery says is proved in Coq, from nothing but the real numbers, of our networks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from flint import fmpq

from tests.coq import Built, Sources, bare
from verifai.kernel.network import Input, Network
from verifai.kernel.replay import evaluate
from verifai.theorems.claim import CoqInstance, CoqProof, Theorem
from verifai.theorems.construction import Layer, layers_of, relu_network
from verifai.theorems.coq import instances_text
from verifai.theorems.registry import THEOREMS
from verifai.theorems.yarotsky_product import product_network
from verifai.theorems.yarotsky_square import layers

PROOFS = Sources("gallery")
SOURCES, README = PROOFS.files, PROOFS.readme
PROVED = [each for each in THEOREMS if each.proved]
STATED = re.compile(r"^ *(?:Theorem|Lemma) (\w+)(.*?)^ *Proof\.", re.MULTILINE | re.DOTALL)


def test_nothing_is_assumed() -> None:
    assert len(SOURCES) > 5
    PROOFS.require_nothing_assumed()
    more = re.compile(r"\b(Hypothes[ie]s|Variables?|Extract|unsafe)\b")
    assert not [name for name, text in SOURCES.items() if more.search(bare(text))]


def test_every_file_is_built_and_shown() -> None:
    assert sorted(PROOFS.listed) == sorted(SOURCES)
    assert set(SOURCES) - {"Assumptions.v"} <= set(re.findall(r"`(\w+\.v)`", README))


def test_the_readme_shows_statements_verbatim() -> None:
    blocks = re.findall(r"```coq\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        assert any(block in text for text in SOURCES.values()), block
    for each in PROVED:
        assert each.proved is not None
        assert f"Theorem {each.proved.theorem} " in README


@pytest.mark.parametrize("each", PROVED, ids=lambda each: each.name)
def test_what_a_theorem_names_is_there(each: Theorem[Any]) -> None:
    assert each.proved is not None
    stated = {name for name, _ in STATED.findall(SOURCES[each.proved.file])}
    assert each.proved.theorem in stated
    assert f"Print Assumptions {each.proved.theorem}." in SOURCES["Assumptions.v"]


def test_every_theorem_is_shown_and_its_assumptions_are_printed() -> None:
    for name, text in SOURCES.items():
        if "(** * The theorem *)" in text:
            (theorem,) = re.findall(r"^Theorem (\w+)", text, re.MULTILINE)
            assert f"Print Assumptions {theorem}." in SOURCES["Assumptions.v"], name
            assert f"Theorem {theorem} " in README, name


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return PROOFS.built(tmp_path_factory.mktemp("gallery"))


def test_they_rest_on_the_real_numbers_alone(built: Built) -> None:
    proved = {each.proved.theorem for each in PROVED if each.proved}
    assert proved <= built.require_real_numbers_alone()


def test_they_speak_of_the_exported_networks(built: Built) -> None:
    text = instances_text(each.proved for each in PROVED if each.proved)
    assert text.count("Lemma ") > 10
    done = built.compiled(text)
    assert done.returncode == 0, done.stderr


def nudged() -> list[Layer]:
    (rows, bias), *rest = layers(3)
    return [(rows, [*bias[:-1], 2.0**-20]), *rest]


@pytest.mark.parametrize(
    ("construction", "made"),
    [
        ("square_net 3", nudged),
        ("square_net 3", partial(layers, 2)),
        ("square_net 3", lambda: layers(3)[1:]),
        ("square_net 3", lambda: [*layers(3)[:-1], ([[-0.03125, 0.0625, 1.0]] * 2, [0.0] * 2)]),
    ],
)
def test_another_network_is_refused(
    built: Built, construction: str, made: Callable[[], list[Layer]]
) -> None:
    instance = CoqInstance(construction, partial(relu_network, made()))
    text = instances_text([CoqProof("YarotskySquare.v", "yarotsky_square", "", (instance,))])
    done = built.compiled(text)
    assert done.returncode == 1
    assert "Unable to unify" in done.stderr


def test_layers_are_read_exactly_or_not_at_all() -> None:
    net = relu_network(layers(2))
    read = layers_of(net)
    assert [len(layer) for layer in read] == [3, 3, 1]
    one, zero = fmpq(1), fmpq(0)
    cut = Network(net.nodes[:-1], (len(net.nodes) - 2,))
    unit = [(tuple(one if i == k else zero for i in range(3)), zero) for k in range(3)]
    assert layers_of(cut) == [*read[:2], unit]
    relu: Any = net.nodes[2]
    leaky = replace(relu, slopes=relu.slopes + 0.25)
    with pytest.raises(ValueError, match="is no ReLU"):
        layers_of(Network((*net.nodes[:2], leaky, *net.nodes[3:]), net.outputs))
    last: Any = net.nodes[-1]
    early = replace(last, terms=((2, last.terms[0][1]),))
    with pytest.raises(ValueError, match="last hidden layer"):
        layers_of(Network((*net.nodes[:-1], early), net.outputs))
    both = replace(last, terms=((2, last.terms[0][1]), *last.terms))
    with pytest.raises(ValueError, match="one hidden layer"):
        layers_of(Network((*net.nodes[:-1], both), net.outputs))
    with pytest.raises(ValueError, match="second input"):
        layers_of(Network((*net.nodes, Input("more", (1,))), net.outputs))


def test_layers_of_parallel_parts_compute_the_same() -> None:
    net = product_network(2)
    read = layers_of(net)
    assert [len(layer) for layer in read] == [6, 9, 9, 1]
    for x, y in ((1, 1), (-3, 5), (7, -2)):
        point = [fmpq(x, 7), fmpq(y, 7)]
        at = point
        for number, layer in enumerate(read):
            at = [sum((w * v for w, v in zip(ws, at, strict=True)), b) for ws, b in layer]
            at = at if number == len(read) - 1 else [max(v, fmpq(0)) for v in at]
        assert at == [evaluate(net, point)[0][-1]]
