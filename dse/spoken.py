"""What libraries and plug-ins say by themselves: on stderr, and with nothing in it that steers a terminal."""

import sys
import warnings
from contextlib import suppress
from typing import TextIO

from dse.text import one_line, visible


def warn_in_a_line() -> None:
    """From now on a warning is one line on stderr, without the source line that it comes from."""
    warnings.showwarning = _line


def _line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """See `warnings.showwarning`."""
    del filename, lineno, line
    with suppress(OSError, ValueError):  # a stream that is closed has no reader
        (file or sys.stderr).write(f"{category.__name__}: {one_line(str(message))}\n")


class Aside:
    """A stream for what is printed while a plug-in runs: the answer of a verb alone is on stdout."""

    def write(self, text: str) -> int:
        """Write to stderr with control characters shown."""
        return sys.stderr.write(visible(text))

    def flush(self) -> None:
        """Flush stderr."""
        sys.stderr.flush()

    def close(self) -> None:
        """Leave stderr open."""

    def __getattr__(self, name: str) -> object:
        return getattr(sys.stderr, name)
