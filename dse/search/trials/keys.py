"""Keys of trials: which run made a trial, which of its workers, and which trial of that worker it is."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class WorkerName:
    """A worker of a run; as text RUN.NUMBER."""

    run: str
    """Random name of the run."""
    number: int
    """0 for the first worker, which draws with the seed of the study."""

    def __str__(self) -> str:
        return f"{self.run}.{self.number}"

    def key(self, count: int) -> str:
        """Key of the trial that this worker makes after `count` others: RUN.NUMBER-COUNT."""
        return f"{self}-{count}"


def worker_of(key: object) -> WorkerName | None:
    """The worker that made the trial with a key; None for a trial that another program made."""
    name, dash, count = (key if isinstance(key, str) else "").rpartition("-")
    run, dot, number = name.rpartition(".")
    if not (dash and dot and count.isdigit() and number.isdigit()):
        return None
    return WorkerName(run, int(number))
