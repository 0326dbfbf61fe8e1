"""Published speeds of dataflow chips and ours, as a table."""

from pathlib import Path

from dse.cli.terminal.machine_output import print_json, print_rows
from dse.cli.terminal.tables import plain, stdout, table
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.dataflow import DataflowComparison, compare_dataflow
from dse.validate.measured.rows import Measured


def show_dataflow(form: str, configs: Path | None) -> None:
    """Predict and show every row; those that cannot be predicted say why."""
    shown = compare_dataflow(cost_model("roofline"), Catalog.of(configs))
    if form == "table":
        _show(shown)
        return
    # a CSV has one kind of row, so the medians are in JSON alone
    if form == "csv":
        print_rows([b.as_dict() for b in shown.rows], form)
    else:
        print_json({**medians(shown), "rows": [b.as_dict() for b in shown.rows]})


def medians(shown: DataflowComparison) -> dict[str, object]:
    """Medians of |predicted / measured - 1| of speeds per user, of all rows and of each vendor."""
    return {
        "median_abs_error": shown.median(left_out=False),
        "median_abs_error_vendor_left_out": shown.median(),
        "inside_interval": shown.inside,
        "vendors": [
            {
                "vendor": vendor,
                "n": sum(b.row.vendor == vendor and b.predicted is not None for b in shown.rows),
                "median_abs_error": shown.median(vendor, left_out=False),
                "median_abs_error_vendor_left_out": shown.median(vendor),
            }
            for vendor in shown.vendors
        ],
    }


def _show(shown: DataflowComparison) -> None:
    """Print the table of speeds, the errors of each vendor, and what is not predicted."""
    console = stdout()
    known = [b for b in shown.rows if b.predicted is not None]
    # a blank distinguishes the two ratios: `right` names columns by their heads
    heads = ["chip", "LLM", "chips", "users", "measured", "ours", "ratio", "left out", "ratio ", "inside"]
    rows = [
        [
            b.row.chip,
            b.row.llm,
            # a row without a count of chips may state its layout
            _number(b.row.chips or _chips(b.row)),
            _number(b.row.batch),
            _number(b.row.value),
            _number(b.predicted),
            f"{b.ratio:.2f}",
            _number(b.unseen),
            f"{b.unseen_ratio:.2f}",
            "yes" if b.inside else "no",
        ]
        for b in known
    ]
    title = "Speed per user [token/s]: measured, on the vendor's stack, on the family without the vendor"
    console.print(table(heads, rows, title=title, right=heads[2:9], flexible=["LLM"]))
    console.print()
    console.print(
        f"{len(known)} of {len(shown.rows)} rows predicted; median error "
        f"{_percent(shown.median(left_out=False))}, with the vendor left out {_percent(shown.median())}; "
        f"{shown.inside:.0%} inside the 80 % interval of the family."
    )
    for vendor in shown.vendors:
        count = sum(b.row.vendor == vendor for b in known)
        errors = _percent(shown.median(vendor, left_out=False)), _percent(shown.median(vendor))
        console.print(plain(f"  {vendor}: {count} rows, {errors[0]}, left out {errors[1]}"))
    console.print()
    for b in shown.rows:
        if b.predicted is None:
            console.print(plain(f"not predicted: {b.row.chip}, {b.row.llm}: {b.why_not}."))
    console.print()
    # rows of one chip and LLM share a remark, which is printed once
    for note in dict.fromkeys(f"{b.row.chip}, {b.row.llm}: {b.row.ours}" for b in known if b.row.ours):
        console.print(plain(f"ours: {note}."))


def _chips(row: Measured) -> float | None:
    return row.tp * row.pp * (row.dp or 1.0) if row.tp and row.pp else None


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
