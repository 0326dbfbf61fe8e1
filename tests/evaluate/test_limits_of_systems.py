"""The most of chips, dollars and watts, and rulers that divide by them, by hand."""

import pytest

from dse import compare, estimate

ONE = {"llm": "llama3.3-70b", "workload": "chat", "weights": "fp8"}
LAYOUT = {"batch": 64, "tp": 4, "pp": 1}


def test_output_of_a_chip_and_of_a_megawatt_by_hand() -> None:
    m = estimate("h100", **ONE, **LAYOUT).metrics
    assert m["tokens_per_s_per_chip"] == pytest.approx(m["tokens_per_s"] / 4.0)
    watts = m["energy_per_token_j"] * m["tokens_per_s"]
    assert m["power_w"] == pytest.approx(watts)
    assert m["tokens_per_s_per_megawatt"] == pytest.approx(m["tokens_per_s"] / (watts / 1e6))


@pytest.mark.parametrize(("blend", "ratio"), [("3", 3.0), ("0", 0.0), (None, None)])
def test_a_blended_price_is_that_of_both_kinds_in_their_ratio(blend: str | None, ratio: float | None) -> None:
    m = estimate("h100", **ONE, **LAYOUT, settings={} if blend is None else {"blend": blend}).metrics
    of_input, of_output = m["usd_per_million_input_tokens"], m["usd_per_million_output_tokens"]
    if ratio is None:
        # at the ratio of the workload a request pays for all of its tokens: OSL x $/Mtok over ISL + OSL
        plain = estimate("h100", **ONE, **LAYOUT, settings={"isl": "300 token", "osl": "100 token"}).metrics
        by_hand = plain["usd_per_million_tokens"] * 100.0 / 400.0
        assert plain["usd_per_million_tokens_blended"] == pytest.approx(by_hand)
    else:
        by_hand = (ratio * of_input + of_output) / (ratio + 1.0)
        assert m["usd_per_million_tokens_blended"] == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("most", "over"),
    [
        ({"chips": 3.0}, ("chips", 1.0)),  # four chips
        ({"entry_price": 100_000.0}, ("entry_price", 4_000.0)),  # four of 26,000 USD
    ],
)
def test_a_design_beyond_a_limit_is_infeasible_by_the_difference(
    most: dict[str, float], over: tuple[str, float]
) -> None:
    found = estimate("h100", **ONE, **LAYOUT, most=most)
    assert not found.feasible
    assert found.violations[over[0]] == pytest.approx(over[1])


def test_a_limit_on_power_is_missed_by_the_watts_beyond_it() -> None:
    free = estimate("h100", **ONE, **LAYOUT).metrics["power_w"]
    found = estimate("h100", **ONE, **LAYOUT, most={"power": free - 10.0})
    assert found.violations["power"] == pytest.approx(10.0, rel=1e-6)


def test_the_best_deployment_is_chosen_within_the_limits_of_chips_and_dollars() -> None:
    limited = {"chips": 8.0, "entry_price": 200_000.0}
    found = estimate("h200", **ONE, most=limited)
    assert found.feasible
    assert found.metrics["chips"] <= 8
    assert found.metrics["capex_usd"] <= 200_000.0
    # a limit never makes the best better
    assert (
        found.metrics["usd_per_token_per_s"] >= 0.99 * estimate("h200", **ONE).metrics["usd_per_token_per_s"]
    )


def test_a_comparison_keeps_every_chip_within_the_limits() -> None:
    found = compare(["h100", "h200"], **ONE, targets=[0.05], most={"chips": 2.0})
    chips = [e.metrics["chips"] for c in found.chips for e in c.best if e is not None]
    assert chips
    assert max(chips) <= 2
