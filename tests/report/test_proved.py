"""Pages about proofs: what the tree says, the arithmetic of a leaf, the form of the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from tests.report.pages import parsed
from verifai.graph.nodes import affine, relu
from verifai.kernel.check import check, read
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import decode_certificate
from verifai.kernel.network import Input, Network
from verifai.kernel.number import rational
from verifai.kernel.operator import Dense
from verifai.kernel.query import Query
from verifai.kernel.statement import statement
from verifai.proof.files import Files
from verifai.proof.upgrade import upgraded
from verifai.report.leaf import leaf_arithmetic
from verifai.report.page import page
from verifai.report.proved import Origin, proved
from verifai.report.tree import tree_of, watched
from verifai.report.undecided import undecided
from verifai.report.words import Shown, shown
from verifai.verdict import Unknown, Verified

PROOFS = Path(__file__).parents[2] / "proofs"
SQUARE = PROOFS / "yarotsky_square" / "bound-4.cert"
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def evidence(path: Path) -> tuple[Query, bytes]:
    files = Files(
        *(path.with_name(path.name + e).read_bytes() for e in (".network", ".query.json"))
    )
    return read(files.network, files.query), upgraded(path.read_bytes(), files)


def number(found: Shown) -> fmpq:
    return rational((found.exact or found.text).replace("−", "-"))


def sum_of_relus(name: str) -> Network:
    """x ↦ max(0, x0 + x1) + max(0, x0 − x1)."""
    nodes = (
        Input(f"in{name}", (2,)),
        affine(f"h{name}", (2,), ((0, Dense.of([[1.0, 1.0], [1.0, -1.0]])),)),
        relu(f"r{name}", (2,), 1),
        affine(f"y{name}", (1,), ((2, Dense.of([[1.0, 1.0]])),)),
    )
    return Network(nodes, (3,))


def verified(name: str = "") -> tuple[Query, bytes]:
    query = vf.in_range(sum_of_relus(name), [(-1, 1), (-1, 1)], lower=0, upper="5/2")
    verdict = vf.verify(query)
    assert isinstance(verdict, Verified)
    return query, verdict.certificate


@pytest.mark.parametrize("name", ["yarotsky_square/bound-4.cert", "parity_bits/clamp.cert"])
def test_the_tree_is_the_one_that_the_kernel_accepts(name: str) -> None:
    path = PROOFS / name
    query, data = evidence(path)
    files = Files.of(query)
    accepted = check(files.network, files.query, data)
    proof = decode_certificate(data, *files.digests)
    tree = tree_of(watched(query, proof))
    assert tree.nodes == accepted.nodes
    assert tree.items[0].leaves == accepted.leaves == sum(count for _, count in tree.kinds)
    for item in tree.items:
        assert 1 <= item.place <= item.siblings
        assert item.is_leaf == (item.leaves == 1 and item.kind not in ("split", "choose"))


def test_a_cut_tree_counts_what_it_leaves_out_and_keeps_the_tightest_leaf() -> None:
    query, data = evidence(SQUARE)
    proof = decode_certificate(data, *Files.of(query).digests)
    watch = watched(query, proof)
    whole, cut = tree_of(watch), tree_of(watch, most=4)
    assert (cut.nodes, cut.least, cut.tightest) == (whole.nodes, whole.least, whole.tightest)
    assert len(cut.items) < len(whole.items)
    assert cut.tightest in {item.position for item in cut.items}
    derived = sum(1 for kind in proof.tree if kind == 2)
    listed = len(cut.items) + sum(item.hidden for item in cut.items)
    assert listed <= cut.nodes <= listed + derived


def test_the_tightest_leaf_is_the_least_bound_of_all() -> None:
    query, data = evidence(SQUARE)
    watch = watched(query, decode_certificate(data, *Files.of(query).digests))
    tree = tree_of(watch)
    least = min(
        fmpq(*float(b).as_integer_ratio()) if isinstance(b, float) else b
        for b in watch.bounds.values()
    )
    assert tree.least == shown(least)


def test_the_steps_of_a_leaf_add_up_to_the_bound_of_the_kernel() -> None:
    query, data = evidence(SQUARE)
    proof = decode_certificate(data, *Files.of(query).digests)
    tree = tree_of(watched(query, proof))
    assert tree.tightest is not None
    leaf = leaf_arithmetic(query, proof, tree.tightest)
    assert leaf.is_exact
    assert [s.node for s in leaf.steps] == [
        n.name for n in reversed(query.network.nodes) if n.name in {s.node for s in leaf.steps}
    ]
    total = number(leaf.start)
    for step in leaf.steps:
        total += number(step.constant)
        assert total == number(step.total)
        if not step.hidden:
            assert number(step.constant) == sum((number(t.constant) for t in step.terms), fmpq(0))
    assert total == number(leaf.bound) == 0
    assert leaf.path[0].startswith("input[0] ")
    assert leaf.multipliers[0].source == "way to violate the property"


def test_a_wrong_certificate_makes_no_page() -> None:
    _, data = verified()
    other = vf.in_range(sum_of_relus(""), [(-1, 1), (-1, 1)], lower=0, upper="7/4")
    with pytest.raises(Rejection, match="digest"):
        proved(other, data, Origin("p"))


def test_a_page_about_a_proof_has_its_parts() -> None:
    query, data = verified()
    found = parsed(page("A proof", [proved(query, data, Origin("p", ("verifai check p",)))]))
    assert [e.attributes["lang"] for e in found.all("html")] == ["en"]
    for landmark in ("header", "main", "footer"):
        assert len(found.all(landmark)) == 1
    titles = [e.text for e in found.all("h3")]
    assert titles == [
        "What was proved",
        "The whole function",
        "What one trusts",
        "The proof",
        "One leaf, written out",
        "Check it yourself",
    ]
    (trusted,) = found.all("ul", **{"class": "trust"})
    assert "real numbers" in trusted.text
    (tree,) = found.all(role="tree")
    items = found.all(role="treeitem")
    assert len(items) >= 1
    for item in items:
        assert {"aria-level", "aria-posinset", "aria-setsize"} <= item.attributes.keys()
    assert "verifai check p" in [e.text for e in found.all("pre", **{"class": "command"})]
    assert found.all("math")
    assert statement(query) in [e.text for e in found.all("pre")]
    for table in found.all("table"):
        assert table.text
    assert all("scope" in e.attributes for e in found.all("th"))
    assert tree.attributes["aria-labelledby"]


def test_hostile_names_are_text() -> None:
    query, data = verified(HOSTILE)
    html = page(f"T {HOSTILE}", [proved(query, data, Origin(f"p {HOSTILE}", (f"echo {HOSTILE}",)))])
    found = parsed(html)
    assert len(found.all("script")) == 1
    assert not found.all("img")
    assert f"T {HOSTILE}" in found.all("h1")[0].text
    assert HOSTILE in found.all("h2")[0].text
    assert any(HOSTILE in e.text for e in found.all("ul", **{"class": "formula"}))


def test_several_results_have_an_overview_that_leads_to_them() -> None:
    query, data = verified()
    sections = [proved(query, data, Origin(f"p{i}"), most=5) for i in range(3)]
    found = parsed(page("Three", sections))
    assert [e.text for e in found.all("h2")] == ["Overview", "p0", "p1", "p2"]
    links = {e.text: e.attributes["href"] for e in found.all("a")}
    assert [links[name] for name in ("p0", "p1", "p2")] == ["#s2", "#s3", "#s4"]


def mathematics(query: Query) -> list[str]:
    """The lines of the statement in mathematics, as text."""
    found = parsed(page("M", [undecided(query, Unknown("open"), Origin("q"))]))
    return [e.text for e in found.all("math")]


def test_the_mathematics_says_all_of_the_domain() -> None:
    net = sum_of_relus("")
    whole = vf.domain(net, [(-1, "5/2"), (0, 1)], integers=[0], rows=[([(0, 1), (1, 1)], "<=", 1)])
    lines = mathematics(vf.in_range(net, whole, upper=9))
    assert lines == ["∀x:x0∈[−1,2.5]∩ℤ", "∧x1∈[0,1]", "∧x0+x1≤1", "⇒y≤9"]


def test_the_mathematics_of_a_ball_says_what_cuts_it_and_what_is_fixed() -> None:
    net = Network((Input("x", (9,)), affine("y", (1,), ((0, Dense.of(np.ones((1, 9)))),))), (1,))
    box = [(0, "1/4"), *[("1/4", "3/4")] * 7, ("1/3", "1/3")]
    lines = mathematics(vf.in_range(net, box, upper=99))
    assert lines == [
        "∀x:‖x−x^‖∞≤0.25",
        "∧xi∈[0,0.75]for each that may change",
        "∧xi=x^ifor 1 fixed input",
        "⇒y≤99",
    ]
