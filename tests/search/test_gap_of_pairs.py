"""Proofs of fronts of pairs: no pair of any chips, in any layouts, beats a front by more than is proven."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pairs_for_tests as pairs
import pytest

from dse.chips.parameter_range import value_at
from dse.choose.rule import violations
from dse.decide.pairs.design import layouts_of
from dse.errors import SpecError
from dse.front.files import Front
from dse.question.pools.study import PooledStudy
from dse.search.bound.limits import Limits
from dse.search.pairs.driver import sweep_pairs
from dse.search.pairs.gap import decodes, least_of_prefill, prefills, prove_pairs, question_of
from dse.search.pairs.result import eligibility_of
from objectives import api

SMALL: dict[str, Any] = {
    **pairs.SMALL,
    "pools": {
        "prefill": {"chips": ["h100-sxm"], "space": "lpu-or-hbm", "tp": [1, 8], "pp": [1], "batch": [4096]},
        "decode": {"chips": ["h200-sxm"], "space": "lpu-or-hbm", "tp": [8], "pp": [1, 10], "batch": [1, 64]},
        "link": "25 GB/s, 5 us",
    },
    "deployment": {"mode": "solve"},
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "200 ms"},
    "report_at": ["20 ms", "50 ms"],
    "reference_point": {"usd_per_token_per_second": "10000 USD/(token/s)", "tpot": "1 s"},
}
TOKENS = {
    "objectives": ["usd_per_million_tokens", "tpot", "ttft"],
    "reference_point": {"usd_per_million_tokens": "1000 USD", "tpot": "1 s", "ttft": "100 s"},
    "goal": "usd_per_million_tokens",
    "targets": {},
}
SENDING = {
    **TOKENS,
    "settings": {
        **pairs.SMALL["settings"],
        **{f"stack/{name}.kv_under_prefill": "true" for name in ("gpu-serving", "static-dataflow")},
    },
}
"""KV cache under the prefill."""
BLOCKS = {
    **TOKENS,
    "workload": "chat-denoised",
    "settings": {"workload/chat-denoised.prefill_load": 0.7},
}
"""A first token that waits for a block of the pool that decodes."""
NAMES = ("sram", "peak_flops", "dram_stacks", "link_bandwidth", "sram_bandwidth_per_byte")
FEW = {f"{role}.{name}": 2 for role in ("prefill", "decode") for name in NAMES}
FINE = {name: 6 if name.endswith("dram_stacks") else 3 for name in FEW}
SECONDS = 6.0


def load(folder: Path, **changes: Any) -> PooledStudy:
    return pairs.load(folder, {**SMALL, **changes})


Swept = tuple[PooledStudy, Front]


@pytest.fixture(
    scope="module", params=[{}, TOKENS, SENDING, BLOCKS], ids=["capital", "tokens", "sending", "blocks"]
)
def swept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    folder = tmp_path_factory.mktemp("gap")
    study = load(folder, **request.param)
    return study, sweep_pairs(study, counts=FEW, out=folder / "out").front


def random_pool(study: PooledStudy, role: str, count: int, seed: int) -> api.Pool:
    """Chips anywhere between the ends of every parameter, or of the catalog, in layouts of the study."""
    rng, own = np.random.default_rng(seed), study.pools[role]
    layouts, parts = layouts_of(study, role), []
    for branch in own.branches.values():
        specs = branch.spec.parameters
        share = rng.random((count, len(specs)))
        # names, counts and choices have steps
        values = {}
        for i, (name, spec) in enumerate(specs.items()):
            at = share[:, i]
            if name in ("dram_stacks", "dies") or spec.choices:
                at = np.rint(at * ((spec.steps or 2) - 1)) / max((spec.steps or 2) - 1, 1)
            values[name] = value_at(spec, at)
        parts.append(branch.chips(values).columns())
    names = {name for part in parts for name in part}
    columns = {
        name: np.concatenate([np.broadcast_to(part.get(name, np.zeros(1)), (count,)) for part in parts])
        for name in names
    }
    at = rng.integers(layouts.size, size=count * len(parts))
    return api.Pool(role=role, chips=api.Chips.of(**columns), deployments=layouts.take(at))


def outcomes(study: PooledStudy, prefill: api.Pool, decode: api.Pool) -> np.ndarray:
    """Objectives (n, k) of the feasible pairs of rows, by the cost model."""
    designs = api.Designs(pools=(prefill, decode), link=study.link.columns())
    m = study.first.cost_model.evaluate(designs, study.context)
    shape = designs.shape
    ok = np.ones(shape, dtype=bool)
    for v in violations(m, study.context, study.limits).values():
        ok &= np.broadcast_to(np.asarray(v), shape) <= 0.0
    values = [np.broadcast_to(g.value(m, study.context), shape) for g in study.first.objectives]
    return np.stack(values, axis=1)[ok]


def lead(front: np.ndarray, points: np.ndarray) -> float:
    """The factor by which some point beats every row of a front in its nearest objective."""
    return float((front[None] / points[:, None]).max(axis=2).min(axis=1).max())


@pytest.mark.parametrize("between", [False, True])
def test_no_pair_of_random_chips_beats_the_front_by_more_than_is_proven(swept: Swept, between: bool) -> None:
    study, front = swept
    found = prove_pairs(study, front, eligibility_of(study), between=between, seconds=SECONDS)
    assert found.factor is not None and found.between == between
    rows = front.frame[[a.column for a in front.axes]].to_numpy(dtype=float)
    tried = 0
    for seed in range(6):
        pools = [random_pool(study, role, 4000, 2 * seed + i) for i, role in enumerate(study.pools)]
        points = outcomes(study, *pools)
        tried += len(points)
        if between and len(points):
            assert lead(rows, points) <= found.factor * (1.0 + 1e-9)
    assert tried > 100
    for at in found.at:
        assert at.best is None or (at.bound is not None and at.bound <= at.best * (1.0 + 1e-9))


def test_a_front_without_its_best_pairs_is_proven_no_better_than_it_is(swept: Swept) -> None:
    """What was taken from an exact front does beat the rest, so that a proof must leave room for it."""
    study, front = swept
    names = [a.column for a in front.axes]
    rng = np.random.default_rng(3)
    for share in (0.5, 0.1):
        keep = rng.random(len(front.frame)) < share
        keep[0] = True
        part = replace(front, frame=front.frame[keep].reset_index(drop=True))
        found = prove_pairs(study, part, eligibility_of(study), seconds=SECONDS)
        assert found.factor is not None
        every, some = (f.frame[names].to_numpy(dtype=float) for f in (front, part))
        assert found.factor >= lead(some, every) * (1.0 - 1e-9)


def test_the_numbers_of_the_pool_that_prefills_are_bounds_and_near(swept: Swept) -> None:
    study, _ = swept
    best, ended = least_of_prefill(study, between=True, limits=Limits.of(SECONDS))
    assert ended in ("done", "time")
    names = [name for name, a in best.columns().items() if a[0] > 0.0]
    assert {"sends_s", "capex_usd"} <= set(names)
    lowest = np.full(len(names), np.inf)
    for seed in range(8):
        pool = random_pool(study, "prefill", 4000, 100 + seed)
        values, over = prefills(study, names)(pool.chips, pool.deployments)
        ok = np.all([np.broadcast_to(v, pool.shape) <= 0.0 for v in over.values()], axis=0)
        rows = np.stack([np.broadcast_to(v, pool.shape) for v in values], axis=1)[ok]
        lowest = np.minimum(lowest, rows.min(axis=0, initial=np.inf))
    bound = np.asarray([best.columns()[name][0] for name in names])
    assert (bound <= lowest * (1.0 + 1e-9)).all()
    # random chips come near, so a bound that is far below proves little
    assert (bound >= lowest / 2.0).all(), dict(zip(names, bound / lowest, strict=True))


def test_no_pair_with_long_steps_is_faster_than_its_pool_that_decodes_with_the_ideal_pool(
    tmp_path: Path,
) -> None:
    """Steps that take longer than the way of KV cache: whether prompts are computed must be no bound."""
    pools = {
        "prefill": {"space": "lpu-or-hbm", "tp": [8], "pp": [1], "batch": [1]},
        "decode": {"space": "lpu-or-hbm", "tp": [8, 32], "pp": [1, 10, 80], "batch": [512, 4096, 16384]},
        "link": "25 GB/s, 5 us",
    }
    lengths = {"prefill_load": 0.05, "isl": "128 token", "osl": "4000 token"}
    settings = {f"workload/article.{name}": value for name, value in lengths.items()}
    study = load(tmp_path, **TOKENS, pools=pools, settings=settings)
    best, _ = least_of_prefill(study, between=True, limits=Limits.of(2.0))
    evaluate, tried = decodes(question_of(study), best), 0
    for seed in range(3):
        prefill, decode = (random_pool(study, r, 4000, 2 * seed + i) for i, r in enumerate(study.pools))
        designs = api.Designs(pools=(prefill, decode), link=study.link.columns())
        m = study.first.cost_model.evaluate(designs, study.context)
        values, _ = evaluate(decode.chips, decode.deployments)
        over = violations(m, study.context, study.limits).values()
        ok = np.all([np.broadcast_to(v, designs.shape) <= 0.0 for v in over], axis=0)
        tried += int(ok.sum())
        for goal, bound in zip(study.first.objectives, values, strict=True):
            found = np.broadcast_to(goal.value(m, study.context), designs.shape)
            assert (np.broadcast_to(bound, designs.shape)[ok] <= found[ok] * (1.0 + 1e-9)).all(), goal.name
    assert tried > 100


def test_a_better_front_is_proven_to_be_nearer(tmp_path: Path) -> None:
    study = load(tmp_path)
    coarse = sweep_pairs(study, counts=FEW, out=tmp_path / "coarse").front
    fine = sweep_pairs(study, counts=FINE, out=tmp_path / "fine").front
    near, far = (prove_pairs(study, f, eligibility_of(study), seconds=SECONDS).factor for f in (fine, coarse))
    assert near is not None and far is not None and 1.0 <= near < far


def test_what_cannot_be_proven_is_a_sentence(tmp_path: Path) -> None:
    changes = {
        "price": {"method": "listed"},
        "precision": {"weights": "fp8", "kv": "fp8", "activations": "fp8"},
        "pools": {
            "prefill": {"chips": ["r200"], "tp": [1]},
            "decode": {"chips": ["h200-sxm", "r200"], "tp": [1]},
            "link": "25 GB/s, 5 us",
        },
    }
    study = load(tmp_path, **changes)
    plain = Front(frame=None, baselines=None, axes=(), manifest={})  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="expected prices that all pairs rank by"):
        prove_pairs(study, plain, eligibility_of(study), seconds=1.0)
