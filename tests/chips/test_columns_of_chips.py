"""From the file of a chip to the columns that cost models read: a number moves only what follows from it."""

from dataclasses import replace
from functools import cache
from math import isfinite

import numpy as np
import pytest

from dse.chips.architecture import on_architecture
from dse.chips.chip_price import AROUND, price_of
from dse.chips.price_method import Priced, Terms, price_method
from dse.chips.price_methods.margin import margin_of
from dse.chips.resolve import chip_columns, chips_of, speed_columns
from dse.chips.setting import Setting
from dse.chips.silicon_columns import EXCESS, WATTS
from dse.errors import SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.replace import override_all
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.schema.technology import TechnologySpec

CATALOG = Catalog()
TECHNOLOGY = CATALOG.get(TechnologySpec, "technology-2026")
H100 = CATALOG.get(ChipSpec, "h100-sxm")
GROQ = CATALOG.get(ChipSpec, "groq-lpu-v1")


def setting(method: str = "listed", system: str = "chips-only", **more: object) -> Setting:
    price = PriceSpec(method=method, system=system, **more)
    return Setting(
        catalog=CATALOG, precision=PrecisionSpec(weights="fp16", kv="fp16", activations="fp16"), price=price,
        technology=TECHNOLOGY, economy=CATALOG.get(EconomySpec, "datacentre-2026"),
    )  # fmt: skip


LISTED = setting()


def changed(chip: ChipSpec, now: Setting = LISTED, **values: float) -> set[str]:
    """Columns that change with numbers of a chip's file; a point in a path is written as two underscores."""
    paths = {name.replace("__", "."): value for name, value in values.items()}
    before, after = chip_columns(chip, now), chip_columns(override_all(chip, paths, "a test"), now)
    return {name for name in before if before[name] != after[name]}


# --- what follows from what


def test_prices_and_capacities_move_nothing_else() -> None:
    assert changed(H100, price=1.0) == {"price_usd"}
    assert changed(H100, dram__capacity=1e9) == {"dram_bytes"}
    assert changed(GROQ, claimed_user_speed=1.0) == {"user_tokens_per_s"}


def test_bandwidths_and_peaks_are_those_of_the_file_and_shares_of_the_power_follow() -> None:
    shares = set(WATTS)
    """The power of a chip that exists is published, so only its shares may move."""
    assert changed(H100, dram__bandwidth=5e12) - shares == {"dram_bandwidth"}
    assert changed(H100, link__bandwidth=1e12) - shares == {"link_bandwidth"}
    assert changed(H100, peak__fp16=2e15) - shares == {"peak_flops", "attention_flops"}
    assert changed(H100, power=800.0) - shares == {"power_w"}
    assert changed(GROQ, sram__capacity=500e6) - shares == {"sram_bytes"}
    assert changed(GROQ, sram__bandwidth=1e13) - shares == {"sram_bandwidth"}


def test_a_system_that_is_built_up_follows_the_power_and_the_links() -> None:
    built = setting(system="built-up")
    assert changed(H100, built, power=800.0) - set(WATTS) == {"power_w", "rack_usd"}
    moved = changed(H100, built, link__bandwidth=1e12) - set(WATTS)
    assert moved == {"link_bandwidth", "network_usd"}  # its switches are on the board of eight
    assert not changed(H100, built, price=1.0) - {"price_usd"}


# --- power


@cache
def every_chip() -> dict[str, dict[str, float]]:
    """Columns of every chip of the catalog whose file says enough."""
    found = {}
    free = replace(LISTED, price=PriceSpec(method="searched"))
    for name, chip in CATALOG.all(ChipSpec).items():
        try:
            found[name] = chip_columns(chip, free)
        except SpecError:
            continue
    return found


def test_most_chips_of_the_catalog_have_columns_and_all_are_finite() -> None:
    found = every_chip()
    assert len(found) > 60
    for name, columns in found.items():
        assert all(isfinite(v) for v in columns.values()), name
        assert all(v >= 0.0 for n, v in columns.items() if n not in EXCESS), name


