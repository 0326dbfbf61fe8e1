"""`dse propose`: the chip to build for a target, as a file and as a datasheet."""

from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dse.cli.input.eligibility import WithUnanchored
from dse.cli.input.estimate_command import repeat_command
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import (
    Confidence,
    Configs,
    NoTargets,
    Out,
    SoftwareOption,
    Study,
    Tpot,
    Ttft,
    epilog,
    format_option,
    money,
    whole,
)
from dse.cli.input.output_paths import check_output_file
from dse.cli.input.software import study_under_software
from dse.cli.input.stored_results import at_confidence, load_study_and_front
from dse.cli.pools.propose import propose_of_pools
from dse.cli.pools.sweep import refuse_options
from dse.cli.show.money import print_money
from dse.cli.show.uncertainty import MANY, NoIntervals, Samples
from dse.cli.show.verdicts import show_verdicts
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_json
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import WIDTH, plain, stdout, table
from dse.decide.propose.chip_file import searched_at
from dse.decide.propose.proposal import Proposal
from dse.decide.propose.proposal import propose as proposed
from dse.decide.verdict.by_software import Verdicts
from dse.decide.verdict.study import compares_kinds, verdicts_at
from dse.errors import SpecError, spec_error
from dse.evaluate.study_money import money_of_study
from dse.front.files import write_files
from dse.question.pools.study import pooled_question
from dse.report.datasheet.content import Datasheet, columns_of_numbers, datasheet
from dse.report.datasheet.data import as_dict
from dse.report.datasheet.page import datasheet_page
from dse.report.plots.tornado_plot import render_tornado, tornado_info
from dse.spec.catalog.lookup import Catalog
from dse.spec.huggingface.naming import slug
from dse.spec.yaml.writing import yaml_of

EPILOG = epilog(
    "dse propose groq-vs-h100 --tpot '5 ms' -o mine/chips/my-chip.yaml",
    "dse propose groq-vs-h100 --tpot '50 ms' --max-entry-price '100 kUSD' --robust",
    codes="0 done, 1 no design within the range of the data meets the targets, 2 wrong input.",
)


def propose(
    study: Study,
    tpot: Tpot = None,
    ttft: Ttft = None,
    entry_price: Annotated[
        float | None,
        typer.Option(
            "--max-entry-price", metavar="USD", parser=money, help="Largest capital, e.g. '100 kUSD'."
        ),
    ] = None,
    robust: Annotated[
        bool,
        typer.Option(
            "--robust", help="Choose the chip with the best median over the samples of uncertain inputs."
        ),
    ] = False,
    polish: Annotated[
        bool, typer.Option("--polish", help="Improve the chip by a local search before it is rounded.")
    ] = False,
    samples: Samples = MANY,
    no_intervals: NoIntervals = False,
    seed: Annotated[int, typer.Option(metavar="N", parser=whole(0), help="Seed of the samples.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.yaml",
            help="Chip file to write [default: proposals/chips/ in the results].",
        ),
    ] = None,
    form: Annotated[str, format_option("text", "json")] = "text",
    software: SoftwareOption = None,
    no_targets: NoTargets = False,
    confidence: Confidence = None,
    with_unanchored: WithUnanchored = False,
    out: Out = None,
    configs: Configs = None,
    *,
    paid: MoneyOptions,
) -> None:
    """Propose the chip to build for a target, as a file and a datasheet.

    Takes the best chip of the search that meets the targets, rounds it to sizes that can be built, and
    optimises its deployment again. Writes a chip file that `dse check` and `dse estimate --chip FILE` read, a
    search space from half to twice its sizes, and a datasheet as text and as HTML: what the chip is, what it
    costs, what limits it, which rivals it must beat, what a little more of each resource is worth, and which
    published numbers would have to differ for another chip to win.

    Uncertain inputs are sampled: the datasheet reports P10, median and P90 of the objective, and how often
    the chip beats its rivals and meets its target. Rivals are those whose price means the same. A chip whose
    software no measurement anchors is not proposed and does not win as a rival, unless --with-unanchored. No
    chip is proposed that cannot be made or that is outside the range of the data.

    Of a study of pools both chips of the best pair are proposed, rounded together: FILE.yaml gives
    FILE-prefill.yaml and FILE-decode.yaml. An uncertain input of both pools is drawn once for both.
    """
    # the robust chip is chosen by the samples
    if robust and no_intervals:
        raise spec_error("--robust", "expected either this or --no-intervals, got both")
    # names and files first: the proposal itself takes long
    name = _name(output, configs)
    check_output_file("--output", output)
    with blame("STUDY"):
        of_pools = pooled_question(study, configs)
    if of_pools is not None:
        of_pools = paid.applied_to_pools(of_pools, configs)
        refuse_options({"--polish": polish, "--software": software, "--confidence": confidence})
        wanted = {"tpot": tpot, "ttft": ttft, "entry_price": entry_price}
        propose_of_pools(
            of_pools.lifted() if no_targets else of_pools,
            {n: value for n, value in wanted.items() if value is not None},
            name,
            output,
            form,
            out,
            configs,
            unanchored=with_unanchored,
            samples=0 if no_intervals else samples,
            seed=seed,
            robust=robust,
        )
        return
    study = study_under_software(study, software)
    resolved, front = load_study_and_front(study, out, configs, paid)
    resolved = resolved.lifted() if no_targets else resolved
    resolved = at_confidence(resolved, front, confidence, study)
    requested = {"tpot": tpot, "ttft": ttft, "entry_price": entry_price}
    limits = {name: value for name, value in requested.items() if value is not None}
    with spinner(study) as report:
        found = proposed(
            resolved,
            front,
            limits,
            name=name,
            robust=robust,
            polish=polish,
            intervals=not no_intervals,
            with_unanchored=with_unanchored,
            samples=samples,
            seed=seed,
            progress=report,
        )
    # verdicts are about the kind of chip that wins
    kinds = compares_kinds(resolved)
    verdicts = verdicts_at(resolved, front, limits, with_unanchored) if kinds else None
    folder = Path("results") / resolved.slug if out is None else out
    files = _write(found, output or folder / "proposals" / "chips" / f"{found.chip.name}.yaml")
    if form == "json":
        judged = {} if verdicts is None else verdicts.as_dict()
        money = asdict(money_of_study(resolved))
        print_json({**as_dict(found), **judged, "money": money, "files": [str(f) for f in files]})
    else:
        _show(found, files, configs, verdicts)


