"""One case of a study, run: searched, judged, drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dse.cli.show.run_summary import draw
from dse.cli.terminal.guard import blame
from dse.decide.verdict.stored_run import judged, stored_manifest
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.runner import RunResult, run

Tell = Callable[[int, int, str], None]
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


def run_case(question: ResolvedStudy, asked: CaseOptions, tell: Tell) -> RunResult:
    """Search one question, add its verdicts, draw its front; the `RunResult`."""
    before = stored_manifest(question, asked.out)
    with blame("--sampler"):
        result = run(
            question,
            trials=asked.trials,
            timeout=asked.timeout,
            storage=asked.storage,
            sampler=asked.sampler,
            seed=asked.seed,
            workers=asked.workers,
            fresh=asked.fresh,
            out=asked.out,
            progress=lambda done, wanted: tell(done, wanted, question.slug),
        )
    if result.interrupted:
        return result
    if asked.verdicts:
        result = judged(result, before)
    if len(result.front.frame):
        draw(result.study, result.front, result.out)
    return result
