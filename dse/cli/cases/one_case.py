"""One case of a study, run: searched, with_verdicts, drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dse.cli.show.run_summary import draw
from dse.cli.terminal.guard import blame
from dse.decide.verdict.stored_run import stored_manifest, with_verdicts
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.runner import RunResult, run

Progress = Callable[[int, int, str], None]
"""Called with finished and wanted trials, and with what they are trials of."""


@dataclass(frozen=True, kw_only=True)
class CaseOptions:
    """Options of `dse run` for every case; plain data."""

    trials: int | None
    timeout: float | None
    storage: str | None
    sampler: str | None
    seed: int | None
    workers: int
    fresh: bool
    out: Path | None
    verdicts: bool


def run_case(study: ResolvedStudy, options: CaseOptions, report: Progress) -> RunResult:
    """Search one study, add its verdicts, draw its front; the `RunResult`."""
    # read first: the search writes a new manifest over it
    before = stored_manifest(study, options.out)
    with blame("--sampler"):
        result = run(
            study,
            trials=options.trials,
            timeout=options.timeout,
            storage=options.storage,
            sampler=options.sampler,
            seed=options.seed,
            workers=options.workers,
            fresh=options.fresh,
            out=options.out,
            progress=lambda done, wanted: report(done, wanted, study.slug),
        )
    # the user waits for the end; the repeated command adds verdicts and picture
    if result.interrupted:
        return result
    if options.verdicts:
        named = f"{study.slug}: verdicts by software"
        result = with_verdicts(result, before, lambda done, wanted: report(done, wanted, named))
    if len(result.front.frame):
        draw(result.study, result.front, result.out)
    return result
