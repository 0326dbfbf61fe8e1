"""One design: what it does and costs, where it goes, and what is said when it cannot be."""

import json
from itertools import product
from math import isfinite
from typing import Any

import pytest

import dse
from dse.errors import SpecError
from dse.evaluate.estimate_result import Estimate

LEDGERS = ("tpot_s", "ttft_s", "capex_usd", "usd_per_million_tokens")


def estimate(
    chip: str = "h100-sxm", llm: str = "llama2-70b", workload: str = "article", **options: Any
) -> Estimate:
    found: Estimate = dse.estimate(chip, llm, workload, **options)
    return found


def problems(*names: str, **options: Any) -> list[str]:
    with pytest.raises(SpecError) as error:
        estimate(*names, **options)
    return [str(p) for p in error.value.problems]


CASES = [
    ("h100-sxm", "llama2-70b", "article", {}),
    ("h100-sxm", "llama2-70b", "chat", {"weights": "int8"}),
    ("groq-lpu-v1", "llama2-70b", "article", {"weights": "int8"}),
    ("lpu-hbm", "llama2-7b", "long-prompt", {}),
    ("rtx-4090", "llama2-13b", "chat", {"weights": "int4"}),
    ("h100-sxm", "llama2-70b", "article", {"cost_model": "napkin", "weights": "int8"}),
    ("groq-lpu-v1", "bing-ranker-dnn", "dnn", {}),
]


@pytest.mark.parametrize(("chip", "llm", "workload", "options"), CASES)
def test_every_ledger_sums_to_the_metric_of_its_name(
    chip: str, llm: str, workload: str, options: dict[str, Any]
) -> None:
    found = estimate(chip, llm, workload, **options)
    for name in LEDGERS:
        parts = found.ledgers[name]
        assert parts
        assert all(v >= 0.0 and isfinite(v) for v in parts.values())
        assert sum(parts.values()) == pytest.approx(found.metrics[name], rel=1e-12), name
    assert sum(found.ledgers["bound_s"].values()) == pytest.approx(found.metrics["tpot_s"], rel=1e-12)
    assert found.ledgers["bound_s"][found.bound_by] == max(found.ledgers["bound_s"].values())


@pytest.mark.parametrize(("chip", "llm", "workload", "options"), CASES)
def test_the_metrics_agree_with_each_other(
    chip: str, llm: str, workload: str, options: dict[str, Any]
) -> None:
    found = estimate(chip, llm, workload, **options)
    m = found.metrics
    assert m["usd_per_token_per_s"] == pytest.approx(m["capex_usd"] / m["tokens_per_s"], rel=1e-12)
    assert m["tokens_per_s_per_user"] == pytest.approx(1.0 / m["tpot_s"], rel=1e-12)
    assert found.feasible == all(v <= 0.0 for v in found.violations.values())
    json.dumps(found.as_dict(), allow_nan=False)
    assert list(found.frame["chip"]) == [chip]


