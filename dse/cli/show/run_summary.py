"""The summary that `dse run` and `dse sweep` print at their end."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dse.cli.show.design_tables import baseline_table, best_table, chip_table, mix_table
from dse.cli.show.uncertainty import note, tpot_table, uncertainty_table
from dse.cli.show.verdicts import mark_rows
from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import plain, stdout
from dse.front.exact import ExactComparison, drawn_behind
from dse.front.files import Front, load_front
from dse.front.tables import Row, plain_rows
from dse.plugins import objective
from dse.question.layouts import layout_remarks
from dse.question.resolved_study import ResolvedStudy
from dse.report.info.evidence import evidence
from dse.report.info.front_info import front_info
from dse.report.info.sampled_front import SampledFront
from dse.report.plots.front_plot import draw_front
from dse.report.words.answer import answer
from dse.report.words.computed_formats import computed_lines, marked_answer
from dse.report.words.confidence import met_with, no_error_bar, no_verdict
from dse.report.words.listed_grid import listed_grid
from dse.spec.schema.generation import context_notes
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.software import split_software
from dse.spec.schema.study import StudySpec


def print_answer(front: Front, spec: StudySpec, *, sure: SampledFront | None = None) -> None:
    """Print the question, the best design at each target with the baselines, and their chips.

    `sure` has the designs under samples of the uncertain inputs; without it no uncertainty is printed.
    """
    console, precision = stdout(), front.manifest.get("precision", {})
    found = answer(front)
    if sure is not None:
        found = sure.with_spreads(found)
    found = marked_answer(found, precision)
    # after the marks of formats, to which it appends
    found = replace(found, best=tuple(mark_rows(found.best, front)))
    console.print(spec.title, style="bold")
    console.print(spec.question.strip(), style="dim")
    mix = mix_table(found.best, front.manifest.get("mix", ()))
    tables = (
        best_table(found, front.axes),
        mix,
        baseline_table(found),
        uncertainty_table(found, sure),
        tpot_table(found, sure),
    )
    for part in (*tables, chip_table(found.best)):
        if part is not None:
            console.print()
            console.print(part)
    for line in selection_rules(front):
        console.print(line, style="dim")
    for line in computed_lines([*found.best, *plain_rows(front.baselines)], precision):
        console.print(line, soft_wrap=True)
    for line in found.eligibility.lines():
        console.print(plain(line))
    for line in note(sure):
        console.print(plain(line), style="dim")
    console.print()


def print_layout_remarks(study: ResolvedStudy, front: Front) -> None:
    """Print what engines may refuse in the layouts of the best designs and of the baselines next to them.

    Before it, of which LLM the longest context is not known.
    """
    rows = [*answer(front).best, *plain_rows(front.baselines)]
    for line in (*_unknown_contexts(study), *layout_lines(study, rows)):
        stdout().print(plain(line), soft_wrap=True)


def _unknown_contexts(study: ResolvedStudy) -> list[str]:
    """Remarks on LLMs that no request is too long for, since their files state no longest context."""
    llms = {spec.name: spec for spec in study.configs.values() if isinstance(spec, LlmSpec)}
    served = [member.context for member in study.members] or [study.context]
    notes = [n for c in served if c.llm.name in llms for n in context_notes(c.workload, llms[c.llm.name])]
    return [f"Remark: {note}." for note in dict.fromkeys(notes)]


def layout_lines(study: ResolvedStudy, rows: Iterable[Row]) -> list[str]:
    """Remarks on layouts with the chips that each is about; none of a mix, whose rows have no one layout."""
    found: dict[str, dict[str, None]] = {}
    for row in () if study.members else rows:
        tp, cp, ep = (int(row.get(name) or 1) for name in ("tp", "cp", "ep"))
        for text in layout_remarks(study.context.llm, study.spec.precision.weights, tp, cp, ep):
            found.setdefault(text, {})[str(row["chip"])] = None
    return [f"Remark on {', '.join(chips)}: {text}." for text, chips in found.items()]


def selection_rules(front: Front) -> list[str]:
    """Limits of every design, and the rule by which the best at a target was chosen."""
    manifest, lines = front.manifest, []
    held = {objective(name): limit for name, limit in (manifest.get("held") or {}).items()}
    if held:
        each = ", ".join(f"{goal.label} {format_quantity(limit, goal.unit)}" for goal, limit in held.items())
        lines.append(f"Limits of every design: {each}; --no-targets ignores those of the workload.")
    # results under other software say so behind the mark in their name
    _, software = split_software(str(manifest.get("study", "")))
    confidence = manifest.get("confidence")
    if held or manifest.get("targets"):
        text = met_with(confidence, no_error_bar(software or "as-sold"))
        lines.append(f"Targets are {text}. {no_verdict(confidence)}".strip())
    if manifest.get("targets") and (share := manifest.get("tolerance")):
        lines.append(
            f"Of the systems of a chip within {100 * share:.3g} % of the best, the smallest is taken."
        )
    return [*lines, *(text for text in [listed_grid(manifest)] if text is not None)]


def print_files(out: Path, *, picture: bool) -> None:
    """Where the results are."""
    solved = ["at_targets.csv"] if (out / "at_targets.csv").is_file() else []
    names = ["front.csv", "baselines.csv", *solved, "manifest.json", *(["front.png"] if picture else [])]
    # soft_wrap: a line break in a path would be copied with it
    stdout().print(f"Results in {out}: {', '.join(names)}", soft_wrap=True)


def draw(study: ResolvedStudy, front: Front, out: Path) -> None:
    """The picture of what a run or a sweep found, in its results folder."""
    found = evidence(front, study)
    exact = exact_behind(front, out)
    draw_front(front_info(found.front, intervals=found.intervals, exact=exact), out / "front.png")


def exact_folders(slug: str, folder: Path) -> tuple[Path, ...]:
    """Folders that may hold the exact front of a study with results in `folder`."""
    # in the results themselves, next to them, or where `dse sweep` writes by default
    return folder, folder.with_name(f"{folder.name}-sweep"), Path("results") / f"{slug}-sweep"


def exact_behind(front: Front, folder: Path, chosen: Path | None = None) -> Front | None:
    """The exact front to draw behind `front`, which is stored in `folder`; None where there is none.

    It is the one in the folder `chosen`, else that of a sweep of the same study next to `folder`; a sweep
    has none behind itself.
    """
    if chosen is not None:
        return load_front(chosen)
    return drawn_behind(front, exact_folders(str(front.manifest.get("study")), folder))


def exact_text(comparison: ExactComparison | None) -> str:
    """How a front compares with the exact one, in words; empty where that is unknown."""
    if comparison is None:
        return ""
    share, factor = comparison.hypervolume_fraction, comparison.worst_factor
    log = comparison.log_hypervolume_fraction
    logs = "" if log is None else f"{log:.4%} on logarithmic scales, "
    behind = f"at worst {factor - 1.0:.2%} behind it" if factor > 1.0 else "nowhere behind it"
    # a search may hold designs between the steps of a coarser grid, hence more than the whole
    finer = "; the grid is coarser than the searched space" if share > 1.0 else ""
    return f", {share:.4%} of the exact one in {comparison.folder} ({logs}{behind}{finer})"


def counted(number: int, what: str) -> str:
    """A number of things, such as `1 design` or `1,200 designs`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
