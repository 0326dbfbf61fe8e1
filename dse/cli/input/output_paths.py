"""Places that a verb writes to at its end: looked at before it begins, while nothing is made there."""

import os
from pathlib import Path

from dse.errors import spec_error
from dse.report.drawing.canvas import SUFFIXES


def check_output_file(option: str, path: Path | None) -> None:
    """Raise `SpecError` with the name of the option where no file can be written at `path`; None is none."""
    if path is None:
        return
    if path.is_dir():
        raise spec_error(option, f"expected a file to write, got the folder {str(path)!r}")
    # results are renamed into their place, which would replace a device or a pipe by a file
    if path.exists() and not path.is_file():
        raise spec_error(option, f"expected a file to write, got {str(path)!r}, which is not a regular file")
    if why := _why_not(path.parent):
        raise spec_error(option, f"expected a folder that can be written to, got {str(path.parent)!r}: {why}")


def hold_apart(option: str, path: Path | None, read: Path) -> None:
    """Raise `SpecError` where what is written would take the place of the table that is read."""
    if path is not None and path.exists() and read.exists() and path.samefile(read):
        raise spec_error(option, f"expected another file than the table that is read, got {str(path)!r}")


def check_picture_file(option: str, path: Path | None) -> None:
    """As `check_output_file`, for a picture, whose suffix must be one that we draw."""
    if path is None:
        return
    if path.suffix.lower() not in SUFFIXES:
        raise spec_error(option, f"expected a picture ending in {', '.join(SUFFIXES)}, got {str(path)!r}")
    check_output_file(option, path)


def _why_not(folder: Path) -> str:
    """Why nothing can be written in a folder that is there or would be made; empty where it can."""
    # missing folders are made at the end, so the nearest one that exists decides
    there = next((f for f in (folder, *folder.parents) if f.exists()), Path())
    if not there.is_dir():
        return f"{there} is no folder"
    # a new file needs both: permission to write to its folder and to pass through it
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written to"
