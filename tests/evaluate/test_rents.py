"""Rents as prices: $/Mtok by hand, of chips and of pools, and what a rent covers."""

import pytest

from dse import chip_sheet, compare, estimate
from dse.errors import SpecError
from dse.evaluate.pools.estimate import estimate_pools

ONE = {"llm": "llama3.3-70b", "workload": "chat", "weights": "fp8"}
RENTED = {**ONE, "price_method": "rent"}
UTILISATION = 0.8  # of datacentre-2026


def test_a_million_tokens_cost_the_rents_of_the_hours_that_they_take() -> None:
    """H100 at 2 USD an hour under three years, paid in all hours, of which 80 % sell tokens."""
    found = estimate("h100", **RENTED)
    hours = 1e6 / found.metrics["tokens_per_s"] / 3600.0 / UTILISATION
    by_hand = 2.0 * found.metrics["chips"] * hours
    assert found.metrics["usd_per_million_tokens"] == pytest.approx(by_hand, rel=1e-9)


def test_a_rent_covers_all_but_itself() -> None:
    found = estimate("h100", **RENTED)
    running, capital = found.ledgers["usd_per_million_tokens"], found.ledgers["capex_usd"]
    assert {name for name, usd in running.items() if usd} == {"capital"}
    assert {name for name, usd in capital.items() if usd} == {"chips"}
    assert found.money is not None
    assert "electricity" in found.money.covered
    # joules are drawn all the same
    assert found.metrics["energy_per_token_j"] == estimate("h100", **ONE).metrics["energy_per_token_j"]


@pytest.mark.parametrize("settings", [{"lifetime": "2 year"}, {"cost_of_capital": "0.3"}, {"pue": "2"}])
def test_no_economy_changes_what_a_rented_token_costs(settings: dict[str, str]) -> None:
    """Lifetime and interest turn the rent into capital and back again."""
    layout = {"batch": 64, "tp": 2, "pp": 1}
    usual, other = (estimate("h100", **RENTED, **layout, settings=s) for s in ({}, settings))
    one, two = (e.metrics["usd_per_million_tokens"] for e in (usual, other))
    assert two == pytest.approx(one, rel=1e-9)


def test_half_the_hours_of_use_cost_twice_as_much() -> None:
    layout = {"batch": 64, "tp": 2, "pp": 1}
    costs = [
        estimate("h100", **RENTED, **layout, settings={"utilisation": u}).metrics["usd_per_million_tokens"]
        for u in ("0.8", "0.4")
    ]
    assert costs[1] == pytest.approx(2.0 * costs[0], rel=1e-9)


def test_a_rent_that_the_question_sets_holds_for_every_term() -> None:
    for term in ("spot", "on-demand"):
        found = estimate("h100", **RENTED, rent_term=term, settings={"rent": "3.6 USD/h"})
        assert found.money is not None
        paid = found.money.prices["h100-sxm"]
        assert (paid.usd_per_hour, paid.term, paid.asked) == (pytest.approx(3.6), term, True)


def test_a_chip_without_a_rent_names_the_terms_that_it_has() -> None:
    with pytest.raises(SpecError) as refused:
        estimate("mi325x", **RENTED, rent_term="spot")
    (problem,) = refused.value.problems
    assert problem.where == "chips/mi325x"
    assert "three-years, owning-at-volume" in problem.what


def test_in_a_comparison_it_is_a_row_without_a_price() -> None:
    found = compare(["h100", "mi325x"], **RENTED, rent_term="spot", targets=[0.1])
    gaps = {c.chip: c.gap for c in found.chips}
    assert gaps["h100-sxm"] is None
    assert "expected a known rent spot" in str(gaps["mi325x"])
    assert found.groups == ("rents",)


def test_pools_pay_the_rents_of_all_their_chips_and_no_ports() -> None:
    found = estimate_pools(["prefill=h100", "decode=mi300x"], **RENTED)
    chips = {pool.role: pool.chips for pool in found.pools}
    # three years: 2.00 USD an hour of an H100, 1.30 of an MI300X
    rent = 2.0 * chips["prefill"] + 1.3 * chips["decode"]
    hours = 1e6 / found.metrics["tokens_per_s"] / 3600.0 / UTILISATION
    assert found.metrics["usd_per_million_tokens"] == pytest.approx(rent * hours, rel=1e-9)
    assert {k for k, usd in found.ledgers["capex_usd"].items() if usd} == {"prefill.chips", "decode.chips"}


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"rent_term": "spot"}, "--rent-term"),
        ({"price_method": "rent", "rent_term": "weekly"}, "--rent-term"),
        ({"price_method": "rent", "system": "built-up"}, "--system"),
    ],
)
def test_what_does_not_go_with_rents_is_refused(given: dict[str, str], where: str) -> None:
    with pytest.raises(SpecError) as refused:
        estimate("h100", **ONE, **given)
    assert where in str(refused.value)


def test_the_sheet_of_a_chip_has_its_rent_as_capital() -> None:
    # 2 USD x 8,766 h x 5 years at no interest
    sheet = chip_sheet("h100", price_method="rent", settings={"cost_of_capital": "0"})
    assert sheet.price_usd == pytest.approx(87_660.0, rel=1e-9)
    assert sheet.price_parts.keys() == {"rents"}


def test_a_margin_of_the_question_is_a_price_that_it_sets() -> None:
    sheet = chip_sheet("h100", settings={"gross_margin": "0.6"}, price_method="listed")
    assert sheet.unit_cost_usd is not None
    assert sheet.price_usd == pytest.approx(2.5 * sheet.unit_cost_usd)
    with pytest.raises(SpecError) as refused:
        estimate("h100", **ONE, price_method="unit-cost", settings={"gross_margin": "0.6"})
    assert "gross_margin: applies to prices by" in str(refused.value)
