"""Pairs at unlike prices, and those of unanchored chips: each kind has the front that it has alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dse.question.pools.study import PooledStudy, pooled_question
from dse.search.pairs.driver import sweep_pairs
from dse.search.pairs.run import run_pairs

CHIPS = Path(__file__).resolve().parents[2] / "configs" / "chips"
LAYOUTS = {"tp": [1, 8], "cp": [1], "pp": [1, 10], "ep": [1]}
SPLITS: dict[str, tuple[str, str, dict[str, object]]] = {
    "prefill and decode": ("prefill", "decode", {"settings": {"workload/article.prefill_load": "0.7"}}),
    "attention and ffn": ("attention", "ffn", {}),
    "draft and verify": ("draft", "verify", {"workload": "chat-drafted"}),
}
DRAFTING = {"llm": "tinyllama", "tp": [1, 4], "pp": [1]}
COLUMNS = ["tpot_s", "usd_per_token_per_s"]
LISTED = ["h200-sxm", "b200-sxm"]
APART = ["r200", "unheard-of"]
"""At the price of a system; and at a price that beats all others, of a vendor that nobody has measured."""


def study(folder: Path, split: str, chips: list[str], first: str = "h100-sxm") -> PooledStudy:
    one, other, more = SPLITS[split]
    data = yaml.safe_load((CHIPS / "h200-sxm.yaml").read_text(encoding="utf-8"))
    price = {"value": "10 USD", "source": "assumption", "basis": "assumption"}
    data |= {"name": "unheard-of", "aliases": [], "vendor": "Nobody", "price": price}
    path = folder / "configs" / "chips" / "unheard-of.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    asked: dict[str, Any] = {
        "kind": "study", "name": "pair", "title": "A pair", "question": "Which chips?",
        "llm": "llama2-70b", "workload": "article",
        "precision": {"weights": "fp8", "kv": "fp8", "activations": "fp8"},
        "pools": {
            one: {"chips": [first], **LAYOUTS, **DRAFTING} if one == "draft" else {
                "chips": [first], **LAYOUTS, "batch": [1, 16]
            },
            other: {"chips": chips, **LAYOUTS, **({} if other == "ffn" else {"batch": [1, 16, 64]})},
            "link": "50 GB/s, 5 us",
        },
        "deployment": {"mode": "search"}, "price": {"method": "listed"}, "targets": {},
        "objectives": ["tpot", "usd_per_token_per_second"], "budget": {"trials": 4}, "seed": 1,
        "reference_point": {"tpot": "10 s", "usd_per_token_per_second": "1e6 USD/(token/s)"}, **more,
    }  # fmt: skip
    path = folder / "pair" / "study.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(asked), encoding="utf-8")
    found = pooled_question(str(path), folder / "configs")
    assert found is not None
    return found


@pytest.mark.parametrize("split", SPLITS)
def test_a_pair_drops_no_pair_that_it_does_not_rank_among(tmp_path: Path, split: str) -> None:
    found = study(tmp_path, split, [*LISTED, *APART])
    other = list(found.pools)[1]
    every = sweep_pairs(found, out=tmp_path / "every", workers=1).front
    run = run_pairs(found, trials=4, out=tmp_path / "run").front
    # all are tried, so that both find the same
    np.testing.assert_allclose(run.frame[COLUMNS], every.frame[COLUMNS], rtol=1e-12)
    assert every.manifest["hypervolume"] == pytest.approx(run.manifest["hypervolume"], rel=1e-12)
    seen = 0
    for kind in (LISTED, *([name] for name in APART)):
        alone = sweep_pairs(study(tmp_path, split, kind), out=tmp_path / f"{kind[0]}", workers=1).front.frame
        own = every.frame[every.frame[f"{other}.chip"].isin(kind)]
        np.testing.assert_allclose(own[COLUMNS].to_numpy(float), alone[COLUMNS].to_numpy(float), rtol=1e-12)
        seen += len(own)
    assert seen == len(every.frame) and set(APART) < set(every.frame[f"{other}.chip"])
    # in the order of the first axis, as every front
    assert (np.diff(every.frame["tpot_s"]) >= 0.0).all()


def test_pairs_of_unanchored_chips_alone_are_kept(tmp_path: Path) -> None:
    found = study(tmp_path, "prefill and decode", ["unheard-of"], first="unheard-of")
    assert len(sweep_pairs(found, out=tmp_path / "out").front.frame) > 0