@pytest.mark.parametrize(
    ("chip", "workload"), [("h100-sxm", "article"), ("groq-lpu-v1", "article"), ("h100-sxm", "chat")]
)
def test_the_best_batch_is_that_of_all_batches_asked_one_by_one(chip: str, workload: str) -> None:
    tp, pp = (8, 1) if chip == "h100-sxm" else (64, 80)
    best = estimate(chip, workload=workload, weights="int8", tp=tp, pp=pp)
    assert best.solved
    assert best.feasible
    grid = sorted({int(2**octave * part / 4) for octave in range(13) for part in (4, 5, 6, 7)})
    cost = {}
    for batch in (b for b in grid if b <= 4096):
        one = estimate(chip, workload=workload, weights="int8", tp=tp, pp=pp, batch=batch)
        if one.feasible:
            cost[batch] = one.metrics["usd_per_token_per_s"]
    near = sorted(cost, key=lambda n: cost[n])[0]
    known = sorted(grid)
    around = range(known[max(known.index(near) - 1, 0)], known[known.index(near) + 1] + 1)
    for batch in around[:: max(1, len(around) // 48)]:
        one = estimate(chip, workload=workload, weights="int8", tp=tp, pp=pp, batch=batch)
        if one.feasible:
            cost[batch] = one.metrics["usd_per_token_per_s"]
    assert best.metrics["usd_per_token_per_s"] <= min(cost.values()) * (1 + 1e-12)
    at = estimate(chip, workload=workload, weights="int8", tp=tp, pp=pp, batch=best.deployment["batch"])
    assert best.metrics["usd_per_token_per_s"] == pytest.approx(at.metrics["usd_per_token_per_s"], rel=1e-12)


@pytest.mark.parametrize("chip", ["h100-sxm", "groq-lpu-v1"])
def test_the_best_layout_is_that_of_all_layouts_asked_one_by_one(chip: str) -> None:
    best = estimate(chip, weights="int8", batch=64)
    cost = {}
    # every stage count: those that are left out of the grid must not be better than those in it
    for tp, pp in product((1, 2, 4, 8, 16, 32, 64), (*range(1, 12), 13, 16, 20, 27, 40, 53, 80)):
        one = estimate(chip, weights="int8", batch=64, tp=tp, pp=pp)
        if one.feasible:
            cost[tp, pp] = one.metrics["usd_per_token_per_s"]
    assert best.feasible
    assert best.metrics["usd_per_token_per_s"] <= min(cost.values()) * (1 + 1e-12)


def test_a_deployment_that_is_given_is_kept() -> None:
    found = estimate(batch=96, tp=4, pp=2, dp=3)
    assert found.deployment == {"batch": 96, "tp": 4, "cp": 1, "pp": 2, "ep": 1, "dp": 3}
    assert not found.solved
    assert found.metrics["chips"] == 24  # 4 x 2 x 3
    assert estimate(batch=96).deployment["batch"] == 96


def test_replicas_multiply_throughput_and_capital_and_leave_latency() -> None:
    one, three = (estimate(batch=64, tp=8, pp=1, dp=dp).metrics for dp in (1, 3))
    for name, factor in (("tpot_s", 1), ("ttft_s", 1), ("tokens_per_s", 3), ("capex_usd", 3), ("chips", 3)):
        assert three[name] == pytest.approx(factor * one[name], rel=1e-12)
    assert three["usd_per_token_per_s"] == pytest.approx(one["usd_per_token_per_s"], rel=1e-12)


def mixture(**options: Any) -> Estimate:
    return estimate("h200-sxm", "deepseek-v3", "chat", weights="fp8", **{"batch": 64, "pp": 1, **options})


def test_replicas_follow_the_chips_that_experts_are_spread_over() -> None:
    assert mixture(tp=1, ep=32).deployment == {"batch": 64, "tp": 1, "cp": 1, "pp": 1, "ep": 32, "dp": 32}
    assert mixture(tp=8, ep=8).deployment["dp"] == 1
    assert mixture(tp=4, ep=8, dp=6).metrics["chips"] == 24


def test_the_best_spread_of_experts_is_that_of_all_asked_one_by_one() -> None:
    best = mixture(tp=1)
    assert best.solved
    cost = {}
    for ep in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        one = mixture(tp=1, ep=ep)
        if one.feasible:
            cost[ep] = one.metrics["usd_per_token_per_s"]
    assert best.deployment["ep"] == min(cost, key=lambda n: cost[n])


def test_a_number_of_replicas_that_is_given_bounds_the_spread_of_experts() -> None:
    assert mixture(tp=8, dp=1).metrics["chips"] == 8


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tp": 8, "ep": 3}, "--ep: expected a divisor or a multiple of TP 8, got 3"),
        ({"tp": 1, "ep": 32, "dp": 8}, "--ep: expected a divisor of TP 1 x DP 8, got 32"),
        ({"tp": 1, "ep": 512}, "--ep: expected at most the 256 experts of deepseek-v3, got 512"),
    ],
)
def test_experts_that_cannot_be_spread_so_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError) as caught:
        mixture(**options)
    assert [str(p) for p in caught.value.problems] == [told]


