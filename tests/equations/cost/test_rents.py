"""Dollars of rents by hand, and their laws."""

import numpy as np
import pytest
from factories import ECONOMY
from hypothesis import given
from hypothesis import strategies as st

from objectives.equations.cost.money import YEAR_S, annuity, margin_price, rent_price, set_margin

EXACT = 1e-12  # rounding of a few floating-point operations
DOLLARS = st.floats(0.01, 100.0)
YEARS = st.floats(1.0, 20.0)
RATES = st.floats(0.0, 0.5)


@given(DOLLARS, YEARS, RATES)
def test_the_annuity_of_the_capital_is_the_rent_of_a_year(rent: float, years: float, rate: float) -> None:
    worth = rent_price(np.array([rent / 3600.0]), years * YEAR_S, rate)
    # 365.25 days of 24 hours
    assert worth * annuity(years * YEAR_S, rate) == pytest.approx(8766.0 * rent, rel=EXACT)


def test_two_dollars_an_hour_over_five_years_at_no_interest_are_the_sum_of_all_hours() -> None:
    # 2 USD x 24 h x 365.25 days x 5 years = 87,660 USD
    assert rent_price(np.array([2.0 / 3600.0]), 5 * YEAR_S, 0.0) == pytest.approx(87_660.0, rel=EXACT)


@given(DOLLARS, st.floats(0.1, 10.0))
def test_twice_the_rent_is_twice_the_capital(rent: float, times: float) -> None:
    one = rent_price(np.array([rent]), ECONOMY.lifetime_s, ECONOMY.cost_of_capital)
    more = rent_price(np.array([times * rent]), ECONOMY.lifetime_s, ECONOMY.cost_of_capital)
    assert more == pytest.approx(times * one, rel=EXACT)


@given(DOLLARS, st.floats(0.0, 0.99))
def test_a_margin_that_is_set_is_the_share_of_the_price_above_unit_cost(cost: float, margin: float) -> None:
    price = sum(set_margin(np.array([cost]), margin).values())
    assert (price - cost) / price == pytest.approx(margin, abs=1e-9)  # a difference of near numbers
    sold = sum(margin_price(np.array([cost]), gross_margin=margin, nre_usd=0.0, volume=1.0).values())
    assert price == pytest.approx(sold, rel=EXACT)
