"""The exact front of pairs of pools: that of every pair, each evaluated by the cost model."""

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pairs_for_tests as pairs
import pytest

from dse.choose.rule import violations
from dse.errors import SpecError
from dse.front.files import load_front
from dse.question.pools.study import PooledStudy
from dse.search.pairs.crossed import solve_crossed
from dse.search.pairs.driver import crossed_job_of, job_of, sweep_pairs
from dse.search.pairs.run import run_pairs
from dse.search.pairs.solve import receives, solve_pairs
from dse.search.storage.by_url import open_storage
from objectives.api import Chips, Deployments, Designs, Pool
from objectives.columns import Columns
from objectives.systems.shares import decode_share

SMALL: dict[str, Any] = {
    **pairs.SMALL,
    "pools": {
        "prefill": {"chips": ["h100-sxm"], "space": "sram-or-hbm"},
        "decode": {"chips": ["h200-sxm", "groq-lpu-v1"], "space": "sram-or-hbm"},
        "link": "25 GB/s, 5 us",
    },
    "deployment": {"mode": "search", "batch": [1, 16, 128], "tp": [1, 8, 64], "cp": [1], "pp": [1, 10]},
    "reference_point": {"usd_per_token_per_second": "1000 USD/(token/s)", "tpot": "100 ms"},
}
FEW = {f"{role}.{name}": 2 for role in ("prefill", "decode") for name in ("sram", "peak_flops")}
FEW |= {f"{role}.{name}": 2 for role in ("prefill", "decode") for name in ("dram_stacks", "link_bandwidth")}


def study(folder: Path, **changes: Any) -> PooledStudy:
    return pairs.load(folder, {**SMALL, **changes})


