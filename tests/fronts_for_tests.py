"""Fronts written down by hand, for tests of what is made of them: no search, no study."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dse.front.axis import Axis
from dse.front.files import Front

COST = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")
RATE = Axis("tokens_per_second", "tokens_per_s", "throughput", "token/s", "maximize")


def table(rows: Sequence[Mapping[str, Any]], role: str = "search") -> pd.DataFrame:
    """Rows of a front; what they leave out is a chip of its branch with a deployment of one chip."""
    usual = {"branch": "sram-only", "role": role, "batch": 1, "tp": 1, "pp": 1, "ep": 1, "dp": 1, "chips": 1}
    whole = [{**usual, "chip": f"{r.get('branch', 'sram-only')}-{i}", **r} for i, r in enumerate(rows)]
    return pd.DataFrame(whole) if whole else pd.DataFrame(columns=[*usual, "chip", "tpot_s", COST.column])


def front(
    rows: Sequence[Mapping[str, Any]],
    baselines: Sequence[Mapping[str, Any]] = (),
    axes: tuple[Axis, ...] = (COST, TPOT),
    **manifest: Any,
) -> Front:
    """A front of some rows; `manifest` adds to its name."""
    return Front(table(rows), table(baselines, "baseline"), axes, {"study": "by-hand", **manifest})


def design(tpot_s: float, usd: float, **more: Any) -> dict[str, Any]:
    """One row by the two usual axes."""
    return {"tpot_s": tpot_s, "usd_per_token_per_s": usd, **more}
