"""Files that are either the old ones or the new ones, whatever happens in between."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex


def replace_files(files: Mapping[Path, bytes]) -> None:
    """Write every file next to its final path, flush it to disk, then rename all in the given order.

    Until the first rename nothing has changed; a failure leaves no temporary file. Folders are made.
    Raises `OSError`.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # in the same folder, since a rename is atomic within one file system only, and random, so that
            # two writers never share a file
            temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
            staged.append((temporary, path))
            # flushed before the rename: else a crash could leave the new name on an empty file
            with temporary.open("xb") as file:
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


def _sync_folder(folder: Path) -> None:
    """Flush the renames to disk, where the system can open a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
