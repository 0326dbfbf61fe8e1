"""Dollars by hand: annuity, capital, the three parts of running cost."""

from dataclasses import replace

import numpy as np
import pytest
from factories import ECONOMY, LAW, h100_like
from hypothesis import given
from hypothesis import strategies as st

from objectives.equations.cost.money import (
    YEAR_S,
    annuity,
    capex,
    compute_ratio_price,
    margin_price,
    running_cost,
    token_prices,
    usd_per_million_tokens,
)

EXACT = 1e-12  # rounding of a few floating-point operations


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_the_article_prices_a_groq_chip_at_188_of_989_h100() -> None:
    # 30,000 x 188 / 989 = 5,702.73; the article rounds to 6,000
    assert compute_ratio_price(a(188e12), 989e12, 30_000.0) == pytest.approx(5702.73, abs=0.005)


def test_capital_is_chips_and_all_that_stands_around_them() -> None:
    dollars = {"price_usd": 26_000, "host_usd": 4_000, "rack_usd": 700, "network_usd": 500}
    parts = capex(h100_like(**dollars, scale_out_usd=3_000), a(16), a(16))  # two boxes of eight
    assert {k: float(v[0]) for k, v in parts.items()} == {
        "chips": 416e3,
        "host": 64e3,
        "rack": 11.2e3,
        "network": 8e3,
        "scale_out": 48e3,
    }


def test_only_chips_that_leave_their_domain_pay_for_what_is_beyond_it() -> None:
    chip = h100_like(scale_out_usd=3_000)
    assert capex(chip, a(8), a(8))["scale_out"][0] == 0.0
    assert capex(chip, a(16), a(8))["scale_out"][0] == 0.0  # two boxes that have nothing to say to each other
    assert capex(chip, a(16), a(16))["scale_out"][0] == 48e3


def test_five_years_at_ten_percent_pay_the_textbook_annuity() -> None:
    # r / (1 - 1.1^-5) = 0.26379748, the capital recovery factor of any engineering-economy table
    assert annuity(5 * YEAR_S, 0.1) == pytest.approx(0.26379748, abs=5e-9)


def test_free_capital_is_paid_in_equal_years() -> None:
    assert annuity(5 * YEAR_S, 0.0) == pytest.approx(0.2, rel=EXACT)


def test_capital_that_is_nearly_free_costs_nearly_as_little() -> None:
    # first order in r: 1/n + r (n + 1) / (2 n), so 1e-6 moves it by 6e-7
    assert annuity(5 * YEAR_S, 1e-6) == pytest.approx(0.2 + 6e-7, abs=1e-9)


def test_an_endless_life_pays_interest_only() -> None:
    assert annuity(1000 * YEAR_S, 0.1) == pytest.approx(0.1, rel=EXACT)


def test_a_million_tokens_pay_their_share_of_a_year() -> None:
    # 1,000 token/s at 80 % use make 0.8e9 token per million seconds
    rate, tokens_of_a_year = 1000.0, 1000.0 * 0.8 * 365.25 * 86400
    joules = 5000.0 * 1.4 * 1.25 / rate / 0.8  # chips of 5 kW that never rest, servers and building included
    parts = running_cost(ECONOMY, a(1e6), a(5000.0), a(rate), a(joules))
    million = 1e6 / tokens_of_a_year
    assert parts["capital"] == pytest.approx(1e6 * 0.26379748 * million, rel=1e-8)  # digits of the table
    assert parts["upkeep"] == pytest.approx(1e6 * 0.05 * million, rel=EXACT)
    kwh_of_a_year = 5.0 * 1.4 * 1.25 * 365.25 * 24
    assert parts["electricity"] == pytest.approx(kwh_of_a_year * 0.083 * million, rel=EXACT)
    # 7 kW of servers at 12 USD/W, paid off in 20 years at 10 %: r / (1 - 1.1^-20) = 0.11745962
    assert parts["building"] == pytest.approx(7000.0 * 12.0 * 0.11745962 * million, rel=1e-7)
    whole = usd_per_million_tokens(ECONOMY, a(1e6), a(5000.0), a(rate), a(joules))
    assert whole == pytest.approx(sum(parts.values()), rel=EXACT)


def test_input_and_output_tokens_share_what_a_request_costs() -> None:
    # 400 prompt tokens take a quarter of the time of a request of 100 output tokens at 8 USD per million
    inputs, outputs = token_prices(a(8.0), a(0.25), 400.0, 100.0)
    assert (inputs[0], outputs[0]) == (0.5, 6.0)  # 400 x 0.5 + 100 x 6 = 100 x 8


def test_a_price_is_unit_cost_one_off_cost_and_margin() -> None:
    # 3,000 USD at a gross margin of 0.6, and 250 MUSD over 100,000 chips: 7,500 + 2,500
    parts = margin_price(a(3000.0), gross_margin=0.6, nre_usd=250e6, volume=1e5)
    assert {k: float(v[0]) for k, v in parts.items()} == pytest.approx(
        {"unit_cost": 3000.0, "nre": 2500.0, "margin": 4500.0}
    )


@LAW
@given(
    capital=st.floats(1.0, 1e9), power=st.floats(1.0, 1e9), rate=st.floats(1e-3, 1e9), s=st.floats(0.1, 10.0)
)
def test_running_cost_scales_with_dollars_and_against_tokens(
    capital: float, power: float, rate: float, s: float
) -> None:
    dollars = {f: s * getattr(ECONOMY, f) for f in ("usd_per_joule", "building_usd_per_watt")}
    base = running_cost(ECONOMY, a(capital), a(power), a(rate), a(power / rate))
    scaled = running_cost(replace(ECONOMY, **dollars), a(s * capital), a(power), a(rate), a(power / rate))
    faster = running_cost(ECONOMY, a(capital), a(power), a(s * rate), a(power / rate / s))
    for part, usd in base.items():
        assert scaled[part] == pytest.approx(s * usd, rel=EXACT)
        assert faster[part] == pytest.approx(usd / s, rel=EXACT)
