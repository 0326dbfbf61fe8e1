"""Ctrl-C that waits for a safe moment: the second one does not wait."""

import os
import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """Rung by the first Ctrl-C; `fd` can be waited for together with pipes."""

    def __init__(self) -> None:
        self.rung = False
        self.fd, self._end = os.pipe()
        os.set_blocking(self._end, False)
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ring)

    def close(self) -> None:
        """Give Ctrl-C back to whoever had it."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
        os.close(self.fd)
        os.close(self._end)

    def _ring(self, _signal: int, _frame: FrameType | None) -> None:
        if self.rung:
            raise KeyboardInterrupt
        self.rung = True
        os.write(self._end, b"!")
