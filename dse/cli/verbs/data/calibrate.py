"""`dse calibrate`: a stack profile fitted to measurements."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dse.calibrate.calibration import METHODS, Calibration, choose, described
from dse.calibrate.calibration import calibrate as fitted
from dse.cli.input.options import Configs, epilog
from dse.cli.input.output_paths import check_output_file
from dse.cli.show_data.prediction_errors import percent, signed
from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.guard import blame
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import plain, remark, stdout, table
from dse.errors import spec_error, unknown
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Refusal
from dse.validate.measured.rows import find_table, read_rows
from dse.validate.measured.summary import reasons

EPILOG = epilog(
    "dse calibrate my-rows.csv --stack mine --engine 'MyEngine' -o configs/stacks/mine.yaml",
    "dse calibrate published --stack nim -o nim.yaml",
    "dse calibrate published --stack gpu-serving --start gpu-published -o my-stack.yaml",
    codes="0 done, 2 wrong input, such as too few rows.",
)


def calibrate(
    table: Annotated[str, typer.Argument(metavar="TABLE|CSV", help="Bundled table, or a CSV of your own.")],
    stack: Annotated[
        str,
        typer.Option(metavar="NAME", help="Name of the profile; an existing one keeps its description."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="YAML to write.")],
    engine: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="Engines of the profile, as a regular expression; repeatable."),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="CLASS", help="Class of chips of the profile; repeatable."),
    ] = None,
    start: Annotated[
        str,
        typer.Option(metavar="STACK", help="Profile to start from; it fills in what the rows leave open."),
    ] = "gpu-serving",
    quality: Annotated[
        str, typer.Option(metavar="LETTERS", help="Use rows of these qualities, and rows without one.")
    ] = "AB",
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help=(
                "What the rows left out to estimate the error bar have in common: case (LLM and "
                "chip), llm, chip, source, engine; in-sample leaves none out."
            ),
        ),
    ] = "case",
    source: Annotated[
        str, typer.Option(metavar="KEY", help="Key in sources.yaml that the numbers cite.")
    ] = "published-measurements",
    configs: Configs = None,
) -> None:
    """Fit a stack profile to measured rows, with error bars.

    Uses the rows whose engine, chip and date match the profile; a profile without engines uses all rows of
    its classes. Fits fifteen numbers by robust least squares on log(predicted / measured), with the values of
    --start as a prior. Numbers that the rows do not determine keep their start values. Low and high come from
    the covariance of the fit. The interval of each metric is the factor that contains 80 % of the rows left
    out. The same input gives the same file.
    """
    with blame("--method"):
        _one_of(method)
    check_output_file("--output", output)
    found, refused = _fit(table, stack, engine, classes, start, quality, method, source, configs)
    write_files({output: found.profile.yaml()})
    # the file is the result; the tables are notes on it
    if not global_options().quiet:
        _show(found, refused)
    remark(f"Written: {output}")


def _one_of(method: str) -> None:
    if method not in METHODS:
        raise spec_error("", unknown("method", method, METHODS))


def _fit(
    table: str,
    stack: str,
    engine: list[str] | None,
    classes: list[str] | None,
    start: str,
    quality: str,
    method: str,
    source: str,
    configs: Path | None,
) -> tuple[Calibration, list[Refusal]]:
    """Choose the rows of a profile and fit it to them; also the rows that cannot be predicted."""
    catalog = Catalog.of(configs)
    with blame("TABLE"):
        path = find_table(table, catalog)
    with blame("--start"):
        begin = catalog.get(StackSpec, start)
    spec = described(catalog, stack, begin, engine or (), classes or ())
    rows = read_rows(path)
    with spinner("reading") as report:
        cases, refused = choose(rows, catalog, spec, quality)
        model = cost_model("roofline")
        found = fitted(model, cases, catalog, spec, begin, method=method, source=source, progress=report)
    return found, refused


def _show(found: Calibration, refused: Sequence[Refusal]) -> None:
    """Print the fitted numbers, the errors, and what was not predicted."""
    console, profile = stdout(), found.profile
    rows = [
        [
            name,
            _number(leaf.value, leaf.unit),
            _number(leaf.low, leaf.unit),
            _number(leaf.high, leaf.unit),
            leaf.basis,
            leaf.note or "",
        ]
        for name, leaf in profile.leaves.items()
    ]
    columns = ["number", "value", "low", "high", "basis", "note"]
    title = f"{profile.spec.title} ({profile.spec.name})"
    console.print(table(columns, rows, title=title, right=columns[1:4], flexible=["note"]))
    console.print()
    errors = [
        [
            e.metric,
            str(e.n),
            percent(e.median),
            percent(e.p90),
            signed(e.bias),
            percent(e.unseen),
            f"x {profile.interval[e.metric]:.3g}" if e.metric in profile.interval else "-",
        ]
        for e in found.residuals()
    ]
    heads = ["metric", "n", "median", "p90", "bias", "left out", "80 % within"]
    title = "Errors of the fitted rows, and the median of rows left out"
    console.print(table(heads, errors, title=title, right=heads[1:]))
    console.print()
    console.print(plain(profile.notes))
    for reason, count in reasons(refused):
        console.print(plain(f"{count:,} rows not predicted: {reason}"))


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "s":
        return f"{value * 1e6:.4g} us"
    return f"{value:.4g}"
