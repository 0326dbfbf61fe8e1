"""Datasheets that a page shows: every `$ dse propose ...` in it is run in its folder, as a reader would."""

import shlex
import subprocess
import sys
from pathlib import Path

from dse.errors import spec_error

PROMPT = "$ dse propose "


def proposals(page: str) -> list[list[str]]:
    """Arguments of every command on a page that proposes a chip and writes it to a file."""
    lines = (line.removeprefix(PROMPT) for line in page.splitlines() if line.startswith(PROMPT))
    return [arguments for line in lines if "-o" in (arguments := shlex.split(line))]


def propose_all(page: str, folder: Path) -> None:
    """Write the chips, spaces and datasheets that `page` shows, from the fronts in `folder`.

    Raises `SpecError` with what the program said when it refuses.
    """
    for arguments in proposals(page):
        command = [sys.executable, "-m", "dse", "propose", *arguments, "--out", ".", "--quiet"]
        # unchecked, because the error that is raised below has the words of the program
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise spec_error(PROMPT + shlex.join(arguments), done.stderr.strip())
