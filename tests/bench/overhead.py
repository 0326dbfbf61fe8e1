"""Time of our runner over bare Optuna: same sampler, storage, parameters, constraints and user attributes.

Run it as a program: `python tests/bench/overhead.py [TRIALS]`. It prints both times of one run, side by side,
and their ratio; the two alternate in small batches, so that a busy machine slows both.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import optuna

from dse.evaluate.batch import axes_of
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.run.local_worker import LocalWorker
from dse.search.run.recovery_log import RecoveryLog
from dse.search.run.running_front import RunningFront
from dse.search.run.session import Session
from dse.search.run.workforce import InProcess
from dse.search.samplers.optuna_samplers import tpe
from dse.search.storage.by_url import default_url, open_storage
from dse.search.storage.shared_study import Shared
from dse.search.trials.suggest import suggest

BATCH = 10


@dataclass(frozen=True)
class Overhead:
    """Seconds of the same number of trials."""

    trials: int
    ours: float
    bare: float

    @property
    def ratio(self) -> float:
        """Our time over that of bare Optuna."""
        return self.ours / self.bare


def measure(trials: int, study: str = "groq-vs-h100") -> Overhead:
    """Run `trials` trials of a study through the runner, and with an objective that returns at once."""
    resolved = load_study(study)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shared = Shared(resolved, default_url(folder), fresh=False, alone=True, name="bench")
        spool = RecoveryLog(folder / "spool", "bench.0", shared.owner)
        ours = Session(
            shared, InProcess(LocalWorker(resolved, "bench.0", 1, spool)), 0, None, RunningFront(shared)
        )
        bare = optuna.create_study(
            storage=open_storage(f"journal:{folder / 'bare.journal'}"),
            sampler=tpe(seed=1), directions=[axis.direction for axis in axes_of(resolved)],
        )  # fmt: skip
        seconds = [0.0, 0.0]
        for done in range(0, trials, BATCH):
            batch = min(BATCH, trials - done)
            ours.budget += batch
            seconds[0] += _timed(lambda: ours.go(None))
            seconds[1] += _timed(lambda batch=batch: [_bare(resolved, bare) for _ in range(batch)])
    return Overhead(trials, *seconds)


def _bare(resolved: ResolvedStudy, study: optuna.Study) -> None:
    trial = study.ask()
    choice = suggest(resolved, trial)
    for name in ("capacity", "network_domain", "die_area", "dram_stacks", "link_edge", "tpot_target"):
        trial.set_constraint(name, -1.0)
    trial.set_user_attr("design", {"chip": "bare", "batch": 1})
    size = sum(float(v[0]) for v in choice.values.values())
    study.tell(trial, [size, choice.limit])


def _timed(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    times = f"ours {found.ours:.2f} s, bare Optuna {found.bare:.2f} s"
    print(f"{found.trials} trials: {times}, ratio {found.ratio:.2f}")
