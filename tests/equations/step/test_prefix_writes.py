"""Prompts that are added to a prefix cache: seconds, joules and wear by hand, and laws."""

from dataclasses import replace
from typing import Any

import factories as make
import numpy as np
import pytest
from equations.step.test_prefix_memory import KEPT, TOKEN, asked, evaluate, gpu, kept
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.testing.checks import ROUNDING
from objectives.api import Metrics, PrefixCache

COMPUTED = 1000
"""Tokens of a prompt of 2,000 that no cache holds."""
FLASH = {"latency": 15e-6, "endurance": 3000.0, "write_bandwidth": 2e9}


def flash(serving: str = "aggregated", batch: int = 4, room: float = 1e12, **changes: Any) -> Metrics:
    own = {**FLASH, **{k: changes.pop(k) for k in (*FLASH, "bandwidth") if k in changes}}
    return evaluate(
        gpu("flash", room, **own), asked(kept("flash", **{"written": 1.0, **changes}), serving), batch
    )


@pytest.mark.parametrize("serving", ["aggregated", "chunked", "static", "disaggregated"])
def test_writes_draw_the_power_of_their_memory_for_as_long_as_they_take(serving: str) -> None:
    # no room for anything else: all joules are those of prefixes
    m = evaluate(gpu(room=KEPT, write_bandwidth=25e9), asked(kept(written=1.0), serving), batch=1)
    read, wrote = COMPUTED * TOKEN * 10e-12, COMPUTED * TOKEN * 10e-12 * 2.0  # at half of the rate
    assert float(m.energy_parts["lpddr"][0]) == pytest.approx((read + wrote) / 100, rel=1e-9)


def test_a_first_token_does_not_wait_for_what_is_written() -> None:
    some, none = flash(), flash(written=0.0)
    assert some.ttft_s == pytest.approx(none.ttft_s, rel=ROUNDING)
    assert some.ttft_parts["prefix_load"] == pytest.approx(COMPUTED * TOKEN / 8 / 50e9 + 15e-6, rel=1e-9)


def test_a_memory_that_writes_too_slowly_holds_back_throughput() -> None:
    # an eighth of 1,000 tokens of each request on a chip: 0.2 s at 205 MB/s, whatever else happens
    rate = COMPUTED * TOKEN / 8 / 0.2
    m = flash(write_bandwidth=rate, bandwidth=1e15, batch=64)
    assert float(m.tokens_per_s[0]) == pytest.approx(100 / 0.2, rel=1e-3)
    assert float(flash(batch=64, bandwidth=1e15, write_bandwidth=1e15).tokens_per_s[0]) > 3 * 100 / 0.2


def test_a_host_apart_takes_what_is_added_at_its_bandwidth() -> None:
    apart = PrefixCache(hit=0.5, stored_tokens=1e5, tier="host", bandwidth=1e8, usd_per_byte=0.0)
    plain, adding = (
        evaluate(gpu(None), asked(replace(apart, written=share)), batch=64) for share in (0.0, 1.0)
    )
    # as many tokens are written as are read, and the host is what binds
    assert float(plain.tokens_per_s[0]) == pytest.approx(100 / (COMPUTED * TOKEN / 8 / 1e8), rel=1e-3)
    assert float(adding.tokens_per_s[0]) == pytest.approx(float(plain.tokens_per_s[0]) / 2, rel=1e-3)


@pytest.mark.parametrize("serving", ["aggregated", "chunked", "static"])
def test_flash_wears_by_the_prompts_of_its_life(serving: str) -> None:
    m, context = flash(serving), asked(kept("flash", written=1.0), serving)
    # requests of a replica, an eighth of each computed token on a chip, on all bytes in turn
    requests = float(m.tokens_per_s[0]) / 100
    room = 1e12 / make.H100_LIKE["usable_capacity"]
    written = requests * COMPUTED * TOKEN / 8 * context.economy.lifetime_s / room
    assert float(m.violations["flash_wear"][0]) == pytest.approx(written - 3000.0, rel=1e-9)


def test_flash_without_prompts_or_writes_does_not_wear() -> None:
    assert float(flash("decode-only").violations["flash_wear"][0]) == -3000.0
    assert float(flash(written=0.0).violations["flash_wear"][0]) == -3000.0


def test_prefixes_in_flash_leave_kv_cache_its_room() -> None:
    some, none = flash(), flash(stored_tokens=0.0)
    assert some.violations["writable_capacity"] == pytest.approx(none.violations["writable_capacity"])


@LAW
@given(
    share=st.floats(0.0, 1.0),
    more=st.floats(0.0, 1.0),
    rate=st.floats(1e8, 1e12),
    serving=st.sampled_from(["aggregated", "chunked", "static", "disaggregated"]),
)
def test_writing_more_is_never_faster_and_wears_no_less(
    share: float, more: float, rate: float, serving: str
) -> None:
    less, much = sorted((share, more))
    a, b = (flash(serving, write_bandwidth=rate, written=x) for x in (less, much))
    assert np.all(b.tokens_per_s <= a.tokens_per_s * (1.0 + ROUNDING))
    assert np.all(b.usd_per_token_per_s >= a.usd_per_token_per_s * (1.0 - ROUNDING))
    assert np.all(b.energy_per_token_j >= a.energy_per_token_j * (1.0 - ROUNDING))
    faster = flash(serving, write_bandwidth=rate * 2.0, written=much)
    assert np.all(faster.tokens_per_s >= b.tokens_per_s * (1.0 - ROUNDING))
