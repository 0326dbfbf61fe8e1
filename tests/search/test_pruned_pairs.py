"""Sweeps of pairs that leave out boxes of chips find the front of every pair."""

from pathlib import Path
from typing import Any

import numpy as np
import pairs_for_tests as pairs
import pytest
from search.test_gap_of_pairs import SENDING
from search.test_pairs_that_rank_apart import APART, LISTED
from search.test_pairs_that_rank_apart import study as priced_apart

from dse.errors import SpecError
from dse.front.files import load_front
from dse.question.pools.study import PooledStudy
from dse.search.pairs.driver import job_of, sweep_pairs
from dse.search.pairs.pruned import narrowest_port, receives_at_most
from dse.search.pairs.solve import receives
from objectives import api
from objectives.systems.decode_side import port_bandwidth

SMALL: dict[str, Any] = {
    **pairs.SMALL,
    "pools": {
        "prefill": {"chips": ["h100-sxm"], "space": "lpu-or-hbm", "tp": [1, 8], "pp": [1], "batch": [1, 8]},
        "decode": {"chips": ["h200-sxm"], "space": "lpu-or-hbm", "tp": [8, 64], "pp": [1, 10]},
        "link": "25 GB/s, 5 us",
    },
    "deployment": {"mode": "solve"},
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "200 ms"},
    "reference_point": {"usd_per_token_per_second": "10000 USD/(token/s)", "tpot": "1 s"},
}
TOKENS: dict[str, Any] = {
    "objectives": ["usd_per_million_tokens", "tpot", "ttft"],
    "reference_point": {"usd_per_million_tokens": "1000 USD", "tpot": "1 s", "ttft": "100 s"},
    "goal": "usd_per_million_tokens",
    "targets": {},
}
SYSTEM = {"settings": {"workload/article.prefill_load": 0.7, "workload/article.pools": "system"}}
ENTRY: dict[str, Any] = {
    "objectives": ["entry_price", "tokens_per_second"],
    "goal": "entry_price",
    "reference_point": {"entry_price": "1e9 USD", "tokens_per_second": "1 token/s"},
    "deployment": {"mode": "search"},
    "sweep": None,
    "targets": {},
    **SYSTEM,
}
ENERGY: dict[str, Any] = {
    "objectives": ["energy_per_token", "end_to_end"],
    "reference_point": {"energy_per_token": "1000 J", "end_to_end": "1000 s"},
    "deployment": {"mode": "search"},
    "sweep": None,
    "targets": {},
}
MARGIN = {"price": {"method": "margin", "seller": "broadcom-asic"}}
# a port that some chips are narrower than, and which sending waits for
WIDE = {"pools": {**SMALL["pools"], "link": "100 GB/s, 5 us"}}
SLOW = {"pools": {**SMALL["pools"], "link": "1 GB/s, 5 us"}}
# where TTFT does not count
UNDER: dict[str, Any] = {"settings": SENDING["settings"], "targets": {}}
# TTFT waits for a block of the pool that decodes
BLOCKS: dict[str, Any] = {
    "workload": "chat-denoised",
    "settings": {"workload/chat-denoised.prefill_load": 0.7},
}
ROLES = ("prefill", "decode")
COUNTS = {"sram": 4, "peak_flops": 4, "link_bandwidth": 2, "sram_bandwidth_per_byte": 2}
FEW = {f"{role}.{name}": count for role in ROLES for name, count in COUNTS.items()}


def load(folder: Path, **changes: Any) -> PooledStudy:
    merged = {key: value for key, value in {**SMALL, **changes}.items() if value is not None}
    return pairs.load(folder, merged)


