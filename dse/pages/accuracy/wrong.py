"""What is still predicted wrong: groups of rows with one cause, and by how much each is off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.calibrate.accuracy import FITTED, Unseen
from dse.pages.accuracy.scores import DEP, NAMES, layout_of, of
from dse.pages.accuracy.tables import Rows, table
from dse.validate.measured.batches import Case


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """Rows that are off for one reason."""

    what: str
    metric: str
    among: Callable[[Case], bool]
    why: str


POOLS: Final = "inferencex-db-2026-disagg"
"""Source of pools that decode."""


def _long_outputs(case: Case) -> bool:
    """MI300X with SGLang, outputs far longer than prompts."""
    row = case.row
    return case.chip.name == "mi300x" and case.stack.name == "sglang" and row.osl > 4096.0 >= row.isl


def _is(case: Case, llm: str, chip: str, stack: str) -> bool:
    return (case.llm.name, case.chip.name, case.stack.name) == (llm, chip, stack)


WRONG: Final = (
    Wrong(
        what="DeepSeek-R1 on MI300X, SGLang, outputs beyond 4,096 tokens",
        metric="tpot",
        among=_long_outputs,
        why="likely attention that does not split a long sequence over the chip; short outputs are right",
    ),
    Wrong(
        what="DeepSeek-R1 on MI355X, pools that decode in DEP",
        metric="tpot",
        among=lambda c: c.chip.name == "mi355x" and c.row.source == POOLS and layout_of(c) == DEP,
        why="not known: pools in TP on this chip are right, so all-to-alls or grouped products",
    ),
    Wrong(
        what="DeepSeek-R1 on 8 B200 in MLPerf, DEP",
        metric="throughput",
        among=lambda c: _is(c, "deepseek-r1", "b200-sxm", "mlperf-nvidia"),
        why="not known: DEP of SGLang and TensorRT-LLM is faster; fitted, these rows move their own stack",
    ),
    Wrong(
        what="Mixtral in static benchmarks",
        metric="tpot",
        among=lambda c: c.llm.name == "mixtral-8x7b" and c.row.kind == "static",
        why="one prompt for the whole batch visits fewer experts than uniform routing, which is assumed",
    ),
    Wrong(
        what="gpt-oss on B200, TensorRT-LLM",
        metric="tpot",
        among=lambda c: _is(c, "gpt-oss-120b", "b200-sxm", "trtllm-serve"),
        why="likely kernels that are fused for this LLM",
    ),
    Wrong(
        what="gpt-oss, 512 users",
        metric="tpot",
        among=lambda c: c.llm.name == "gpt-oss-120b" and c.row.batch == 512.0,
        why="some rows are several times faster than any step of 512 can be; they are kept",
    ),
    Wrong(
        what="TTFT at a concurrency",
        metric="ttft",
        among=lambda c: c.row.kind == "concurrency",
        why="how clients start and how prompts are mixed into steps decide, which no table states",
    ),
)
"""Groups that stay wrong, the largest causes that are known."""


def wrong(rows: Rows) -> str:
    """Predicted over measured of each group: as fitted, and without the source of the rows."""
    lines = []
    for w in WRONG:
        fitted, unseen = ([u for u in of(rows[g], w.metric) if w.among(u.case)] for g in (FITTED, "source"))
        if fitted:
            spread, (middle, *_) = _ratios(fitted), _ratios(unseen)
            lines.append(
                [w.what, NAMES[w.metric], str(len(fitted)), *(f"{r:.2f}" for r in (*spread, middle)), w.why]
            )
    heads = ["rows", "metric", "n", "median", "10th", "90th percentile", "median, source left out", "why"]
    return table(heads, lines)


def _ratios(rows: Sequence[Unseen]) -> tuple[float, float, float]:
    """Median, 10th and 90th percentile of predicted / measured."""
    middle, low, high = np.exp(np.quantile([u.error for u in rows], (0.5, 0.1, 0.9)))
    return float(middle), float(low), float(high)
