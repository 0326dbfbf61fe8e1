"""Options of money: one place owns them, and every verb that prints dollars has them."""

import json

import pytest

ONE = ("--llm", "llama3.3-70b", "--workload", "chat", "--weights", "fp8")
ESTIMATE = ("estimate", "--chip", "h100", *ONE, "--batch", "64", "--tp", "2", "--pp", "1")
NAMES = (
    "--economy",
    "--years",
    "--interest",
    "--electricity",
    "--pue",
    "--utilisation",
    "--price",
    "--margin",
)


@pytest.mark.parametrize(
    "verb", ["estimate", "compare", "chip", "run", "sweep", "explain", "breakeven", "propose"]
)
def test_every_verb_that_prints_dollars_has_all_of_them(dse, verb) -> None:
    told = dse(verb, "--help").out
    assert [name for name in NAMES if name not in told] == []


def test_running_cost_follows_from_the_numbers_by_hand(dse) -> None:
    """Three years at no interest, electricity at 0.36 USD/kWh (1e-7 USD/J), PUE 1 and full use."""
    given = ("--years", "3", "--interest", "0", "--electricity", "0.36 USD/kWh", "--pue", "1")
    found = dse(*ESTIMATE, *given, "--utilisation", "100 %", "--price", "h100=20000", "--format", "json").json
    assert found["metrics"]["capex_usd"] == pytest.approx(40_000.0)
    million = 1e6 / found["metrics"]["tokens_per_s"] / (365.25 * 86400.0)  # years of a million tokens
    parts = found["ledgers"]["usd_per_million_tokens"]
    assert parts["capital"] == pytest.approx(40_000.0 / 3.0 * million, rel=1e-9)
    joules = found["metrics"]["energy_per_token_j"]
    assert parts["electricity"] == pytest.approx(joules * 1e6 * 1e-7, rel=1e-9)
    money = found["money"]
    assert money["values"]["lifetime_s"] == pytest.approx(3 * 365.25 * 86400.0)
    assert set(money["asked"]) == {"lifetime", "cost_of_capital", "electricity", "pue", "utilisation"}
    assert money["prices"]["h100-sxm"]["asked"]


def test_what_was_set_is_printed_where_the_number_is(dse) -> None:
    told = " ".join(dse(*ESTIMATE, "--years", "3", "--price", "h100=20 kUSD").out.split())
    assert "price 20,000 USD, as set" in told
    assert "Economy datacentre-2026: 3 years (set), 10 % a year" in told
    rented = dse(*ESTIMATE, "--price-method", "rent", "--price", "h100-sxm=2.1 USD/h").out
    assert "rent three-years, 2.10 USD/h, as set" in " ".join(rented.split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--price", "mi300x=1 kUSD"), ("--price", "chips of the question, h100-sxm, got mi300x")),
        (("--price", "h100=2 USD/h"), ("--price", "a price such as", "rents go with --price-method rent")),
        (("--price", "h100"), ("--price", "CHIP=VALUE")),
        (("--price-method", "rent", "--price", "h100=2 kUSD"), ("--price", "a rent such as '2.1 USD/h'")),
        (("--price-method", "unit-cost", "--price", "h100=2 kUSD"), ("--price", "listed or rent only")),
        (
            ("--price-method", "rent", "--margin", "h100=20 %"),
            ("--margin", "listed, searched or margin only"),
        ),
        (("--margin", "h100=100 %"), ("--margin", "below 1")),
        (("--margin", "h100=0.5", "--price", "h100=1 kUSD"), ("one price or margin",)),
        (("--years", "3", "--set", "lifetime=2 year"), ("--years", "--set lifetime")),
        (("--years", "0"), ("--years", "more than 0 years")),
        (("--interest", "120 %"), ("--interest", "share from 0 to 1")),
        (("--electricity", "0.1"), ("--electricity", "USD/kWh")),
        (("--pue", "0.9"), ("--pue", "at least 1")),
        (("--economy", "mars"), ("--economy", "mars")),
        (("--rent-term", "spot"), ("--rent-term", "--price-method rent only")),
    ],
)
def test_mistakes_say_what_was_expected(dse, given, said) -> None:
    dse(*ESTIMATE, *given).refused(*said)


def test_chips_of_a_comparison_and_of_its_pools_have_prices_of_their_own(dse) -> None:
    found = dse(
        "compare", "h100", "h200", "--pool", "prefill=h100", "--pool", "decode=h200", *ONE, "--no-intervals",
        "--targets", "100 ms", "--price", "h100=10000", "--price", "h200=11000", "--format", "json",
    ).json  # fmt: skip
    priced = {chip["chip"]: chip["hardware"]["price_usd"] for chip in found["chips"]}
    assert priced == {"h100-sxm": 10_000.0, "h200-sxm": 11_000.0}
    (system,) = found["systems"]
    best = system["best"][0]
    capital = best["ledgers"]["capex_usd"]
    chips = {pool["role"]: pool["chips"] for pool in best["pools"]}
    assert capital["prefill.chips"] == pytest.approx(10_000.0 * chips["prefill"])
    assert capital["decode.chips"] == pytest.approx(11_000.0 * chips["decode"])


def test_a_run_with_them_is_another_question_and_explain_prints_what_held(dse, tmp_path) -> None:
    study, out = "groq-vs-h100/listed", str(tmp_path / "r")
    given = ("--years", "3", "--price", "h100=15000")
    plain = ("--trials", "10", "--no-verdicts", "--no-intervals", "--out", out)
    told = dse("run", study, *plain, *given)
    assert told.code == 0, told.err
    assert "h100-sxm 15,000 USD, as set" in " ".join(told.out.split())
    refused = dse("run", study, *plain)
    assert refused.code == 2
    assert "lifetime" in refused.err
    manifest = json.loads((tmp_path / "r" / "listed" / "manifest.json").read_text())
    explained = dse("explain", study, "h100-sxm", "--out", out, *given, "--format", "json")
    money = explained.json["money"]
    assert "changed since" not in explained.err
    assert money["values"]["lifetime_s"] == pytest.approx(3 * 365.25 * 86400.0)
    assert money["prices"]["h100-sxm"]["usd"] == 15_000.0
    assert manifest["study"] == study.replace("groq-vs-h100", "0001-groq-vs-h100")
