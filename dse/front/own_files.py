"""Files and folders of the user who runs the program: no other user reads or redirects them."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from dse.errors import ResultsError

FOLDER, FILE = 0o700, 0o600
"""Modes of what is made; a stricter umask stays."""


def own_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, each for its user alone; raises `OSError`.

    One that is there keeps its mode.
    """
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    for path in reversed(missing):
        refuse_way_out(path)
        path.mkdir(mode=FOLDER, exist_ok=True)
    # as `mkdir` would say it
    if not folder.is_dir():
        raise FileExistsError(17, "File exists", str(folder))


def open_own(path: Path, flags: int) -> int:
    """A handle of a regular file, made for its user alone where `flags` make it.

    Raises `ResultsError` for a link that leads out of its folder, and `OSError`.
    """
    real = refuse_way_out(path)
    # a pipe would wait for its other end before it can be looked at
    handle = os.open(real, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, FILE)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ResultsError(f"{path}: expected a regular file, got something else")
    except BaseException:
        os.close(handle)
        raise
    return handle


def opened(path: Path, mode: str) -> FileIO:
    """As `open_own`, as a file without a buffer; of the modes of `open`, rb, rb+, ab and ab+ are known."""
    flags = {
        "rb": os.O_RDONLY,
        "rb+": os.O_RDWR,
        "ab": os.O_WRONLY | os.O_APPEND | os.O_CREAT,
        "ab+": os.O_RDWR | os.O_APPEND | os.O_CREAT,
    }
    return FileIO(open_own(path, flags[mode]), mode)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of reading and writing name the file: those of the system do so only where it is opened."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def refuse_way_out(path: Path) -> Path:
    """The path itself, or what it leads to inside its folder.

    Raises `ResultsError` for a link that leads out of it, or nowhere: who placed it would choose what is
    read or written.
    """
    if not path.is_symlink():
        return path
    folder = path.parent.resolve()
    target = path.resolve()
    if not target.exists():
        raise ResultsError(f"{path}: is a link to nowhere ({str(path.readlink())!r})")
    if not target.is_relative_to(folder):
        raise ResultsError(
            f"{path}: expected a file of this folder, got a link that leads out of it, to {str(target)!r}"
        )
    return target


def private_folder(folder: Path) -> None:
    """Make a folder in a place that others can write to, such as that of temporary files.

    Raises `ResultsError` for one that others could have prepared or can write to.
    """
    try:
        folder.mkdir(mode=FOLDER)
    except FileExistsError:
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode):
            raise ResultsError(f"{folder}: expected a folder of yours, got a link or a file") from None
        if found.st_uid != os.getuid():
            raise ResultsError(
                f"{folder}: expected a folder of yours, got one of user {found.st_uid}; "
                "set TMPDIR to a folder of your own"
            ) from None
        if found.st_mode & 0o022:
            raise ResultsError(
                f"{folder}: expected a folder that you alone can write to, got mode "
                f"{stat.S_IMODE(found.st_mode):04o}; remove it, or `chmod 700` it if you know what is in it"
            ) from None
