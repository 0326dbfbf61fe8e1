"""Ctrl-C that waits for a safe moment: the second one does not wait."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None
"""What handles a signal, as `signal.signal` returns it."""


@contextmanager
def held_back() -> Iterator[None]:
    """Let a Ctrl-C wait for the end of what is inside; a second one does not wait.

    For libraries that an interrupt leaves half-way. Optuna keeps in memory what it has read of a storage: a
    trial may be left out, which would be counted too few and written again. Modules may be half loaded.
    """
    before = signal.getsignal(signal.SIGINT)
    # Python lets only the main thread handle signals; whoever started us may want Ctrl-C ignored
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed: list[FrameType | None] = []

    def wait(number: int, frame: FrameType | None) -> None:
        pressed.append(frame)
        if len(pressed) > 1:
            signal.signal(signal.SIGINT, before)
            # both: a handler that waits itself, as `Interrupt`, does so for the first one only
            for at in pressed:
                before(number, at)

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if len(pressed) == 1:
            before(signal.SIGINT, pressed[0])


class Interrupt:
    """Set by the first Ctrl-C; `fd` becomes readable then, so it can be waited for together with pipes.

    Python's own `KeyboardInterrupt` could be raised while a message to a worker is half sent.
    """

    def __init__(self) -> None:
        self.requested = False
        self.fd, self._end = os.pipe()
        # a write inside a signal handler must never wait
        os.set_blocking(self._end, False)
        self._before: Handler = None
        # Python lets only the main thread handle signals; elsewhere Ctrl-C stays with the calling program
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._request)

    def close(self) -> None:
        """Restore the handler that was there before."""
        # before the pipe is closed: our handler writes to it
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
        os.close(self.fd)
        os.close(self._end)

    def _request(self, _signal: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        os.write(self._end, b"!")