def test_a_published_power_is_kept_and_its_shares_add_up_to_it_and_no_more_than_full_rates_can() -> None:
    """At thermal design power everything but SRAM runs at its full rate, so full rates are at least that."""
    for name, columns in every_chip().items():
        chip = CATALOG.get(ChipSpec, name)
        if chip.power.value is not None:
            assert columns["power_w"] == chip.power.value, name
        if chip.sram.weight_load is not None:
            continue  # what loads the matrix units has a rate of its own
        whole = sum(columns[w] for w in WATTS)
        assert whole >= columns["power_w"] * (1 - 1e-9), name
        assert columns["static_w"] <= columns["power_w"] * (1 + 1e-9), name
        assert (columns["dram_w"] > 0.0) <= (chip.dram is not None), name


def test_twice_the_published_power_is_twice_every_share() -> None:
    columns = every_chip()["h100-sxm"]
    doubled = chip_columns(override_all(H100, {"power": 2 * (H100.power.value or 0.0)}, "a test"), LISTED)
    for name in WATTS:
        assert doubled[name] == pytest.approx(2 * columns[name], rel=1e-12)


def test_a_chip_that_exists_violates_nothing_and_a_hypothetical_one_may() -> None:
    for name, columns in every_chip().items():
        if not CATALOG.get(ChipSpec, name).hypothetical:
            assert [columns[n] for n in EXCESS] == [0.0] * len(EXCESS), name
    made = CATALOG.get(ChipSpec, "lpu-hbm")
    fits = chip_columns(made, setting("unit-cost"))
    huge = chip_columns(override_all(made, {"sram.capacity": 64e9}, "a test"), setting("unit-cost"))
    assert fits["area_excess_m2"] <= 0.0 < huge["area_excess_m2"]


def test_chips_of_a_batch_are_the_chips_one_after_the_other() -> None:
    rows = [every_chip()[n] for n in ("h100-sxm", "groq-lpu-v1", "mi300x")]
    batch = chips_of(rows)
    for name, column in batch.columns().items():
        assert np.asarray(column).tolist() == [row[name] for row in rows]


def test_speed_alone_has_the_same_speeds_and_no_dollar_and_no_watt() -> None:
    for chip in (H100, GROQ):
        network = CATALOG.get(NetworkSpec, chip.link.network)
        stack = on_architecture(CATALOG.get(StackSpec, chip.stack), chip.architecture, CATALOG)
        found = speed_columns(chip, LISTED.precision, stack, network)
        whole = every_chip()[chip.name]
        assert set(found) == set(whole)
        free = {"price_usd", *AROUND, "power_w", *WATTS, *EXCESS, "board_chips", "rack_chips", "optics_w"}
        for name, value in found.items():
            if name in free:
                assert value == 0.0, name
            elif name not in ("user_tokens_per_s", "sram_usable"):
                assert value == whole[name], name


# --- prices


def test_a_listed_price_is_that_of_the_file() -> None:
    assert price_of(H100, LISTED) == H100.price.value
    assert price_of(H100, setting("searched")) == H100.price.value


def test_a_price_by_compute_ratio_is_as_many_times_the_reference_as_its_peak_is() -> None:
    """188 TFLOP/s over 989.4 TFLOP/s of an H100 at what its file says, or at 30,000 USD."""
    peaks = [float(c.peak["fp16"].value or 0.0) for c in (GROQ, H100)]
    found = price_of(GROQ, setting("compute-ratio", reference="h100-sxm"))
    assert found == pytest.approx(peaks[0] / peaks[1] * float(H100.price.value or 0.0))
    asked = price_of(GROQ, setting("compute-ratio", reference="h100-sxm", reference_price="30 kUSD"))
    assert asked == pytest.approx(peaks[0] / peaks[1] * 30_000.0)
    assert price_of(H100, setting("compute-ratio", reference="h100-sxm")) == pytest.approx(H100.price.value)