@pytest.mark.parametrize(
    "changes",
    [
        {}, TOKENS, SYSTEM, {**TOKENS, **SYSTEM}, ENTRY, ENERGY, MARGIN, WIDE, {**WIDE, **SYSTEM}, SLOW,
        UNDER, {**TOKENS, **BLOCKS}, {**BLOCKS, "targets": {"ttft": "1 s"}},
    ],
    ids=[
        "capital", "tokens", "system", "tokens-system", "entry", "energy", "margin", "wide", "both", "slow",
        "under", "blocks-tokens", "blocks",
    ],
)  # fmt: skip
def test_the_front_is_that_of_every_pair(tmp_path: Path, changes: dict[str, Any]) -> None:
    study = load(tmp_path, **changes)
    every = sweep_pairs(study, counts=FEW, out=tmp_path / "every").front
    pruned = sweep_pairs(study, counts=FEW, out=tmp_path / "pruned", prune=True).front
    names = [axis.column for axis in every.axes]
    found, wanted = (
        np.unique(f.frame[names].to_numpy(dtype=float).round(12), axis=0) for f in (pruned, every)
    )
    assert len(wanted) > 2
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert pruned.manifest["hypervolume"] == pytest.approx(every.manifest["hypervolume"], rel=1e-9)
    assert "pruned" not in every.manifest


def test_what_was_left_out_is_counted_and_stored(tmp_path: Path) -> None:
    study, told = load(tmp_path), []
    result = sweep_pairs(
        study, out=tmp_path / "out", prune=True, progress=lambda done, of: told.append((done, of))
    )
    facts = load_front(tmp_path / "out").manifest["pruned"]
    assert set(facts["pools"]) == {"prefill", "decode"}
    for role, grid in result.grids.items():
        took = facts["pools"][role]
        assert took["points"] == grid.size and 0 < took["evaluated"] < 0.05 * grid.size
        assert took["boxes"] > 0 and took["bounded"] > 0
    # chips with both memories have bounds that are lower, which is said of each pool
    assert any(r.startswith("prefill: ") for r in facts["remarks"])
    done, of = zip(*told, strict=True)
    assert set(of) == {result.points} and done[-1] == of[-1] and min(done) >= 0
    assert list(done) == sorted(done)


def test_pairs_that_rank_apart_have_fronts_of_their_own(tmp_path: Path) -> None:
    study = priced_apart(tmp_path, "prefill and decode", [*LISTED, *APART])
    every = sweep_pairs(study, out=tmp_path / "every").front.frame
    pruned = sweep_pairs(study, out=tmp_path / "pruned", prune=True).front.frame
    assert list(every["chip"]) == list(pruned["chip"]) and set(APART) < set(every["decode.chip"])
    numbers = ["tpot_s", "usd_per_token_per_s"]
    np.testing.assert_allclose(pruned[numbers].to_numpy(float), every[numbers].to_numpy(float), rtol=1e-12)


@pytest.mark.parametrize("link", ["25 GB/s, 5 us", "100 GB/s, 5 us", "300 GB/s, 5 us"])
def test_no_port_is_narrower_and_no_way_longer_than_is_said(tmp_path: Path, link: str) -> None:
    """Held against every chip of the grid."""
    job = job_of(load(tmp_path, pools={**SMALL["pools"], "link": link}), FEW)
    for grid in (job.prefill, job.decode):
        ports = [
            float(
                np.min(port_bandwidth(api.Chips.of(**grid.columns_of(np.arange(*span))), job.link.bandwidth))
            )
            for span in grid.spans()
        ]
        assert narrowest_port(grid, job.link) == pytest.approx(min(ports), rel=1e-9)
    (fast, slow), (least, most) = receives(job), receives_at_most(job)
    assert 0.0 < least <= fast <= slow <= most


def test_kv_cache_under_the_prefill_has_no_bound_where_ttft_counts(tmp_path: Path) -> None:
    words = "expected KV cache sent after the prefill where TTFT counts, got kv_under_prefill"
    with pytest.raises(SpecError, match=words):
        sweep_pairs(load(tmp_path, **SENDING), out=tmp_path / "out", prune=True)
