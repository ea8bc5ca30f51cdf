"""The gallery's networks in the form in which the proof assistant Coq compares them.

`proofs/gallery/` states and proves theorems about networks whose weights it writes down as rational
numbers. Here the networks that torch exports are written down in the same form:
`python -m verifai.theorems.coq > Instances.v` makes a file which Coq accepts if all are equal.

May import: claim, construction. Must not know: any particular theorem, how Coq is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flint import fmpq

from verifai.theorems.claim import CoqProof
from verifai.theorems.construction import Neuron, layers_of


def coq_network(layers: Iterable[Sequence[Neuron]]) -> str:
    """The term of type `network Q`.

    >>> coq_network([[((fmpq(1), fmpq(-1, 2)), fmpq(0))]])
    '[Layer [[1 # 1; -1 # 2]] [0 # 1]]%Q'
    """
    said = []
    for layer in layers:
        weight = "; ".join(_list(weights) for weights, _ in layer)
        said.append(f"Layer [{weight}] {_list([bias for _, bias in layer])}")
    return f"[{'; '.join(said)}]%Q"


def _list(numbers: Iterable[fmpq]) -> str:
    return f"[{'; '.join(f'{x.p} # {x.q}' for x in numbers)}]"


def instances_text(proofs: Iterable[CoqProof]) -> str:
    """A Coq file that compares every instance with its construction, and fails if one differs."""
    chosen = [proof for proof in proofs if proof.instances]
    modules = " ".join(sorted({proof.file.removesuffix(".v") for proof in chosen}))
    said = [
        "(* The networks that torch exports are the ones of which the theorems speak. *)",
        "Require Import List QArith.",
        f"From Gallery Require Import Net NetFacts {modules}.",
        "Import ListNotations.",
    ]
    for proof in chosen:
        for number, instance in enumerate(proof.instances):
            name = f"{proof.theorem}_{number}"
            said += [
                "",
                f"Definition {name} : network Q := {coq_network(layers_of(instance.network()))}.",
                f"Lemma {name}_same : real ({instance.construction}) = real {name}.",
                "Proof. apply same_network; vm_compute; reflexivity. Qed.",
            ]
    return "\n".join(said) + "\n"


def main() -> None:
    """Print the file about all theorems."""
    from verifai.theorems.registry import THEOREMS

    print(instances_text(each.proved for each in THEOREMS if each.proved is not None), end="")


if __name__ == "__main__":
    main()