def test_a_price_that_is_set_is_the_price() -> None:
    given: dict[str, Any] = {"batch": 64, "tp": 8, "pp": 1}
    found = estimate(**given, settings={"price": "10 kUSD"})
    assert found.metrics["capex_usd"] == pytest.approx(80_000)  # 8 x 10,000
    assert found.metrics["tpot_s"] == estimate(**given).metrics["tpot_s"]


def test_hbm_bandwidth_that_is_set_speeds_up_what_waits_for_it() -> None:
    given: dict[str, Any] = {"batch": 1, "tp": 8, "pp": 1}
    before, after = estimate(**given), estimate(**given, settings={"hbm_bandwidth": "6.7 TB/s"})
    assert before.bound_by == "dram"
    # twice the 3.35 TB/s halves the seconds that dram binds, as long as it still binds the same groups
    assert after.ledgers["bound_s"]["dram"] == pytest.approx(before.ledgers["bound_s"]["dram"] / 2, rel=0.02)
    assert after.metrics["tpot_s"] < before.metrics["tpot_s"]
    assert after.ledgers["capex_usd"] == before.ledgers["capex_usd"]


def test_links_that_are_set_change_the_collectives_only() -> None:
    given: dict[str, Any] = {"batch": 64, "tp": 8, "pp": 1}
    before, after = estimate(**given), estimate(**given, settings={"link_bandwidth": "45 GB/s"})
    changed = {k for k, v in before.ledgers["tpot_s"].items() if v != after.ledgers["tpot_s"][k]}
    assert changed == {"collectives"}
    assert after.ledgers["tpot_s"]["collectives"] > before.ledgers["tpot_s"]["collectives"]


def test_wrong_settings_are_told_all_at_once() -> None:
    found = problems(settings={"hbm_bandwith": "5 TB/s", "price": "4 GB", "sram": "-1 MB"})
    assert len(found) == 3
    hint = "--set: unknown name 'hbm_bandwith'; did you mean 'hbm_bandwidth' or 'sram_bandwidth'? Known: "
    assert found[0].startswith(hint) and "hop_latency" in found[0]


def test_a_price_of_nothing_is_refused() -> None:
    assert problems(settings={"price": "0 USD"}) == [
        "chips/h100-sxm: price: expected more than 0 USD, got 0 USD"
    ]


@pytest.mark.parametrize("name", ["hbm_bandwidth", "peak_fp16"])
def test_less_of_a_resource_is_never_faster_down_to_none(name: str) -> None:
    small = {"hbm_bandwidth": "1 GB/s", "peak_fp16": "1 TFLOP/s"}[name]
    try:
        none = estimate(batch=64, tp=8, pp=1, settings={name: f"0 {small.split()[1]}"})
    except SpecError:
        return
    little = estimate(batch=64, tp=8, pp=1, settings={name: small})
    assert not none.feasible or none.metrics["tpot_s"] >= little.metrics["tpot_s"]


def test_a_claimed_speed_of_nothing_is_refused() -> None:
    assert problems(cost_model="napkin", settings={"claimed_user_speed": "0 token/s"})


def test_a_chip_without_a_listed_price_is_priced_by_its_silicon_and_says_so() -> None:
    found = estimate("lpu-hbm")
    assert found.price_method == "unit-cost"
    assert "lpu-hbm has no listed price: priced at the unit cost of its silicon" in found.notes
    listed = estimate("h100-sxm")
    assert listed.price_method == "listed"
    assert not any("unit cost" in note for note in listed.notes)


