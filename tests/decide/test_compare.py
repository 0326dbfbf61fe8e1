"""Chips at equal latency targets: each with its best deployment, whatever it is."""

from itertools import pairwise

import numpy as np
import pytest

import dse
from dse.decide.compare.chips import compare
from dse.errors import SpecError

ASKED = {"llm": "llama2-70b", "workload": "article", "weights": "int8"}
TARGETS = (2e-3, 5e-3, 20e-3, 50e-3)


@pytest.fixture(scope="module")
def found():
    return compare(
        ["groq", "h100", "lpu-hbm"], **ASKED, price_method="unit-cost", targets=TARGETS, with_unanchored=True
    )


def test_every_best_deployment_estimates_to_the_same_numbers(found):
    for chip in found.chips:
        for told in chip.best:
            if told is not None:
                d = told.deployment
                again = dse.estimate(
                    chip.chip,
                    **ASKED,
                    price_method="unit-cost",
                    batch=d["batch"],
                    tp=d["tp"],
                    cp=d["cp"],
                    pp=d["pp"],
                )
                assert again.metrics == pytest.approx(told.metrics, rel=1e-12)
                assert again.ledgers == told.ledgers


def test_no_deployment_that_meets_the_target_is_cheaper(found):
    chip = next(c for c in found.chips if c.chip == "h100-sxm")
    best = chip.best[TARGETS.index(50e-3)].metrics["usd_per_token_per_s"]
    for batch in (64, 224, 256, 320, 384):
        for tp in (1, 2, 4, 8):
            one = dse.estimate("h100", **ASKED, price_method="unit-cost", batch=batch, tp=tp, pp=1)
            if one.feasible and one.metrics["tpot_s"] <= 50e-3:
                # of the systems within 1 % of the best the smallest is taken
                assert one.metrics["usd_per_token_per_s"] >= best / 1.01 * (1 - 1e-12)


def test_a_looser_target_never_costs_more(found):
    for chip in found.chips:
        costs = [np.inf if e is None else e.metrics["usd_per_token_per_s"] for e in chip.best]
        # of the systems within 1 % of the best the smallest is taken
        assert all(later <= 1.01 * earlier for earlier, later in pairwise(costs))


def test_every_target_is_met_and_an_unmet_one_is_out_of_reach(found):
    for chip in found.chips:
        for limit, told in zip(found.targets, chip.best, strict=True):
            if told is None:
                assert chip.least_tpot_s is None or chip.least_tpot_s > limit
            else:
                assert told.feasible
                assert told.metrics["tpot_s"] <= limit


def test_the_winner_is_the_cheapest_of_those_that_meet_the_target(found):
    for i in range(len(TARGETS)):
        costs = {c.chip: c.best[i].metrics["usd_per_token_per_s"] for c in found.chips if c.best[i]}
        assert found.winner(i) == min(costs, key=costs.get, default=None)


def test_scaling_the_price_of_a_chip_scales_its_cost():
    one, two = (
        compare(["h100"], **ASKED, targets=[50e-3], settings={"price": f"{usd} USD"}).chips[0].best[0]
        for usd in (10_000, 30_000)
    )
    assert two.metrics["usd_per_token_per_s"] == pytest.approx(3 * one.metrics["usd_per_token_per_s"])
    assert two.deployment == one.deployment


def test_the_picture_holds_every_chip_and_the_front_of_all(found):
    front = found.front()
    assert set(front.baselines["chip"]) == {"groq-lpu-v1", "h100-sxm", "lpu-hbm"}
    cheapest = front.baselines["usd_per_token_per_s"].min()
    assert front.frame["usd_per_token_per_s"].min() == cheapest


def test_all_mistakes_are_told_at_once():
    with pytest.raises(SpecError) as error:
        compare(["h100x", "groqq"], **ASKED)
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("h100.hbm_bandwith", "5 TB/s", "--set: h100-sxm: unknown name 'hbm_bandwith'"),
        ("h100-sxm.power", "3 GB", "--set: h100-sxm.power: expected a number with a unit"),
        ("groq.hbm_bandwidth", "5 TB/s", "--set: groq-lpu-v1.hbm_bandwidth: expected a chip that has it"),
    ],
)
def test_a_mistake_in_what_is_set_for_one_chip_is_refused(key, text, words):
    with pytest.raises(SpecError) as error:
        compare(["h100", "groq"], **ASKED, settings={key: text})
    assert words in str(error.value)


