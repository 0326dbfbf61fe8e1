"""One pool that prefills is as good as another in every pair where its numbers say so."""

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from systems import pairs
from systems.test_shares import ROLES, contexts, near

from dse.testing.checks import ROUNDING
from objectives.api import Context, Designs
from objectives.systems.prefill_order import placed, prefill_clauses, prefill_numbers
from objectives.systems.shares import decode_share, paired, prefill_share

COUNTED = ("capital", "running", "energy", "chips", "capex_usd")
METRICS = ["tpot_s", "ttft_s", "usd_per_token_per_s", "usd_per_million_tokens", "energy_per_token_j"]


def as_good(mine: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
    """Whether every clause holds in one of its ways."""
    return all(
        any(all(np.all(mine[a] <= theirs[b]) for a, b in way) for way in ways)
        for ways in prefill_clauses(list(mine))
    )


@LAW
@given(
    systems=st.lists(pairs.designs(ROLES), min_size=2, max_size=4),
    decodes=pairs.designs(ROLES),
    context=contexts(),
    some=st.sampled_from((COUNTED[:3], COUNTED)),
)
def test_a_pool_that_prefills_with_no_larger_numbers_is_as_good_in_every_pair(
    systems: list[Designs], decodes: Designs, context: Context, some: tuple[str, ...]
) -> None:
    link = decodes.link
    assert link is not None
    decode, _ = decode_share(decodes.pool("decode"), link, context)
    received = float(np.max(decode.receives_s))
    firsts = [prefill_share(each.pool("prefill"), link, context)[0] for each in systems]
    firsts += near(firsts[0])
    firsts += [firsts[0].replace(pass_s=0.9 * firsts[0].pass_s, capex_usd=1.05 * firsts[0].capex_usd)]
    ends = (0.5 * received, 2.0 * received)
    of = [
        {
            name: np.broadcast_to(np.asarray(value, dtype=float), (1,))
            for name, value in prefill_numbers(
                first, ends, link, context, ttft_s=-np.inf, counted=some
            ).items()
        }
        for first in firsts
    ]
    names = [*METRICS, *(["chips", "capex_usd"] if some is COUNTED else [])]
    for a, one in zip(of, firsts, strict=True):
        for b, other in zip(of, firsts, strict=True):
            # requests that begin with a step of decode are never compared with others
            if not as_good(a, b) or not np.all(one.some == other.some):
                continue
            good, bad = paired(one, decode, link, context), paired(other, decode, link, context)
            for name in names:
                assert np.all(getattr(good, name) <= getattr(bad, name) * (1.0 + ROUNDING)), name


def test_a_replica_that_never_waits_for_its_links_need_not_be_cheaper() -> None:
    """By hand: a costs 3 for 1 s a prompt, b 1 for 4 s; of sending 0.5 s neither notices: 3 against 4."""
    clause = prefill_clauses(["capital.rate", "capital.each", "capital.most"])
    rate, each, sent = {"a": 3.0, "b": 1.0}, {"a": 1.0, "b": 4.0}, 0.5

    def numbers(name: str, sent: float) -> dict[str, float]:
        most = max(each[name], sent)
        return {
            "capital.rate": rate[name],
            "capital.each": rate[name] * each[name],
            "capital.most": rate[name] * most,
        }

    def holds(a: dict[str, float], b: dict[str, float]) -> bool:
        return all(any(all(a[x] <= b[y] for x, y in way) for way in ways) for ways in clause)

    assert holds(numbers("a", sent), numbers("b", sent)) and not holds(numbers("b", sent), numbers("a", sent))
    # 8 s of sending: a costs 24, b 8
    assert not holds(numbers("a", 8.0), numbers("b", 8.0))


@pytest.mark.parametrize("name", ["way", "prompts", "turns", "capital.rate", "capex_usd.group"])
def test_prices_and_links_do_not_depend_on_where_bytes_lie(name: str) -> None:
    assert not placed(name) and placed("first") and placed("capital.each") and placed("energy.rate")
