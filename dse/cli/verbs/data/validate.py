"""`dse validate`: published measurements and claims, compared with the cost models."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import Confidence, Configs, TableFormat, epilog
from dse.cli.input.output_paths import check_output_file, check_picture_file, hold_apart
from dse.cli.show_data.article_claims import show_claims
from dse.cli.show_data.curve_ranking import show_curves
from dse.cli.show_data.dataflow import show_dataflow
from dse.cli.show_data.llm_sizes import show_llms
from dse.cli.show_data.prediction_errors import points, remarks, show_errors, unread
from dse.cli.show_data.silicon_errors import show_silicon
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_rows
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import remark
from dse.errors import ExitCode, Problem, SpecError, spec_error
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.report.info.validation_info import validation_info
from dse.report.plots.validation_plot import draw_validation
from dse.spec.catalog.lookup import Catalog
from dse.validate.curves.summary import curve_columns
from dse.validate.measured.output import rows_csv
from dse.validate.measured.predictions import Predicted, predictions
from dse.validate.measured.rows import OTHER_TABLES, MeasuredTable, find_table, measured_table
from dse.validate.measured.summary import columns, summary

EPILOG = epilog(
    "dse validate",
    "dse validate published --by stack --plot accuracy.png",
    "dse validate my-rows.csv --by chip,llm --out predicted.csv --format json",
    "dse validate published-full --curves --by source",
    "dse validate silicon --by use",
    "dse validate llms",
    "dse validate article",
    "dse validate dataflow --format json",
    codes=(
        "0 done, 1 the model misses a claim of the article or a size of an LLM, or no row can be "
        "predicted, or no curve is there, 2 wrong input."
    ),
)


def validate(
    table: Annotated[
        str,
        typer.Argument(
            metavar="[TABLE|CSV]",
            help="silicon, llms, article, dataflow, published, published-full, or a CSV of your own.",
        ),
    ] = "published",
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMNS",
            help=(
                "Group errors by chip, llm, engine, batch, metric, source, stack, kind, serving or quality; "
                "several with commas."
            ),
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw predicted against measured into this file (.png, .svg or .pdf).",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="CSV",
            help="CSV to write: TABLE as it is, with columns of predictions.",
        ),
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="One software stack for all rows [default: the stack of each row's engine]."
        ),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option(metavar="LETTERS", help="Only rows of these qualities, e.g. AB [default: all]."),
    ] = None,
    curves: Annotated[
        bool,
        typer.Option("--curves", help="Ranking and regret on measured Pareto curves in the place of errors."),
    ] = False,
    confidence: Confidence = None,
    form: TableFormat = "table",
    configs: Configs = None,
) -> None:
    """Compare published measurements, or your own, with the model.

    A table has a metric a line, or a column for each metric in the names of vLLM, SGLang, TensorRT-LLM,
    GuideLLM, AIPerf, InferenceX or MLPerf; configs/measurements/README.md lists the columns. Each row is
    predicted with the cost model `roofline` on the stack that was calibrated on its engine; if there is none,
    on the stack of its chip's class, which has a wider error bar. The error is predicted / measured - 1 (the
    speed of a user counts as TPOT), the bias is the median error, and `inside` is the share of rows within
    the 80 % interval of their stack. Rows of chips that cannot hold the LLM are refused; rows of one run that
    contradict each other are remarked. The bundled stacks were fitted to most rows of `published`;
    dse/docs/accuracy.md reports the errors of rows that were left out of the fit.

    --curves takes the runs of one chip, LLM, lengths, formats, engine and source as a curve, and reports the
    rank correlation of predicted and measured throughput and TPOT, how often the best layout is chosen at
    equal batch, and how many choices violate a limit of TPOT in reality: by the prediction alone, and with
    the margin of its interval (--confidence, 0.8). --by takes chip, llm, engine, source or stack; --out
    writes a row for each curve.

    TABLE silicon: area, power and unit cost of real chips, derived from their specifications, against
    published values; separately for chips that were used in the fit, for other chips, and with each chip left
    out.

    TABLE llms: parameters of every LLM, counted from its layers, against published ones (within 1 %); those
    that a token visits (within 3 %), where they are published; and elements of KV cache that a token leaves.

    TABLE article: the claims of the article on SRAM-only chips, computed with the arithmetic of the article
    (cost model `napkin`, which must agree within rounding) and with `roofline`. The verdict is holds,
    differs, or refuted (by more than a factor of two).

    TABLE dataflow: published speeds of dataflow chips (SRAM first, wafers, fused layers) against predictions
    on the stack of their vendor, and on a stack fitted without that vendor; and rows that cannot be
    predicted, with the reason.
    """
    if confidence is not None and not curves:
        raise spec_error("--confidence", "expected --curves with it, got none")
    ranking = {"curves": curves or None, "confidence": confidence}
    if table == "article":
        _idle(table, **ranking, by=by, plot=plot, out=out, stack=stack, quality=quality)
        show_claims(form, configs)
        return
    if table == "dataflow":
        _idle(table, **ranking, by=by, plot=plot, out=out, stack=stack, quality=quality)
        show_dataflow(form, configs)
        return
    if table == "llms":
        _idle(table, **ranking, by=by, plot=plot, out=out, stack=stack, quality=quality)
        if not show_llms(form, configs):
            raise typer.Exit(ExitCode.FAILED)
        return
    # after the tables that write no files
    check_picture_file("--plot", plot)
    check_output_file("--out", out)
    if table is not None:
        hold_apart("--out", out, Path(table))
    if table == "silicon":
        _idle(table, **ranking, stack=stack, quality=quality)
        show_silicon(form, by, out, plot, configs)
        return
    if curves and plot is not None:
        raise spec_error("--plot", "expected either this or --curves, got both")
    # before the predictions, which take long
    keys = curve_columns(by) if curves else columns(by)
    with spinner("reading") as report:
        given, predicted = _predict(table, quality, stack, configs, report)
    if curves:
        if not show_curves(predicted, keys, confidence, out, form):
            raise typer.Exit(ExitCode.FAILED)
        return
    _files(predicted, given, table, plot, out)
    _emit(predicted, given, keys, form)
    # after printing, which says why no row can be predicted
    if not predicted.found:
        raise typer.Exit(ExitCode.FAILED)


def _idle(table: str, **options: object) -> None:
    """Raise `SpecError` for every option that is given although `table` has no use for it."""
    # an option without effect is refused, so that no answer seems to obey it
    known = ("published", "published-full", "a CSV")
    problems = [
        Problem(f"--{name}", f"applies to {_listed(tables)} only, got {str(value)!r} with {table}")
        for name, value in options.items()
        for tables in [("silicon", *known) if name in ("by", "plot", "out") else known]
        if value is not None
    ]
    if problems:
        raise SpecError(problems)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _predict(
    table: str, quality: str | None, stack: str | None, configs: Path | None, report: Callable[[str], None]
) -> tuple[MeasuredTable, Predicted]:
    """A table, and its rows predicted, with one stack for all where it is given."""
    catalog = Catalog.of(configs)
    with blame("TABLE"):
        path = find_table(table, catalog, tuple(OTHER_TABLES))
    given = measured_table(path)
    # rows without a quality stay: a table of one's own need not rate them
    rows = [r for r in given.rows if quality is None or not r.quality or r.quality in quality]
    with blame("--stack"):
        return given, predictions(cost_model("roofline"), rows, catalog, stack, report)


def _emit(predicted: Predicted, given: MeasuredTable, keys: Sequence[str], form: str) -> None:
    groups = summary(predicted.found, keys)
    if form == "table":
        show_errors(predicted, groups, keys, given.raw.unread)
        return
    print_rows([group.as_dict() for group in groups], form)
    # to stderr, since stdout is for data
    for line in (*remarks(predicted), *unread(given.raw.unread)):
        remark(line)


def _files(
    predicted: Predicted, given: MeasuredTable, table: str, plot: Path | None, out: Path | None
) -> None:
    if out is not None:
        write_files({out: rows_csv(predicted, given)})
    if plot is not None:
        draw_validation(validation_info(points(predicted), f"{table}: predicted against measured"), plot)