def test_a_price_by_margin_leaves_the_seller_its_margin_of_what_one_chip_costs() -> None:
    cost = price_of(H100, setting("unit-cost"))
    share = float(TECHNOLOGY.economics.gross_margin["nvidia-chip"].value or 0.0)
    many = price_of(H100, setting("margin", seller="nvidia-chip", volume=10**12))
    assert (many - cost) / many == pytest.approx(share, rel=1e-6)
    prices = [
        price_of(H100, setting("margin", seller="nvidia-chip", volume=v)) for v in (10_000, 20_000, 10**12)
    ]
    # one-off cost is shared out: half of it for twice as many
    assert prices[0] - prices[2] == pytest.approx(2 * (prices[1] - prices[2]), rel=1e-6)
    assert prices[0] > prices[1] > prices[2] > cost > 0.0


def test_a_seller_who_keeps_all_of_a_price_has_none() -> None:
    path = "economics.gross_margin.nvidia-chip"
    terms = PriceSpec(method="margin", seller="nvidia-chip", volume=1000)
    assert margin_of(terms, override_all(TECHNOLOGY, {path: 0.99}, "a test")).gross_margin == 0.99
    with pytest.raises(SpecError, match="expected a gross margin below 1, got 1"):
        margin_of(terms, override_all(TECHNOLOGY, {path: 1.0}, "a test"))


def test_a_method_reads_of_a_chip_what_it_says_it_needs() -> None:
    terms = Terms(price=PriceSpec(method="searched"), technology=TECHNOLOGY, catalog=CATALOG)
    searched = price_method("searched")
    two = np.array([2.0])
    for known, part in (
        ({"searched_usd": two, "listed_usd": two * 2, "unit_cost_usd": two * 3}, ("searched", 2.0)),
        ({"listed_usd": two * 2, "unit_cost_usd": two * 3}, ("listed", 4.0)),
        ({"unit_cost_usd": two * 3}, ("unit_cost", 6.0)),
    ):
        found = searched.price(Priced(**known), terms)
        assert {name: float(v[0]) for name, v in found.items()} == {part[0]: part[1]}
    assert searched.needs(None) == {"searched price"}
    assert searched.needs(H100) == {"listed price"}
    assert searched.needs(CATALOG.get(ChipSpec, "lpu-hbm")) == {"unit cost"}


# --- stacks


def test_the_stack_of_a_chip_is_its_own_unless_the_setting_gives_one() -> None:
    assert LISTED.sold_with("h100-sxm", "gpu-serving") == "gpu-serving"
    one = replace(LISTED, stack="vllm-2025")
    assert one.sold_with("h100-sxm", "gpu-serving") == "vllm-2025"
    own = replace(one, stacks={"h100-sxm": "ideal"})
    assert own.sold_with("h100-sxm", "gpu-serving") == "ideal"
    assert own.sold_with("h200-sxm", "gpu-serving") == "vllm-2025"


def test_equal_software_keeps_the_grain_of_the_chip_and_ideal_software_loses_nothing() -> None:
    sold = LISTED.stack_of("groq-lpu-v1", GROQ.stack, GROQ.architecture)
    equal = replace(LISTED, software="equal").stack_of("groq-lpu-v1", GROQ.stack, GROQ.architecture)
    shared = CATALOG.get(StackSpec, "equal")
    for name in ("tile_rows", "prompt_rows", "held_rows"):
        assert getattr(equal, name) == getattr(sold, name)
    for name in ("dram_efficiency", "layer_overhead", "step_overhead", "link_efficiency"):
        assert getattr(equal, name) == getattr(shared, name)
    ideal = replace(LISTED, software="ideal").stack_of("groq-lpu-v1", GROQ.stack, GROQ.architecture)
    # what it can do is that of the chip's own software, what it loses is nothing
    assert ideal == CATALOG.get(StackSpec, "ideal").model_copy(
        update={"context_parallel": sold.context_parallel}
    )
    assert sold.context_parallel is not None