def test_a_chip_without_any_price_is_refused_with_every_unknown_and_a_way_out() -> None:
    found = problems("catapult-ddr4")
    assert found[0] == (
        "chips/catapult-ddr4: price: expected a known value, got null, and no unit cost either; "
        "give --set price='... USD'"
    )
    assert any("silicon: expected a node that the technology file knows, got '28 nm'" in p for p in found)
    way_out: dict[str, Any] = {"weights": "int8", "settings": {"price": "1000 USD"}}
    assert estimate("catapult-ddr4", "bing-ranker-dnn", "dnn", **way_out).price_method == "listed"


def test_a_listed_price_is_not_replaced_when_the_unit_cost_is_asked_for() -> None:
    found = problems("rtx-4090", price_method="unit-cost")
    assert (
        "chips/rtx-4090: silicon: expected a known dram.GDDR6X.cost in the technology file, got null" in found
    )


def test_an_llm_that_fits_nowhere_is_infeasible_by_how_much() -> None:
    found = estimate("rtx-4090", "gpt4-1.8t-dense")
    assert not found.feasible
    assert all(isfinite(v) for v in (*found.metrics.values(), *found.violations.values()))
    assert any(v > 0.0 for v in found.violations.values())
    # 1.8e12 weights of two bytes over at most 8 chips of the domain: 450 GB on a chip of 24 GB
    alone = estimate("rtx-4090", "gpt4-1.8t-dense", batch=1, tp=8, pp=1)
    assert alone.violations["capacity"] == pytest.approx(450e9 - 24e9, rel=0.05)
    tighter = estimate("rtx-4090", "gpt4-1.8t-dense", batch=1, tp=8, pp=1, weights="int8")
    assert 0.0 < tighter.violations["capacity"] < alone.violations["capacity"]  # graded


def test_targets_of_the_workload_bound_the_best_deployment() -> None:
    chat = estimate(workload="chat")
    assert chat.targets
    for name, limit in chat.targets.items():
        assert chat.metrics[f"{name}_s"] <= limit
        assert chat.violations[name] == pytest.approx(chat.metrics[f"{name}_s"] - limit, abs=1e-12)


def test_a_target_that_nothing_meets_is_told_as_missed() -> None:
    slow = estimate(workload="chat", settings={"hbm_bandwidth": "1 GB/s"})
    assert not slow.feasible
    assert slow.violations["tpot"] > 0.0


def test_napkin_needs_a_claimed_speed_and_says_whose() -> None:
    (found,) = problems("a100-sxm-80gb", cost_model="napkin")
    assert found.startswith("chips/a100-sxm-80gb: claimed_user_speed: expected a known value, got null")


def test_a_claimed_speed_that_nobody_published_can_be_given() -> None:
    given = estimate("a100-sxm-80gb", cost_model="napkin", settings={"claimed_user_speed": "20 token/s"})
    assert given.metrics["tokens_per_s_per_user"] == pytest.approx(20)


def test_an_ideal_stack_is_a_speed_of_light_and_says_so() -> None:
    given: dict[str, Any] = {"batch": 64, "tp": 8, "pp": 1}
    ideal, real = estimate(**given, stack="ideal"), estimate(**given)
    assert ideal.label.startswith("speed of light")
    assert real.label.startswith("estimate")
    assert ideal.metrics["tpot_s"] < real.metrics["tpot_s"]


