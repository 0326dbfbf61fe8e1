"""Trials a second of a run with several processes, once they are all at work.

Run it as a program on an idle machine: `python tests/bench/workers.py [STUDY] [SAMPLER] [TRIALS] [URL]`, with
a URL of an empty storage. The time is taken between the first and the last trials, so that the start of the
processes, which is told apart, does not count.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dse.search.run.runner import run

PROCESSES = (1, 2, 4)


@dataclass(frozen=True)
class Rate:
    """One run."""

    processes: int
    start_s: float
    """Until the first trials were stored [s]."""
    trials_per_s: float


def measure(processes: int, study: str, sampler: str, trials: int, url: str | None = None) -> Rate:
    """Run a study for `trials` trials."""
    begin, marks = time.perf_counter(), []

    def mark(done: int, _wanted: int) -> None:
        if done:
            marks.append((time.perf_counter(), done))

    with tempfile.TemporaryDirectory() as folder:
        run(
            study, trials=trials, timeout=1e6, sampler=sampler, workers=processes, storage=url,
            out=Path(folder) / "out", progress=mark,
        )  # fmt: skip
    (first, few), (last, all_) = marks[0], marks[-1]
    return Rate(processes, first - begin, (all_ - few) / (last - first))


if __name__ == "__main__":
    study, sampler, trials = [*sys.argv[1:4], *["groq-vs-h100", "random", "2000"][len(sys.argv) - 1 :]][:3]
    url = sys.argv[4] if len(sys.argv) > 4 else None
    for processes in PROCESSES:
        rate = measure(processes, study, sampler, int(trials), url)
        print(f"{processes} processes: {rate.trials_per_s:.0f} trials/s, {rate.start_s:.1f} s to start")
