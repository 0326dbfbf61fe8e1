"""Progress as lines, where stderr is no terminal: a log shows how far long work is."""

import sys
import time
from typing import Final

from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.tables import stderr

EVERY: Final = 10.0
"""Seconds between two lines; work that takes less leaves none."""


class LogLines:
    """Lines of one piece of work; nothing on a terminal, where a bar moves, and nothing with --quiet."""

    def __init__(self) -> None:
        self._begin = self._last = time.monotonic()
        self._wanted = not (global_options().quiet or stderr().is_terminal)

    def say(self, what: str) -> None:
        """Print `what` and the seconds since the beginning, unless a line was printed just before."""
        now = time.monotonic()
        if self._wanted and now - self._last >= EVERY:
            self._last = now
            stderr().print(f"{what} ({now - self._begin:.0f} s)", soft_wrap=True)
            # a log is read while the work goes on
            sys.stderr.flush()
