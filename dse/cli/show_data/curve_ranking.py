"""`dse validate --curves`: ranking and regret of predictions on measured Pareto curves."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import RenderableType

from dse.cli.show_data.prediction_errors import BIAS, percent, remarks
from dse.cli.terminal.machine_output import print_rows
from dse.cli.terminal.quantity import NONE
from dse.cli.terminal.tables import plain, remark, stdout, table
from dse.front.files import write_files
from dse.text import cell
from dse.validate.curves.limits import LIMITS
from dse.validate.curves.points import LEAST, curves
from dse.validate.curves.summary import CONFIDENCE, Group, curve_groups, curve_rows
from dse.validate.measured.predictions import Predicted

_NAMES = {"throughput": "throughput", "tpot": "TPOT"}


def show_curves(
    predicted: Predicted, keys: Sequence[str], confidence: float | None, out: Path | None, form: str
) -> bool:
    """Print ranking and regret, and write a row for each curve; False where the table has no curve."""
    found, sure = curves(predicted.found), CONFIDENCE if confidence is None else confidence
    groups = curve_groups(found, keys, sure)
    if out is not None:
        write_files({out: _csv(curve_rows(found, sure))})
    if form == "json":
        print_rows([group.as_dict() for group in groups], form)
    elif form == "csv":
        print_rows(curve_rows(found, sure), form)
    else:
        _show(groups, keys)
    if not found:
        remark(_none())
    # to stderr where stdout is for data
    # the sign of errors is that of another table
    for line in (each for each in remarks(predicted) if each != BIAS):
        if form == "table":
            stdout().print(plain(line))
        else:
            remark(line)
    return bool(found)


def _none() -> str:
    return (
        f"no curve: expected {LEAST} runs of one chip, LLM, lengths, formats, engine and source that state "
        "both a time per token (or speed of a user) and a throughput"
    )


def _show(groups: Sequence[Group], keys: Sequence[str]) -> None:
    """Print both tables and what their columns are."""
    console = stdout()
    if not groups:
        return
    console.print(_rankings(groups, keys))
    console.print()
    console.print(_limits(groups, keys))
    console.print()
    without = sum(group.without_interval for group in groups)
    lines = (
        f"A curve: at least {LEAST} runs of one chip, LLM, lengths, formats, engine and source, which differ "
        "in layout and batch. Spearman: median rank correlation of predicted and measured values of a curve, "
        "and what one curve in ten falls below. Right: share of batches with several layouts at which the "
        "best one is chosen; regret: mean share of the best value that is lost.",
        f"Limits: {LIMITS} of TPOT a curve, from its fastest to its slowest point; of the points predicted "
        "to meet one, that with the most predicted throughput is chosen. At 50 % the prediction meets it, at "
        "more the margin of the interval is added. Violated: share of choices that miss it in reality, and "
        "by how much (median). Lost: throughput lost to the best point that meets it (median of choices that "
        "hold). Reached: mean share of that best, 0 where it is violated or nothing is chosen.",
        *([f"{without:,} curves have no interval of TPOT, hence no limits."] if without else ()),
    )
    for line in lines:
        console.print(plain(line), style="dim")


def _rankings(groups: Sequence[Group], keys: Sequence[str]) -> RenderableType:
    """A line for each group and metric: rank correlations, and choices at equal batch."""
    numbers = ["curves", "points", "Spearman", "p10", "batches", "right", "regret"]
    rows = [
        [
            *(group.keys[key] for key in keys),
            _NAMES[r.metric],
            f"{r.curves:,}",
            f"{group.points:,}",
            _number(r.spearman),
            _number(r.spearman_p10),
            f"{r.choices:,}",
            percent(r.right),
            percent(r.regret),
        ]
        for group in groups
        for r in group.rankings
    ]
    title = "Ranks on measured curves, and the best layout at equal batch"
    return table([*keys, "metric", *numbers], rows, title=title, right=numbers, flexible=keys or ["metric"])


def _limits(groups: Sequence[Group], keys: Sequence[str]) -> RenderableType:
    """A line for each group and probability: choices under limits of TPOT."""
    numbers = ["probability", "limits", "chosen", "violated", "by", "lost", "reached"]
    rows = [
        [
            *(group.keys[key] for key in keys),
            f"{100 * u.confidence:g} %",
            f"{u.limits:,}",
            f"{u.chosen:,}",
            percent(u.violated),
            percent(u.overshoot),
            percent(u.lost),
            percent(u.reached),
        ]
        for group in groups
        for u in group.limits
    ]
    title = "Choices under a limit of TPOT, without and with the margin of the interval"
    return table([*keys, *numbers], rows, title=title, right=numbers, flexible=keys)


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _csv(rows: Sequence[dict[str, object]]) -> str:
    """The rows as CSV, whose cells no spreadsheet computes."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
    for row in rows:
        writer.writerow("" if v is None else cell(str(v)) for v in row.values())
    return buffer.getvalue()
