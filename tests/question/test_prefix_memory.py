"""Prefix caches in memories of chip files: what a workload may say, and which chips keep it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.evaluate.pools.estimate import estimate_pools
from dse.question.pools.study import load_question
from dse.spec.json_schema.generate import json_schema
from dse.spec.schema.workload import KEEPERS, WorkloadSpec
from dse.spec.yaml.loading import load_spec

CHIP = Path(__file__).resolve().parents[2] / "configs" / "chips" / "h100-sxm.yaml"


def sourced(value: object) -> dict[str, object]:
    return {"value": value, "source": "assumption", "basis": "assumption"}


LATE = {
    "host": {"latency": sourced("1 us")},
    "pooled": {"latency": sourced("1 us")},
    "flash": {
        "latency": sourced("1 us"), "endurance": sourced(3000), "write_bandwidth": sourced("2 GB/s"),
    },
}  # fmt: skip


def workload(folder: Path, tier: str, serving: str = "aggregated", **more: Any) -> Path:
    """A workload of 10,000 tokens of which nine tenths are kept in a tier."""
    cache = {"hit": sourced(0.9), "stored": sourced("100000 token"), "tier": tier, **more}
    data = {
        "kind": "workload",
        "name": "kept",
        "title": "Kept",
        "isl": sourced("10000 token"),
        "osl": sourced("1000 token"),
        "serving": serving,
        **({"prefill_load": sourced(0.8)} if serving == "disaggregated" else {}),
        "prefix_cache": cache,
    }
    path = folder / "workloads" / "kept.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def chip(folder: Path, *kinds: str, size: str = "4 GB") -> Path:
    """An H100 with memories of 50 GB/s, of 4 GB each unless told."""
    data = yaml.safe_load(CHIP.read_text(encoding="utf-8"))
    one = {
        "capacity": sourced(size), "bandwidth": sourced("50 GB/s"), "energy": sourced("10 pJ/bit"),
        "price": sourced("100 USD"),
    }  # fmt: skip
    data |= {"name": "kept-chip", "memories": [{"kind": k, **one, **LATE.get(k, {})} for k in kinds]}
    data.pop("aliases", None)
    path = folder / "chips" / "kept-chip.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def asked(at: Path, work: Path) -> Any:
    return estimate(
        str(at), "llama3.3-70b", str(work), weights="fp8", batch=8, tp=8, pp=1, hold_targets=False
    )


def test_the_memory_that_has_no_room_for_prefixes_is_named(tmp_path: Path) -> None:
    # 100,000 tokens of 163,840 B over 8 chips are 2.05 GB a chip, and the stack uses nine tenths of a memory
    for size, note in (("1 GB", True), ("4 GB", False)):
        found = asked(chip(tmp_path, "host", size=size), workload(tmp_path, "host"))
        said = [n for n in found.notes if n.startswith("prefixes take")]
        assert found.feasible != note and bool(said) == note
        if note:
            what = "prefixes take 2.05 GB of the host memory of a chip, which has room for 900 MB"
            assert said[0].startswith(what)
    pools = [f"prefill={chip(tmp_path, 'host', size='1 GB')},tp=8,pp=1", "decode=h200,tp=8,pp=1,batch=8"]
    load = ("llama3.3-70b", str(workload(tmp_path, "host", "disaggregated")))
    system = estimate_pools(pools, *load, weights="fp8", hold_targets=False, link="25 GB/s, 5 us")
    assert any(n.startswith("prefixes take 2.05 GB of the host memory") for n in system.notes)


def test_numbers_of_a_cache_apart_are_refused_where_prefixes_lie_in_the_chip() -> None:
    for call in (
        lambda s: estimate("h200", "llama3.3-70b", "prompt-cached", weights="fp8", settings=s),
        lambda s: estimate_pools(
            ["prefill=h200", "decode=h100"], "llama3.3-70b", "prompt-cached", weights="fp8", settings=s
        ),
    ):
        with pytest.raises(SpecError) as error:
            call({"prefix_bandwidth": "10 GB/s"})
        assert "with a bandwidth of its own, got the tier dram of the chip" in str(error.value)
        assert "expected a chip" not in str(error.value)


def problems(error: pytest.ExceptionInfo[SpecError]) -> list[str]:
    return [str(p) for p in error.value.problems]


@pytest.mark.parametrize("kind", KEEPERS)
def test_every_memory_that_is_written_keeps_prefixes(tmp_path: Path, kind: str) -> None:
    found = asked(chip(tmp_path, kind), workload(tmp_path, kind))
    # 9,000 tokens of 2 x 8 x 128 B in 80 layers, an eighth on each chip, at 50 GB/s
    load = 9000 * 2 * 8 * 128 * 80 / 8 / 50e9
    assert found.ledgers["ttft_s"]["prefix_load"] == pytest.approx(load, rel=1e-3)
    assert "prefix_cache" not in found.ledgers["capex_usd"]


def test_flash_that_does_not_say_how_fast_it_is_written_is_refused(tmp_path: Path) -> None:
    path = chip(tmp_path, "flash")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for value in (None, "0 B/s"):
        data["memories"][0]["write_bandwidth"] = {**sourced(value), "source": "not-found"}
        path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        with pytest.raises(SpecError) as error:
            asked(path, workload(tmp_path, "flash"))
        said = "memories.flash.write_bandwidth: expected a known value above 0 B/s, since kept keeps prefixes"
        assert [p for p in problems(error) if said in p], problems(error)
    # weights may lie in it all the same
    del data["memories"][0]["write_bandwidth"]
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    assert asked(path, workload(tmp_path, "dram")).metrics["tpot_s"] > 0.0


def test_a_cache_that_holds_less_than_one_prompt_finds_is_refused(tmp_path: Path) -> None:
    path = workload(tmp_path, "lpddr", stored=sourced("8999 token"))
    said = "prefix_cache.stored: expected the 9,000 tokens at least that one prompt finds, got 8,999"
    with pytest.raises(SpecError) as error:
        load_spec(WorkloadSpec, path)
    assert said in problems(error)[0]
    # what is set is not validated with the file
    with pytest.raises(SpecError) as error:
        estimate(
            str(chip(tmp_path, "lpddr")), "llama3.3-70b", str(workload(tmp_path, "lpddr")), weights="fp8",
            batch=8, tp=8, settings={"isl": "200000 token"},
        )  # fmt: skip
    assert "expected the 180,000 tokens at least" in problems(error)[0]


@pytest.mark.parametrize(
    ("tier", "more", "said"),
    [
        ("lpddr", {}, "every computed token of a prompt is written to lpddr"),
        ("host", {"bandwidth": sourced("25 GB/s"), "cost": sourced("5 USD/GB")}, "takes none of its time"),
        ("lpddr", {"written": sourced(0.5)}, ""),
        ("dram", {}, ""),
    ],
)
def test_what_is_written_is_said_where_the_workload_does_not(
    tmp_path: Path, tier: str, more: dict[str, Any], said: str
) -> None:
    found = asked(chip(tmp_path, "lpddr"), workload(tmp_path, tier, **more))
    notes = [note for note in found.notes if "`written`" in note]
    assert len(notes) == bool(said) and all(said in note for note in notes)


def test_prompts_of_a_pool_wear_the_flash_that_keeps_them(tmp_path: Path) -> None:
    """With one write in the place of 3,000 the pool that prefills is infeasible, whatever decodes."""
    work, own = workload(tmp_path, "flash", "disaggregated"), chip(tmp_path, "flash", size="400 GB")
    sizes = {"link": "50 GB/s, 5 us", "weights": "fp8", "hold_targets": False}
    asked_for = [f"prefill={own},batch=1,tp=8,pp=1", "decode=h200-sxm,batch=8,tp=8,pp=1"]
    found = estimate_pools(asked_for, "llama3.3-70b", str(work), **sizes)
    data = yaml.safe_load(own.read_text(encoding="utf-8"))
    data["memories"][0]["endurance"] = sourced(1)
    own.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    worn = estimate_pools(asked_for, "llama3.3-70b", str(work), **sizes)
    gap = worn.violations["prefill.flash_wear"] - found.violations["prefill.flash_wear"]
    assert gap == pytest.approx(2999.0, rel=1e-9)
    assert worn.violations["prefill.flash_wear"] > 0.0


def test_a_host_with_numbers_is_apart_whatever_the_chip_lists(tmp_path: Path) -> None:
    own = {"bandwidth": sourced("25 GB/s"), "cost": sourced("5 USD/GB")}
    found = asked(chip(tmp_path, "host"), workload(tmp_path, "host", **own))
    assert found.ledgers["ttft_s"]["prefix_load"] == pytest.approx(
        9000 * 2 * 8 * 128 * 80 / 8 / 25e9, rel=1e-9
    )
    # 100,000 tokens of 163,840 B at 5 USD/GB
    assert found.ledgers["capex_usd"]["prefix_cache"] == pytest.approx(1e5 * 163_840 * 5e-9, rel=1e-9)


def test_a_chip_without_the_memory_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    work, bare = workload(tmp_path, "ddr"), "h100-sxm"
    with pytest.raises(SpecError) as error:
        asked(chip(tmp_path, "lpddr", "host"), work)
    said = "prefix_cache.tier of kept: expected dram, lpddr or host of this chip, or host or pooled"
    assert [p for p in problems(error) if said in p and p.endswith("got ddr")]
    with pytest.raises(SpecError) as error:
        estimate(bare, "llama3.3-70b", str(work), weights="fp8", batch=8)
    assert problems(error)[0].startswith("chips/h100-sxm: prefix_cache.tier of kept: expected dram of this")


@pytest.mark.parametrize(
    ("tier", "more", "said"),
    [
        ("lpddr", {"bandwidth": "1 GB/s"}, "bandwidth: expected none for lpddr, whose chip file has it"),
        ("ddr", {"cost": "5 USD/GB"}, "cost: expected none for ddr, whose chip file has it, got one"),
        ("host", {"bandwidth": "1 GB/s"}, "cost: expected a known value for the tier host, got none"),
        ("dram", {"written": 0.5}, "written: expected none for dram, where every pass writes KV cache"),
        ("rom", {}, "got rom: nothing is written into it"),
        ("sram", {}, "got sram: no software keeps prefixes there"),
        ("lpdr", {}, "tier: "),
    ],
)
def test_each_mistake_is_a_sentence_with_its_line(
    tmp_path: Path, tier: str, more: dict[str, str], said: str
) -> None:
    path = workload(tmp_path, tier, **{k: sourced(v) for k, v in more.items()})
    with pytest.raises(SpecError) as error:
        load_spec(WorkloadSpec, path)
    (one,) = problems(error)
    assert said in one
    place, line, _ = one.split(":", 2)
    assert place.endswith("kept.yaml")
    assert path.read_text().splitlines()[int(line) - 1].strip().startswith(("prefix_cache:", "tier:"))


def test_the_schema_names_the_tiers() -> None:
    tier = json_schema("workload")["$defs"]["PrefixCacheSpec"]["properties"]["tier"]
    assert tier["enum"] == ["dram", *KEEPERS]


def test_the_pool_that_prefills_keeps_them_and_the_other_need_not(tmp_path: Path) -> None:
    work, own = workload(tmp_path, "lpddr", "disaggregated"), chip(tmp_path, "lpddr")
    sizes = {"link": "50 GB/s, 5 us", "weights": "fp8", "hold_targets": False}
    first = f"prefill={own},batch=1,tp=8,pp=1"
    found = estimate_pools([first, "decode=h200-sxm,batch=8,tp=8,pp=1"], "llama3.3-70b", str(work), **sizes)
    load = 9000 * 2 * 8 * 128 * 80 / 8 / 50e9
    assert found.ledgers["ttft_s"]["prefix_load"] >= load * 0.999
    with pytest.raises(SpecError) as error:
        estimate_pools(
            ["prefill=h200-sxm,batch=1,tp=8,pp=1", f"decode={own},batch=8,tp=8,pp=1"],
            "llama3.3-70b",
            str(work),
            **sizes,
        )
    (one,) = problems(error)
    assert "expected dram of this chip" in one and one.startswith("chips/h200-sxm")


def test_studies_refuse_chips_and_branches_that_lack_it(tmp_path: Path) -> None:
    work = str(workload(tmp_path, "lpddr"))
    path = write_study(tmp_path, workload=work)
    with pytest.raises(SpecError) as error:
        load_question(str(path))
    said = problems(error)
    assert sum("prefix_cache.tier of kept: expected dram of this chip" in p for p in said) == len(said)
    assert any("chips/h100-sxm" in p for p in said) and any("branches." in p for p in said), said


def test_a_study_of_pools_asks_for_it_where_prompts_run(tmp_path: Path) -> None:
    work, own = str(workload(tmp_path, "lpddr", "disaggregated")), str(chip(tmp_path, "lpddr"))

    def of(first: str, then: str) -> Path:
        pools = {"prefill": {"chips": [first]}, "decode": {"chips": [then]}, "link": "25 GB/s, 5 us"}
        # at list prices: the silicon of this memory is not stated
        price = {"method": "listed"}
        return write_study(tmp_path, workload=work, pools=pools, space=None, baselines=None, price=price)

    assert load_question(str(of(own, "h200-sxm")))
    with pytest.raises(SpecError) as error:
        load_question(str(of("h200-sxm", own)))
    (one,) = problems(error)
    assert "prefix_cache.tier of kept: expected dram of this chip" in one and "h200-sxm" in one
