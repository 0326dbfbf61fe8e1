"""A branch of a space: parameters in, chips out."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.chips.branch import Branch, branches_of, chip_kind, storage_kind
from dse.chips.parameter_range import fraction_of, value_at
from dse.chips.resolve import chip_columns
from dse.chips.setting import Setting
from dse.errors import SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.space import ParameterSpec, SpaceSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.system import EconomySpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.loading import build_spec
from dse.spec.yaml.yaml_lines import read_yaml

CATALOG = Catalog()
SETTING = Setting(
    catalog=CATALOG,
    precision=PrecisionSpec(weights="int8", kv="int8", activations="int8"),
    price=PriceSpec(method="unit-cost"),
    technology=CATALOG.get(TechnologySpec, "technology-2026"),
)
SPACE = CATALOG.get(SpaceSpec, "lpu-or-hbm")
BRANCHES = branches_of(SPACE, SETTING)
NAMES = tuple((b, p) for b, branch in BRANCHES.items() for p in branch.spec.parameters)


def middle(branch: Branch) -> dict[str, np.ndarray]:
    return {n: value_at(p, np.asarray([0.5])) for n, p in branch.spec.parameters.items()}


def test_the_ends_of_a_scale_are_its_values() -> None:
    for scale in ("linear", "log"):
        parameter = ParameterSpec(low=3.0, high=48.0, scale=scale)
        assert value_at(parameter, np.asarray([0.0, 1.0])) == pytest.approx([3.0, 48.0], rel=1e-15)
    middle_of = {
        s: value_at(ParameterSpec(low=3, high=48, scale=s), np.asarray(0.5)) for s in ("linear", "log")
    }
    assert middle_of["linear"] == pytest.approx(25.5)  # (3 + 48) / 2
    assert middle_of["log"] == pytest.approx(12.0)  # sqrt(3 x 48)


@given(st.floats(1e-3, 1e3), st.floats(1.001, 1e6), st.floats(0, 1), st.sampled_from(("linear", "log")))
def test_a_fraction_comes_back(low: float, ratio: float, at: float, scale: str) -> None:
    parameter = ParameterSpec(low=low, high=low * ratio, scale=scale)
    # a range of a thousandth loses three of sixteen digits
    assert fraction_of(parameter, float(value_at(parameter, np.asarray(at)))) == pytest.approx(at, abs=1e-9)


def test_what_lies_outside_a_range_is_clipped_to_it() -> None:
    parameter = ParameterSpec(low=2.0, high=8.0, scale="log")
    assert (fraction_of(parameter, 1.0), fraction_of(parameter, 100.0)) == (0.0, 1.0)
    assert fraction_of(ParameterSpec(low=2.0, high=2.0), 5.0) == 0.0


@pytest.mark.parametrize(("branch", "parameter"), NAMES)
def test_more_of_anything_never_shrinks_the_die_the_power_or_the_price(branch: str, parameter: str) -> None:
    made = BRANCHES[branch]
    values = middle(made)
    values[parameter] = value_at(made.spec.parameters[parameter], np.linspace(0, 1, 25))
    columns = made.columns(values)
    for name in ("area_excess_m2", "power_w", "price_usd"):
        column = np.broadcast_to(columns[name], (25,))
        assert np.all(np.isfinite(column)), name
        assert np.all(np.diff(column) >= -1e-12 * np.abs(column[1:])), name
    assert columns["price_usd"][-1] > columns["price_usd"][0]


@pytest.mark.parametrize("branch", sorted(BRANCHES))
def test_a_batch_of_chips_equals_its_rows(branch: str) -> None:
    made = BRANCHES[branch]
    values = {n: value_at(p, np.linspace(0, 1, 7)) for n, p in made.spec.parameters.items()}
    batch = made.chips(values).columns()
    for i in range(7):
        row = made.chips({n: v[i : i + 1] for n, v in values.items()}).columns()
        for name, column in batch.items():
            assert column.shape == (7,)
            assert column[i] == pytest.approx(row[name][0], rel=1e-12), name


@pytest.mark.parametrize("branch", sorted(BRANCHES))
def test_the_parameters_are_what_the_chips_have(branch: str) -> None:
    made = BRANCHES[branch]
    values = middle(made)
    columns = made.columns(values)
    assert columns["link_bandwidth"] == values["link_bandwidth"]
    if "sram" in values:
        assert columns["sram_bytes"] == values["sram"]
        expected = values["sram_bandwidth_per_byte"] * values["sram"]
        assert columns["sram_bandwidth"] == pytest.approx(expected)
    generation = SETTING.technology.dram.get("HBM3e")
    assert generation is not None
    if "dram_stacks" in values:
        assert columns["dram_bytes"] == pytest.approx(values["dram_stacks"] * generation.capacity.value)
        assert columns["dram_bandwidth"] == pytest.approx(values["dram_stacks"] * generation.bandwidth.value)
    else:
        assert not columns["dram_bytes"].any()
        assert not columns["dram_bandwidth"].any()


def test_the_other_formats_keep_their_ratio_to_the_fp16_peak() -> None:
    made = BRANCHES["sram-only"]
    columns = made.columns({**middle(made), "peak_flops": np.asarray([376e12])})
    assert columns["peak_flops"][0] == pytest.approx(2 * 376e12)  # twice the fp16 peak, twice the int8 peak


def test_what_does_not_vary_comes_from_the_template_its_stack_and_its_network() -> None:
    made = BRANCHES["hybrid"]
    template = chip_columns(CATALOG.get(ChipSpec, "lpu-hbm"), SETTING)
    columns = made.columns(middle(made))
    for name in ("link_topology", "link_domain", "compute_efficiency", "usable_capacity", "sram_pinned"):
        assert columns[name] == template[name], name


def test_the_kind_of_a_chip_is_where_its_tensors_live() -> None:
    assert {name: branch.kind for name, branch in BRANCHES.items()} == {n: n for n in BRANCHES}
    kinds = {n: chip_kind(CATALOG.get(ChipSpec, n)) for n in ("groq-lpu-v1", "h100-sxm", "lpu-hbm")}
    assert kinds == {"groq-lpu-v1": "sram-only", "h100-sxm": "dram-only", "lpu-hbm": "hybrid"}
    assert storage_kind(scratchpad=False, dram=False) == "dram-only"


def test_the_nearest_chip_has_the_numbers_of_the_data_sheet() -> None:
    groq = BRANCHES["sram-only"].nearest(CATALOG.get(ChipSpec, "groq-lpu-v1"))
    assert groq == pytest.approx(
        {
            "peak_flops": 188e12,
            "sram": 230e6,
            "sram_bandwidth_per_byte": 18.43e12 / 230e6,
            "link_bandwidth": 117.5e9,
        }
    )
    h100 = BRANCHES["dram-only"].nearest(CATALOG.get(ChipSpec, "h100-sxm"))
    assert h100 == pytest.approx({"peak_flops": 989e12, "dram_stacks": 5.0, "link_bandwidth": 450e9})


def test_a_compute_ratio_price_is_proportional_to_the_peak() -> None:
    price = PriceSpec(method="compute-ratio", reference="h100-sxm", reference_price="30000 USD")
    made = branches_of(SPACE, replace(SETTING, price=price))["sram-only"]
    values = {**middle(made), "peak_flops": np.asarray([188e12, 989e12])}
    # the article: 188 of 989 TFLOP/s at 30,000 USD; it writes 6,000 for 5,703
    assert made.columns(values)["price_usd"] == pytest.approx([5702.73, 30000.0], rel=1e-6)


def test_a_listed_price_is_refused_for_chips_that_nobody_lists() -> None:
    with pytest.raises(SpecError, match="hypothetical chips of lpu-or-hbm, got 'listed'"):
        branches_of(SPACE, replace(SETTING, price=PriceSpec(method="listed")))


def test_the_problems_of_all_branches_are_told_at_once() -> None:
    broken = {
        name: branch.model_copy(update={"template": f"no-{name}"}) for name, branch in SPACE.branches.items()
    }
    with pytest.raises(SpecError) as error:
        branches_of(SPACE.model_copy(update={"branches": broken}), SETTING)
    assert all(f"unknown chip 'no-{name}'" in str(error.value) for name in SPACE.branches)


OPEN = CATALOG.get(SpaceSpec, "open-chip")


@pytest.mark.parametrize("name", ["sram-only", "dram-only", "hybrid"])
def test_every_chip_of_the_open_space_has_finite_columns(name: str) -> None:
    branch = branches_of(OPEN, SETTING)[name]
    draws = np.random.default_rng(1).random((len(branch.spec.parameters), 200))
    values = {n: value_at(p, f) for (n, p), f in zip(branch.spec.parameters.items(), draws, strict=True)}
    columns = branch.columns(values)
    assert all(np.isfinite(a).all() for a in columns.values())
    excess = {n for n, a in columns.items() if "excess" in n and (a > 0.0).any() and (a <= 0.0).any()}
    assert {"area_excess_m2", "cooling_excess_w"} <= excess  # both sides of each are searched


def test_a_searched_node_costs_what_the_same_node_costs_alone() -> None:
    branch = branches_of(OPEN, SETTING)["hybrid"]
    middle_of = {n: value_at(p, np.full(3, 0.5)) for n, p in branch.spec.parameters.items()}
    found = branch.columns({**middle_of, "process": np.asarray([2.0, 0.0, 1.0])})
    for i, node in enumerate(("n3", "n7", "n5")):
        alone = branch.spec
        fixed = alone.model_copy(
            update={
                "process": node,
                "parameters": {n: p for n, p in alone.parameters.items() if n != "process"},
            }
        )
        space = OPEN.model_copy(update={"branches": {"hybrid": fixed}})
        one = branches_of(space, SETTING)["hybrid"].columns(
            {n: v[:1] for n, v in middle_of.items() if n != "process"}
        )
        for column in ("price_usd", "power_w", "area_excess_m2", "static_w"):
            assert found[column][i] == pytest.approx(one[column][0], rel=1e-12), (node, column)


def test_choices_are_named_and_lie_evenly() -> None:
    node = OPEN.branches["hybrid"].parameters["process"]
    assert list(value_at(node, np.asarray([0.0, 0.5, 1.0]))) == [0.0, 1.0, 2.0]
    assert [fraction_of(node, v) for v in (0.0, 1.0, 2.0)] == [0.0, 0.5, 1.0]
    branch = branches_of(OPEN, SETTING)["hybrid"]
    assert list(branch.named({"process": np.asarray([1.0, 2.0])})["process"]) == ["n5", "n3"]


def test_no_stacks_are_no_dram() -> None:
    branch = branches_of(OPEN, SETTING)["hybrid"]
    values = {n: value_at(p, np.full(1, 0.3)) for n, p in branch.spec.parameters.items()}
    found = branch.columns({**values, "dram_stacks": np.zeros(1), "dies": np.ones(1)})
    assert found["dram_bytes"][0] == found["dram_bandwidth"][0] == found["dram_w"][0] == 0.0


def test_a_price_is_searched_only_where_it_is_asked() -> None:
    with pytest.raises(SpecError, match="expected a parameter price, got"):
        branches_of(SPACE, replace(SETTING, price=PriceSpec(method="searched")))
    spec = SPACE.branches["sram-only"]
    asked = spec.model_copy(
        update={"parameters": {**spec.parameters, "price": ParameterSpec(low=1e2, high=1e5)}}
    )
    space = SPACE.model_copy(update={"branches": {"sram-only": asked}})
    with pytest.raises(SpecError, match="expected no parameter price unless"):
        branches_of(space, SETTING)
    made = branches_of(space, replace(SETTING, price=PriceSpec(method="searched")))["sram-only"]
    values = {**middle(made), "price": np.asarray([777.0])}
    assert made.columns(values)["price_usd"] == 777.0


def test_a_system_is_built_up_alike_for_every_chip() -> None:
    economy = CATALOG.get(EconomySpec, "datacentre-2026")
    built = replace(SETTING, price=PriceSpec(method="unit-cost", system="built-up"), economy=economy)
    real = chip_columns(CATALOG.get(ChipSpec, "h100-sxm"), built)
    # 42,456 USD and a NIC of 1,364 a server of eight; 700 W x 1.4 at 0.46 + 0.36 + 0.41 USD/W and a chassis
    # of 563 over eight;
    # 450 GB/s of links at 1 USD for switches and 0.39 for boards; 50 GB/s of scale-out at 27.3 + 40 USD
    assert real["host_usd"] == pytest.approx((42456 + 1364) / 8)
    assert real["rack_usd"] == pytest.approx(980 * 1.23 + 563 / 8)
    assert real["network_usd"] == pytest.approx(450 * 1.39)
    assert real["scale_out_usd"] == pytest.approx(50 * 67.3)
    made = branches_of(SPACE, built)["sram-only"]
    found = made.columns(middle(made))
    assert found["host_usd"][0] == real["host_usd"]
    assert found["scale_out_usd"][0] == 0.0  # its network has none


@pytest.mark.parametrize(
    ("name", "parameter", "told"),
    [
        ("dies", {"choices": ["0", "1"]}, "dies: expected at least 1, got 0"),
        ("dies", {"low": "1", "high": "4"}, "dies: expected whole numbers"),
        ("dram_stacks", {"low": "1", "high": "6", "steps": 5}, "dram_stacks: expected whole numbers"),
        ("dram_stacks", {"low": "1", "high": "8", "steps": 4, "scale": "log"}, "expected whole numbers"),
        ("link_count", {"choices": ["1.5", "2"]}, "link_count: expected whole numbers"),
        ("sram", {"low": "-1 MiB", "high": "8 MiB"}, "sram: expected at least 0, got"),
    ],
)
def test_what_is_counted_is_whole_and_nothing_is_less_than_none(
    name: str, parameter: dict[str, Any], told: str
) -> None:
    data = read_yaml(CATALOG.path("spaces", "open-chip"))[0]
    data["branches"]["hybrid"]["parameters"][name] = parameter
    with pytest.raises(SpecError, match=told):
        build_spec(SpaceSpec, data, "space")


def test_a_space_may_choose_the_package_and_what_its_dies_exchange() -> None:
    spec = OPEN.branches["sram-only"]
    asked = {
        "package": ParameterSpec(low=0, high=1, steps=2, choices=("organic", "bridge"), numbers=(0.0, 1.0)),
        "die_bandwidth": ParameterSpec(low=1e11, high=5e12),
    }
    more = spec.model_copy(update={"parameters": {**spec.parameters, **asked}})
    made = branches_of(OPEN.model_copy(update={"branches": {"sram-only": more}}), SETTING)["sram-only"]
    values = {n: value_at(p, np.full(4, 0.3)) for n, p in made.spec.parameters.items()}
    values |= {
        "dies": np.full(4, 4.0),
        "package": np.asarray([0.0, 0.0, 1.0, 1.0]),
        "die_bandwidth": np.asarray([2e11, 5e12, 2e11, 5e12]),
    }
    found = made.columns(values)
    assert list(found["die_bandwidth"]) == [2e11, 5e12, 2e11, 5e12]
    slow, fast, bridged, both = found["price_usd"]
    # silicon under four dies costs hundreds of dollars; PHYs on an organic substrate take 160 mm2 a die
    assert bridged > slow + 400.0
    assert both > bridged
    assert fast > slow
    assert found["link_excess"][1] > found["link_excess"][3]  # organic links take their edge
    assert list(made.named({"package": values["package"]})["package"]) == [
        "organic",
        "organic",
        "bridge",
        "bridge",
    ]


def test_no_chip_that_searches_start_from_loads_its_matrix_units_for_nothing() -> None:
    """Bytes of load path for each FLOP/s are those of Groq LPU v1: 9.216 TB/s beside 188 TFLOP/s in fp16."""
    chips = CATALOG.all(ChipSpec)
    ours = [c for c in chips.values() if c.hypothetical and c.chip_class == "dataflow-sram"]
    spaces = CATALOG.all(SpaceSpec).values()
    ours += [chips[b.template] for space in spaces for b in space.branches.values()]
    loading = [c for c in ours if c.sram.use == "scratchpad" or c.chip_class == "dataflow-sram"]
    assert {"hybrid-n5", "cached-n5", "lpu-template", "lpu-hbm"} <= {c.name for c in loading}
    for chip in loading:
        load, peak = chip.sram.weight_load, chip.peak["fp16"].value
        assert load is not None
        assert load.value == pytest.approx((peak or 0.0) * 9.216e12 / 188e12, rel=0.001), chip.name
