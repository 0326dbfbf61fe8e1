"""`dse report`: one page with all results, which works offline and can be sent by mail."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.eligibility import WithUnanchored, apply_eligibility
from dse.cli.input.options import Configs, Out, Stored, Study, epilog
from dse.cli.input.output_paths import check_output_file
from dse.cli.input.stored_results import load_front_and_folder, told_today
from dse.cli.pools.sampled import pairs_measured_in
from dse.cli.show.run_summary import exact_behind
from dse.cli.show.uncertainty import FEW, measured_in
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import remark
from dse.errors import spec_error
from dse.front.files import write_files
from dse.masks import hidden
from dse.report.info.evidence import gather
from dse.report.info.stored_trials import searched
from dse.report.page.study_report import Extras, study_report
from dse.spec.catalog.lookup import Catalog

EPILOG = epilog(
    "dse report groq-vs-h100 -o groq-vs-h100.html",
    "dse report groq-vs-h100 --out results/long -o long.html",
    codes="0 done, 2 wrong input, or no results yet.",
)


def report(
    study: Study,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Page to write (.html).")],
    exact: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help=("Folder of a sweep to draw in the background [default: STUDY-sweep next to the results]."),
        ),
    ] = None,
    storage: Stored = None,
    with_unanchored: WithUnanchored = False,
    out: Out = None,
    configs: Configs = None,
) -> None:
    """Write one HTML page with the results of a study.

    The page is one file that loads nothing from elsewhere. It contains the question and its answer, the front
    with filters, every design with where its seconds, bytes and dollars go, the baselines, every assumption
    with its source, and the command that repeats the study. Of a study of pools designs are pairs of chips,
    each with both layouts; pairs that rank apart, by their prices or for lack of an anchor, have tables and
    fronts of their own.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise spec_error("--output", f"expected a page ending in .html, got {str(output)!r}.")
    check_output_file("--output", output)
    # as many as the calls of `step` in `_made`
    with spinner("report", steps=4) as step:
        made = _made(study, exact, storage, with_unanchored, out, configs, step)
        write_files({output: made})
    remark(f"page: {output} ({len(made.encode()) / 1e6:.1f} MB)")


def _made(
    study: str,
    exact: Path | None,
    storage: str | None,
    with_unanchored: bool,
    out: Path | None,
    configs: Path | None,
    step: Callable[[str], None],
) -> str:
    """The page as HTML; `step` names what is being done."""
    # a wrong folder of configs is reported even where none is read
    Catalog.of(configs)
    step("reading results")
    front, folder = load_front_and_folder(study, out)
    front = told_today(front, study, configs)
    front = apply_eligibility(front, with_unanchored)
    step("evaluating designs again")
    found = gather(front, study, configs)
    if found.single is not None:
        found = replace(found, sampled=measured_in(found.single, found.front, FEW))
    elif found.pooled is not None:
        found = replace(found, sampled_pairs=pairs_measured_in(found.pooled, found.front, FEW))
    step("replaying the search")
    more = searched(found.study, folder, storage)
    # the page may be sent on, so no password goes into the command
    values = (("--storage", storage and hidden(storage)), ("--configs", configs), ("--out", out))
    options = [part for name, v in values if v for part in (name, str(v))]
    step("drawing")
    extras = Extras(
        exact=exact_behind(front, folder, exact),
        importance=more.importance,
        progress=more.progress,
        command=shlex.join(["dse", "sweep" if "grids" in front.manifest else "run", study, *options]),
    )
    return study_report(found, extras)
