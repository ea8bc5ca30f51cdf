"""No certificate of a false claim is accepted: each would be if one small check were absent."""

import pytest

from tests.kernel.distance import BOTH
from tests.kernel.false_claims import EVERY
from tests.kernel.proofs import decide
from verifai.kernel.errors import Rejection
from verifai.kernel.replay import replay


@pytest.mark.parametrize("name", EVERY)
def test_the_claim_is_false(name: str) -> None:
    claim = EVERY[name]
    if claim.point is None:
        assert any(getattr(n, "radius", None) is not None for n in claim.query.network.nodes)
    else:
        assert replay(claim.query, claim.point).violates is True


@BOTH
@pytest.mark.parametrize("name", EVERY)
def test_a_certificate_of_a_false_claim_is_rejected(name: str, exact: bool) -> None:
    claim = EVERY[name]
    with pytest.raises(Rejection) as found:
        decide(claim.query, claim.tree, exact=exact)
    assert found.value.rule in ("close", "point", "multiplier"), str(found.value)
