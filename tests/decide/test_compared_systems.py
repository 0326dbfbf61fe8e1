"""Systems of pools of unlike chips rank beside single chips, each at its best."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from dse.decide.compare.chips import compare
from dse.decide.compare.systems import systems_of
from dse.errors import SpecError
from dse.evaluate.pools.estimate import estimate_pools

LOAD = {"llm": "llama2-70b", "workload": "article", "weights": "int8", "price_method": "unit-cost"}
ALIKE = {**LOAD, "serving": "aggregated"}
"""Prompts of single chips cost something, as those of pools that prefill."""
POOLS = ["prefill=h200", "decode=h100", "decode=b200"]
TARGETS = (10e-3, 30e-3)
CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture(scope="module")
def found():
    return compare(["h100", "b200"], **ALIKE, targets=TARGETS, pools=POOLS, link="50 GB/s, 5 us")


def _text(pool):
    sizes = {k: v for k, v in pool.deployment.items() if k != "dp" or pool.role == "decode"}
    return ",".join([f"{pool.role}={pool.chip}", *(f"{k}={v}" for k, v in sizes.items())])


def test_every_combination_of_roles_is_a_system(found):
    assert [s.name for s in found.systems] == ["h200-sxm | h100-sxm", "h200-sxm | b200-sxm"]
    with pytest.raises(SpecError, match="expected pools prefill and decode"):
        systems_of(["prefill=h100", "ffn=b200"])
    with pytest.raises(SpecError, match="unknown role 'decod'"):
        systems_of(["prefill=h100", "decod=b200"])


def test_chips_and_systems_are_ranked_together(found):
    for i in range(len(TARGETS)):
        names = {name for name, _ in found.standing(i, found.groups[0])}
        assert {"h100-sxm", "b200-sxm", "h200-sxm | b200-sxm"} <= names
        costs = [cost for _, cost in found.standing(i, found.groups[0])]
        assert costs == sorted(costs)
        assert found.winner(i) == found.standing(i, found.groups[0])[0][0]


def test_a_system_meets_each_target_and_estimates_to_the_same_numbers(found):
    for system in found.systems:
        for e, limit in zip(system.best, TARGETS, strict=True):
            assert e is not None and e.metrics["tpot_s"] <= limit
            again = estimate_pools([_text(pool) for pool in e.pools], **LOAD, link="50 GB/s, 5 us")
            assert again.metrics == pytest.approx(e.metrics, rel=1e-12)
        costs = [e.metrics["usd_per_token_per_s"] for e in system.best]
        # of the systems within 1 % of the best the smallest is taken
        assert all(later <= 1.01 * earlier for earlier, later in pairwise(costs))


def test_no_layout_that_meets_the_target_is_cheaper(found):
    system = found.systems[1]
    best = system.best[1].metrics["usd_per_token_per_s"]
    tried = 0
    for batch in (16, 64, 256):
        for tp in (1, 2, 4, 8):
            for prefill in (1, 2, 8):
                texts = [f"prefill=h200,tp={prefill},pp=1", f"decode=b200,tp={tp},pp=1,batch={batch}"]
                one = estimate_pools(texts, **LOAD, link="50 GB/s, 5 us")
                if one.feasible and one.metrics["tpot_s"] <= TARGETS[1]:
                    tried += 1
                    assert one.metrics["usd_per_token_per_s"] >= best / 1.01 * (1 - 1e-12)
    assert tried > 10


def test_settings_of_a_role_and_of_a_chip_reach_its_pool_alone():
    asked = {**LOAD, "price_method": "listed", "targets": (30e-3,), "pools": ["prefill=h200", "decode=b200"]}
    plain = compare(["h100"], **asked)
    cheap = compare(["h100"], **asked, settings={"b200.price": "1 kUSD", "prefill.price": "2 kUSD"})
    assert cheap.chips[0].best[0].metrics == plain.chips[0].best[0].metrics
    before, after = plain.systems[0].best[0], cheap.systems[0].best[0]
    assert after.metrics["usd_per_token_per_s"] < before.metrics["usd_per_token_per_s"]
    prices = {"prefill": 2000.0, "decode": 1000.0}
    for pool in after.pools:
        paid = after.ledgers["capex_usd"][f"{pool.role}.chips"]
        assert paid == pytest.approx(pool.chips * prices[pool.role])


@pytest.mark.parametrize(
    ("pools", "serving", "apart"),
    [
        (["attention=h200", "ffn=b200"], "aggregated", "decode-only"),
        (["attention=h200", "ffn=b200"], "decode-only", None),
        (["prefill=h200", "decode=b200"], "decode-only", "disaggregated"),
        (["prefill=h200", "decode=b200"], "aggregated", None),
    ],
)
def test_no_ranking_mixes_prompts_that_cost_nothing_with_prompts_that_do(pools, serving, apart):
    asked = {**LOAD, "hold_targets": False, "link": "50 GB/s, 5 us", "settings": {"prefill_load": "0.7"}}
    found = compare(["h100"], **asked, serving=serving, targets=(50e-3,), pools=pools)
    (system,) = found.systems
    assert system.best[0] is not None and found.chips[0].best[0] is not None
    modes = {"h100-sxm": found.chips[0].best[0].serving, system.name: system.best[0].serving}
    for group in found.groups:
        names = [name for name, _ in found.standing(0, group)]
        assert len({modes[name] == "decode-only" for name in names}) == 1
    chips = found.as_dict()["chips"][0]["ranks_among"]
    assert system.group == (chips if apart is None else f"{chips}, served {apart}")
    assert found.prices == (chips,)
    # the picture has the chips, whatever the systems rank among
    assert found.front().manifest["compared"] == ["h100-sxm"]


def test_a_comparison_without_pools_does_not_speak_of_systems():
    plain = compare(["h100"], **LOAD, targets=(30e-3,))
    assert plain.systems == () and "systems" not in plain.as_dict()


def test_two_unlike_chips_of_one_name_are_refused(tmp_path):
    files = []
    for folder, rate in (("one", "3350 GB/s"), ("two", "1000 GB/s")):
        text = (CONFIGS / "chips" / "h100-sxm.yaml").read_text(encoding="utf-8")
        data = yaml.safe_load(text) | {"name": "twin", "aliases": []}
        data["dram"]["bandwidth"]["value"] = rate
        files.append(tmp_path / folder / "twin.yaml")
        files[-1].parent.mkdir()
        files[-1].write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    one, two = map(str, files)
    asked = {"llm": "llama2-70b", "workload": "article", "weights": "int8", "serving": "aggregated"}
    for chips, pools in (
        ([one, two], []),
        ([one], ["prefill=h200", f"decode={two}"]),
        (["h100"], ["prefill=h200", f"decode={one}", f"decode={two}"]),
    ):
        with pytest.raises(SpecError, match=r"expected a name of its own for each chip, got twin twice"):
            compare(chips, pools=pools, **asked)
    # two names of one chip are one
    same = compare([one, one], pools=["prefill=h200", f"decode={one}"], price_method="unit-cost", **asked)
    assert [c.chip for c in same.chips] == ["twin"]


def test_a_system_is_compared_in_one_layout():
    with pytest.raises(
        SpecError, match=r"--pool: expected each combination of chips once, got h200-sxm \| h100"
    ):
        compare(
            ["h100"], "llama2-70b", "article", weights="int8", serving="aggregated",
            pools=["prefill=h200", "decode=h100,tp=8", "decode=h100,tp=4"],
        )  # fmt: skip
