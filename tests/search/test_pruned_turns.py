"""Sweeps of pools that take turns leave out boxes of chips, and find the front of every pair."""

from pathlib import Path
from typing import Any

import numpy as np
import pairs_for_tests as pairs
import pytest
from search.test_pairs_that_rank_apart import APART, LISTED
from search.test_pairs_that_rank_apart import study as priced_apart

from dse.front.files import load_front
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
        "verify": {
            "chips": ["b200-sxm"], "space": "lpu-or-hbm", "tp": [4, 8], "pp": [1, 2], "batch": [4, 64],
        },
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


@pytest.mark.parametrize("base", [SPLIT, DRAFTED], ids=["split", "drafted"])
def test_what_was_left_out_is_counted_and_stored(tmp_path: Path, base: dict[str, Any]) -> None:
    study, told = load(tmp_path, base), []
    result = sweep_pairs(
        study,
        counts=counts_of(study),
        out=tmp_path / "out",
        prune=True,
        progress=lambda done, of: told.append((done, of)),
    )
    facts = load_front(tmp_path / "out").manifest["pruned"]
    took = facts["pairs"]
    assert set(facts) == {"pairs", "remarks"}
    assert took["groups"] == 1 and took["points"] == result.pairs
    assert 0 < took["evaluated"] < 0.2 * result.pairs and took["boxes"] > 0
    assert any("SRAM and DRAM" in remark for remark in facts["remarks"])
    done, of = zip(*told, strict=True)
    assert set(of) == {result.pairs} and done[-1] == of[-1] and min(done) >= 0
    assert list(done) == sorted(done)


@pytest.mark.parametrize("split", ["attention and ffn", "draft and verify"])
def test_pairs_that_rank_apart_have_fronts_of_their_own(tmp_path: Path, split: str) -> None:
    study = priced_apart(tmp_path, split, [*LISTED, *APART])
    every = sweep_pairs(study, out=tmp_path / "every").front
    pruned = sweep_pairs(study, out=tmp_path / "pruned", prune=True).front
    assert list(every.frame["chip"]) == list(pruned.frame["chip"])
    other = split.rpartition(" ")[2]
    assert set(APART) < set(every.frame[f"{other}.chip"])
    numbers = ["tpot_s", "usd_per_token_per_s"]
    np.testing.assert_allclose(
        pruned.frame[numbers].to_numpy(float), every.frame[numbers].to_numpy(float), rtol=1e-12
    )
    # several kinds of pairs, of so few that bounds would take longer
    took = pruned.manifest["pruned"]["pairs"]
    assert took["groups"] > 2 and took["evaluated"] == took["points"] and not took["boxes"]


def test_groups_of_prices_are_bounded_one_by_one(tmp_path: Path) -> None:
    """Many layouts, so that no group is evaluated whole."""
    many = {
        "chips": ["h100-sxm", "r200"],
        "tp": [1, 2, 4, 8],
        "pp": [1, 2, 4],
        "batch": [2**i for i in range(10)],
    }
    fed = {"chips": ["b200-sxm", "lp30"], "tp": [1, 4, 16, 64], "pp": [1, 4, 36], "ep": [1, 2, 4, 8, 16, 32]}
    pools = {"attention": many, "ffn": fed, "link": "100 GB/s, 2 us"}
    study = load(tmp_path, SPLIT, pools=pools, price={"method": "listed"})
    every = sweep_pairs(study, out=tmp_path / "every").front
    pruned = sweep_pairs(study, out=tmp_path / "pruned", prune=True).front
    took = pruned.manifest["pruned"]["pairs"]
    assert took["groups"] == 4 and took["boxes"] > 0 and took["evaluated"] < 0.5 * took["points"]
    names = ["tpot_s", "usd_per_token_per_s"]
    found, wanted = (np.unique(f.frame[names].to_numpy(float).round(12), axis=0) for f in (pruned, every))
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert set(pruned.frame["chip"]) == set(every.frame["chip"])
