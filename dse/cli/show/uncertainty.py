"""How sure designs are, as text: P10, median and P90, and how often a design is the best."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from dse.cli.input.options import whole
from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import remark, table
from dse.errors import SpecError, StaleResultsError
from dse.front.files import Front
from dse.front.tables import Row
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.question.substance import as_stored
from dse.report.info.sampled_front import SampledFront
from dse.report.info.sampled_front import sample_front as drawn
from dse.report.words.answer import Answer

Samples = Annotated[
    int, typer.Option("--samples", metavar="N", parser=whole(2), help="Samples of the uncertain inputs.")
]
NoIntervals = Annotated[
    bool, typer.Option("--no-intervals", help="Skip P10, median, P90 and the shares; no samples are drawn.")
]
MANY = 128
"""Drawings unless --samples says otherwise; the same as `dse.decide.uncertainty.quantiles.SAMPLES`."""
FEW = 64
"""The same of a comparison, whose chips are drawn one by one."""
MOST = 10_000
"""Designs that are sampled: the time and the memory are proportional to their number."""
COLUMNS = ("P10", "median", "P90", "best in", "meets target in")


def sample_front(
    study: str, front: Front, configs: Path | None, samples: int, seed: int = 1
) -> SampledFront | None:
    """The designs of a stored front under drawings; None, and a remark why, where that cannot be."""
    if not len(front.frame):
        return None
    try:
        resolved = as_stored(load_study(study, configs), front.manifest)
        return measured_in(resolved, front, samples, seed)
    except SpecError as error:
        # the stored front is shown all the same
        remark(f"no intervals: the study cannot be evaluated again: {error}")
        return None


def measured_in(study: ResolvedStudy, front: Front, samples: int, seed: int = 1) -> SampledFront | None:
    """As `sample_front`, of a study at hand."""
    if not len(front.frame):
        return None
    if len(front.frame) > MOST:
        remark(f"no intervals: the front has {len(front.frame):,} designs, and at most {MOST:,} are sampled")
        return None
    try:
        with spinner(study.slug) as say:
            say(f"evaluating {samples} samples")
            return drawn(study, front, samples, seed)
    except StaleResultsError as error:
        # the stored front is shown all the same
        remark(f"no intervals: {error}; repeat the run or the sweep")
        return None
    except SpecError as error:
        remark(f"no intervals: its designs cannot be evaluated again: {error}")
        return None


def cells(row: Row) -> list[str]:
    """The five columns of a row; dashes where nothing was drawn."""
    if row.get("p50") is None:
        return [NONE] * len(COLUMNS)
    goal = [format_quantity(row[name], "") for name in ("p10", "p50", "p90")]
    shares = (row[name] for name in ("probability_best", "probability_meets_target"))
    return [*goal, *(NONE if share is None else f"{share:.0%}" for share in shares)]


def uncertainty_table(answer: Answer, found: SampledFront | None) -> RenderableType | None:
    """The best design and the best baseline at each target; None without samples."""
    goal = answer.objective
    return _with_rivals(
        answer,
        found,
        f"Uncertainty of {goal.label}",
        [goal.label, *COLUMNS],
        lambda row: [
            format_quantity(row[goal.column], goal.unit),
            *cells(row),
        ],
    )


def tpot_table(answer: Answer, found: SampledFront | None) -> RenderableType | None:
    """TPOT of the same designs, as `uncertainty_table` has them."""
    title, heads = "Uncertainty of TPOT, with fixed deployments", ["TPOT", *COLUMNS[:3]]
    return _with_rivals(
        answer, found, title, heads, lambda row: [format_quantity(row.get("tpot_s"), "s"), *tpot_cells(row)]
    )


def tpot_cells(row: Row) -> list[str]:
    """P10, median and P90 of TPOT; dashes where nothing was drawn."""
    if row.get("tpot_s_p50") is None:
        return [NONE] * 3
    return [format_quantity(row[f"tpot_s_{name}"], "s") for name in ("p10", "p50", "p90")]


def _with_rivals(
    answer: Answer,
    found: SampledFront | None,
    title: str,
    heads: list[str],
    cells_of: Callable[[Row], list[str]],
) -> RenderableType | None:
    """The best design and the best rival at each target, with the cells of `cells_of`."""
    if found is None or answer.target is None:
        return None
    goal, target = answer.objective, answer.target
    rows = []
    for i, best in enumerate(answer.best):
        limit = format_quantity(best[f"target_{target.column}"], target.unit)
        rivals = ((n, r[i]) for n, r in answer.rivals.items() if answer.eligibility.ranks(n))
        # at a target that a baseline misses it is no rival
        others = [row for _, row in rivals if row["found"]]
        others = sorted(others, key=lambda r: r[goal.column] * (-1.0 if goal.maximised else 1.0))
        # a baseline that wins is its own best rival; it is printed once
        rivals_here = [r for r in others[:1] if not best["found"] or r["chip"] != best["chip"]]
        for row in [*([best] if best["found"] else []), *rivals_here]:
            rows.append([limit, str(row["chip"]), *cells_of(row)])
            limit = ""
    columns = [f"{target.label} within", "design", *heads]
    return table(columns, rows, title=title, right=[columns[0], *columns[2:]], flexible=["design"], least=12)


def note(found: SampledFront | None) -> Iterable[str]:
    """What the columns mean."""
    if found is None:
        return
    drawn = found.drawn
    yield (
        f"P10, median, P90: {drawn.samples} samples of {drawn.numbers} uncertain inputs and of the error of "
        "calibrated stacks, the same for all designs, with fixed deployments. The median of an input is its "
        "value; its low and high contain the middle 80 %. Best in: share of samples "
        "in which the design meets "
        "the target and beats the others. Meets target in: share in which it works and meets the target. The "
        "limits of a die (reticle, edge, cooling) do not vary: a die is designed with "
        "the constants of its day."
    )
