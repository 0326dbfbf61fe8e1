"""A process that runs cases for another one."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from dse.cli.cases.one_case import CaseOptions, Progress, run_case
from dse.cli.terminal.progress import calm
from dse.errors import HelperLost, PluginError
from dse.front.files import Front
from dse.masks import without_passwords
from dse.plugins import blamed
from dse.plugins.time_limit import told_by
from dse.question.resolved_study import ResolvedStudy
from dse.search.run.study_reference import StudyReference, reference_to


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """The result of a case in a helper process: a `RunResult` without what cannot be sent."""

    study: ResolvedStudy
    front: Front
    out: Path
    new_trials: int
    wanted: int
    interrupted: bool


class Helper:
    """A process that runs cases, seen from the process that started it."""

    def __init__(self) -> None:
        # not its stdout and stderr: these stay free for what libraries print
        ours, theirs = socket.socketpair()
        # our copy of its end is closed after the start: else its death would not end the stream
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dse.cli.cases.helper", str(theirs.fileno())],
                # open in the child under the same number, which it gets as its argument
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the run, which interrupts its helpers in order
            )
        # detached: else both objects would close the descriptor
        self._pipe = Connection(ours.detach())
        self._busy = False

    def run(self, study: ResolvedStudy, options: CaseOptions, report: Progress) -> CaseResult:
        """Run a case there; raises what went wrong, `HelperLost` where the process is gone."""
        try:
            # a reference travels, not the study: the helper resolves it from the same files
            self._pipe.send((reference_to(study), options))
            while True:
                word, what = self._pipe.recv()
                if word == "progress":
                    # the search has begun; before its first report there is no trial that a kill could lose
                    self._busy = True
                    report(*what)
                else:
                    break
        # a process that was killed shows as the end of the stream
        except (EOFError, OSError):
            raise HelperLost from None
        finally:
            self._busy = False
        # raised outside the `try`: an `OSError` of the case would be taken for a lost helper
        if word == "failed":
            raise what
        return CaseResult(study=study, **what)

    def interrupt(self, how: signal.Signals) -> None:
        """Interrupt the case that it runs, which then ends in order; end it where it has not begun one."""
        with suppress(ProcessLookupError):
            self._process.send_signal(how if self._busy else signal.SIGKILL)

    def close(self) -> None:
        """Let it go."""
        # that ends its loop, see `serve`
        self._pipe.close()
        self._process.wait()


def _environment() -> dict[str, str]:
    # its cases are stored in files of their own
    # `python -m` would not see the paths that this process added to its own
    return {**without_passwords(os.environ), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def serve(fd: int) -> None:
    """Run the cases that come through a socket until its other end is closed."""
    pipe = Connection(fd)
    told_by(lambda what: pipe.send(("failed", PluginError(what, named=True))))
    try:
        # filters of warnings are not inherited
        with calm():
            while True:
                reference, options = pipe.recv()
                pipe.send(_answer(pipe, reference, options))
    # the other end is gone, or the interrupt came between two cases: neither is an error here
    except (EOFError, OSError, KeyboardInterrupt):
        return


def _answer(pipe: Connection, reference: StudyReference, options: CaseOptions) -> tuple[str, object]:
    """Run the case of `reference`: how it ended, and the result or the error, for the other end of `pipe`."""
    try:
        # progress goes through the same pipe as the result, so it never arrives after it
        found = run_case(reference.resolve(), options, lambda *progress: pipe.send(("progress", progress)))
    except KeyboardInterrupt as error:
        return "failed", error
    except Exception as error:
        return "failed", _sendable(blamed(error) or error)
    # without the study, which the other end has already
    names = ("front", "out", "new_trials", "wanted", "interrupted")
    return "ran", {name: getattr(found, name) for name in names}


def _sendable(error: Exception) -> Exception:
    """The error itself where it can be sent."""
    try:
        # tried here: an error that fails to unpickle would break the other end
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"a helper failed:\n{''.join(traceback.format_exception(error))}")
    return error


if __name__ == "__main__":
    from dse.cli.cases import helper

    helper.serve(int(sys.argv[1]))  # as the module that others import, so that what it sends has one name
