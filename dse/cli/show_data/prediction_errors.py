"""Errors of predictions for people: the table of groups, and what could not be predicted."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from dse.cli.terminal.tables import plain, stdout, table
from dse.report.info.validation_info import Point
from dse.text import short
from dse.validate.measured.checks.remark import Remark
from dse.validate.measured.predictions import Predicted
from dse.validate.measured.summary import Group, reasons

_NAMES = {"tpot": "TPOT", "ttft": "TTFT", "throughput": "throughput", "end_to_end": "end to end"}

MOST_REMARKS, MOST_PLACES = 12, 3
"""Different remarks on rows that are printed, and rows that each names."""
BIAS = (
    "Bias above 0: times (TPOT, TTFT, end to end) are predicted too long, throughput too high; "
    "the speed of a user counts as TPOT."
)


def show_errors(
    predicted: Predicted, groups: Sequence[Group], keys: Sequence[str], headings: Sequence[str] = ()
) -> None:
    """Print the groups, then the remarks and the headings that were not read, on stdout."""
    console = stdout()
    if groups:
        console.print(groups_table(groups, keys))
        console.print()
    for line in (*remarks(predicted), *unread(headings)):
        console.print(plain(line))


def groups_table(groups: Sequence[Group], keys: Sequence[str]) -> RenderableType:
    """A line for each group."""
    numbers = ["n", "median", "mean", "p90", "bias", "inside"]
    rows = [
        [
            _NAMES[g.metric],
            *(_key(g.keys[k]) for k in keys),
            str(g.n),
            percent(g.median_abs_error),
            percent(g.mean_abs_error),
            percent(g.p90_abs_error),
            signed(g.bias),
            percent(g.inside_interval),
        ]
        for g in groups
    ]
    title = "Error of the predictions, and share of rows inside their 80 % interval"
    columns = ["metric", *keys, *numbers]
    return table(columns, rows, title=title, right=numbers, flexible=keys or ["metric"])


def remarks(predicted: Predicted) -> Iterator[str]:
    """Notes on the rows and on their intervals."""
    found, refused = predicted.found, predicted.refused
    yield f"{len(found):,} rows predicted, {len(refused):,} not."
    for reason, count in reasons(refused):
        yield f"  {count:,} not predicted: {reason}"
    strange = [p for p in found if not p.case.own_stack]
    names = sorted({p.case.stack.name for p in strange})
    if strange:
        yield (
            f"{len(strange):,} rows are of engines without a calibrated stack: they use the "
            f"stack of their chip's class "
            f"({', '.join(names)}), which has a wider interval."
        )
    # rows without an own stack are counted above already
    foreign = [p for p in found if p.case.own_stack and not p.case.own_chip]
    if foreign:
        chips = ", ".join(sorted({p.case.chip.name for p in foreign}))
        yield (
            f"{len(foreign):,} rows are on chips that were not used to calibrate the stack of their engine "
            f"({chips}), with the wider interval of their class."
        )
    layouts = sum(bool(p.case.layout.assumed) for p in found)
    if layouts:
        yield (
            f"{layouts:,} rows do not state the deployment: all chips are used as TP "
            f"where the batch is stated, "
            "otherwise as the smallest replicas."
        )
    without = sum(p.factor is None for p in found)
    if without:
        yield f"{without:,} rows have no interval: their stack has none for this metric."
    if found:
        yield BIAS
    yield from of_rows(predicted.remarks)


def unread(headings: Sequence[str]) -> Iterator[str]:
    """A line on the columns of a table that were not read, if there are any."""
    if headings:
        more = f" and {len(headings) - MOST_REMARKS:,} more" if len(headings) > MOST_REMARKS else ""
        yield f"Columns not read: {', '.join(map(short, headings[:MOST_REMARKS]))}{more}"


def of_rows(remarks: Sequence[Remark]) -> Iterator[str]:
    """Remarks on rows with the lines that they are about, at most `MOST_REMARKS` different ones."""
    lines: dict[str, list[str]] = {}
    for remark in remarks:
        lines.setdefault(remark.text, []).extend(row.where for row in remark.rows)
    for text, places in list(lines.items())[:MOST_REMARKS]:
        named = list(dict.fromkeys(places))
        more = f" and {len(named) - MOST_PLACES:,} more" if len(named) > MOST_PLACES else ""
        yield f"Remark on {', '.join(named[:MOST_PLACES])}{more}: {text}"
    if len(lines) > MOST_REMARKS:
        yield f"{len(lines) - MOST_REMARKS:,} more remarks are in the column remark of --out."


def points(predicted: Predicted) -> list[Point]:
    """Every prediction as a point of a picture."""
    return [
        Point(
            family=p.metric,
            column=p.case.row.metric,
            stack=p.case.stack.name,
            own_stack=p.case.own_stack,
            measured=p.case.row.value,
            predicted=p.predicted,
        )
        for p in predicted.found
    ]


def percent(value: float | None) -> str:
    """A share in per cent; a factor where that is beyond reading."""
    if value is None:
        return "-"
    return f"{value:.1%}" if abs(value) < 10 else f"x {value:,.0f}"


def signed(value: float) -> str:
    """As `percent`, with its sign."""
    return f"{value:+.1%}" if abs(value) < 10 else f"x {value:,.0f}"


def _key(value: object) -> str:
    if value is None or value == "":
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
