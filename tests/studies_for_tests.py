"""Small studies written as YAML, so that a run takes about a second; a test changes only what it is about."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

SMALL: Mapping[str, Any] = {
    "kind": "study",
    "name": "small",
    "title": "A small question",
    "question": "Which of a few chips serves LLaMA-2 70B at the lowest price?",
    "llm": "llama2-70b",
    "workload": "article",
    "precision": {"weights": "int8", "kv": "int8", "activations": "int8"},
    "cost_model": "roofline",
    "space": "lpu-or-hbm",
    "deployment": {"mode": "solve", "batch": [1, 8, 64], "tp": [1, 8, 64], "cp": [1], "pp": [1, 10, 80]},
    "price": {"method": "unit-cost"},
    "objectives": ["usd_per_token_per_second", "tpot"],
    "sweep": {"objective": "tpot", "low": "0.5 ms", "high": "100 ms"},
    "report_at": ["10 ms"],
    "baselines": ["groq-lpu-v1", "h100-sxm"],
    "sampler": {"name": "random"},
    "budget": {"trials": 10},
    "seed": 1,
    "reference_point": {"usd_per_token_per_second": "1000 USD/(token/s)", "tpot": "100 ms"},
}

LINES = tuple(SMALL)
"""Top-level keys in the order they are written, one a line below the first."""


def small(**changes: Any) -> dict[str, Any]:
    """The data of a small study; `a__b=value` changes key b inside a, None takes the key away."""
    data: dict[str, Any] = deepcopy(dict(SMALL))
    for name, value in changes.items():
        *path, last = name.split("__")
        inner = data
        for key in path:
            inner = inner[key]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return data


def write_study(folder: Path, name: str = "small", **changes: Any) -> Path:
    """`study.yaml` of a small study in `folder/NAME`, one top-level key a line."""
    path = folder / name / "study.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = small(name=name, **changes)
    lines = (f"{k}: {yaml.safe_dump(v, default_flow_style=True, width=10**6)}" for k, v in data.items())
    path.write_text("".join(line.replace("\n...", "") for line in lines), encoding="utf-8")
    return path