def test_a_number_of_all_chips_leaves_out_those_that_have_none():
    found = compare(
        ["h100", "groq"],
        **ASKED,
        targets=[50e-3],
        settings={"hbm_bandwidth": "4 TB/s", "groq.power": "200 W"},
    )
    gaps = {c.chip: c.gap for c in found.chips}
    assert gaps["h100-sxm"] is None
    assert "expected a chip that has it" in gaps["groq-lpu-v1"]


def test_the_table_tells_how_far_experts_are_spread(dse_verb):
    options = (
        "compare",
        "b200",
        "--llm",
        "gpt-oss-120b",
        "--workload",
        "chat",
        "--weights",
        "mxfp4",
        "--ep",
        "8",
        "--tp",
        "1",
        "--pp",
        "1",
        "--targets",
        "50 ms",
        "--no-intervals",
    )
    said = dse_verb(*options)
    assert "1 x 1, EP 8" in said.out
    head, row = dse_verb(*options, "--format", "csv").out.splitlines()
    told = dict(zip(head.split(","), row.split(","), strict=True))
    assert (told["ep"], told["dp"], float(told["chips"])) == ("8", "8", 8.0)


def test_the_verb_tells_the_cheapest_and_fits_a_terminal(dse_verb):
    said = dse_verb(
        "compare",
        "groq",
        "h100",
        "--llm",
        "llama2-70b",
        "--workload",
        "article",
        "--weights",
        "int8",
        "--targets",
        "5 ms,50 ms",
        "--price-method",
        "unit-cost",
        "--with-unanchored",
        "--plot",
        "two.png",
    )
    assert said.code == 0
    assert "Within 5.00 ms groq-lpu-v1 is the cheapest; it is the only one." in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    assert "software measured" in said.out
    assert "picture: two.png" in said.err


def test_json_and_csv_hold_every_chip_at_every_target(dse_verb):
    options = (
        "compare",
        "groq",
        "h100",
        "--llm",
        "llama2-70b",
        "--workload",
        "article",
        "--weights",
        "int8",
        "--targets",
        "5 ms,50 ms",
    )
    data = dse_verb(*options, "--format", "json").json
    assert data["targets_tpot_s"] == [5e-3, 50e-3]
    assert [len(c["best"]) for c in data["chips"]] == [2, 2]
    assert len(dse_verb(*options, "--format", "csv").out.splitlines()) == 1 + 4


def test_unknown_names_are_refused_together(dse_verb):
    said = dse_verb("compare", "h100x", "--llm", "llama2-70", "--workload", "article")
    said.refused("--llm: unknown llm 'llama2-70'", "unknown chip 'h100x'; did you mean 'h100'")


def test_nothing_that_meets_a_target_is_exit_code_one(dse_verb):
    said = dse_verb("compare", "h100", "--llm", "llama2-70b", "--workload", "article", "--targets", "1 us")
    assert said.code == 1
    assert "no anchored chip meets it" in said.out


def test_capital_and_prices_are_those_of_an_estimate_of_the_same_chip(dse_verb):
    options = (
        "--llm",
        "llama2-70b",
        "--workload",
        "article",
        "--weights",
        "int8",
        "--price-method",
        "margin",
        "--seller",
        "nvidia-chip",
        "--system",
        "built-up",
        "--format",
        "json",
    )
    best = dse_verb("compare", "h100", *options, "--targets", "20 ms").json["chips"][0]["best"][0]
    sizes = [f"--{name}={best['deployment'][name]}" for name in ("batch", "tp", "pp")]
    alone = dse_verb("estimate", "--chip", "h100", *options, *sizes).json
    for name in ("capex_usd", "usd_per_token_per_s"):
        assert best["metrics"][name] == pytest.approx(alone["metrics"][name], rel=1e-12)
    text = dse_verb("compare", "h100", *options[:-2], "--targets", "20 ms").out
    assert "capital covers chips, servers, racks" in " ".join(text.split())


def test_a_chip_that_is_set_under_two_of_its_names_is_refused() -> None:
    twice = {"h100-sxm.price": "1 USD", "h100.price": "2 USD"}
    with pytest.raises(SpecError, match=r"either h100-sxm.price or h100.price, which are the same chip"):
        compare(["h100", "groq"], "llama2-70b", "article", settings=twice)
    twice = {"h100.dram_bandwidth": "1 TB/s", "h100.dram.bandwidth": "2 TB/s"}
    with pytest.raises(SpecError, match=r"h100-sxm: expected either dram_bandwidth or dram.bandwidth"):
        compare(["h100", "groq"], "llama2-70b", "article", settings=twice)
