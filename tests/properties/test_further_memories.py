"""Chips with memories beyond SRAM and DRAM: by hand, without them, faster, larger, compiled."""

from dataclasses import replace
from functools import cache
from typing import Any

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.backends import compiler
from dse.bounds.speed_of_light import assert_within_physics
from dse.testing.checks import HEADLINE
from objectives.api import Chips, Context, Deployments, Designs, Metrics
from objectives.costmodels.roofline import RooflineCostModel
from objectives.memories import FURTHER, MEMORIES, READ_ONLY

evaluate = RooflineCostModel().evaluate
EXACT = 1e-12  # rounding of a few floating-point operations
FEW = settings(LAW, max_examples=max(LAW.max_examples // 2, 25))
COLUMNS = {f"{m}_{c}" for m in FURTHER for c in MEMORIES[m].columns}


def log(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(np.log(low), np.log(high)).map(lambda x: float(np.exp(x)))


@st.composite
def memories(draw: st.DrawFn, room: bool = True) -> dict[str, float]:
    """Columns of one to three further memories."""
    found: dict[str, float] = {}
    for name in draw(st.lists(st.sampled_from(FURTHER), min_size=1, max_size=3, unique=True)):
        each = {
            "bytes": draw(log(1e8, 1e12)) if room else 0.0,
            "bandwidth": draw(log(1e10, 1e14)),
            "w": draw(st.floats(0.0, 200.0)),
            "write_bandwidth": draw(log(1e9, 1e13)),
            "latency": draw(log(1e-7, 1e-4)),
            "endurance": draw(log(1e2, 1e5)),
        }
        found |= {f"{name}_{c}": each[c] for c in MEMORIES[name].columns}
    return found


def results(metrics: Metrics) -> dict[str, Any]:
    found = {name: getattr(metrics, name) for name in HEADLINE}
    for ledger in ("violations", "tpot_parts", "ttft_parts", "energy_parts", "bounds", "capacity_parts"):
        found |= {f"{ledger}.{k}": v for k, v in getattr(metrics, ledger).items()}
    return found


def with_memories(chips: Chips, columns: dict[str, float]) -> Chips:
    return Chips.of(**chips.columns(), **{k: np.array([v]) for k, v in columns.items()})


@given(design=make.designs(), context=make.contexts(), absent=memories(room=False))
@LAW
def test_memories_of_no_size_change_nothing_bit_for_bit(
    design: Designs, context: Context, absent: dict[str, float]
) -> None:
    plain = results(evaluate(design, context, detail=True))
    chips = with_memories(design.chips, absent)
    more = results(evaluate(design.replace(chips=chips), context, detail=True))
    new = {"violations.writable_capacity", "violations.flash_wear", "violations.rom_wear"}
    new |= {"tpot_parts.memory_latency"}
    for name in more.keys() - plain.keys():
        assert name in new | {"ttft_parts.memory_latency"} or name.rpartition(".")[2] in FURTHER
    for name, column in plain.items():
        assert np.array_equal(column, more[name]), name
    gone = [more[n] for n in more if n.endswith((".memory_latency", "_wear"))]
    assert all(np.all(np.asarray(x) == 0.0) for x in gone)


@given(one=make.designs(), other=make.designs(), context=make.contexts(), columns=memories())
@FEW
def test_a_chip_next_to_others_in_a_batch_is_as_alone(
    one: Designs, other: Designs, context: Context, columns: dict[str, float]
) -> None:
    absent = dict.fromkeys(columns, 0.0)
    parts = [
        one.replace(chips=with_memories(one.chips, absent)),
        other.replace(chips=with_memories(other.chips, columns)),
    ]
    both = results(evaluate(make.stacked(parts), context))
    alone = results(evaluate(one, context)), results(evaluate(parts[1], context))
    for i in (0, 1):
        for name, column in alone[i].items():
            found = np.broadcast_to(both[name], (2,))[i]
            # sums over more memories may round in another order; a violation is a difference
            near = EXACT if name.startswith("violations.") else 0.0
            assert found == pytest.approx(np.ravel(column)[0], rel=EXACT, abs=near), name


LOSSLESS = {k: v for k, v in make.LOSSLESS.items() if k != "tile_rows"}


def lossless(**changes: float) -> Chips:
    """Memories of 100 GB at 1 TB/s of DRAM, compute without end."""
    free = {
        "peak_flops": 1e30, "attention_flops": 1e30, "dram_bytes": 100e9, "dram_bandwidth": 1e12,
        "link_latency": 0.0, "exposed_share": 0.0,
    }  # fmt: skip
    return make.h100_like(**{**make.LOSSLESS, **free, **changes})


def matrices() -> Context:
    """Eight matrices of 4,096 x 4,096 in two bytes: 268 MB, which every step reads once."""
    return make.context(make.dnn(), serving="decode-only", activations=1e-9)


SIZE = 8 * 4096 * 4096 * 2.0


def test_weights_stream_from_dram_and_flash_at_once() -> None:
    flash = {"flash_bytes": 1e12, "flash_bandwidth": 3e12, "flash_w": 30.0}
    found = evaluate(make.design(lossless(**flash)), matrices(), detail=True)
    # 4 TB/s together
    assert found.tpot_s == pytest.approx(SIZE / 4e12, rel=1e-9)
    # three quarters of the bytes from flash, 30 W at 3 TB/s: 10 pJ for each byte
    assert found.energy_parts["flash"] == pytest.approx(0.75 * SIZE * 1e-11, rel=1e-9)


def test_a_full_memory_leaves_the_rest_to_the_others() -> None:
    rom = {"rom_bytes": SIZE / 4, "rom_bandwidth": 1e14, "rom_w": 1.0}
    found = evaluate(make.design(lossless(**rom)), matrices())
    assert found.tpot_s == pytest.approx(0.75 * SIZE / 1e12, rel=1e-9)


def test_the_first_byte_is_waited_for_once_a_step() -> None:
    flash = {"flash_bytes": 1e12, "flash_bandwidth": 3e12, "flash_w": 30.0, "flash_latency": 15e-6}
    found = evaluate(make.design(lossless(**flash)), matrices(), detail=True)
    assert found.tpot_s == pytest.approx(SIZE / 4e12 + 15e-6, rel=1e-9)
    assert found.tpot_parts["memory_latency"] == pytest.approx(15e-6, rel=EXACT)
    staged = evaluate(make.design(lossless(**flash), 1, 1, 4), matrices(), detail=True)
    assert staged.tpot_parts["memory_latency"] == pytest.approx(4 * 15e-6, rel=EXACT)


def test_routed_experts_are_waited_for_in_every_layer() -> None:
    flash = {"flash_bytes": 1e12, "flash_bandwidth": 1e15, "flash_w": 0.0}
    context = make.context(make.mixtral_8x7b())
    slow, fast = (
        evaluate(make.design(lossless(**flash, flash_latency=s)), context).tpot_s for s in (1e-5, 0.0)
    )
    # once for the step and once in each of 32 layers
    assert slow - fast == pytest.approx(33 * 1e-5, rel=1e-6)


def test_kv_cache_lies_in_no_memory_that_is_only_read() -> None:
    # 7B in two bytes: 13.5 GB of weights; 524,288 B of KV cache for each of 2,048 tokens of 64 sequences
    context = make.context(make.llama2_7b(), activations=1e-9)
    kv = 32 * 2 * 4096 * 2.0 * 2048 * 64
    chip = lossless(dram_bytes=kv - 1e9, rom_bytes=1e12, rom_bandwidth=1e14, rom_w=0.0)
    found = evaluate(make.design(chip, 64), context)
    assert found.violations["capacity"] < 0.0
    assert found.violations["writable_capacity"] == pytest.approx(1e9, rel=1e-6)
    assert not np.any(found.feasible())


def test_bytes_beyond_all_memories_are_the_excess() -> None:
    with_flash = lossless(dram_bytes=1e8, flash_bytes=5e7, flash_bandwidth=1e12, flash_w=0.0)
    assert evaluate(make.design(with_flash), matrices()).violations["capacity"] == pytest.approx(
        SIZE - 1.5e8, rel=1e-6
    )


def test_prompts_write_kv_cache_as_fast_as_the_memory_takes_it() -> None:
    pool = {"pooled_bytes": 1e12, "pooled_bandwidth": 1e12, "pooled_w": 0.0}
    context = make.context(make.llama2_7b(), serving="aggregated", osl=1.0, isl=4096.0)
    chips = lossless(dram_bytes=0.0, dram_bandwidth=0.0, **make_scratchpad(), **pool)
    quick, slow = (
        evaluate(make.design(with_memories(chips, {"pooled_write_bandwidth": w})), context).ttft_s
        for w in (1e12, 1e10)
    )
    # 4,096 tokens of 524,288 B, nearly all of them in the pool
    assert slow - quick == pytest.approx(4096 * 524288 * (1 / 1e10 - 1 / 1e12), rel=0.05)


def make_scratchpad() -> dict[str, float]:
    return {"sram_bytes": 1e6, "sram_bandwidth": 1e13, "sram_pinned": 1.0}


def test_flash_wears_by_the_updates_in_its_life() -> None:
    flash = {"flash_bytes": 1e12, "flash_bandwidth": 3e12, "flash_w": 30.0, "flash_endurance": 3000.0}
    context = matrices()
    years = replace(context.economy, lifetime_s=1000 * 86400.0)
    for updates, excess in ((0.0, -3000.0), (2.0, -1000.0), (4.0, 1000.0)):
        work = replace(context.workload, weight_updates=updates)
        found = evaluate(make.design(lossless(**flash)), replace(context, workload=work, economy=years))
        assert found.violations["flash_wear"] == pytest.approx(excess, rel=EXACT)


def test_rom_is_never_rewritten() -> None:
    context, rom = matrices(), {"rom_bytes": 1e12, "rom_bandwidth": 3e12, "rom_w": 30.0}
    for updates, may in ((0.0, True), (1e-6, False)):
        work = replace(context.workload, weight_updates=updates)
        found = evaluate(make.design(lossless(**rom)), replace(context, workload=work))
        assert bool(np.all(found.violations["rom_wear"] <= 0.0)) is may


EQUAL = {"dram_efficiency": 0.8, "kv_efficiency": 0.8, "expert_efficiency": 1.0}
"""Stacks that sustain the same of a memory whatever they read: the domain in which placement is exact."""


@given(
    values=make.chip_values(), sizes=make.deployment_values(), columns=memories(), faster=log(1.0, 10.0),
    llm=make.llms(), data=st.data(),
)  # fmt: skip
@LAW
def test_more_bandwidth_of_any_memory_never_slows_a_step(
    values: dict[str, float], sizes: dict[str, float], columns: dict[str, float], faster: float,
    llm: Any, data: Any,
) -> None:  # fmt: skip
    columns = {k: v for k, v in columns.items() if not k.endswith("latency")}
    context = make.context(llm, serving="decode-only", activations=1e-9)
    chips = with_memories(make.chips({**values, **EQUAL}), columns)
    some = [c for c in ("dram_bandwidth", "sram_bandwidth") if values[c] > 0.0]
    column = data.draw(st.sampled_from([*some, *(c for c in columns if c.endswith("_bandwidth"))]))
    design = Designs.of(chips=chips, deployments=make.deployments(**sizes))
    slow = evaluate(design, context).tpot_s
    quick = evaluate(make.changed(design, column, lambda x: faster * x), context).tpot_s
    assert np.all(quick <= slow * (1.0 + 1e-6)), column


@given(design=make.designs(), context=make.contexts(), columns=memories())
@FEW
def test_nothing_is_faster_than_physics(design: Designs, context: Context, columns: dict[str, float]) -> None:
    more = design.replace(chips=with_memories(design.chips, columns))
    assert_within_physics(more, context, evaluate(more, context))


@given(design=make.designs(), context=make.contexts(), columns=memories())
@FEW
def test_parts_sum_to_their_totals(design: Designs, context: Context, columns: dict[str, float]) -> None:
    found = evaluate(design.replace(chips=with_memories(design.chips, columns)), context, detail=True)
    assert sum(found.tpot_parts.values()) == pytest.approx(found.tpot_s, rel=1e-9)
    assert sum(found.bounds.values()) == pytest.approx(found.tpot_s, rel=1e-9)
    assert sum(found.ttft_parts.values()) == pytest.approx(found.ttft_s, rel=1e-9)
    assert sum(found.energy_parts.values()) == pytest.approx(found.energy_per_token_j, rel=1e-9)


def test_read_only_memories_are_rom_and_flash() -> None:
    assert {"rom", "flash"} == READ_ONLY


FULL = {
    f"{m}_{c}": {"bytes": 2e10, "bandwidth": 2e12, "w": 20.0, "write_bandwidth": 1e11, "latency": 1e-6,
                 "endurance": 3e3}[c]
    for m in ("rom", "stacked_dram", "flash", "pooled") for c in MEMORIES[m].columns
}  # fmt: skip


@cache
def compiled(serving: str) -> Any:
    compile = compiler("jax", fused=False)
    assert compile is not None
    context = make.context(make.mixtral_8x7b(), serving=serving)

    def of(chips: Any, deployments: Any) -> Any:
        designs = Designs.of(chips=Chips.of(**chips), deployments=Deployments(**deployments))
        return results(evaluate(designs, context, detail=True))

    return of, compile(of)


@pytest.mark.parametrize(
    ("serving", "memories"),
    [("decode-only", ("rom", "stacked_dram", "flash", "pooled")), ("aggregated", ("flash",))],
)
def test_compiled_functions_place_bytes_alike(serving: str, memories: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    plain, fast = compiled(serving)
    base = make.h100_like(**make_scratchpad()).columns()
    n = 8
    chips = {k: np.broadcast_to(v, (n,)) * np.ones(n) for k, v in base.items()}
    chips |= {k: v * np.exp(rng.uniform(-1.0, 1.0, n)) for k, v in FULL.items() if k.startswith(memories)}
    chips["flash_bytes"] = chips["flash_bytes"] * (np.arange(n) % 2)
    sizes = make.deployments(batch=np.arange(1.0, n + 1.0) * 8, tp=2, pp=1).columns()
    one, other = plain(chips, sizes), fast(chips, sizes)
    assert one.keys() == other.keys()
    for name, column in one.items():
        if not name.startswith("violations"):
            assert np.asarray(other[name]) == pytest.approx(np.asarray(column), rel=1e-9, abs=1e-15), name
