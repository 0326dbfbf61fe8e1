"""A journal file that survives a kill in the middle of a write, orphaned locks and full disks."""

import json
import logging
import os
from collections.abc import Callable, Generator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from dse.errors import DseError, SpecError, spec_error
from dse.front.own_files import naming, open_own, opened, own_folder, refuse_way_out
from dse.search.storage.log_lines import LIMIT, Damage, lines_told
from dse.search.storage.optuna_private import JournalLock, LogLine, lock_file

ORPHANED = 5
"""Age [s] at which the lock of a shared journal is broken, because its owner is dead; a write takes less."""

Logs = list[LogLine]

MARKS = {b"\xef\xbb\xbf": "UTF-8 with a byte order mark", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""How a file begins that an editor has stored in another encoding."""

_LOG = logging.getLogger("dse.storage")


class CheckedFile(JournalFileBackend):
    """The lines of a journal file, each of them checked; it is only read."""

    def __init__(self, path: Path) -> None:
        # the path of a link that stays in its folder is that of its file
        self.path = refuse_way_out(path)
        self._damage = Damage(lambda number: f"{path}:{number}")
        # number of the next line, and where it begins
        self._next = (0, 0)
        super().__init__(str(self.path), lock_obj=JournalLock(str(self.path), grace_period=ORPHANED))

    def read_logs(self, log_number_from: int) -> Generator[LogLine, None, None]:
        """Whole lines from a number on; a damaged one is left out. Raises `OSError` and `LineError`."""
        number, offset = self._next if self._next[0] == log_number_from else (0, 0)
        with naming(self.path), os.fdopen(open_own(self.path, os.O_RDONLY), "rb") as file:
            # what is written while we read comes the next time
            size = os.fstat(file.fileno()).st_size
            file.seek(offset)
            while offset < size:
                raw, length, whole = _line(file)
                if not whole:
                    break
                number, offset = number + 1, offset + length
                if number > log_number_from:
                    line = self._damage.line(raw, number)
                    self._next = (number, offset)
                    yield line
        self._damage.report(number)

    def append_logs(self, logs: Logs) -> None:  # noqa: ARG002 - whatever it would have written
        """Refuse: what is only read is not written."""
        raise PermissionError(1, "the journal is only read here", str(self.path))


def _line(file: BinaryIO) -> tuple[bytes, int, bool]:
    """The next line without more of it than is read, its length, and whether its end is there."""
    raw = file.readline(LIMIT + 1)
    length, end = len(raw), raw[-1:]
    while end not in (b"\n", b""):
        more = file.readline(LIMIT)
        length, end = length + len(more), more[-1:]
    return raw, length, end == b"\n"


class Journal(CheckedFile):
    """A journal file whose every append is whole: what a killed writer or a full disk left is trimmed."""

    def __init__(self, path: Path) -> None:
        # before Optuna makes it, with a mode that others can read
        opened(path, "ab").close()
        super().__init__(path)
        self._guard = JournalLock(str(self.path), grace_period=ORPHANED)

    def append_logs(self, logs: Logs) -> None:
        """Append logs, all of them or none; raises `OSError`."""
        self.append(lambda: logs)

    def append(self, make: Callable[[], Logs]) -> None:
        """Append what `make` returns; the journal is locked from before the call until the append."""
        self._guard.acquire()
        try:
            # the line that a killed writer left must go, or our first line would be joined to it
            trim(self.path)
            text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in make())
            # without a buffer: that would keep what did not fit, and write it when the file is closed
            with naming(self.path), opened(self.path, "ab") as file:
                size, rest = file.seek(0, os.SEEK_END), memoryview(text.encode())
                try:
                    # a write without a buffer may take only a part, as where a disk is nearly full
                    while rest:
                        rest = rest[file.write(rest) :]
                    # on disk before the recovery logs let go of these trials
                    os.fsync(file.fileno())
                # an interrupt, too, must leave no part of them
                except BaseException:
                    # all lines or none, since they may be those of one trial
                    file.truncate(size)
                    raise
        finally:
            self._guard.release()

    def mend(self) -> int:
        """Trim an incomplete last line under the lock; returns the bytes trimmed."""
        self._guard.acquire()
        try:
            return trim(self.path)
        finally:
            self._guard.release()


def open_journal(path: Path) -> JournalStorage:
    """The storage in the journal at `path`; raises `SpecError` when there is no journal and can be none."""
    try:
        own_folder(path.parent)
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory", str(path))
        # before a lock is made next to it: a wrong path is left as it was
        check_first_byte(path)
        backend = Journal(path)
        backend.mend()
        return JournalStorage(backend)
    # some are a `ValueError` too, which the last clause would reword
    except DseError:
        raise
    except OSError as error:
        raise spec_error(str(path), f"the journal cannot be opened: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AssertionError):  # raised by Optuna for lines of others
        raise no_journal(path) from None


def release(path: Path) -> None:
    """Remove the lock that a killed run left on its journal; the caller holds the folder locked."""
    lock_file(path).unlink(missing_ok=True)


def check_first_byte(path: Path) -> None:
    """Raise `SpecError` for a file that is no journal, before it is locked or written."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with opened(path, "rb") as file:
        # each line of a journal is a JSON object
        if file.read(1) != b"{":
            raise no_journal(path)


def no_journal(path: Path) -> SpecError:
    """The error for a file without the first line of a journal; says what is intact behind a damaged one."""
    behind = 0
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        first, *_ = _line(file)
        for mark, name in MARKS.items():
            if first.startswith(mark):
                return spec_error(f"{path}:1", f"expected a journal in UTF-8, got a file in {name}")
        while raw := _line(file)[0]:
            behind += raw.startswith(b"{") and b'"op_code"' in raw
    if not behind:
        return spec_error(str(path), "expected a journal of an Optuna study, got another file")
    after = "1 line after it is" if behind == 1 else f"{behind:,} lines after it are"
    return spec_error(
        f"{path}:1",
        f"expected the first line of a journal, which names its study, got another. {after} intact, and "
        "cannot be read without it: put it back from a copy, or start over with --fresh",
    )


def trim(path: Path) -> int:
    """Trim an incomplete last line, which a kill in mid-write leaves and which would break every later write.

    Returns the bytes trimmed. Raises `SpecError` when the file is no journal, so that nothing of it is lost.
    """
    if not path.exists() or path.stat().st_size == 0:
        return 0
    check_first_byte(path)
    with naming(path), opened(path, "rb+") as file:
        size = file.seek(-1, os.SEEK_END) + 1
        if file.read(1) == b"\n":  # as always but after a crash
            return 0
        whole = _end_of_last_line(file, size)
        # not one whole line, so nothing says that this is a journal
        if whole == 0:
            raise no_journal(path)
        before = _lines_in(file, whole)
        file.truncate(whole)
        os.fsync(file.fileno())
        _LOG.warning(
            "%s:%d: expected the end of the last line, got the end of the file, as where a writer was killed "
            "or the file was cut; its %s bytes are removed. What is intact is read: %s before it",
            *(path, before + 1, f"{size - whole:,}", lines_told(before)),
        )
        return size - whole


def _lines_in(file: FileIO, size: int) -> int:
    """Lines that end in the first `size` bytes."""
    file.seek(0)
    # in blocks: a journal may be larger than the memory
    blocks = (file.read(min(1 << 20, size - at)) for at in range(0, size, 1 << 20))
    return sum(block.count(b"\n") for block in blocks)


def _end_of_last_line(file: FileIO, size: int) -> int:
    """Offset just behind the last newline."""
    # backwards: an incomplete line is short, a journal may be large
    block, end = 65536, size
    while end > 0:
        start = max(0, end - block)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0
