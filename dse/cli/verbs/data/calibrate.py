"""`dse calibrate`: a stack profile fitted to measurements."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dse.calibrate.calibration import FEWEST, METHODS, OWN, PUBLISHED, Calibration, choose, described
from dse.calibrate.calibration import calibrate as fitted
from dse.calibrate.parameters import startable
from dse.cli.input.options import Configs, epilog
from dse.cli.input.output_paths import check_output_file, hold_apart
from dse.cli.show_data.prediction_errors import of_rows, percent, signed, unread
from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.guard import blame, complain
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import plain, remark, stdout, table
from dse.errors import ExitCode, spec_error, unknown
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.text import short
from dse.validate.measured.batches import Refusal
from dse.validate.measured.checks.held import held
from dse.validate.measured.checks.littles_law import contradictions
from dse.validate.measured.rows import find_table, measured_table
from dse.validate.measured.summary import reasons

EPILOG = epilog(
    "dse calibrate my-rows.csv --stack mine --engine 'MyEngine' -o configs/stacks/mine.yaml",
    "dse calibrate published --stack nim -o nim.yaml",
    "dse calibrate published --stack gpu-serving --start gpu-published -o my-stack.yaml",
    codes="0 done, 1 the fit misses its rows and nothing is written, 2 wrong input, such as too few rows.",
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
        str | None,
        typer.Option(
            metavar="KEY",
            help=(
                "Key in sources.yaml that the numbers cite [default: published-measurements for a bundled "
                "table, own-measurements for a CSV; the notes name its sources]."
            ),
        ),
    ] = None,
    configs: Configs = None,
) -> None:
    """Fit a stack profile to measured rows, with error bars.

    Uses the rows whose engine, chip and date match the profile; a profile without engines uses all rows of
    its classes. Rows of chips that cannot hold the LLM do not count; of several values of one metric in a
    line of a table the first does. Fits eighteen numbers by robust least squares on log(predicted /
    measured), with the values of --start as a prior, which must state all of them above 0, and shares below
    1. Three rows are enough: what they leave open is that of --start, and the column `rows` says how much of
    each number the rows determine. Numbers that they do not determine at all keep their start values. Low and
    high come from the covariance of the fit. The interval of each metric is the factor that contains 80 % of
    the rows left out; a metric with fewer than eight rows keeps that of --start. A fit is printed but not
    written, with exit code 1, where its median error is more than a factor of 2, an interval is wider than a
    factor of 4, or a number is one that no engine has. The same input gives the same file.
    """
    with blame("--method"):
        _one_of(method)
    check_output_file("--output", output)
    hold_apart("--output", output, Path(table))
    found, refused, notes = _fit(table, stack, engine, classes, start, quality, method, source, configs)
    failures = found.failures()
    if not failures:
        write_files({output: found.profile.yaml()})
    # the file is the result; the tables are notes on it
    if not global_options().quiet:
        _show(found, refused, notes)
    if failures:
        complain(*(f"stacks/{stack}: {why}" for why in failures), f"{output}: not written")
        raise typer.Exit(ExitCode.FAILED)
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
    source: str | None,
    configs: Path | None,
) -> tuple[Calibration, list[Refusal], list[str]]:
    """Choose the rows of a profile and fit it to them; also what cannot be predicted, and notes on rows."""
    catalog = Catalog.of(configs)
    with blame("TABLE"):
        path = find_table(table, catalog)
    with blame("--start"):
        begin = startable(catalog.get(StackSpec, start))
    with blame("--source"):
        _known_source(source, catalog)
    spec = described(catalog, stack, begin, engine or (), classes or ())
    given = measured_table(path)
    with spinner("reading") as report:
        chosen, refused = choose(given.rows, catalog, spec, quality)
        model = cost_model("roofline")
        cases, small = held(model, chosen, catalog)
        refused += small
        _enough(stack, len(cases), refused)
        # a bundled table is named, and found in another place
        cites = source or (OWN if path == Path(table) else PUBLISHED)
        found = fitted(model, cases, catalog, spec, begin, method=method, source=cites, progress=report)
    notes = [*unread(given.raw.unread), *of_rows(list(contradictions(c.row for c in cases)))]
    return found, refused, notes


def _known_source(source: str | None, catalog: Catalog) -> None:
    """Raise `SpecError` for a source that no `sources.yaml` has: `dse check` would refuse the profile."""
    known = catalog.sources()
    # keys joined by + are all cited
    for key in source.split("+") if source else ():
        if key not in known:
            raise spec_error("", f"expected a key of sources.yaml, such as {OWN}, got {short(key)}")


def _enough(stack: str, count: int, refused: Sequence[Refusal]) -> None:
    """Raise `SpecError` for too few rows, with the reasons of those that were refused."""
    if count >= FEWEST:
        return
    why = "".join(f"; {n:,} not predicted: {reason}" for reason, n in reasons(refused))
    raise spec_error(
        f"stacks/{stack}",
        f"expected at least {FEWEST} rows to fit a stack to, got {count}. "
        f"Rows of other engines, classes or qualities do not count{why}.",
    )


def _show(found: Calibration, refused: Sequence[Refusal], notes: Sequence[str]) -> None:
    """Print the fitted numbers, the errors, and what was not predicted or contradicts itself."""
    console, profile = stdout(), found.profile
    rows = [
        [
            name,
            _number(leaf.value, leaf.unit),
            _number(leaf.low, leaf.unit),
            _number(leaf.high, leaf.unit),
            f"{found.determined[name]:.0%}" if name in found.determined else "-",
            leaf.basis,
            leaf.note or "",
        ]
        for name, leaf in profile.leaves.items()
    ]
    columns = ["number", "value", "low", "high", "rows", "basis", "note"]
    title = f"{profile.spec.title} ({profile.spec.name})"
    console.print(table(columns, rows, title=title, right=columns[1:5], flexible=["note"]))
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
    for line in notes:
        console.print(plain(line))


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "s":
        return f"{value * 1e6:.4g} us"
    return f"{value:.4g}"