def _name(output: Path | None, configs: Path | None) -> str | None:
    """Name of the chip: that of its file, and of no other chip."""
    if output is None:
        return None
    if output.suffix != ".yaml" or slug(output.stem) != output.stem:
        raise spec_error("--output", f"expected a file such as {slug(output.stem)}.yaml, got {str(output)!r}")
    try:
        taken = Catalog.of(configs).path("chips", output.stem)
    # no chip has the name, as it should be
    except SpecError:
        return output.stem
    # a repeated proposal may replace its own file
    if taken.resolve() != output.resolve():
        what = f"expected a new name, got {output.stem!r}, which is the chip {taken.stem}"
        raise spec_error("--output", what)
    return output.stem


def _write(found: Proposal, path: Path) -> list[Path]:
    """The chip, the space around it, and the datasheet; all of them or none."""
    # a chip in a folder of configs gets its space into the same folder of configs
    folder = path.parent.parent if path.parent.name == "chips" else path.parent
    space = folder / "spaces" / f"around-{found.chip.name}.yaml"
    around = found.space
    if path.parent.name != "chips":  # no folder of configs, in which names are looked up
        around = searched_at(around, found.chip.name, str(path.resolve()))
    sheet, picture = datasheet(found), render_tornado(tornado_info(found), ".png")
    comment = f"{sheet.subtitle}.\nDatasheet: {found.chip.name}.html"
    # the chip first: `_show` writes its path into commands
    files: dict[Path, str | bytes] = {
        path: yaml_of(found.chip, comment),
        space: around,
        path.with_suffix(".txt"): text_of(sheet),
        path.with_suffix(".html"): datasheet_page(sheet, picture),
        path.with_suffix(".tornado.png"): picture,
    }
    write_files(files)
    return list(files)


def text_of(sheet: Datasheet) -> str:
    """The datasheet as text."""
    buffer = StringIO()
    # a fixed width, so that the file does not depend on the terminal
    _print(sheet, Console(file=buffer, width=WIDTH, highlight=False, markup=False, emoji=False))
    # rich fills lines up with blanks
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _print(sheet: Datasheet, console: Console) -> None:
    """Print a datasheet, section by section."""
    console.print(plain(sheet.title), style="bold")
    console.print(plain(sheet.subtitle), style="dim")
    console.print()
    console.print(plain(sheet.answer))
    for warning in sheet.warnings:
        console.print(plain(f"Warning: {warning}."), style="red")
    for section in sheet.sections:
        console.print()
        wide = [section.wide] if section.wide else []
        console.print(
            table(
                section.columns,
                section.rows,
                title=section.title,
                right=columns_of_numbers(section),
                flexible=wide,
                least=12,
            )
        )
        if section.note:
            console.print(plain(section.note), style="dim")
    console.print()
    console.print(plain(sheet.colophon), style="dim")


def _show(found: Proposal, files: list[Path], configs: Path | None, verdicts: Verdicts | None) -> None:
    """Print the datasheet, the verdicts, the files, and commands that repeat the estimates."""
    console = stdout()
    _print(datasheet(found), console)
    console.print()
    print_money(found.study)
    if verdicts is not None:
        show_verdicts(console, verdicts, found.study.goal.label)
        console.print()
    console.print(f"Written: {', '.join(str(f) for f in files)}", soft_wrap=True)
    # a mix has an estimate for each of its parts
    for estimate in [part.estimate for part in found.evaluation.parts] or [found.estimate]:
        line = repeat_command(found, estimate, found.price_usd, files[0], configs)
        if line is None:
            console.print("No `dse estimate` command sets all that this study sets; use `dse explain`.")
        else:
            console.print(f"Try it: {line}", soft_wrap=True)
