"""`--set NAME=VALUE`: one number replaced, everything else as it was."""

from typing import Any

import pytest

from dse.errors import SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.command_line import apply_settings
from dse.spec.overrides.replace import OPTIONAL, override_texts
from dse.spec.overrides.short_names import CHIP, NETWORK, STACK, WORKLOAD, names
from dse.spec.schema.base import sourced_values
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import NetworkSpec, StackSpec
from dse.spec.schema.workload import WorkloadSpec

CATALOG = Catalog()


def four(name: str = "h100-sxm") -> tuple[ChipSpec, StackSpec, NetworkSpec, WorkloadSpec]:
    chip = CATALOG.get(ChipSpec, name)
    stack, network = CATALOG.get(StackSpec, chip.stack), CATALOG.get(NetworkSpec, chip.link.network)
    return chip, stack, network, CATALOG.get(WorkloadSpec, "chat")


def numbers(spec: Any) -> dict[str, Any]:
    return dict(sourced_values(spec))


@pytest.mark.parametrize(
    ("name", "text", "place", "path", "si"),
    [
        ("hbm_bandwidth", "5 TB/s", 0, "dram.bandwidth", 5e12),
        ("dram_bandwidth", "5 TB/s", 0, "dram.bandwidth", 5e12),
        ("hbm", "96 GB", 0, "dram.capacity", 96e9),
        ("dram_stacks", "6", 0, "dram.stacks", 6),
        ("sram", "1 GiB", 0, "sram.capacity", 2**30),
        ("sram_bandwidth", "80 TB/s", 0, "sram.bandwidth", 80e12),
        ("link_bandwidth", "900 GB/s", 0, "link.bandwidth", 900e9),
        ("peak_fp16", "2 PFLOP/s", 0, "peak.fp16", 2e15),
        ("price", "30 kUSD", 0, "price", 30_000),
        ("power", "1 kW", 0, "power", 1000),
        ("process", "n3", 0, "die.process", "n3"),
        ("claimed_user_speed", "100 token/s", 0, "claimed_user_speed", 100),
        ("dram_efficiency", "0.5", 1, "dram_efficiency", 0.5),
        ("layer_overhead", "3 us", 1, "layer_overhead", 3e-6),
        ("tile_rows", "128", 1, "tile_rows", 128),
        ("hop_latency", "2 us", 2, "hop_latency", 2e-6),
        ("domain", "72", 2, "domain", 72),
        ("network_cost", "1 kUSD", 2, "cost", 1000),
        ("isl", "1000 token", 3, "isl", 1000),
        ("routing_skew", "3", 3, "routing_skew", 3),
    ],
)
def test_a_name_replaces_one_number(name: str, text: str, place: int, path: str, si: object) -> None:
    before = four()
    after = apply_settings({name: text}, *before)
    assert [after[i] == before[i] for i in range(4)] == [i != place for i in range(4)]
    old, new = numbers(before[place]), numbers(after[place])
    with_it = {"sram.last_level"} if name == "sram" else set()
    assert {k for k in new if old.get(k) != new[k]} == {path} | with_it
    leaf = new[path]
    assert leaf.value == pytest.approx(si) if isinstance(si, (int, float)) else leaf.value == si
    assert (leaf.basis, leaf.source) == ("assumption", "command-line")


def test_a_cache_grows_on_the_die_and_the_cores_keep_their_own() -> None:
    chip, *rest = four()
    grown, *_ = apply_settings({"sram": "183.8 MB"}, chip, *rest)
    assert grown.sram.last_level is not None
    # 83.8 MB of L2 and L1, of which the die carries 60 MB of L2 with its spare parts
    assert grown.sram.last_level.value == pytest.approx(60e6 + 100e6)
    shrunk, *_ = apply_settings({"sram": "1 MB"}, chip, *rest)
    assert shrunk.sram.last_level is not None
    assert shrunk.sram.last_level.value == 0.0
    both, *_ = apply_settings({"sram": "183.8 MB", "last_level": "70 MB"}, chip, *rest)
    assert both.sram.last_level is not None
    assert both.sram.last_level.value == 70e6


def test_pools_are_one_of_their_kinds() -> None:
    *rest, workload = four()
    assert apply_settings({"pools": "system"}, *rest, workload)[3].pools == "system"
    with pytest.raises(SpecError, match="pools: expected one of fleet, system, got 'fleets'"):
        apply_settings({"pools": "fleets"}, *rest, workload)
    assert override_texts(workload, {"pools": "system"}, "study").pools == "system"
    with pytest.raises(SpecError, match="expected one of fleet, system"):
        override_texts(workload, {"pools": "many"}, "study")


