"""`dse plot`: one picture of what a study has found."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import Configs, Out, Stored, Study, epilog
from dse.cli.input.output_paths import check_picture_file
from dse.cli.input.stored_results import load_front_and_folder, told_today
from dse.cli.show.run_summary import exact_behind
from dse.cli.terminal.guard import blame
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import remark
from dse.errors import PluginError, spec_error
from dse.front.files import write_files
from dse.plugins import PLOTS, registered
from dse.report.info.evidence import gather
from dse.report.info.stored_trials import trials_of
from dse.report.plots.registry import Plot, PlotInputs, knows_pools, plot_named, plots, ranked
from dse.spec.catalog.lookup import Catalog

EPILOG = epilog(
    "dse plot groq-vs-h100 front -o front.svg",
    "dse plot groq-vs-h100 binds -o binds.png",
    "dse plot groq-vs-h100 progress --out results/long -o progress.png",
    "dse plot groq-vs-h100 importance --storage postgresql://me@db/dse -o importance.png",
    codes="0 done, 2 wrong input, or no results yet.",
)


def _summaries() -> str:
    """Every registered plot and what it shows; one that is broken does not hide the others."""
    told = []
    for name in registered(PLOTS):
        with suppress(PluginError):
            told.append(plot_named(name))
    return "; ".join(f"{each.name}: {each.summary}" for each in ranked(told))


def plot(
    study: Study,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{_summaries()}.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Picture to write (.png, .svg or .pdf).")
    ],
    exact: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help=(
                "Folder of a sweep to draw in the background of front and progress [default: "
                "STUDY-sweep next to the results]."
            ),
        ),
    ] = None,
    storage: Stored = None,
    out: Out = None,
    configs: Configs = None,
) -> None:
    """Draw one picture of the results of a study.

    Kinds of chips differ in shape, colour and lightness. Error bars are the 80 % interval of the software
    stack, where it is calibrated. If `dse sweep` has evaluated the same study, its exact front is drawn in
    the background. `dse run` draws the kind `front` into its results folder. Of a study of pools each pair of
    chips, or of kinds of searched ones, has a colour of its own.
    """
    check_picture_file("--output", output)
    with blame("KIND"):
        found = plot_named(kind)
    with spinner(f"drawing {kind}"):
        _draw(study, found, output, exact, storage, out, configs)
    remark(f"picture: {output}")


def _draw(
    study: str,
    plot: Plot,
    output: Path,
    exact: Path | None,
    storage: str | None,
    out: Path | None,
    configs: Path | None,
) -> None:
    """Load the results, and the trials where the plot needs them; write the picture."""
    # a wrong folder of configs is reported even where none is read
    Catalog.of(configs)
    front, folder = load_front_and_folder(study, out)
    front = told_today(front, study, configs)
    behind = exact_behind(front, folder, exact)
    found = gather(front, study, configs)
    if found.of_pairs and not knows_pools(plot):
        known = ", ".join(each.name for each in plots() if knows_pools(each))
        raise spec_error("KIND", f"expected a plot that pairs of chips have, one of {known}; got {plot.name}")
    slug = str(front.manifest.get("study"))
    # only where needed: they may be many, or in a remote database
    trials = trials_of(slug, folder, storage) if plot.needs_trials else ()
    inputs = PlotInputs(found=found, trials=trials, exact=behind)
    write_files({output: plot.draw(inputs, output.suffix.lower())})
