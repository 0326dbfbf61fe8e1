"""SIGTERM, by which service managers and schedulers of clusters end a program: in order, as Ctrl-C does."""

import signal
from types import FrameType

from dse.errors import ExitCode

_received: list[int] = []


def end_in_order() -> None:
    """From now on SIGTERM does what Ctrl-C does, with an exit code of its own."""
    # who starts us may want it ignored
    if signal.getsignal(signal.SIGTERM) != signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _as_interrupt)


def interrupted() -> ExitCode:
    """Exit code of a command that was interrupted: by Ctrl-C or by SIGTERM."""
    # Python remembers an interrupt that came through a text which it ran, as for a dataclass, until it runs
    # the next one; `python -m dse` would end by SIGINT, whatever its exit code
    exec("")
    return ExitCode.TERMINATED if _received else ExitCode.INTERRUPTED


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    handler = signal.getsignal(signal.SIGINT)
    # a shell lets what it starts in the background ignore Ctrl-C
    if not callable(handler):
        raise KeyboardInterrupt
    handler(number, frame)
