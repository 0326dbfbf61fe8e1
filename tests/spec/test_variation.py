"""Numbers of a study by the names that people give them, exchanged and followed through."""

import numpy as np
import pytest
from studies_for_tests import write_study

import dse
from dse.errors import SpecError
from dse.question.variation import Place, facts, leaf_at, places_of, vary


@pytest.fixture(scope="module")
def study():
    return dse.load_study("groq-vs-h100")


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("wafer cost", ["technology/technology-2026: nodes.n5.wafer_cost"]),
        ("HBM cost", ["technology/technology-2026: dram.HBM3e.cost"]),
        ("context", ["workload/article: context"]),
        (
            "network.domain",
            [
                "network/groq-dragonfly: domain",
                "network/nvswitch-ampere: domain",
                "network/nvswitch-hopper: domain",
            ],
        ),
        ("stack/static-dataflow.sram_efficiency", ["stack/static-dataflow: sram_efficiency"]),
        ("chip/h100-sxm.price", ["chip/h100-sxm: price"]),
        ("electricity", ["economy/datacentre-2026: electricity"]),
    ],
)
def test_a_name_stands_for_the_places_that_the_study_uses(study, name, places):
    assert [str(p) for p in places_of(study, name)] == places


def test_an_unknown_name_is_told_with_the_nearest(study):
    with pytest.raises(SpecError, match="did you mean 'wafer_cost'"):
        places_of(study, "wafer cots")


def test_every_fact_is_a_known_number_with_a_source_at_its_place(study):
    found = list(facts(study))
    assert len(found) > 100
    for fact in found:
        assert leaf_at(study, fact.place) is fact.leaf
        assert np.isfinite(fact.value)
        assert fact.leaf.source


def test_a_number_exchanged_is_followed_by_everything_that_it_makes(study):
    """Twice the price of a wafer adds the price of a die, yield and loss at assembly included."""
    place = Place("technology/technology-2026", "nodes.n5.wafer_cost")
    dear = vary(study, {place: 2.0 * leaf_at(study, place).value})
    values = {"peak_flops": 4e14, "sram": 2.0**29, "sram_bandwidth_per_byte": 1e5, "link_bandwidth": 1e11}
    arrays = {k: np.asarray([v]) for k, v in values.items()}
    prices = [float(s.branches["sram-only"].chips(arrays).cost.price_usd[0]) for s in (study, dear)]
    free = vary(study, {place: 0.0})
    without = float(free.branches["sram-only"].chips(arrays).cost.price_usd[0])
    assert prices[1] - prices[0] == pytest.approx(prices[0] - without, rel=1e-12)
    assert (
        study.branches["sram-only"].chips(arrays).cost.price_usd[0] == prices[0]
    )  # the study itself is untouched


def test_only_the_baselines_that_are_wanted_are_resolved(study):
    place = Place("workload/article", "context")
    few = vary(study, {place: 2048.0}, ["h100-sxm"])
    assert list(few.baselines) == ["h100-sxm"]
    assert few.context.workload.max_context == 2048.0
    assert set(vary(study, {place: 2048.0}).baselines) == set(study.baselines)


def test_whole_numbers_stay_whole(study):
    place = Place("network/groq-dragonfly", "domain")
    assert vary(study, {place: 100.4}).configs["network/groq-dragonfly"].domain.value == 100


def test_a_baseline_on_a_stack_of_its_own_keeps_it_where_baselines_are_left_out(tmp_path):
    path = write_study(tmp_path, stacks={"h100-sxm": "ideal"}, baselines=["groq-lpu-v1", "h100-sxm"])
    study = dse.load_study(str(path))
    price = places_of(study, "electricity")[0]
    for wanted in (None, (), ("h100-sxm",)):
        other = vary(study, {price: 0.5}, wanted)
        assert other.setting.sold_with("h100-sxm", "gpu-serving") == "ideal"
