"""The cases of a study, on as many cores as there are: this process takes one after the other, helpers too.

A case is searched by one process alone, so that it has the same trials wherever it runs.
"""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dse.backends.blocks import cores
from dse.cli.cases.helper import CaseResult, Helper
from dse.cli.cases.one_case import CaseOptions, Progress, run_case
from dse.errors import HelperLost
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.runner import RunResult

Result = RunResult | CaseResult
"""What is known of a case that was run, here or in a helper."""

WORTH = 100
"""Trials of a search that make up for the start of another process."""


def run_cases(
    studies: Sequence[ResolvedStudy], options: CaseOptions, report: Progress, *, alone: bool
) -> list[Result]:
    """The results of some studies in their order, up to the first one that was interrupted.

    `alone` keeps all of them in this process, and so does a study with less than two real searches.
    """
    helpers = 0 if alone else _helpers(studies, options)
    work = _CaseQueue(studies, options, report)
    with _helped(work, helpers):
        work.go()
    return work.results()


def _helpers(studies: Sequence[ResolvedStudy], options: CaseOptions) -> int:
    """Processes that help: one for each further search worth it, as far as there are cores."""
    # without a space there is one trial for each baseline, and no search
    wanted = [
        q.spec.budget.trials if options.trials is None else options.trials for q in studies if q.branches
    ]
    # fewer trials would end before another interpreter has started
    searches = sum(int(trials) >= WORTH for trials in wanted)
    # one core is for this process, which runs cases too
    return max(0, min(searches, cores()) - 1)


class _CaseQueue:
    """What is still to be run, and what was; shared by the threads that see to it."""

    def __init__(self, studies: Sequence[ResolvedStudy], options: CaseOptions, report: Progress) -> None:
        self.options, self.report = options, report
        self._studies = studies
        self._first, *rest = range(len(studies))  # its study is options for more, so it is run here
        self._left = sorted(rest, key=lambda i: not studies[i].branches)  # the longest first
        self._found: dict[int, Result] = {}
        self._failed: list[BaseException] = []
        self._lock = threading.Lock()

    def go(self) -> None:
        """Run the first case and then what is left in this process; raises `KeyboardInterrupt` after one."""
        i: int | None = self._first
        while i is not None:
            # a second call, for what lost helpers left, finds the first case done
            if i not in self._found:
                self._keep(i, run_case(self._studies[i], self.options, self.report))
            i = self._next()
        # a copy, since threads of helpers add to it meanwhile
        if any(r.interrupted for r in list(self._found.values())):
            raise KeyboardInterrupt

    def help(self, helper: Helper) -> None:
        """As `go`, in another process; what goes wrong there is raised by `results`."""
        while (i := self._next()) is not None:
            try:
                self._keep(i, helper.run(self._studies[i], self.options, self.report))
            except HelperLost:
                with self._lock:  # another process starts it again
                    self._left.insert(0, i)
                return
            # an interrupt of the helper too, which is no `Exception`
            except BaseException as error:
                self.stop()
                self._failed.append(error)
                return

    def stop(self) -> None:
        """Begin no other case."""
        with self._lock:
            self._left.clear()

    def results(self) -> list[Result]:
        """See `run_cases`; raises what went wrong in a helper."""
        if self._failed:
            raise self._failed[0]
        # what was interrupted comes last, where the verb looks for it
        cut = [i for i, r in sorted(self._found.items()) if r.interrupted]
        # neither cut nor complete: the interrupt came between two cases
        if not cut and len(self._found) < len(self._studies):
            raise KeyboardInterrupt
        whole = [r for _, r in sorted(self._found.items()) if not r.interrupted]
        return [*whole, *(self._found[i] for i in cut[:1])]

    def _next(self) -> int | None:
        with self._lock:
            return self._left.pop(0) if self._left else None

    def _keep(self, i: int, result: Result) -> None:
        self._found[i] = result
        if result.interrupted:
            self.stop()


@contextmanager
def _helped(work: _CaseQueue, count: int) -> Iterator[None]:
    """Helpers at work meanwhile; they end what they are at, and are interrupted where this process is."""
    # started before the first case, so that their imports overlap with it
    helpers = [Helper() for _ in range(count)]
    threads = [threading.Thread(target=work.help, args=(h,), daemon=True) for h in helpers]
    for thread in threads:
        thread.start()
    try:
        yield
        # joined inside the `try`: Ctrl-C while this waits interrupts the helpers too
        for thread in threads:
            thread.join()
        work.go()  # what a helper that died has left
    # not raised again: `results` knows what was cut
    except KeyboardInterrupt:
        work.stop()
        _interrupt(helpers, threads)
    except BaseException:
        work.stop()
        _interrupt(helpers, threads)
        raise
    finally:
        for helper in helpers:
            helper.close()


def _interrupt(helpers: Sequence[Helper], threads: Sequence[threading.Thread]) -> None:
    for helper in helpers:
        # a signal to all before the first wait, so that they end at the same time
        helper.interrupt(signal.SIGINT)
    for thread in threads:
        thread.join()
