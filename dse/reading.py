"""Files from others: what is no file of a stated size, or no text, is refused before memory is taken."""

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from select import select
from typing import Final

from dse.errors import DseError, spec_error

Refuse = Callable[[str, str], DseError]
"""The error for a place and what is wrong there."""

MIB: Final = 2**20
YAML_LIMIT: Final = 1 * MIB
"""Bytes of a YAML file; the largest of ours has 48 kB."""
JSON_LIMIT: Final = 4 * MIB
"""Bytes of a `config.json`, some of which list every module that is not quantised."""
TABLE_LIMIT: Final = 64 * MIB
"""Bytes of a table, unpacked."""

PATIENCE: Final = 2.0
"""Seconds that a pipe may take until a process writes to it."""
_BLOCK: Final = 2**16
_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def read_text(path: Path, limit: int, *, pipes: bool = False, refuse: Refuse = spec_error) -> str:
    """The text of a UTF-8 file of at most `limit` bytes; a byte order mark is left out.

    Line ends stay as they are. `pipes` lets pipes through, which can be read once. Raises what `refuse` makes
    of the place and the reason, `SpecError` by default.
    """
    return text_in(read_bytes(path, limit, pipes=pipes, refuse=refuse), path, refuse=refuse)


def text_in(data: bytes, path: Path, *, refuse: Refuse = spec_error) -> str:
    """The text in the bytes of a file; raises as `read_text`, with the line that is wrong."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise refuse(f"{path}:1", f"cannot be read: expected UTF-8 text, got {name}; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # the decoder counts without the mark
        start = error.start + 3 * data.startswith(b"\xef\xbb\xbf")
        line = data.count(b"\n", 0, start) + 1
        raise refuse(f"{path}:{line}", "cannot be read: it is not UTF-8 text") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise refuse(f"{path}:{line}", "cannot be read: expected text, got a NUL character")
    return text


def read_bytes(path: Path, limit: int, *, pipes: bool = False, refuse: Refuse = spec_error) -> bytes:
    """The bytes of a file, at most `limit`; raises as `read_text`."""
    try:
        # a pipe that nobody writes to would not even open
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_kind(os.fstat(handle).st_mode, pipes)
            data = _read(handle, limit + 1)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        raise refuse(str(path), f"cannot be read: {_reason(error, path)}") from None
    if len(data) > limit:
        raise refuse(str(path), f"cannot be read: expected at most {_size(limit)}, got more")
    return data


def _check_kind(mode: int, pipes: bool) -> None:
    """Raise `OSError` for what is no regular file."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(None, "Is a directory")
    if stat.S_ISFIFO(mode) and not pipes:
        raise OSError(None, "expected a file, got a pipe")
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise OSError(None, "expected a file, got a device")


def _read(handle: int, limit: int) -> bytes:
    """Up to `limit` bytes; waits for a pipe as long as somebody has it open."""
    blocks, left, until = [], limit, time.monotonic() + PATIENCE
    pipe = stat.S_ISFIFO(os.fstat(handle).st_mode)
    while left > 0:
        try:
            block = os.read(handle, min(left, _BLOCK))
        except BlockingIOError:
            select([handle], [], [])
            continue
        if block:
            blocks.append(block)
            left -= len(block)
        # nobody has it open: not yet, or not any more
        elif pipe and not blocks and time.monotonic() < until:
            time.sleep(0.01)
        else:
            break
    if pipe and not blocks:
        raise OSError(None, "expected text, got a pipe that no process writes to")
    return b"".join(blocks)


def _reason(error: OSError | ValueError, path: Path) -> str:
    """Why a file cannot be opened, in words."""
    if isinstance(error, ValueError):
        return "no file has a NUL character in its name"
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return "it is a link to nowhere"
    if error.errno == errno.ENXIO:
        return "expected a file, got a socket"
    return error.strerror or str(error)


def _size(count: int) -> str:
    return f"{count // MIB} MiB" if count >= MIB else f"{count} bytes"
