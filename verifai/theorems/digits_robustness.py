"""The certified robust radii of handwritten digits under three ways of training.

May import: the gallery's parts, api, verify, properties; torch and scikit-learn on demand.
Must not know: how a query is decided, files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpq

from verifai.kernel.network import Network
from verifai.kernel.number import exact, nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Query
from verifai.kernel.replay import Replayer, evaluate
from verifai.properties.robust import robust
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter
from verifai.theorems.construction import exported
from verifai.verdict import Falsified, Verified
from verifai.verify import Options, verify

if TYPE_CHECKING:
    import torch

HIDDEN = 16
TRAINED = 1400  # images; the others are unseen
CLOSED = fmpq(1, 1 << 10)  # width of a bracket
FINER = 1 << 12  # ends of brackets are multiples of 1/FINER
MOST = fmpq(1)  # at which the ball holds every image
SECONDS = 30.0  # for one query
EPS, BATCH, RATE = 1 / 32, 128, 5e-3  # of training
LONG = 100  # epochs from which on the radii are claimed to be in order
KINDS = ("plain", "adversarial", "certifiable")
STATEMENT = """\
Scikit-learn's handwritten digits are 8 x 8 images of grey levels 0 to 16, here divided by 16. For
an image x that a network names rightly let r(x) be the least radius in which it can be fooled: the
infimum of all eps such that some x' in [0, 1]^64 with |x' - x| ≤ eps (L∞) is named otherwise, or
tied. For every listed image and each of three networks of one hidden layer, trained on 1400 other
images plainly, on attacked images, and on interval bounds, r(x) lies in a bracket of width at most
2^-10: at its lower end a certificate covers the whole ball, at its upper end an exact image is
named otherwise, or tied.

After 200 epochs the mean of these radii grows from the plain to the attacked to the bounded one.

These are statements about the networks of the printed seed and the listed images.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    images: int = parameter(4, "test images, the first that all networks name rightly", 1, 100)
    epochs: int = parameter(200, "passes over the training images", 1, 1000)
    seed: int = parameter(0, "seed of weights and of the order of images")


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """The networks, and the test images that all of them name rightly.

    Attributes:
        images: their numbers in the data set, with pixels and labels.
        passed: the numbers of test images that some network names wrongly, before the last one.
    """

    networks: dict[str, Network]
    images: tuple[tuple[int, Array, int], ...]
    passed: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Bracket:
    """What bisection found for one image: certified at lower, fooled at upper.

    Attributes:
        query, certificate: of the lower end; None before there are some.
        fooling: the exact image within the upper end.
        why: what kept the bracket from closing, or "".
    """

    lower: fmpq
    upper: fmpq
    query: Query | None
    certificate: bytes | None
    fooling: tuple[fmpq, ...]
    queries: int
    why: str = ""