def every(struct: Columns, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    flat = struct.reshape(-1).columns()
    return {name: np.asarray(a).reshape(shape) for name, a in flat.items()}


def brute_force(found: PooledStudy, first: Pool, then: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Objectives of all pairs of rows, less is better, and which are feasible."""
    pools = tuple(
        Pool(
            role=pool.role,
            chips=Chips.of(**{n: np.asarray(a).reshape(shape) for n, a in pool.chips.columns().items()}),
            deployments=Deployments(**every(pool.deployments, shape)),
        )
        for pool, shape in ((first, (-1, 1)), (then, (1, -1)))
    )
    designs = Designs(pools=pools, link=found.link.columns())
    m = found.first.cost_model.evaluate(designs, found.context)
    ok = np.ones(designs.shape, dtype=bool)
    for v in violations(m, found.context, found.limits).values():
        ok &= np.asarray(v) <= 0.0
    values = [np.broadcast_to(g.value(m, found.context), designs.shape) for g in found.first.objectives]
    signs = [1.0 if g.direction == "minimize" else -1.0 for g in found.first.objectives]
    return np.stack([s * v for s, v in zip(signs, values, strict=True)], axis=-1), ok


def undominated(points: np.ndarray) -> np.ndarray:
    """By a look at one row after the other, those that are certainly dominated left out first."""
    left = np.unique(points, axis=0)
    kept = []
    while len(left):
        # the least sum is dominated by none
        row = left[np.argmin((left / np.abs(points).max(axis=0)).sum(axis=1))]
        kept.append(row)
        left = left[(left < row).any(axis=1)]
    return np.unique(np.array(kept), axis=0)


THREE = {"usd_per_million_tokens": "100 USD", "end_to_end": "100 s", "energy_per_token": "100 J"}
TOTALS = {"tokens_per_second": "1 token/s", "entry_price": "1e9 USD"}
WHOLE = {"workload/article.prefill_load": 0.7, "workload/article.pools": "system"}
POOLS = {
    "prefill": {**SMALL["pools"]["prefill"], "tp": [1, 8], "pp": [1], "batch": [1, 4096]},
    "decode": {**SMALL["pools"]["decode"], "tp": [8], "pp": [1, 10], "batch": [1, 64]},
    "link": "25 GB/s, 5 us",
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"targets": {"ttft": "400 ms"}},
        {"pools": {**POOLS, "link": "100 MB/s, 1 ms"}},
        {"objectives": [*THREE], "reference_point": THREE, "targets": {}, "goal": "energy_per_token"},
        {"objectives": [*TOTALS], "reference_point": TOTALS, "goal": "entry_price", "settings": WHOLE},
        {"settings": WHOLE},
        {"precision": {"weights": {"attention": "bf16", "rest": "fp8"}, "kv": "fp8", "activations": "fp8"}},
    ],
)
def test_the_front_is_that_of_all_pairs(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = study(tmp_path, **{"pools": POOLS, **changes})
    job = job_of(found, FEW)
    values, ok = brute_force(found, *(g.at(np.arange(g.size)) for g in (job.prefill, job.decode)))
    assert 1e5 < ok.size < 2e6 and ok.sum() > 100
    best = undominated(values[ok])
    assert len(best) > 1
    solved = solve_pairs(job, 2)
    np.testing.assert_allclose(np.unique(solved.front.costs, axis=0), best, rtol=1e-9)
    # the pairs that it names are those designs
    first, then = solved.pairs()
    assert ok[first, then].all()
    np.testing.assert_allclose(values[first, then], solved.front.costs, rtol=1e-9)


def test_a_sweep_stores_the_front_with_columns_named_after_their_pool(tmp_path: Path) -> None:
    found = study(tmp_path)
    result = sweep_pairs(found, counts=FEW, out=tmp_path / "out")
    front = load_front(tmp_path / "out")
    assert len(front.frame) == len(result.front.frame) > 1
    for role in ("prefill", "decode"):
        own = {f"{role}.{name}" for name in ("chip", "batch", "tp", "pp", "chips")}
        assert own <= set(front.frame)
    assert any(".param_" in str(name) for name in front.frame)
    both = front.frame["prefill.chips"] + front.frame["decode.chips"]
    np.testing.assert_allclose(both, front.frame["chips"])
    assert front.manifest["grids"]["decode"]["chips"] == result.grids["decode"].chips
    # the same again
    again = sweep_pairs(found, counts=FEW, out=tmp_path / "again", workers=1)
    assert (tmp_path / "again" / "front.csv").read_bytes() == (tmp_path / "out" / "front.csv").read_bytes()
    assert again.pairs == result.grids["prefill"].size * result.grids["decode"].size


def test_the_ends_of_what_decode_receives_hold_for_all_its_chips(tmp_path: Path) -> None:
    job = job_of(study(tmp_path), FEW)
    low, high = receives(job)
    share, _ = decode_share(job.decode.at(np.arange(job.decode.size)), job.link, job.context)
    assert low == pytest.approx(np.min(share.receives_s))
    assert high == pytest.approx(np.max(share.receives_s))


def test_objectives_that_pools_do_not_add_up_to_are_refused(tmp_path: Path) -> None:
    found = study(tmp_path)
    with pytest.raises(SpecError, match="--grid: unknown parameter 'sram'"):
        job_of(found, {"sram": 3})


@pytest.mark.parametrize(
    "changes",
    [
        {"objectives": [*TOTALS], "reference_point": TOTALS, "goal": "entry_price"},
        {"targets": {"entry_price": "1 MUSD"}},
    ],
)
def test_the_price_of_fractions_of_chips_is_no_entry_price(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="entry_price: expected whole chips, by settings"):
        study(tmp_path, **changes)
    study(tmp_path, **{**changes, "settings": WHOLE})


REAL = {
    "prefill": {"chips": ["h100-sxm", "h200-sxm"]},
    "decode": {"chips": ["h200-sxm", "h100-sxm", "groq-lpu-v1"]},
    "link": "25 GB/s, 5 us",
}


def test_a_run_over_every_pair_of_chips_finds_the_front_of_the_sweep(tmp_path: Path) -> None:
    found = study(tmp_path, pools=REAL)
    exact = sweep_pairs(found, out=tmp_path / "exact").front.frame
    # the six pairs of chips come first
    run = run_pairs(found, trials=6, out=tmp_path / "run").front.frame
    own = ["prefill.chip", "decode.chip", "prefill.tp", "decode.tp", "decode.batch"]
    names = [*own, "tpot_s", "usd_per_token_per_s"]
    assert len(exact) > 1
    np.testing.assert_allclose(
        run[["tpot_s", "usd_per_token_per_s"]], exact[["tpot_s", "usd_per_token_per_s"]], rtol=1e-12
    )
    assert run[own].to_dict() == exact[own].to_dict() and set(names) <= set(run)


def test_a_run_is_resumed_and_searches_parameters_named_after_their_pool(tmp_path: Path) -> None:
    found = study(tmp_path, sampler={"name": "random"})
    first = run_pairs(found, trials=8, out=tmp_path / "out")
    again = run_pairs(found, trials=14, out=tmp_path / "out")
    assert (first.new_trials, again.new_trials, again.trials) == (8, 6, 14)
    # what was on the front is still there, or beaten
    before = first.front.frame[["tpot_s", "usd_per_token_per_s"]].to_numpy()
    after = again.front.frame[["tpot_s", "usd_per_token_per_s"]].to_numpy()
    assert all((after <= row * (1.0 + 1e-12)).all(axis=1).any() for row in before)
    stored = optuna.load_study(
        study_name=found.slug, storage=open_storage(f"journal:{tmp_path / 'out' / 'study.journal'}")
    )
    names = {name for t in stored.get_trials() for name in t.params}
    assert {"prefill.chip", "decode.chip"} < names
    assert any(name.startswith("decode.") and name.endswith(".sram") for name in names)
    # nothing new: the same files
    text = (tmp_path / "out" / "front.csv").read_bytes()
    assert run_pairs(found, trials=14, out=tmp_path / "out").new_trials == 0
    assert (tmp_path / "out" / "front.csv").read_bytes() == text


@pytest.mark.parametrize("timeout", ["of the budget", "of the call"])
def test_a_run_ends_when_its_time_is_up_and_continues(timeout: str, tmp_path: Path) -> None:
    late = timeout == "of the budget"
    budget = {"trials": 3, **({"timeout": "1 us"} if late else {})}
    found = study(tmp_path, pools=REAL, budget=budget)
    ended = run_pairs(found, timeout=None if late else 0.0, out=tmp_path / "out")
    assert (ended.trials, ended.wanted, ended.interrupted) == (0, 3, False)
    assert run_pairs(found, timeout=600.0, out=tmp_path / "out").trials == 3


def test_trials_of_another_question_are_refused(tmp_path: Path) -> None:
    run_pairs(study(tmp_path, pools=REAL), trials=1, out=tmp_path / "out")
    other = study(tmp_path, pools={**REAL, "link": "50 GB/s, 5 us"})
    with pytest.raises(SpecError, match="holds trials of another question"):
        run_pairs(other, trials=1, out=tmp_path / "out")


def test_the_sampler_of_single_chips_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="sampler: expected one such as tpe for pools, got pareto"):
        run_pairs(study(tmp_path, pools=REAL), trials=1, sampler="pareto", out=tmp_path / "out")


def test_a_trial_that_fits_nowhere_tells_its_sampler_by_how_much(tmp_path: Path) -> None:
    tiny = {**REAL, "decode": {"chips": ["h100-sxm"], "tp": [1], "pp": [1]}}
    wide = {"weights": "fp16", "kv": "fp16", "activations": "fp16"}
    found = study(tmp_path, pools=tiny, precision=wide)
    assert not len(run_pairs(found, trials=2, out=tmp_path / "out").front.frame)
    url = f"journal:{tmp_path / 'out' / 'study.journal'}"
    stored = optuna.load_study(study_name=found.slug, storage=open_storage(url))
    assert all(max(t.constraints.values()) > 0.0 for t in stored.get_trials())


APART: dict[str, Any] = {
    "attention": {"chips": ["h100-sxm"], "space": "sram-or-hbm", "tp": [1, 8], "pp": [1], "batch": [8, 64]},
    "ffn": {"chips": ["h200-sxm"], "space": "sram-or-hbm", "tp": [1, 8], "pp": [1, 10]},
    "link": "100 GB/s, 2 us",
}
NAMES = ("sram", "peak_flops", "dram_stacks", "link_bandwidth", "sram_bandwidth_per_byte")
FEW_APART = {f"{role}.{name}": 2 for role in ("attention", "ffn") for name in NAMES}


def test_the_front_of_attention_and_ffn_pools_is_that_of_all_pairs(tmp_path: Path) -> None:
    found = study(tmp_path, pools=APART, settings={}, targets={})
    job = crossed_job_of(found, FEW_APART)
    assert 1e5 < job.first.size * job.then.size < 1e6
    values, ok = brute_force(found, *(grid.at(np.arange(grid.size)) for grid in (job.first, job.then)))
    front, (first, then) = solve_crossed(job, 2, None)
    best = undominated(values[ok])
    assert ok.sum() > 1000 and len(best) > 3
    np.testing.assert_allclose(np.unique(front.costs, axis=0), best, rtol=1e-12)
    assert ok[first, then].all()
    np.testing.assert_allclose(values[first, then], front.costs, rtol=1e-12)


def test_attention_has_several_replicas_for_one_of_ffn(tmp_path: Path) -> None:
    job = crossed_job_of(study(tmp_path, pools=APART, settings={}, targets={}), FEW_APART)
    attention, ffn = job.first.deployments, job.then.deployments
    assert set(np.unique(attention.dp)) == {2.0**k for k in range(11)}
    assert set(np.unique(ffn.dp)) == set(np.unique(ffn.batch)) == {1.0}
    # every combination once
    rows = np.stack([np.asarray(a) for a in attention.reshape(-1).columns().values()], axis=1)
    assert len(np.unique(rows, axis=0)) == len(rows) == attention.size == 2 * 2 * 11


def test_a_run_and_a_sweep_of_attention_and_ffn_pools_find_one_front(tmp_path: Path) -> None:
    real = {
        "attention": {"chips": ["h100-sxm", "h200-sxm"], "tp": [1, 8], "pp": [1]},
        "ffn": {"chips": ["h200-sxm", "groq-lpu-v1"], "tp": [8, 64], "pp": [1, 10]},
        "link": "100 GB/s, 2 us",
    }
    found = study(tmp_path, pools=real, settings={}, targets={})
    swept = sweep_pairs(found, out=tmp_path / "swept").front.frame
    run = run_pairs(found, trials=4, out=tmp_path / "run").front.frame
    own = ["tpot_s", "usd_per_token_per_s", "attention.chips", "ffn.chips"]
    assert len(swept) > 1
    np.testing.assert_allclose(run[own].to_numpy(float), swept[own].to_numpy(float), rtol=1e-12)
    resumed = run_pairs(found, trials=4, out=tmp_path / "run")
    assert resumed.new_trials == 0 and len(resumed.front.frame) == len(run)


def test_more_pairs_than_can_be_evaluated_one_by_one_are_refused(tmp_path: Path) -> None:
    found = study(tmp_path, pools=APART, settings={}, targets={})
    with pytest.raises(SpecError, match="expected at most 100,000,000 pairs of attention and ffn"):
        sweep_pairs(found, out=tmp_path / "out")


DRAFTING: dict[str, Any] = {
    "draft": {"llm": "tinyllama", "chips": ["h100-sxm"], "space": "sram-or-hbm", "tp": [1, 4], "pp": [1]},
    "verify": {"chips": ["h200-sxm"], "space": "sram-or-hbm", "tp": [8], "pp": [1, 10], "batch": [8, 64]},
    "link": "100 GB/s, 2 us",
}
FEW_DRAFTING = {f"{role}.{name}": 2 for role in ("draft", "verify") for name in NAMES}
DRAFTED = {"pools": DRAFTING, "workload": "chat-drafted", "settings": {}, "targets": {}}


def test_the_front_of_pools_that_draft_and_verify_is_that_of_all_pairs(tmp_path: Path) -> None:
    found = study(tmp_path, **DRAFTED)
    job = crossed_job_of(found, FEW_DRAFTING)
    assert 1e5 < job.first.size * job.then.size < 2e6
    values, ok = brute_force(found, *(grid.at(np.arange(grid.size)) for grid in (job.first, job.then)))
    front, (first, then) = solve_crossed(job, 2, None)
    best = undominated(values[ok])
    assert ok.sum() > 1000 and len(best) > 3
    np.testing.assert_allclose(np.unique(front.costs, axis=0), best, rtol=1e-12)
    np.testing.assert_allclose(values[first, then], front.costs, rtol=1e-12)


def test_a_run_and_a_sweep_of_pools_that_draft_and_verify_find_one_front(tmp_path: Path) -> None:
    real = {
        "draft": {"llm": "tinyllama", "chips": ["h100-sxm", "groq-lpu-v1"], "tp": [1, 4], "pp": [1, 11]},
        "verify": {"chips": ["h200-sxm", "b200-sxm"], "tp": [4, 8], "pp": [1], "batch": [8, 64]},
        "link": "100 GB/s, 2 us",
    }
    found = study(tmp_path, **{**DRAFTED, "pools": real})
    assert found.context.llm.name == "llama2-70b"
    swept = sweep_pairs(found, out=tmp_path / "swept").front.frame
    run = run_pairs(found, trials=4, out=tmp_path / "run").front.frame
    own = ["tpot_s", "usd_per_token_per_s", "draft.chips", "verify.chips"]
    assert len(swept) > 1
    np.testing.assert_allclose(run[own].to_numpy(float), swept[own].to_numpy(float), rtol=1e-12)
