"""Pools of chips with unlike memories: a stored pair is the one that was searched, in any order of chips."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dse.evaluate.pools.estimate import estimate_pools
from dse.question.pools.study import PooledStudy, pooled_question
from dse.search.pairs.driver import job_of, sweep_pairs
from dse.search.pairs.run import run_pairs
from dse.search.pairs.solve import solve_pairs
from dse.search.pairs.trial import OneChip
from objectives.systems.shares import decode_share

CHIPS = Path(__file__).resolve().parents[2] / "configs" / "chips"
WIDTHS = {"weights": "int8", "kv": "int8", "activations": "int8"}
SIZES = ("batch", "tp", "pp", "ep")
LINK = "25 GB/s, 5 us"
SETTINGS = {"workload/article.prefill_load": "0.7"}


def sourced(value: object) -> dict[str, object]:
    return {"value": value, "source": "assumption", "basis": "assumption"}


def flash(energy: str) -> dict[str, object]:
    numbers = {
        "units": 4, "capacity": "2048 GB", "bandwidth": "3.2 TB/s", "latency": "15 us", "energy": energy,
        "endurance": 3000, "price": "2500 USD",
    }  # fmt: skip
    return {"kind": "flash", "device": "HBF", **{name: sourced(value) for name, value in numbers.items()}}


def with_flash(folder: Path, name: str, energy: str = "7.2 pJ/bit") -> None:
    """A chip like H200 with little DRAM, whose weights lie in flash."""
    data = yaml.safe_load((CHIPS / "h200-sxm.yaml").read_text(encoding="utf-8"))
    data["dram"] |= {"capacity": sourced("24 GiB")}
    own = [{"kind": kind, **data.pop(kind)} for kind in ("sram", "dram")]
    data |= {"name": name, "aliases": [], "memories": [*own, flash(energy)]}
    path = folder / "configs" / "chips" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")


def study(folder: Path, chips: list[str], **changes: Any) -> PooledStudy:
    layouts = {"tp": [1, 8], "cp": [1], "pp": [1], "ep": [1]}
    asked = {
        "kind": "study", "name": "pair", "title": "A pair", "question": "Which chips decode?",
        "llm": "llama2-70b", "workload": "article", "precision": WIDTHS,
        "pools": {
            "prefill": {"chips": ["h100-sxm"], **layouts, "batch": [1]},
            "decode": {"chips": chips, **layouts, "batch": [1, 16, 64]},
            "link": LINK,
        },
        "deployment": {"mode": "search"}, "price": {"method": "listed"},
        "objectives": ["tpot", "usd_per_token_per_second", "energy_per_token", "usd_per_million_tokens"],
        "targets": {}, "settings": SETTINGS, "budget": {"trials": 2}, "seed": 1,
        "reference_point": {
            "tpot": "10 s", "usd_per_token_per_second": "1e6 USD/(token/s)", "energy_per_token": "1 kJ",
            "usd_per_million_tokens": "1e6 USD",
        },
        **changes,
    }  # fmt: skip
    path = folder / "pair" / "study.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(asked), encoding="utf-8")
    found = pooled_question(str(path), folder / "configs")
    assert found is not None
    return found


def estimated(row: Any, folder: Path) -> dict[str, float]:
    """Metrics of a stored pair, each of whose chips is read for itself."""
    texts = []
    for role, names in {"prefill": SIZES, "decode": (*SIZES, "dp")}.items():
        sizes = ",".join(f"{name}={int(row[f'{role}.{name}'])}" for name in names)
        texts.append(f"{role}={row[f'{role}.chip']},cp=1,{sizes}")
    return estimate_pools(
        texts, "llama2-70b", "article", link=LINK, **WIDTHS, settings={"prefill_load": "0.7"},
        configs=folder / "configs", hold_targets=False,
    ).metrics  # fmt: skip


@pytest.mark.parametrize("name", ["a-flash", "z-flash"])
def test_stored_pairs_of_chips_with_unlike_memories_are_those_that_were_searched(
    tmp_path: Path, name: str
) -> None:
    with_flash(tmp_path, name)
    found = study(tmp_path, ["h200-sxm", name])
    searched = solve_pairs(job_of(found, {}), 1).front.costs
    swept = sweep_pairs(found, out=tmp_path / "swept", workers=1).front
    run = run_pairs(found, trials=2, out=tmp_path / "run").front
    assert set(swept.frame["decode.chip"]) == {"h200-sxm", name}
    columns = ["tpot_s", "usd_per_token_per_s", "energy_per_token_j", "usd_per_million_tokens"]
    for stored in (swept.frame, run.frame):
        values = stored[columns].to_numpy(float)
        np.testing.assert_allclose(np.unique(values, axis=0), np.unique(searched, axis=0), rtol=1e-12)
    for _, row in swept.frame.iterrows():
        alone = estimated(row, tmp_path)
        np.testing.assert_allclose([row[c] for c in columns], [alone[c] for c in columns], rtol=1e-12)


@pytest.mark.parametrize("name", ["a-flash", "z-flash"])
def test_a_chip_among_chips_with_other_memories_brings_what_it_brings_alone(
    tmp_path: Path, name: str
) -> None:
    with_flash(tmp_path, name)
    found = study(tmp_path, ["h200-sxm", name])
    grid = job_of(found, {}).decode
    link, context = found.link.columns(), found.context
    both, over = decode_share(grid.at(np.arange(grid.size)), link, context)
    for at, chip in enumerate(sorted(["h200-sxm", name])):
        one = OneChip(role="decode", study=found.pools["decode"], branch=None, name=chip, values={})
        share, own = decode_share(one.at(np.arange(grid.layouts)), link, context)
        rows = slice(at * grid.layouts, (at + 1) * grid.layouts)
        for column, value in share.columns().items():
            together = np.broadcast_to(both.columns()[column], (grid.size,))[rows]
            np.testing.assert_array_equal(together, np.broadcast_to(value, together.shape), err_msg=column)
        for constraint, value in own.items():
            together = np.broadcast_to(over[constraint], (grid.size,))[rows]
            np.testing.assert_array_equal(together, np.broadcast_to(value, together.shape))
