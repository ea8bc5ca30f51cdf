"""VNN-LIB 2 documents as written: the same as the `vnnlib` package reads, and what is refused."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.load.vnnlib2_documents import document, value, written
from verifai.load.errors import LoadError
from verifai.load.vnnlib.document import Document, TensorRole, read_document
from verifai.load.vnnlib.polynomial import Products
from verifai.load.vnnlib.sexpr import Sexpr, Source, is_version_2, read_source
from verifai.load.vnnlib.version2 import Entries, read_assertions

vnnlib = pytest.importorskip("vnnlib")

SIGNS = {
    "GreaterThan": ">",
    "LessThan": "<",
    "GreaterEqual": ">=",
    "LessEqual": "<=",
    "NotEqual": "!=",
    "Equal": "==",
    "And": "and",
    "Or": "or",
    "Plus": "+",
    "Multiply": "*",
    "Minus": "-",
    "Negate": "-",
}


def read(text: str) -> Document:
    return read_document(Source("query.vnnlib", text))


def theirs(node: Any) -> Any:
    """A tree of the package as lists and tokens."""
    kind = type(node).__name__
    if kind == "Var":
        return node.name + (f"[{','.join(map(str, node.indices))}]" if node.indices else "")
    if kind in ("Float", "Int", "IntExpr", "Literal"):
        return node.lexeme
    if kind == "Minus":
        parts = [node.head, *node.rest]
    elif kind == "Negate":
        parts = [node.expr]
    elif hasattr(node, "args"):
        parts = list(node.args)
    else:
        parts = [node.lhs, node.rhs]
    return [SIGNS[kind], *map(theirs, parts)]


def ours(item: str | Sexpr) -> Any:
    return item if isinstance(item, str) else [ours(each) for each in item.items]


def test_the_package_reads_the_same_from_random_documents() -> None:
    count = 0
    for seed in range(300):
        drawn = document(seed)
        found, other = read(drawn.text), vnnlib.parse_query_string(drawn.text)
        for mine, their in zip(found.networks, other.networks, strict=True):
            relation = {"equal-to": their.equal_to, "isomorphic-to": their.isometric_to}
            assert mine.name == their.name
            assert {k: v for k, v in relation.items() if v} == (
                {mine.relation: mine.other} if mine.relation else {}
            )
            kinds = (TensorRole.INPUT, their.inputs), (TensorRole.HIDDEN, their.hidden)
            for kind, tensors in (*kinds, (TensorRole.OUTPUT, their.outputs)):
                assert [(t.name, list(t.shape)) for t in mine.of(kind)] == [
                    (t.name, list(t.shape)) for t in tensors
                ]
            assert [t.label for t in mine.of(TensorRole.HIDDEN)] == [
                t.onnx_name.strip('"') for t in their.hidden
            ]
        mine_read = [ours(form.items[1]) for form in found.assertions]
        assert mine_read == [theirs(each.expr) for each in other.assertions]
        assert mine_read == drawn.assertions
        count += len(mine_read)
    print(f"{count} assertions of 300 documents read alike")
    assert count > 1500


EXAMPLE = """(vnnlib-version <2.0>)
(declare-network f
  (declare-input X real [1,2])
  (declare-hidden H real [3] "a name; with (signs)")
  (declare-output Y real []))