def test_the_class_of_cooling_is_a_name() -> None:
    chip, *rest = four()
    assert apply_settings({"cooling": "air"}, chip, *rest)[0].cooling == "air"


def test_several_numbers_are_replaced_together() -> None:
    given = {"price": "1 USD", "domain": "9", "tile_rows": "3", "power": "2 W"}
    chip, stack, network, _ = apply_settings(given, *four())
    assert (chip.price.value, chip.power.value) == (1, 2)
    assert (stack.tile_rows.value, network.domain.value) == (3, 9)


def test_nothing_given_is_nothing_changed() -> None:
    assert apply_settings({}, *four()) == four()


def test_every_problem_is_told_at_once() -> None:
    given = {
        "hbm_bandwith": "5 TB/s",
        "price": "4 GB",
        "sram": "-1 MB",
        "dram_efficiency": "1.5",
        "hop_latency": "fast",
        "domain": "8 GB",
        "power": "100",
    }
    with pytest.raises(SpecError) as error:
        apply_settings(given, *four())
    told = [str(p) for p in error.value.problems]
    assert len(told) == len(given)
    assert all(p.startswith("--set: ") for p in told)
    for name in set(given) - {"hbm_bandwith"}:
        assert sum(p.startswith(f"--set: {name}: ") for p in told) == 1
    assert any("unknown name 'hbm_bandwith'; did you mean 'hbm_bandwidth'" in p for p in told)
    assert any("sram: expected at least 0 B, got '-1 MB'" in p for p in told)
    assert any("power: expected a unit such as '100 W', got the bare number 100" in p for p in told)


def test_what_a_chip_does_not_have_cannot_be_set() -> None:
    with pytest.raises(SpecError) as error:
        apply_settings({"hbm_bandwidth": "1 TB/s", "peak_fp6": "1 TFLOP/s"}, *four("groq-lpu-v1"))
    told = str(error.value)
    assert "hbm_bandwidth: expected a chip that has it, got one without" in told
    assert "unknown name 'peak_fp6'; did you mean 'peak_fp" in told


@pytest.mark.parametrize("form", ["fp32", "fp16", "bf16", "fp8", "int8", "fp4"])
def test_a_peak_that_the_file_lacks_may_be_given(form: str) -> None:
    # the maker of LP30 has published its fp8 peak alone
    chip = apply_settings({f"peak_{form}": "2 PFLOP/s"}, *four("lp30"))[0]
    kept = {"fp8"} - {form}
    assert chip.peak[form.replace("bf", "fp")].value == 2e15  # type: ignore[index]
    assert {n for n, leaf in chip.peak.items() if leaf.basis != "assumption"} == kept


def test_a_format_that_no_matrix_unit_has_names_those_that_are() -> None:
    with pytest.raises(SpecError, match=r"peak\.fp6: expected one of fp32, fp16, fp8, int8, fp4, got fp6"):
        override_texts(four()[0], {"peak.fp6": "2 PFLOP/s"}, "chip/h100-sxm")
    given = override_texts(four("groq-lpu-v1")[0], {"peak.fp8": "2 PFLOP/s"}, "chip/groq-lpu-v1")
    assert given.peak["fp8"].value == 2e15


def test_every_name_leads_to_a_number_of_some_chip() -> None:
    chip, stack, network, workload = four()
    tables = ((CHIP, chip), (STACK, stack), (NETWORK, network), (WORKLOAD, workload))
    for table, spec in tables:
        for name, path in table.items():
            found = numbers(spec)
            missing = {
                "weight_load",
                "peak_fp4",
                "cooling",
                "clock",
                "pools",
            }  # not of an H100; the last three are names
            assert path in found or name in missing or name in OPTIONAL or "." in path, name
    assert len(set(names())) == len(names())


@pytest.mark.parametrize("other", ["dram_bandwidth", "dram.bandwidth"])
def test_two_names_of_one_number_are_refused(other: str) -> None:
    with pytest.raises(SpecError, match=f"expected either hbm_bandwidth or {other}, which are the same"):
        apply_settings({"hbm_bandwidth": "5 TB/s", other: "4 TB/s"}, *four())
