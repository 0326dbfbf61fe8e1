"""`dse validate silicon`: predicted against published areas, powers and unit costs."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from dse.cli.show_data.prediction_errors import percent, signed
from dse.cli.terminal.machine_output import print_rows
from dse.cli.terminal.tables import plain, stdout, table
from dse.errors import spec_error
from dse.front.files import write_files
from dse.report.plots.silicon_plot import draw_silicon
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.units import pretty
from dse.text import cells
from dse.validate.measured.summary import Group
from dse.validate.silicon.errors import LeftOut, groups, left_out
from dse.validate.silicon.rows import CAPPED, UNITS, SiliconRow, silicon_rows

_NAMES = {
    "die_area": "die area",
    "tdp": "TDP",
    "tdp_capped": "TDP of capped chips",
    "tdp_all": "TDP, capped ones too",
    "unit_cost": "unit cost",
    "claim": "the essay's unit cost",
}


def show_silicon(
    form: str, by: str | None, out: Path | None, plot: Path | None, configs: Path | None
) -> None:
    """Derive every chip of silicon/published.csv and print the errors."""
    if by not in (None, "use"):
        # the columns of measurements do not apply to this table
        raise spec_error("--by", f"expected use for the table silicon, got {by!r}")
    catalog = Catalog.of(configs)
    rows, refused = silicon_rows(catalog, catalog.get(TechnologySpec, "technology-2026"))
    others = left_out(rows)
    if out is not None:
        _write(rows, others, out)
    if plot is not None:
        draw_silicon(rows, plot)
    made = groups(rows, by_use=by == "use")
    if form != "table":
        print_rows([group.as_dict() for group in made], form)
        return
    # people always see chips that set constants apart from the others
    _show(rows, others, groups(rows, by_use=True), refused)


def _records(rows: Sequence[SiliconRow], others: Sequence[LeftOut]) -> list[dict[str, object]]:
    """A row for each chip and metric, with its prediction from a fit without the chip."""
    without = {(o.row.chip, o.metric): o for o in others}
    found = []
    for r in rows:
        other = without.get((r.chip, r.metric))
        found.append(
            {
                "chip": r.chip,
                "metric": r.metric,
                "published": r.published,
                "low": r.low,
                "high": r.high,
                "predicted": r.predicted,
                "error": r.error,
                "fitted": r.fitted,
                "left_out": other.predicted if other else None,
                "left_out_error": other.error if other else None,
                "source": r.source,
                "note": r.note,
            }
        )
    return found


def _write(rows: Sequence[SiliconRow], others: Sequence[LeftOut], out: Path) -> None:
    records, text = _records(rows, others), StringIO()
    writer = csv.DictWriter(text, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(cells, records))
    write_files({out: text.getvalue()})


def _show(
    rows: Sequence[SiliconRow], others: Sequence[LeftOut], made: Sequence[Group], refused: Sequence[str]
) -> None:
    """Print a table for each metric, then the summary of errors."""
    console = stdout()
    # no constant is fitted to capped powers and claims, so they have no entry
    without = {(o.row.chip, o.metric): o.error for o in others}
    for metric in dict.fromkeys(r.metric for r in rows):
        mine = [r for r in rows if r.metric == metric]
        lines = [
            [
                r.chip,
                _value(r.predicted, metric),
                _range(r),
                signed(r.error),
                signed(without[r.chip, metric]) if (r.chip, metric) in without else "-",
                r.fitted or r.note,
            ]
            for r in mine
        ]
        columns = ["chip", "ours", "published", "error", "left out", "used in the fit, or note"]
        # not `capitalize`, which would write Tdp
        title = _NAMES[metric][0].upper() + _NAMES[metric][1:]
        console.print(table(columns, lines, title=title, right=columns[1:5], flexible=columns[5:]))
        console.print()
    numbers = ["n", "median", "mean", "p90", "bias", "inside"]
    cells = [
        [
            _NAMES[g.metric],
            str(g.keys["use"]),
            str(g.n),
            percent(g.median_abs_error),
            percent(g.mean_abs_error),
            percent(g.p90_abs_error),
            signed(g.bias),
            percent(g.inside_interval),
        ]
        for g in made
    ]
    title = "Errors of chips used in the fit, of other chips, and of each chip left out of the fit"
    console.print(table(["metric", "chips", *numbers], cells, title=title, right=numbers))
    console.print(plain(_capped_told(rows)))
    console.print()
    for line in refused:
        console.print(plain(f"Not derived: {line}"), style="dim")


def _capped_told(rows: Sequence[SiliconRow]) -> str:
    """What sets capped chips apart, and that it is no choice of rows."""
    n = sum(r.metric == "tdp_capped" for r in rows)
    return (
        f"Capped: {n} chips whose die another chip sells at {CAPPED - 1.0:.0%} more power or above, found by "
        "comparing the two. They cannot sustain the peaks that are summed here. "
        "Specifications do not state the "
        "cap, so ours is the power without it."
    )


def _value(value: float, metric: str) -> str:
    return pretty(value, UNITS[metric])


def _range(r: SiliconRow) -> str:
    # a single figure is both ends of its range
    if r.low == r.high:
        return _value(r.published, r.metric)
    return f"{_value(r.low, r.metric)} to {_value(r.high, r.metric)}"
