"""Sweeps of pools that take turns leave out boxes of chips, and find the front of every pair."""

from pathlib import Path
from typing import Any

import numpy as np
import pairs_for_tests as pairs
import pytest

from dse.question.pools.study import PooledStudy
from dse.search.pairs.driver import sweep_pairs

CAPITAL: dict[str, Any] = {
    "objectives": ["usd_per_token_per_second", "tpot"],
    "reference_point": {"usd_per_token_per_second": "100000 USD/(token/s)", "tpot": "10 s"},
}
TOKENS: dict[str, Any] = {
    "objectives": ["usd_per_million_tokens", "tpot", "ttft"],
    "reference_point": {"usd_per_million_tokens": "1000 USD", "tpot": "1 s", "ttft": "100 s"},
    "goal": "usd_per_million_tokens",
}
ENERGY: dict[str, Any] = {
    "objectives": ["energy_per_token", "end_to_end"],
    "reference_point": {"energy_per_token": "1000 J", "end_to_end": "1000 s"},
}
ENTRY: dict[str, Any] = {
    "objectives": ["entry_price", "tokens_per_second"],
    "goal": "entry_price",
    "reference_point": {"entry_price": "1e9 USD", "tokens_per_second": "1 token/s"},
}
MARGIN = {"price": {"method": "margin", "seller": "broadcom-asic"}}
FP8 = {"weights": "fp8", "kv": "fp8", "activations": "fp8"}
SPLIT: dict[str, Any] = {
    **pairs.SMALL,
    **CAPITAL,
    "llm": "gpt-oss-120b",
    "workload": "chat",
    "precision": FP8,
    "pools": {
        "attention": {
            "chips": ["h100-sxm"], "space": "lpu-or-hbm", "tp": [1, 8], "pp": [1, 2], "batch": [16, 256],
        },
        "ffn": {
            "chips": ["h200-sxm"], "space": "lpu-or-hbm", "tp": [4, 16], "pp": [1, 12], "ep": [1, 4],
        },
        "link": "100 GB/s, 2 us",
    },
    "deployment": {"mode": "search"},
    "settings": {},
    "targets": {},
}  # fmt: skip
DENSE: dict[str, Any] = {
    "llm": "llama2-70b",
    "precision": {"weights": "int8", "kv": "int8", "activations": "int8"},
    "pools": {
        "attention": {
            "chips": ["h100-sxm"],
            "space": "lpu-or-hbm",
            "tp": [8],
            "pp": [1, 4],
            "batch": [8, 64],
        },
        "ffn": {"chips": ["b200-sxm"], "space": "lpu-or-hbm", "tp": [8, 32], "pp": [1, 10]},
        "link": "25 GB/s, 5 us",
    },
}
DRAFTED: dict[str, Any] = {
    **SPLIT,
    "llm": "llama3.3-70b",
    "workload": "chat-drafted",
    "pools": {
        "draft": {
            "llm": "llama3.2-1b", "chips": ["h200-sxm"], "space": "lpu-or-hbm", "tp": [1, 2], "pp": [1, 2],
        },
        "verify": {"chips": ["b200-sxm"], "space": "lpu-or-hbm", "tp": [4, 8], "pp": [1, 2], "batch": [4, 64]},
        "link": "50 GB/s, 2 us",
    },
    "settings": {"workload/chat-drafted.speculation.length": 4},
}  # fmt: skip
NAMES = {"sram": 2, "peak_flops": 3, "link_bandwidth": 2, "sram_bandwidth_per_byte": 2, "dram_stacks": 2}


def counts_of(study: PooledStudy) -> dict[str, int]:
    return {f"{role}.{name}": count for role in study.pools for name, count in NAMES.items()}


def load(folder: Path, base: dict[str, Any], **changes: Any) -> PooledStudy:
    return pairs.load(folder, {**base, **changes})


def random_study(seed: int) -> dict[str, Any]:
    """A study of either kind with anything that may change what is found."""
    rng = np.random.default_rng(seed)
    base = dict((SPLIT, {**SPLIT, **DENSE}, DRAFTED)[int(rng.integers(3))])
    goals = (CAPITAL, TOKENS, ENERGY, ENTRY)[int(rng.integers(4))]
    pools = {name: dict(own) if isinstance(own, dict) else own for name, own in base["pools"].items()}
    pools["link"] = ("5 GB/s, 1 us", "100 GB/s, 2 us", "600 GB/s, 20 us")[int(rng.integers(3))]
    for own in pools.values():
        if isinstance(own, dict):
            own["tp"] = sorted(int(n) for n in rng.choice([1, 2, 4, 8, 16], size=2, replace=False))
    targets = ({}, {"ttft": "2 s"}, {"tpot": "20 ms"})[int(rng.integers(3))]
    prices = ({}, MARGIN)[int(rng.integers(2))]
    return {**base, **goals, **prices, "pools": pools, "targets": targets}


def same_front(study: PooledStudy, folder: Path) -> None:
    counts = counts_of(study)
    every = sweep_pairs(study, counts=counts, out=folder / "every")
    pruned = sweep_pairs(study, counts=counts, out=folder / "pruned", prune=True)
    axes = every.front.axes
    signs = np.asarray([1.0 if axis.direction == "minimize" else -1.0 for axis in axes])
    found, wanted = (
        r.front.frame[[a.column for a in axes]].to_numpy(dtype=float) * signs for r in (pruned, every)
    )
    assert len(wanted) > 2
    # of pairs that differ by rounding alone either may be on a front
    for some, others in ((found, wanted), (wanted, found)):
        worse = (others[None] > some[:, None] + 1e-9 * np.abs(some[:, None])).any(axis=2).all(axis=1)
        assert not worse.any(), some[worse] * signs
    assert pruned.front.manifest["hypervolume"] == pytest.approx(
        every.front.manifest["hypervolume"], rel=1e-9
    )
    assert "pruned" not in every.front.manifest
    took = pruned.front.manifest["pruned"]["pairs"]
    assert took["points"] == every.pairs and 0 < took["evaluated"] < 0.2 * every.pairs


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        (SPLIT, {}), (SPLIT, TOKENS), (SPLIT, ENERGY), (SPLIT, {**MARGIN, **ENTRY}), (SPLIT, DENSE),
        (DRAFTED, {}), (DRAFTED, TOKENS), (DRAFTED, ENERGY), (DRAFTED, {**MARGIN, **ENTRY}),
    ],
    ids=[
        "capital", "tokens", "energy", "entry", "dense",
        "drafted", "drafted-tokens", "drafted-energy", "drafted-entry",
    ],
)  # fmt: skip
def test_the_front_is_that_of_every_pair(
    tmp_path: Path, base: dict[str, Any], changes: dict[str, Any]
) -> None:
    same_front(load(tmp_path, base, **changes), tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_the_front_of_a_random_study_is_that_of_every_pair(tmp_path: Path, seed: int) -> None:
    same_front(pairs.load(tmp_path, random_study(seed)), tmp_path)
