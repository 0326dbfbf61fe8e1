"""`dse run` of a study of pools."""

import shlex
from collections.abc import Sequence

import typer

from dse.cli.cases.one_case import CaseOptions
from dse.cli.input.eligibility import apply_eligibility
from dse.cli.pools.progress import bar
from dse.cli.pools.show import print_stored, show_pairs
from dse.cli.show.run_summary import counted
from dse.cli.terminal.guard import complain
from dse.cli.terminal.tables import remark, stdout
from dse.errors import ExitCode, InterruptedRun
from dse.question.pools.study import PooledStudy
from dse.search.pairs.run import USUAL, PairsRun, run_pairs, takes_the_place_of_pareto


def run_of_pools(
    study: PooledStudy,
    name: str,
    again: str,
    case: CaseOptions,
    *,
    unanchored: bool,
) -> None:
    """Search the chips of both pools, and print the answer."""
    if takes_the_place_of_pareto(study, case.sampler):
        remark(f"sampler {USUAL}, since pareto, that of the study, knows single chips only")
    with bar(name, "trials") as report:
        result = run_pairs(
            study,
            trials=case.trials,
            timeout=case.timeout,
            sampler=case.sampler,
            seed=case.seed,
            fresh=case.fresh,
            out=case.out,
            progress=report,
        )
    if result.interrupted:
        print_stored(result.out)
        done = counted(result.trials, "trial")
        raise InterruptedRun(f"interrupted after {done}; all of them are kept. Continue with:\n  {again}")
    if not len(result.front.frame):
        hint = "Relax the targets, widen the chips or the layouts, or increase --trials."
        complain(
            f"{study.slug}: expected a feasible pair in {counted(result.trials, 'trial')}, got none. {hint}"
        )
        print_stored(result.out)
        raise typer.Exit(ExitCode.FAILED)
    show_pairs(study, apply_eligibility(result.front, unanchored))
    _print_summary(result, name)


def _print_summary(result: PairsRun, name: str) -> None:
    """Print the counts, what was not searched, and the files."""
    console, front = stdout(), result.front
    console.print(
        f"{counted(result.trials, 'trial')} ({result.new_trials:,} new) by the sampler {result.sampler}; "
        f"{counted(len(front.frame), 'pair')} on the front; hypervolume {front.manifest['hypervolume']:.6g}",
        soft_wrap=True,
    )
    # it was not interrupted, so the time was up
    if result.trials < result.wanted:
        console.print(
            f"The time limit ended the run before {result.wanted:,} trials; repeat the command to continue."
        )
    if result.study.case is None:
        print_pooled_cases(name, list(result.study.spec.cases))
    print_stored(result.out)


def print_pooled_cases(study: str, cases: Sequence[str]) -> None:
    """Say that cases of pools wait for a command of their own, such as `dse sweep`."""
    if cases:
        named = ", ".join(shlex.quote(f"{study}/{case}") for case in cases)
        stdout().print(f"Cases of pools are run one by one: {named}", soft_wrap=True)