def digits() -> tuple[Array, Array]:
    """Images (n, 64) in [0, 1] and labels (n,).

    Raises:
        ImportError: scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise ImportError("the digits need pip install 'verifai-nn[theorems]'") from error

    data = load_digits()
    return np.asarray(data.data / 16, dtype=np.float32), np.asarray(data.target, dtype=np.int64)


def fitted(kind: str, sizes: Parameters) -> torch.nn.Module:
    """A network of one hidden layer, trained by Adam on the first images."""
    import torch

    torch.set_num_threads(1)  # the order of sums must not depend on the machine
    pixels, labels = (torch.from_numpy(array[:TRAINED]) for array in digits())
    order = torch.Generator().manual_seed(sizes.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sizes.seed)
        net = torch.nn.Sequential(
            torch.nn.Linear(64, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10)
        )
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    for epoch in range(sizes.epochs):
        eps = EPS * min(1.0, 2 * epoch / sizes.epochs)
        for rows in torch.randperm(TRAINED, generator=order).chunk(-(-TRAINED // BATCH)):
            scores = _scores(kind, net, (pixels[rows], labels[rows]), eps)
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(scores, labels[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return net.eval()


def _scores(
    kind: str, net: Any, batch: tuple[torch.Tensor, torch.Tensor], eps: float
) -> torch.Tensor:
    """What the loss is computed from."""
    x, y = batch
    if kind == "certifiable":
        return _worst(net, x, y, eps)
    scores: torch.Tensor = net(_attacked(net, x, y, eps) if kind == "adversarial" else x)
    return scores


def _attacked(net: Any, x: torch.Tensor, y: torch.Tensor, eps: float) -> torch.Tensor:
    """Three steps of ascent on the loss in the ball around x."""
    import torch

    moved = x.clone()
    for _ in range(3):
        moved.requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(net(moved), y)
        (slope,) = torch.autograd.grad(loss, moved)
        stepped = moved.detach() + eps / 2 * slope.sign()
        moved = stepped.clamp(x - eps, x + eps).clamp(0, 1)
    return moved


def _worst(net: Any, x: torch.Tensor, y: torch.Tensor, eps: float) -> torch.Tensor:
    """Scores by interval bounds: lower of the label, upper of the others."""
    import torch

    low, high = (x - eps).clamp(0, 1), (x + eps).clamp(0, 1)
    for layer in net:
        if isinstance(layer, torch.nn.Linear):
            centre, radius = layer((low + high) / 2), (high - low) / 2 @ layer.weight.abs().T
            low, high = centre - radius, centre + radius
        else:
            low, high = layer(low), layer(high)
    own = torch.nn.functional.one_hot(y, high.shape[1]).bool()
    return torch.where(own, low, high)


def prepared(sizes: Parameters) -> Setting:
    """All networks, and the first test images that they name rightly, by exact evaluation."""
    networks = {kind: exported(fitted(kind, sizes), 64) for kind in KINDS}
    pixels, labels = digits()
    images: list[tuple[int, Array, int]] = []
    passed = []
    for number in range(TRAINED, len(pixels)):
        if len(images) == sizes.images:
            break
        x, label = pixels[number], int(labels[number])
        if all(_names(net, x) == label for net in networks.values()):
            images.append((number, x, label))
        else:
            passed.append(number)
    return Setting(networks, tuple(images), tuple(passed))


def _names(net: Network, x: Array) -> int | None:
    """The label that is strictly the largest at the image; None: a tie."""
    low, _ = evaluate(net, [exact(float(pixel)) for pixel in x])
    return _winner([low[value] for value in net.output_values])


def _winner(scores: list[fmpq]) -> int | None:
    best = max(scores)
    return scores.index(best) if scores.count(best) == 1 else None


def bracket(net: Network, x: Array, label: int) -> Bracket:
    """Bisection: certificates raise the lower end, exact counterexamples lower the upper one."""
    centre = [exact(float(pixel)) for pixel in x]
    found = _asked(Bracket(fmpq(0), MOST, None, None, (), 0), net, centre, label, MOST)
    while not found.why and found.upper - found.lower > CLOSED:
        middle = (found.lower + found.upper) / 2
        rounded = fmpq((middle * FINER).floor(), FINER)
        found = _asked(found, net, centre, label, rounded)
    if found.certificate is None and not found.why:
        found = _asked(found, net, centre, label, fmpq(0))
    return found


def _asked(found: Bracket, net: Network, centre: list[fmpq], label: int, radius: fmpq) -> Bracket:
    """The bracket after one more query, at this radius."""
    query = robust(net, centre, eps=radius, label=label, clip=(0, 1))
    verdict = verify(query, Options(timeout=SECONDS))
    found = replace(found, queries=found.queries + 1)
    if isinstance(verdict, Verified):
        return replace(found, lower=radius, query=query, certificate=verdict.certificate)
    if isinstance(verdict, Falsified):
        inputs = verdict.counterexample.inputs
        far = max(abs(a - b) for a, b in zip(inputs, centre, strict=True))
        upper = min(radius, fmpq((far * FINER).ceil(), FINER))
        return replace(found, upper=upper, fooling=inputs)
    return replace(found, why=f"at radius {radius}: {verdict}")


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    setting = cache(partial(prepared, sizes))
    brackets: dict[str, list[Callable[[], Bracket]]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        for place in range(sizes.images):
            found = cache(partial(_bracket_of, setting, kind, place))
            brackets[kind].append(found)
            yield Claim(
                f"{kind}-{place}",
                f"The {kind} network (seed {sizes.seed}) on image {place}: the radius lies in a "
                f"bracket of width at most {CLOSED}, certified at its lower end.",
                partial(certified, found),
            )
            yield Claim(
                f"{kind}-{place}-above",
                "The same network keeps its answer up to the upper end of the bracket.",
                partial(above, setting, kind, place, found),
                role=Role.CONTROL,
            )
    if sizes.epochs >= LONG:
        yield Claim(
            "order",
            "The mean radius of these images grows from the plain to the adversarial to the "
            "certifiable network: what is certified of one is above what fools the other.",
            partial(ordered, brackets, KINDS),
        )
        yield Claim(
            "reverse",
            "It falls from the plain to the certifiable network.",
            partial(ordered, brackets, KINDS[::-1]),
            role=Role.CONTROL,
        )
    yield Claim(
        "radii",
        "The brackets, and how many of all unseen images each network names rightly.",
        partial(listed, setting, brackets),
        role=Role.MEASUREMENT,
    )


def _bracket_of(setting: Callable[[], Setting], kind: str, place: int) -> Bracket:
    _, x, label = setting().images[place]
    return bracket(setting().networks[kind], x, label)


def ordered(brackets: dict[str, list[Callable[[], Bracket]]], kinds: Sequence[str]) -> Finding:
    """Whether the mean lower end of each kind is above the mean upper end of the kind before."""
    means = {}
    for kind in kinds:
        found = [made() for made in brackets[kind]]
        ends = sum((b.lower for b in found), fmpq(0)), sum((b.upper for b in found), fmpq(0))
        means[kind] = tuple(end / len(found) for end in ends)
    said = "; ".join(
        f"{kind} [{low}, {high}] (≈ {nearest(low):.4f})" for kind, (low, high) in means.items()
    )
    holds = all(means[a][1] < means[b][0] for a, b in pairwise(kinds))
    return evidence.exact(holds, f"means in {said}", counterexample=f"means in {said}")


def certified(made: Callable[[], Bracket]) -> Finding:
    """The bracket with the certificate of its lower end."""
    found = made()
    said = (
        f"in [{found.lower}, {found.upper}] (≈ {nearest(found.lower):.4f}) of width "
        f"{found.upper - found.lower}, {found.queries} queries"
    )
    if found.why or found.certificate is None or found.upper - found.lower > CLOSED:
        return Finding(Outcome.OPEN, Trust.CERTIFIED, f"{said}; {found.why or 'nothing certified'}")
    return Finding(
        Outcome.PROVED, Trust.CERTIFIED, said, query=found.query, certificate=found.certificate
    )


def above(
    setting: Callable[[], Setting], kind: str, place: int, made: Callable[[], Bracket]
) -> Finding:
    """Replays the image that fools the network at the upper end."""
    found, (number, x, label) = made(), setting().images[place]
    net = setting().networks[kind]
    query = robust(net, x, eps=found.upper, label=label, clip=(0, 1))
    again = evidence.replayed(query, found.fooling)
    if again.outcome is not Outcome.REFUTED:
        return again
    moved = sum(exact(float(a)) != b for a, b in zip(x, found.fooling, strict=True))
    low, _ = evaluate(net, list(found.fooling))
    scores = [low[value] for value in net.output_values]
    other = max((score, name) for name, score in enumerate(scores) if name != label)[1]
    said = (
        f"image {number}, a {label}, with {moved} pixels moved by ≤ {found.upper}, is named {other}"
    )
    return Finding(again.outcome, again.trust, "", said, query)


def listed(
    setting: Callable[[], Setting], brackets: dict[str, list[Callable[[], Bracket]]]
) -> Finding:
    """A table of all brackets."""
    made = setting()
    pixels, labels = digits()
    rows = []
    for kind, found in brackets.items():
        right = _right(made.networks[kind], pixels[TRAINED:], labels[TRAINED:])
        cells = [f"[{nearest(b.lower):.4f}, {nearest(b.upper):.4f}]" for b in (f() for f in found)]
        rows.append((kind, right, *cells))
    names = [f"image {number}, a {label}" for number, _, label in made.images]
    passed = ", ".join(map(str, made.passed)) or "none"
    return evidence.measured(
        f"images passed over, as a network names them wrongly: {passed}",
        table=Table(("training", "named rightly", *names), tuple(rows)),
    )


def _right(net: Network, pixels: Array, labels: Array) -> str:
    """How many images the network names rightly, by exact evaluation."""
    replayer = Replayer(Query(net, (fmpq(0),) * 64, (fmpq(1),) * 64, And(())))
    right = 0
    for x, label in zip(pixels, labels, strict=True):
        outputs = replayer.replay([exact(float(pixel)) for pixel in x]).outputs
        right += _winner([low for low, _ in outputs]) == int(label)
    return f"{right} of {len(pixels)}"


THEOREM = Theorem(
    name="digits_robustness",
    title="certified L∞ radii of digits under plain, adversarial and certifiable training",
    statement=STATEMENT,
    proposal="three trained networks; a search for each radius that bisection asks for",
    source="Goodfellow, Shlens, Szegedy (2015); Madry et al. (2018); Gowal et al. (2018)",
    defaults=Parameters(),
    claims=claims,
    example="""\
An image with radius in [0.061, 0.062]: however its pixels move by up to 0.061, of a range of 1,
the name stays; and some image whose pixels moved by at most 0.062 is named otherwise.""",
)