(assert (<= X[0,1] 1.5))
"""


def test_every_part_of_a_document_is_kept() -> None:
    found = read(EXAMPLE.replace("<2.0>", "<2.1>").replace("[1,2])", "[ 1 ,\n2 ] initialized )"))
    x, h, y = found.networks[0].tensors
    assert found.version == (2, 1)
    assert (x.name, x.kind, x.type, x.shape, x.is_initialized) == (
        *("X", TensorRole.INPUT, "real", (1, 2)),
        True,
    )
    assert (h.kind, h.shape, h.label) == (TensorRole.HIDDEN, (3,), "a name; with (signs)")
    assert (y.kind, y.shape, y.is_initialized) == (TensorRole.OUTPUT, (), False)
    assert ours(found.assertions[0]) == ["assert", ["<=", "X[0,1]", "1.5"]]


def test_comments_and_white_space_between_any_tokens_change_nothing() -> None:
    tokens = re.findall(r'"[^"]*"|[()\[\],]|[^\s()\[\],]+', EXAMPLE)
    text = "".join(token + ';[0] ( "\n' for token in tokens)
    plain = [ours(form) for form in read(EXAMPLE).assertions]
    assert [ours(form) for form in read(text).assertions] == plain
    assert read(text).networks[0].tensors[1].label == "a name; with (signs)"


@pytest.mark.parametrize(
    ("text", "is_two"),
    [
        ("(vnnlib-version <2.0>)", True),
        ("; said\n\n ( vnnlib-version <2.0>)", True),
        ("(declare-const X_0 Real)", False),
        ("; (vnnlib-version <2.0>)\n(declare-const X_0 Real)", False),
        ("", False),
    ],
)
def test_the_version_is_found(text: str, is_two: bool) -> None:
    assert is_version_2(Source("a", text)) == is_two


def entry_terms(text: str) -> Any:
    found = read(text)
    entries = Entries(found)
    return read_assertions(found, entries, Products(entries.count)), entries


def test_entries_are_numbered_in_order() -> None:
    _, entries = entry_terms(EXAMPLE)
    names = ["X[0,0]", "X[0,1]", "H[0]", "H[1]", "H[2]", "Y"]
    assert [entries.get(name) for name in names] == list(range(6))
    assert [entries.name(i) for i in range(6)] == names


@pytest.mark.parametrize("sign", ["+", "*", "-"])
def test_deep_nesting_is_read(sign: str) -> None:
    deep = f"({sign} 1.0 " * 50_000 + "X[0,0]" + ")" * 50_000
    formula, _ = entry_terms(EXAMPLE + f"(assert (<= {deep} 3.0))")
    assert len(formula.parts) == 2
    with pytest.raises(LoadError, match="degree"):
        entry_terms(EXAMPLE + "(assert (<= " + "(* X[0,0] " * 70 + "1.0" + ")" * 70 + " 3.0))")


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("<2.0>", "<3.0>", 1, "version 3.0"),
        ("<2.0>", "<2.7>", 1, "version 2.7"),
        ("<2.0>", "<2.00>", 1, "version 2.00"),
        ("real [1,2]", "real [1 2]", 3, "[1 2]: indices are parted by commas"),
        ("real [1,2]", "real [1\n2]", 3, "parted by commas"),
        ("real [3]", "real [3;two\n3]", 4, "parted by commas"),
        ("X[0,1]", "X[0,1 0]", 6, "[0,1 0]: indices are parted by commas"),
        ("X[0,1]", "X[0;one\n1]", 6, "parted by commas"),
        ("X[0,1]", "X[0,\n\n1 0]", 6, "parted by commas"),
        ("X[0,1]", "X[0,- 1]", 6, "parted by commas"),
        ("1.5", "-3/2", 6, "the fraction '-3/2': literals are decimals"),
        ("<2.0>", "2.0", 1, "written <2.0>"),
        ("real [1,2]", "int64 [1,2]", 3, "X is of type int64"),
        ("real [1,2]", "bool [1,2]", 3, "X is of type bool"),
        ("real [1,2]", "float32 [1,2]", 4, "real must be the type of all or none"),
        ("real [1,2]", "real [1,0]", 3, "length of zero"),
        ("real [1,2]", "real [1,-1]", 3, "X: a type and a shape"),
        ("real [1,2]", "real", 3, "a type and a shape"),
        ("real [1,2]", "real [1,2] initialised", 3, "follows the shape"),
        ("[1,2]", "[999999999,999999]", 1, "values of all declared tensors take about"),
        ("input X", "input X_é", 3, "a name is a letter"),
        ("input X", "input 2X", 3, "a name is a letter"),
        ("output Y", "output X", 5, "X is declared twice"),
        ("declare-output Y", "declare-input Y", 5, "inputs come first"),
        ('"a name; with (signs)"', "", 4, "ONNX name in quotes"),
        ('"a name; with (signs)"', '"a\\\\b"', 4, "ONNX name in quotes"),
        ("(declare-output Y real [])", "", 2, "an input and an output"),
        ("declare-hidden", "declare-secret", 4, "unknown declaration 'declare-secret'"),
        ("(declare-input", "(equal-to g) (declare-input", 2, "equal-to g, which is not declared"),
        ("(assert (<= X[0,1] 1.5))", "(check-sat)", 6, "unknown command 'check-sat'"),
        ("(assert (<= X[0,1] 1.5))", "(assert (<= X[0,1] 1.5) (<= Y 0))", 6, "one condition"),
        ("(<= X[0,1] 1.5)", "X[0,1]", 6, "one condition"),
        ("(<= X[0,1] 1.5)", "(not (<= X[0,1] 1.5))", 6, "unknown operator 'not'"),
        ("(<= X[0,1] 1.5)", "(=> (<= Y 0) (<= Y 1))", 6, "unknown operator '=>'"),
        ("(<= X[0,1] 1.5)", "(= X[0,1] 1.5)", 6, "unknown operator '='"),
        ("(<= X[0,1] 1.5)", "(<= (/ X[0,1] 2.0) 1.5)", 6, "unknown operator '/'"),
        ("(<= X[0,1] 1.5)", "(<= 0.0 X[0,1] 1.5)", 6, "<= of 3 terms"),
        ("(<= X[0,1] 1.5)", "(== 0.0)", 6, "== of 1 terms"),
        ("(<= X[0,1] 1.5)", "(<= (+) 1.5)", 6, "+ of 0 terms"),
        ("(<= X[0,1] 1.5)", "(or)", 6, "or of 0 conditions"),
        ("(<= X[0,1] 1.5)", "(and (<= Y 1) Y)", 6, "a term where a condition"),
        ("(<= X[0,1] 1.5)", "(<= (<= Y 1) Y)", 6, "a condition where a term"),
        ("X[0,1]", "X[1]", 6, "'X[1]': 2 indices are wanted"),
        ("X[0,1]", "X", 6, "2 indices are wanted"),
        ("X[0,1]", "Y[0]", 6, "0 indices are wanted"),
        ("X[0,1]", "Y[]", 6, "indices are natural numbers"),
        ("X[0,1]", "X[1,0]", 6, "outside the shape [1, 2]"),
        ("X[0,1]", "X[0,-1]", 6, "indices are natural numbers"),
        ("X[0,1]", "X[0,1.0]", 6, "indices are natural numbers"),
        ("X[0,1]", "Z[0]", 6, "unknown variable 'Z'"),
        ("X[0,1] 1.5", "X[0,1] true", 6, "unknown variable 'true'"),
        ("1.5", "1.5.2", 6, "not a decimal number"),
        ("1.5", "0x1", 6, "not a decimal number"),
        (
            "(assert",
            "(assert (<= Y 0))\n(declare-network g)\n(assert",
            7,
            "after the first assertion",
        ),
        ("1.5))", "1.5)", 6, "without its partner"),
    ],
)
def test_what_the_language_cannot_say_is_refused_with_its_line(
    old: str, new: str, line: int, reason: str
) -> None:
    text = EXAMPLE.replace(old, new, 1)
    assert text != EXAMPLE
    with pytest.raises(LoadError, match=re.escape(reason)) as caught:
        entry_terms(text)
    assert caught.value.node == f"query.vnnlib line {line}", str(caught.value)


SECOND = """(declare-network g (equal-to f)
  (declare-input U real [1,2])
  (declare-output V real []))
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SECOND.replace("[1,2]", "[2]"), "declared otherwise"),
        (SECOND.replace("equal-to f", "equal-to g"), "not declared before"),
        (SECOND.replace("(equal-to f)", "(equal-to f) (isomorphic-to f)"), "before any tensor"),
        (SECOND.replace("input U", "input f"), "f is declared twice"),
        (
            SECOND
            + SECOND.replace(" g ", " h ")
            .replace("to f", "to g")
            .replace("U", "A")
            .replace("V", "B"),
            "has such a relation itself",
        ),
        (
            SECOND.replace(
                "(declare-output",
                '(declare-hidden J real [4] "a name; with (signs)")\n(declare-output',
            ),
            "J: H is declared otherwise",
        ),
    ],
)
def test_relations_between_networks_are_checked(text: str, reason: str) -> None:
    head, tail = EXAMPLE.split("(assert", 1)
    read(head + SECOND + "(assert" + tail)
    with pytest.raises(LoadError, match=re.escape(reason)):
        read(head + text + "(assert" + tail)


