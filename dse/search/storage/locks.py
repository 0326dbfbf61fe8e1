"""Locks that the operating system releases when a process dies, however it dies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from dse.errors import spec_error
from dse.front.own_files import opened, own_folder


def hold(path: Path) -> FileIO | None:
    """Open and lock `path`; closing it releases the lock. None when another process holds it.

    Raises `ResultsError` for a link that leads out of its folder, and `OSError`.
    """
    import fcntl  # Unix only; without it studies cannot be run, but evaluated

    # for appending: opening must not empty what another process holds
    handle = opened(path, "ab+")
    try:
        # flock, not lockf: a lock of lockf ends when the process closes any handle of the file, and does not
        # exclude a second run in the same process
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    # an interrupt, too: the handle may hold the lock already
    except BaseException:
        handle.close()
        raise
    # its holder may have put another file in its place between our two calls, and holds that one
    if not _is_at(handle, path):
        handle.close()
        return None
    return handle


def _is_at(handle: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def locked_folder(out: Path) -> Iterator[None]:
    """Lock a results folder.

    Raises `SpecError` when another run holds it, or when the folder cannot be written.
    """
    try:
        writable(out)
        handle = hold(out / ".lock")
    except OSError as error:
        raise spec_error(str(out), f"expected a folder that can be written, got: {error.strerror}") from None
    if handle is None:
        raise spec_error(str(out), "another run uses this folder; wait for it, or give another --out")
    # the file stays: were it removed, two runs could lock two files of the same name
    with handle:
        yield


def writable(folder: Path) -> None:
    """Create a folder and check that files can be created in it; raises `OSError`."""
    own_folder(folder)
    # that does not check a folder that exists already
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, "Permission denied", str(folder))
