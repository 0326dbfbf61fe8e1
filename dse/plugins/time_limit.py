"""A time limit for each call of a plug-in: off by default, in the main thread and in any other.

The limit comes from the environment, so that every process of a run has it. A call that lasts longer is ended
by an exception. Where that does not arrive, because the plug-in hangs in code that is not Python, the process
says so and ends: what is finished is stored or in a log, as for any process that is killed.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from types import FrameType
from typing import Final

from dse.errors import PLUGIN_TIMEOUT
from dse.plugins.entry import foreign, name_of
from dse.spoken import Aside

GRACE: Final = 2.0
"""Seconds from the exception to the end of the process."""


class TimedOut(BaseException):
    """Raised inside a call of a plug-in; no `Exception`, so that no plug-in swallows it by mistake."""

    seconds: float = 0.0


@dataclass(eq=False)
class _Call:
    """A call under way."""

    point: EntryPoint
    """The plug-in, for the sentence of a process that ends."""
    seconds: float
    thread: int
    main: bool
    until: float
    outer: "_Call | None"
    """The call that waits for this one: a sampler that uses a cost model."""
    begun: float = field(default_factory=time.monotonic)
    fired: bool = False


_LOCK = threading.Condition()
_CALLS: dict[int, _Call] = {}
"""The innermost call of each thread; the clock of the outer one is paused meanwhile."""
_WATCHERS: list[threading.Thread] = []
_LAST_WORDS: list[Callable[[str], object]] = []
"""Where the sentence of a process that must end goes: in a worker to its pipe, else to stderr."""


def limit() -> float:
    """Seconds that one call may last; 0 for no limit."""
    try:
        return float(os.environ.get(PLUGIN_TIMEOUT, 0.0) or 0.0)
    except ValueError:
        # the command line has refused it; a library call goes on without
        return 0.0


@contextmanager
def aside(theirs: bool) -> Iterator[None]:
    """Let what a plug-in of another package prints go to stderr, not into the answer of a verb."""
    # the streams are those of the whole process, so a thread must not exchange them
    if threading.current_thread() is not threading.main_thread() or not theirs:
        yield
        return
    with redirect_stdout(Aside()):
        yield


@contextmanager
def limited(point: EntryPoint) -> Iterator[None]:
    """As `aside`, and let a call last for the limit; raises `TimedOut` inside when it lasts longer."""
    with aside(foreign(point)), _timed(point):
        yield


@contextmanager
def _timed(point: EntryPoint) -> Iterator[None]:
    """See `limited`."""
    seconds, thread = limit(), threading.get_ident()
    if not seconds:
        yield
        return
    call = _begin(point, seconds, thread)
    try:
        try:
            yield
        finally:
            _end(call)
    except TimedOut as error:
        # it may have come while the call was being ended
        _end(call)
        error.seconds = seconds
        raise


def told_by(tell: Callable[[str], object]) -> None:
    """Let `tell` have the sentence of this process where it must end because a plug-in hangs."""
    _LAST_WORDS[:] = [tell]


def _begin(point: EntryPoint, seconds: float, thread: int) -> _Call:
    """Start the clock of a call, and the thread that watches it."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGALRM) is not _ring:
        # stays: a signal that comes late finds a handler that ignores it
        signal.signal(signal.SIGALRM, _ring)
    call = _Call(point, seconds, thread, main, time.monotonic() + seconds, _CALLS.get(thread))
    with _LOCK:
        _CALLS[thread] = call
        if not any(watcher.is_alive() for watcher in _WATCHERS):
            _WATCHERS[:] = [threading.Thread(target=_watch, name="dse plug-in timeout", daemon=True)]
            _WATCHERS[0].start()
        _LOCK.notify()
    return call


def _end(call: _Call) -> None:
    with _LOCK:
        if _CALLS.get(call.thread) is call:
            if call.outer is None:
                del _CALLS[call.thread]
            else:
                call.outer.until += time.monotonic() - call.begun
                _CALLS[call.thread] = call.outer
        if call.fired and not call.main:
            # one that has not arrived yet would be raised in whatever comes next
            _raise_in(call.thread, None)


def _watch() -> None:
    """End calls whose time is up."""
    with _LOCK:
        while True:
            now = time.monotonic()
            for call in list(_CALLS.values()):
                if now >= call.until:
                    _fire(call) if not call.fired else _die(call)
            soonest = min((call.until for call in _CALLS.values()), default=now + 60.0)
            _LOCK.wait(max(0.01, soonest - time.monotonic()))


def _fire(call: _Call) -> None:
    call.fired, call.until = True, time.monotonic() + GRACE
    if call.main:
        # a signal also wakes a sleep and a lock, which the exception below does not
        signal.pthread_kill(call.thread, signal.SIGALRM)
    else:
        _raise_in(call.thread, TimedOut)


def _ring(_signal: int, _frame: FrameType | None) -> None:
    call = _CALLS.get(threading.main_thread().ident or 0)
    if call is not None and call.fired:
        raise TimedOut


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Raise an exception in another thread at its next line of Python; None takes back one that waits."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if kind is None else ctypes.py_object(kind)
    )


def _die(call: _Call) -> None:
    """End the process with its last words."""
    late = f"expected an answer within {call.seconds:g} s, got none; the process had to end"
    what = f"{name_of(call.point)}: {late}"
    try:
        if _LAST_WORDS:
            _LAST_WORDS[0](what)
        else:
            sys.stderr.write(f"{what}\n")
            sys.stderr.flush()
    finally:
        os._exit(1)
