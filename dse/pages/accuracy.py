"""`python -m dse.pages.accuracy FOLDER [CONFIGS]`: accuracy.md and accuracy.png, in minutes."""

import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from dse.calibrate.accuracy import LEFT_OUT, Accuracy, Unseen, accuracy
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.report.info.validation_info import Point, validation_info
from dse.report.plots.errors_by_batch_plot import BatchPoint, batch_info, render_batches
from dse.report.plots.validation_plot import render_validation
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.dataflow import TABLE, DataflowComparison, find_bundled
from dse.validate.measured.predictions import Prediction
from dse.validate.measured.rows import find_table, read_rows
from dse.validate.measured.summary import Group, reasons, summary

NAMES: Final = {"tpot": "TPOT", "ttft": "TTFT", "throughput": "throughput", "end_to_end": "end to end"}
AIMS: Final = (
    ("TPOT, all rows", "tpot", None, 0.12),
    ("TTFT, fixed batch", "ttft", "static", 0.09),
    ("TTFT, given concurrency", "ttft", "concurrency", 0.40),
    ("throughput, fixed batch", "throughput", "static", 0.10),
    ("throughput, given concurrency", "throughput", "concurrency", 0.25),
)
"""What, metric, kind of batch, and the median error that this project aims at."""
P90_AIM: Final = 0.40
"""The same of the 90th percentile of TPOT."""
UNSEEN_AIM: Final = 0.18
"""The same of the median of TPOT on chips, LLMs and sources left out."""

INTRODUCTION: Final = """# Accuracy

This page compares the cost model `roofline` with published measurements. The command
`python -m dse.pages.accuracy dse/docs` writes it. The measurements are in
`configs/measurements/published.csv`; their README defines each metric. An error is
predicted / measured - 1; the speed of a user counts as TPOT. "Median" and "p90" are percentiles of its
absolute value, "bias" is its median.
"Inside" is the share of rows within the 80 % interval of their stack.

A stack profile in `configs/stacks` with `estimate: calibrated` holds fifteen numbers with a physical
meaning. There is no number per LLM, per chip or per batch. All profiles are fitted together in a hierarchy:
the prior of each number of an engine is the centre of all engines of its class, and the prior of the centre
is the published derates (`gpu-published`, with its low to high as width). An engine with few rows, or a
chip without measurements, is therefore near the others, and every number stays in its physical range. The
centre is the profile of unknown engines: `gpu-serving` for GPUs; `systolic-serving` is half of the way from
there to the one engine on systolic chips that published its numbers.

The table of rows left out matters most: all stacks are fitted again without a chip, an LLM, a source or an
engine, and compared with its rows.

![Predicted against measured, by stack](accuracy.png)

![Errors of TPOT by batch, fitted and with the LLM left out](accuracy-batch.png)
"""

LIMITS: Final = """## What is missing

- Prefill of a fixed batch is 6 to 8 % off where most rows are (TensorRT-LLM), but 14 to 27 % for llama.cpp,
  Neuron and vLLM of 2023, each with kernels that one efficiency for all shapes and cards does not follow:
  llama.cpp adds up in fp16 on GeForce cards, at twice the peak that their files give, and Neuron pads prompts
  to buckets. A ramp of rows per matrix (tile quantisation) was tried: it gains nothing on rows left out.
- TTFT under load depends on how clients start and on how the scheduler mixes prompts into steps. One number
  (`burst`) covers both. A queue by mean-value analysis was tried and is worse on every grouping.
- Mixtures of experts: routing is taken as uniform. Static benchmarks with one prompt for the whole batch
  visit fewer experts than that, and Mixtral rows of TensorRT-LLM 0.9 are overstated by up to two times; some
  of them beat the DRAM bandwidth of their cards in the format that they state.
- A few published rows of 512 users on gpt-oss are several times faster than any step of 512 could be; they
  are kept, and cost TTFT and the 90th percentile of TPOT.
- Hopper has no fp4, and engines differ in how they widen mxfp4 there; the era of an engine is in its profile,
  but releases inside one profile differ by tens of per cent.
- Offline throughput with an unstated batch: the scheduler's own limits on sequences and tokens decide,
  and are seldom published.
- Tables state lengths as means; real traffic varies.

## Limits

- Fitted rows are of 2023 to early 2026. Engines change from release to release: a profile holds for its
  era.
- Most rows are of five NVIDIA chips. AMD, AWS and Apple chips have one or two sources each; there is none of
  TPUs or Gaudi, which use `systolic-serving`.
- On a chip that a profile was not fitted to, its interval is at least that of the class, and estimates say
  so.
- Of chips with all weights in SRAM no published row states everything: see Dataflow chips.
- Two laboratories with the same engine on the same chip differ by about 10 % (README of the
  measurements).
"""


