"""A small study of pools that tests of pairs change."""

from pathlib import Path
from typing import Any

import yaml

from dse.question.pools.study import PooledStudy, load_question

SMALL: dict[str, Any] = {
    "kind": "study",
    "name": "pair",
    "title": "A small pair",
    "question": "Which chips prefill, which decode?",
    "llm": "llama2-70b",
    "workload": "article",
    "precision": {"weights": "int8", "kv": "int8", "activations": "int8"},
    "price": {"method": "unit-cost"},
    "objectives": ["usd_per_token_per_second", "tpot"],
    "targets": {"ttft": "2 s"},
    "settings": {"workload/article.prefill_load": 0.7},
    "budget": {"trials": 10},
    "seed": 1,
}
"""Without pools, layouts and reference point."""


def load(folder: Path, study: dict[str, Any]) -> PooledStudy:
    """A study of pools from its keys."""
    path = folder / "pair" / "study.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    found = load_question(str(path))
    assert isinstance(found, PooledStudy)
    return found
