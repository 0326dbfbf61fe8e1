"""`dse validate`: claims and measurements of others, held against our cost models."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import Configs, epilog, one_of
from dse.cli.input.output_paths import file_place, picture_place
from dse.cli.show_data.claims import show_claims
from dse.cli.show_data.dataflow import show_dataflow
from dse.cli.show_data.prediction_errors import points, remarks, show_errors
from dse.cli.show_data.silicon_errors import show_silicon
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import emit
from dse.cli.terminal.spinner import working
from dse.cli.terminal.tables import remark
from dse.errors import ExitCode, Problem, SpecError
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.report.info.validation_info import validation_info
from dse.report.plots.validation_plot import draw_validation
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.output import rows_csv
from dse.validate.measured.predictions import Predicted, predictions
from dse.validate.measured.rows import OTHER_TABLES, find_table, read_rows
from dse.validate.measured.summary import columns, summary

EPILOG = epilog(
    "dse validate",
    "dse validate published --by stack --plot accuracy.png",
    "dse validate my-rows.csv --by chip,llm --out predicted.csv --format json",
    "dse validate silicon --by use",
    "dse validate article",
    "dse validate dataflow --format json",
    codes="0 done, 1 a claim of the article is missed or no row can be predicted, 2 wrong input.",
)


def validate(
    table: Annotated[
        str,
        typer.Argument(
            metavar="[TABLE|CSV]",
            help="silicon, article, dataflow, published, published-full, or a CSV of your own [published].",
        ),
    ] = "published",
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMNS",
            help="Tell errors apart by chip, llm, engine, batch, metric, source, stack, kind, "
            "quality; several with commas.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw predicted against measured: .png, .svg or .pdf."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="CSV", help="Write every row with its prediction.")
    ] = None,
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Software stack for all rows [that of their engine].")
    ] = None,
    quality: Annotated[
        str | None, typer.Option(metavar="LETTERS", help="Only rows of these qualities, such as AB [all].")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORMAT", parser=one_of("table", "csv", "json"), help="table, csv or json."
        ),
    ] = "table",
    configs: Configs = None,
) -> None:
    """Compare published measurements, or your own, with the model.

    Every row that can be predicted is, on the stack profile calibrated on its engine, else on that of its
    chip's class, which says so and has a wider error bar. Errors are predicted / measured - 1; bias is their
    median; inside is the share of rows within the 80 % interval of their stack. Columns of a CSV:
    configs/measurements/README.md. Bundled profiles were fitted to most rows of `published`, so its errors
    are those of fitted rows; dse/docs/accuracy.md has those of rows left out.

    TABLE silicon: areas, powers and unit costs of real chips, derived from their specifications, against the
    published ones; on chips that set constants, on others, and with each chip left out of the fit.

    TABLE article: the claims of the article on chips that keep everything in SRAM, as they are stated, by the
    article's own arithmetic (cost model `napkin`, which must agree within the article's rounding), and by
    `roofline`, with a verdict: holds, differs, or refuted by more than a factor of two.

    TABLE dataflow: published speeds of dataflow chips (SRAM first, wafers, fused layers) beside ours, on the
    stack of their vendor and on the family fitted without that vendor, with the columns that nobody stated;
    and the rows that cannot be predicted, with the reason.
    """
    if table == "article":
        _idle(table, by=by, plot=plot, out=out, stack=stack, quality=quality)
        show_claims(form, configs)
        return
    if table == "dataflow":
        _idle(table, by=by, plot=plot, out=out, stack=stack, quality=quality)
        show_dataflow(form, configs)
        return
    picture_place("--plot", plot)
    file_place("--out", out)
    if table == "silicon":
        _idle(table, stack=stack, quality=quality)
        show_silicon(form, by, out, plot, configs)
        return
    keys = columns(by)
    with working("reading") as tell:
        predicted = _predict(table, quality, stack, configs, tell)
    _files(predicted, table, plot, out)
    _emit(predicted, keys, form)
    if not predicted.found:
        raise typer.Exit(ExitCode.FAILED)


def _idle(table: str, **options: object) -> None:
    """Raise `SpecError` for every option that is given although `table` has no use for it."""
    known = ("published", "published-full", "a CSV")
    problems = [
        Problem(f"--{name}", f"applies to {_listed(tables)} only, got {str(value)!r} with {table}")
        for name, value in options.items()
        for tables in [known if name in ("stack", "quality") else ("silicon", *known)]
        if value is not None
    ]
    if problems:
        raise SpecError(problems)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _predict(
    table: str, quality: str | None, stack: str | None, configs: Path | None, tell: Callable[[str], None]
) -> Predicted:
    catalog = Catalog.of(configs)
    with blame("TABLE"):
        path = find_table(table, catalog, tuple(OTHER_TABLES))
    rows = read_rows(path)
    if quality is not None:
        rows = [r for r in rows if not r.quality or r.quality in quality]
    with blame("--stack"):
        return predictions(cost_model("roofline"), rows, catalog, stack, tell)


def _emit(predicted: Predicted, keys: Sequence[str], form: str) -> None:
    groups = summary(predicted.found, keys)
    if form == "table":
        show_errors(predicted, groups, keys)
        return
    emit([group.as_dict() for group in groups], form)
    for line in remarks(predicted):
        remark(line)


def _files(predicted: Predicted, table: str, plot: Path | None, out: Path | None) -> None:
    if out is not None:
        write_files({out: rows_csv(predicted)})
    if plot is not None:
        draw_validation(validation_info(points(predicted), f"{table}: predicted against measured"), plot)