def test_types_are_never_converted() -> None:
    text = EXAMPLE.replace("real [1,2]", "float32 [1,2]").replace("real", "float64")
    entry_terms(text)
    with pytest.raises(LoadError, match=r"line 6.*a comparison of float32 and float64"):
        entry_terms(text.replace("1.5", "(* 2.0 Y)"))
    with pytest.raises(LoadError, match=r"line 6.*a comparison of float32 and float64"):
        entry_terms(text.replace("(<= X[0,1] 1.5)", "(or (<= 0.0 (* Y X[0,0] X[0,0])) (<= Y 1.0))"))


@pytest.mark.parametrize("seed", range(60))
def test_damaged_documents_are_refused_or_read(seed: int) -> None:
    import random

    rng = random.Random(seed)
    text = document(seed).text
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        what = rng.choice(["", "(", ")", "[", "]", '"', ";", "0", " ", "-", "X", "<"])
        text = text[:at] + what + text[at + rng.choice([0, 1, 5]) :]
    refusals: list[str] = []
    try:
        entry_terms(text)
    except LoadError as error:
        refusals.append(str(error))
    assert all(refusal.startswith("query.vnnlib") for refusal in refusals)


def test_written_and_value_agree_on_an_example() -> None:
    from fractions import Fraction

    tree = ["<", ["-", "A", ["*", "B[0,1]", "B[0,1]", "0.5"]], "0.25"]
    assert written(tree) == "(< (- A (* B[0,1] B[0,1] 0.5)) 0.25)"
    assert not value(tree, {"A": Fraction(3), "B[0,1]": Fraction(2)})
    assert value(tree, {"A": Fraction(2), "B[0,1]": Fraction(2)})


def test_a_packed_file_is_found(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "a.vnnlib.gz").write_bytes(gzip.compress(EXAMPLE.encode()))
    assert read_document(read_source(tmp_path / "a.vnnlib")).networks[0].name == "f"
