"""The table of ATen operators that are lowered; what is not here is decomposed or refused by name.

`python -m verifai.load.torch.operators` prints it as the page of the documentation.

May import: this folder's modules of lowerings. Must not know: programs, nodes.
"""

from collections.abc import Mapping

from verifai.load.torch import (
    attention,
    choice,
    known,
    linear,
    moves,
    pointwise,
    reduce,
)
from verifai.load.torch.call import Rule

RULES: Mapping[str, Rule] = {
    **attention.RULES,
    **choice.RULES,
    **known.RULES,
    **linear.RULES,
    **moves.RULES,
    **pointwise.RULES,
    **reduce.RULES,
}
_INTRODUCTION = """\
# Operators of torch programs

A module is exported with `torch.export`, and what this table does not list is decomposed into
operators that it does, where torch knows how. The right column says what an operator becomes:
operators of ONNX (in `code`), with numbers such as slopes and epsilons as the doubles that they are
in torch, or a few words.

*Entries moved* costs nothing: no node is made of it. *Constants only* means that the operator may
not depend on the input; integers and truth values that do not are computed by torch itself,
arithmetic on floats that do not is done exactly. Values are those over the reals, so a conversion
between types of floats changes nothing, and what only guards against overflow (the threshold of
softplus) is left out.

This page is printed by `python -m verifai.load.torch.operators`.
"""


def page() -> str:
    """The documentation's page of operators, as Markdown."""
    rows = [f"| `{name}` | {RULES[name].meaning} |" for name in sorted(RULES)]
    return "\n".join([_INTRODUCTION, "| operator | becomes |", "| --- | --- |", *rows, ""])


if __name__ == "__main__":
    print(page(), end="")
