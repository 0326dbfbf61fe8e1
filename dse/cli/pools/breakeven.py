"""`dse breakeven` of a study of pools."""

from collections.abc import Iterator
from pathlib import Path

from dse.cli.input.eligibility import apply_eligibility
from dse.cli.pools.stored import stored_pairs
from dse.cli.terminal.spinner import spinner
from dse.decide.pairs.breakeven import assumption_of_pools, breakeven_pairs
from dse.decide.scenario.breakeven import OTHERS, BreakEven
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.report.pairs.words import eligible_of, notes_of


def breakeven_of_pools(
    study: PooledStudy,
    x: str,
    y: str | None,
    sides: tuple[str, str] | None,
    limits: dict[str, float],
    points: int,
    out: Path | None,
    *,
    unanchored: bool,
) -> tuple[BreakEven, list[str]]:
    """The map of which pair wins, and what a reader must know of it."""
    stored, _ = stored_pairs(study, out)
    front = apply_eligibility(stored, unanchored)
    eligible = eligible_of(front, study)
    across = assumption_of_pools(study, x, "--x")
    upwards = None if y is None else assumption_of_pools(study, y, "--y")
    with spinner(study.slug) as report:
        found = breakeven_pairs(
            study,
            front,
            eligible,
            across,
            upwards,
            sides,
            limits,
            (points, max(2, points * 2 // 3)),
            report,
        )
    return found, [*_named(sides, eligible), *notes_of(study, eligible, solved=False)]


def _named(sides: tuple[str, str] | None, eligible: PairEligibility) -> Iterator[str]:
    """Sides that no measurement anchors, which take part by their name alone."""
    for side in sides or ():
        chips = [chip.strip() for chip in side.split("|")]
        if side != OTHERS and not eligible.may_win(eligible.standing(chips)):
            yield f"{side} is unanchored, and takes part because --between names it"
