"""Files that are either the old ones or the new ones, whatever happens in between."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from dse.front.own_files import FILE, naming, own_folder


def replace_files(files: Mapping[Path, bytes]) -> None:
    """Write every file next to its final path, flush it to disk, then rename all in the given order.

    Until the first rename nothing has changed; a failure leaves no temporary file. Folders are made. A new
    file is for its user alone; one that is replaced keeps its mode.
    Raises `OSError`.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, data in files.items():
            own_folder(path.parent)
            # in the same folder, since a rename is atomic within one file system only, and random, so that
            # two writers never share a file
            temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
            staged.append((temporary, path))
            # flushed before the rename: else a crash could leave the new name on an empty file
            with naming(path), os.fdopen(_new(temporary, path), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for temporary, path in staged:
            os.replace(temporary, path)
        # a rename is durable only once its folder is on disk
        for folder in {path.parent for path in files}:
            _sync_folder(folder)
    finally:  # also when interrupted
        for temporary, _ in staged:
            with suppress(OSError):
                # renamed ones are gone already, and an error here would hide the one that led here
                temporary.unlink(missing_ok=True)


def _new(temporary: Path, path: Path) -> int:
    """A handle of a new file with the mode of the one that it replaces."""
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE)
    # not that of what a link leads to: the link itself is replaced
    with suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            os.fchmod(handle, stat.S_IMODE(found.st_mode))
    return handle


def _sync_folder(folder: Path) -> None:
    """Flush the renames to disk, where the system can open a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