def page(found: Accuracy, stamp: str) -> str:
    """The page as Markdown; `stamp` is the digest of what it rests on."""
    # not those of quality C, whose layouts are assumed in several ways
    good = [p for p in found.predicted.found if p.case.row.quality in ("A", "B", "")]
    decode = [p for p in good if p.metric == "tpot"]
    parts = [
        INTRODUCTION,
        "## Errors and aims\n\nRows of quality A and B.\n\n"
        + _aims(good)
        + "\n"
        + _unseen_aims(found.unseen),
        "## By metric and kind of batch\n\n" + _groups(summary(good, ["kind"]), ["kind"]),
        "## By stack\n\n" + _groups(summary(good, ["stack"]), ["stack"]),
        "## TPOT by LLM and by chip\n\n"
        + _groups(summary(decode, ["llm"]), ["llm"])
        + "\n"
        + _groups(summary(decode, ["chip"]), ["chip"]),
        "## Rows left out\n\nAll stacks fitted again without each chip, LLM, source or engine in turn; an "
        "engine without any row is the centre of the others. TPOT aims at 18 %.\n\n" + _unseen(found.unseen),
        "## Do the intervals hold?\n\nShare of the rows left out inside the 80 % interval of a new row: "
        "that of its stack or of its class, whichever is wider.\n\n" + _inside(found),
        dataflow_section(found.dataflow),
        "## Not predicted\n\n" + _refused(found),
        LIMITS,
        f"Stacks and measurements of this page: digest `{stamp}`.\n",
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def digest(catalog: Catalog) -> str:
    """Of all that the page rests on: the calibrated stacks and the table of measurements."""
    text = "".join(
        f"{name} {s.model_dump_json()}\n"
        for name, s in catalog.all(StackSpec).items()
        if s.estimate == "calibrated"
    )
    tables = [find_table("published", catalog), find_bundled(catalog, TABLE)]
    # as bytes, because a table may be compressed
    data = b"".join(path.read_bytes() for path in tables)
    return hashlib.sha256(text.encode() + data).hexdigest()[:16]


def points(predictions: Iterable[Prediction]) -> list[Point]:
    """Every prediction as a point of the picture."""
    return [
        Point(
            family=p.metric,
            column=p.case.row.metric,
            stack=p.case.stack.name,
            own_stack=p.case.own_stack,
            measured=p.case.row.value,
            predicted=p.predicted,
        )
        for p in predictions
    ]


def _aims(found: Sequence[Prediction]) -> str:
    """Median error of each group of rows next to its aim, and the 90th percentile of TPOT."""
    lines = []
    for name, metric, kind, aim in AIMS:
        mine = [p for p in found if p.metric == metric and kind in (None, p.case.row.kind)]
        # one metric, and no column to group by, make one group
        (group,) = summary(mine)
        met = "yes" if group.median_abs_error <= aim else "no"
        lines.append([name, str(group.n), _percent(group.median_abs_error), _percent(aim), met])
    (tpot,) = summary([p for p in found if p.metric == "tpot"])
    met = "yes" if tpot.p90_abs_error <= P90_AIM else "no"
    lines.append(["TPOT, 90th percentile", str(tpot.n), _percent(tpot.p90_abs_error), _percent(P90_AIM), met])
    return _table(["", "n", "error", "aim", "met"], lines)


def _unseen_aims(found: Sequence[Unseen]) -> str:
    """Median error of TPOT without the chip, LLM or source of a row, next to its aim."""
    lines = []
    for grouping in ("chip", "llm", "source"):
        misses = [u.miss for u in found if u.grouping == grouping and u.metric == "tpot"]
        median = float(np.median(misses))
        met = "yes" if median <= UNSEEN_AIM else "no"
        lines.append(
            [
                f"TPOT without the row's {grouping}",
                str(len(misses)),
                _percent(median),
                _percent(UNSEEN_AIM),
                met,
            ]
        )
    return _table(["", "n", "median", "aim", "met"], lines)


def _groups(groups: Sequence[Group], keys: Sequence[str]) -> str:
    """A table of errors, one line a metric and value of `keys`."""
    lines = [
        [
            NAMES[g.metric],
            *(str(g.keys[k]) for k in keys),
            str(g.n),
            _percent(g.median_abs_error),
            _percent(g.p90_abs_error),
            f"{g.bias:+.1%}",
            _percent(g.inside_interval),
        ]
        for g in groups
    ]
    return _table(["metric", *keys, "n", "median", "p90", "bias", "inside"], lines)


def _unseen(found: Sequence[Unseen]) -> str:
    """Errors of rows left out, one line a grouping and metric."""
    lines = []
    for grouping in LEFT_OUT:
        for metric, name in NAMES.items():
            mine = [u for u in found if u.grouping == grouping and u.metric == metric]
            if mine:
                # errors of rows left out are logarithms; the other tables have shares
                misses, bias = [u.miss for u in mine], np.expm1(np.median([u.error for u in mine]))
                lines.append(
                    [
                        grouping,
                        name,
                        str(len(misses)),
                        _percent(float(np.median(misses))),
                        _percent(float(np.quantile(misses, 0.9))),
                        f"{bias:+.1%}",
                    ]
                )
    return _table(["left out", "metric", "n", "median", "p90", "bias"], lines)


def _inside(found: Accuracy) -> str:
    names = ("tpot", "ttft", "throughput")
    lines = []
    for grouping in LEFT_OUT:
        # a metric without an interval has no counts
        counts = [found.inside.get((grouping, m), (0, 0)) for m in names]
        held, every = sum(n for n, _ in counts), sum(n for _, n in counts)
        shares = [_percent(n / total if total else None) for n, total in counts]
        lines.append([grouping, str(every), *shares, _percent(held / max(every, 1))])
    return _table(["left out", "n", "TPOT", "TTFT", "throughput, end to end", "all"], lines)


DATAFLOW: Final = """## Dataflow chips

`dse validate dataflow` shows every row. Each vendor writes its own compiler and published few rows, some of
whose columns are not stated; `configs/measurements/dataflow.csv` says which are assumed here and why. The
prior of a vendor's stack is the family `static-dataflow`, that of the family is `dataflow-published`, with
nine numbers each. The error of the family fitted without the vendor matters most: chips of unmeasured
vendors and hypothetical chips use the family. Speeds are per user; the interval is that of the family.

"""


def dataflow_section(shown: DataflowComparison) -> str:
    """Errors of dataflow chips by vendor, fitted and with the vendor left out, and what is not predicted."""
    lines = []
    # None: all vendors together
    for vendor in (*shown.vendors, None):
        mine = [b for b in shown.rows if b.predicted is not None and vendor in (None, b.row.vendor)]
        inside = [b.inside for b in mine if b.inside is not None]
        fitted, unseen = shown.median(vendor, left_out=False), shown.median(vendor)
        held = sum(inside) / max(len(inside), 1)
        lines.append([vendor or "all", str(len(mine)), _percent(fitted), _percent(unseen), _percent(held)])
    refused = [[f"{b.row.chip}, {b.row.llm}", b.why_not] for b in shown.rows if b.predicted is None]
    heads = ["vendor", "n", "median", "median, vendor left out", "inside"]
    return DATAFLOW + _table(heads, lines) + "\nNot predicted:\n\n" + _table(["row", "why"], refused)


def _refused(found: Accuracy) -> str:
    lines = [[reason, str(n)] for reason, n in reasons(found.predicted.refused)]
    return _table(["why", "rows"], lines) if lines else "Every row is predicted.\n"


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def _percent(value: float | None) -> str:
    if value is None:
        return "-"
    # from ten times on a factor is easier to read than per cent
    return f"{value:.1%}" if value < 10 else f"x {1 + value:.0f}"


def write(folder: Path, configs: str | None, progress: Callable[[str], None]) -> None:
    """Write the page and its picture into `folder`; `configs` is searched before the bundled configs."""
    catalog = Catalog.of(configs)
    rows = read_rows(find_table("published", catalog))
    found = accuracy(cost_model("roofline"), rows, catalog, progress)
    info = validation_info(points(found.predicted.found), "Published measurements, predicted")
    picture = render_validation(info, ".png")
    write_files(
        {
            folder / "accuracy.md": page(found, digest(catalog)),
            folder / "accuracy.png": picture,
            folder / "accuracy-batch.png": render_batches(batch_info(_by_batch(found)), ".png"),
        }
    )


def _by_batch(found: Accuracy) -> list[BatchPoint]:
    """TPOT by batch: rows as they were fitted, and with their LLM left out."""
    seen = [
        # a logarithm, as the errors of rows left out are
        BatchPoint(batch=p.case.row.batch, error=float(np.log1p(p.error)), left_out=False)
        for p in found.predicted.found
        if p.metric == "tpot" and p.case.row.batch and p.case.row.quality in ("A", "B", "")
    ]
    return seen + [
        BatchPoint(batch=u.case.row.batch, error=u.error, left_out=True)
        for u in found.unseen
        if u.grouping == "llm" and u.metric == "tpot" and u.case.row.batch
    ]


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None, print)
