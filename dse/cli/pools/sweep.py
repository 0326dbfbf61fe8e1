"""`dse sweep` of a study of pools."""

from collections.abc import Mapping

import typer

from dse.cli.input.eligibility import apply_eligibility
from dse.cli.input.search_options import AnswerOptions
from dse.cli.pools.progress import bar
from dse.cli.pools.show import print_stored, show_pairs
from dse.cli.show.run_summary import counted
from dse.cli.terminal.guard import complain
from dse.cli.terminal.tables import stdout
from dse.errors import ExitCode, InterruptedRun, Problem, SpecError
from dse.question.pools.study import PooledStudy
from dse.search.bound.limits import MEMORY
from dse.search.pairs.driver import PairsResult, sweep_pairs
from dse.search.pairs.pruned import Tally


def refuse_options(given: Mapping[str, object]) -> None:
    """Raise `SpecError` for options that are given and that pools do not know."""
    what = "expected none for a study of pools, which do not know it yet, got"
    # of a flag that is given its name says all
    if problems := [
        Problem(name, f"{what} {name if value is True else value}") for name, value in given.items() if value
    ]:
        raise SpecError(problems)


def sweep_of_pools(
    study: PooledStudy,
    name: str,
    counts: Mapping[str, int],
    options: AnswerOptions,
    *,
    workers: int | None,
    fresh: bool,
    prune: bool = False,
    memory: float | None = None,
) -> None:
    """Sweep all pairs of both pools, and print the answer."""
    try:
        what = "designs" if "prefill" in study.pools else "pairs"
        with bar(name, what, "settled" if prune else "evaluated") as report:
            result = sweep_pairs(
                study,
                counts=counts,
                workers=workers,
                fresh=fresh,
                out=options.out,
                progress=report,
                prune=prune,
                memory=memory or MEMORY,
            )
    except KeyboardInterrupt:
        raise InterruptedRun("interrupted; a sweep of pools keeps nothing of what is not finished") from None
    if not len(result.front.frame):
        hint = "Relax the targets, or widen the chips or the layouts."
        complain(f"{study.slug}: expected a feasible pair, got none of {result.pairs:,}. {hint}")
        print_stored(result.out)
        raise typer.Exit(ExitCode.FAILED)
    show_pairs(study, apply_eligibility(result.front, options.with_unanchored))
    _print_summary(result)


def _print_summary(result: PairsResult) -> None:
    """Print the counts and the files."""
    grids = "; ".join(
        f"{role} {grid.chips:,} chips in {grid.layouts:,} layouts each" for role, grid in result.grids.items()
    )
    pruned = result.pruned
    rate = result.points / max(result.seconds, 1e-9)
    how = f"by {result.points:,} designs, {rate:,.0f} a second" if pruned is None else _left_out(pruned)
    stdout().print(
        f"All {result.pairs:.4g} pairs ({grids}) {how}; "
        f"{counted(len(result.front.frame), 'pair')} on the exact front; "
        f"hypervolume {result.front.manifest['hypervolume']:.6g}",
        soft_wrap=True,
    )
    for remark in () if pruned is None else pruned.remarks:
        stdout().print(f"Note: {remark}.", soft_wrap=True)
    print_stored(result.out)


def _left_out(pruned: Tally) -> str:
    """Which designs or pairs were evaluated, and what the others were left out by."""
    if pruned.pairs is not None:
        of = pruned.pairs
        times = f", once for each of {of.groups} groups of prices" if of.groups > 1 else ""
        others = f", the others excluded by bounds on {of.boxes:,} pairs of boxes" if of.boxes else ""
        return f"by the {of.evaluated:,} pairs of designs that were evaluated{times}{others}"
    took = "; ".join(f"{role} {of.evaluated:,} of {of.points:,}" for role, of in pruned.pools.items())
    boxes, groups = (sum(getattr(of, n) for of in pruned.pools.values()) for n in ("boxes", "groups"))
    apart = groups // len(pruned.pools)
    times = f", once for each of {apart} groups of prices" if apart > 1 else ""
    others = f", the others excluded by bounds on {boxes:,} boxes" if boxes else ""
    return f"by the designs that were evaluated ({took}{times}){others}"