def test_the_number_formats_follow_the_weights() -> None:
    assert estimate(weights="int8").precision == {"weights": "int8", "kv": "int8", "activations": "int8"}
    assert estimate(weights="int4").precision == {"weights": "int4", "kv": "fp16", "activations": "fp16"}
    assert estimate(weights="int8", kv="fp16").precision["kv"] == "fp16"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tp": 7}, "--tp: expected a divisor or a multiple of the 64 heads of llama2-70b"),
        ({"pp": 81}, "--pp: expected at most the 80 layers of llama2-70b, got 81"),
        ({"batch": 0}, "--batch: expected at least 1, got 0"),
        ({"dp": -1}, "--dp: expected at least 1, got -1"),
        ({"ep": 2}, "--ep: expected 1, llama2-70b has no experts, got 2"),
        ({"weights": "int9"}, "--weights: unknown number format 'int9'; did you mean 'int8'"),
        ({"kv": "int9"}, "kv: unknown number format 'int9'; did you mean 'int8'"),
        (
            {"price_method": "searched"},
            "--price-method: expected a method that gives a price, got searched, which needs a space",
        ),
        ({"price_method": "margin"}, "--price-method: expected a seller for the method margin, got none"),
        (
            {"price_method": "margin", "seller": "startup"},
            "price.seller: expected a known economics.gross_margin.startup in the technology file, got null",
        ),
        (
            {"system": "all"},
            "--price-method: system: unknown value 'all'; known: built-up, chips-only, with-host-and-network",
        ),
        (
            {"price_method": "free"},
            "--price-method: unknown price method 'free'; did you mean 'rent'? Known: compute-ratio",
        ),
        ({"cost_model": "rooflin"}, "unknown cost model 'rooflin'; did you mean 'roofline'"),
        ({"stack": "idea"}, "unknown stack 'idea'; did you mean 'ideal'"),
        ({"chip": "h1000"}, "unknown chip 'h1000'; did you mean 'h100'"),
        ({"llm": "llama2-80b"}, "unknown llm 'llama2-80b'; did you mean 'llama2-"),
        ({"workload": "artcle"}, "unknown workload 'artcle'; did you mean 'article'"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(options: dict[str, Any], told: str) -> None:
    assert any(told in p for p in problems(**options))


def test_all_mistakes_of_a_layout_are_told_at_once() -> None:
    found = problems(tp=7, pp=81, batch=0, ep=2)
    assert [p.partition(":")[0] for p in found] == ["--batch", "--tp", "--pp", "--ep"]


def test_all_unknown_names_are_told_at_once() -> None:
    assert len(problems("h1000", "llama2-80b", "artcle")) == 3


@pytest.mark.parametrize("name", ["process", "die.process"])
def test_a_node_that_no_technology_knows_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="process: unknown node 'n99'"):
        estimate("h100", llm="llama3.1-70b", workload="chat", settings={name: "n99"})


def test_every_wrong_name_is_reported_at_once_with_its_option() -> None:
    with pytest.raises(SpecError) as caught:
        estimate("h100", "llama2-70", "chat", weights="fp9", serving="x", cost_model="z", software="y")
    options = [problem.where for problem in caught.value.problems]
    assert options == ["--llm", "--cost-model", "--software", "--serving", "--weights"]


def test_wrong_settings_are_reported_with_wrong_names() -> None:
    with pytest.raises(SpecError) as caught:
        estimate("h100", "llama2-70b", "chat", weights="w", kv="k", settings={"foo": "1", "bar": "2"})
    assert [p.where for p in caught.value.problems] == ["--weights", "--kv", "--set", "--set"]


def test_a_seller_without_a_margin_is_refused() -> None:
    with pytest.raises(SpecError, match="--seller: applies with --price-method margin only"):
        estimate("h100", "llama2-70b", "chat", weights="fp8", seller="x")


@pytest.mark.parametrize("weights", ["int4", "nvfp4", "q4_0", "q5_k_m", "exl2-3.6"])
def test_weights_below_a_byte_leave_cache_and_activations_wide_unless_they_are_named(weights: str) -> None:
    found = estimate("h100", "llama2-70b", "chat", weights=weights)
    assert found.precision == {"weights": weights, "kv": "fp16", "activations": "fp16"}
    named = estimate("h100", "llama2-70b", "chat", weights=weights, kv="fp8")
    assert named.precision["kv"] == "fp8"
