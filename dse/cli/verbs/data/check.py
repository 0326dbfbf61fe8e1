"""`dse check`: problems of YAML files, with file and line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.check_file import check_files, files_in, remarks_on
from dse.cli.input.options import Configs, epilog
from dse.cli.terminal.guard import complain
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import remark
from dse.errors import ExitCode

EPILOG = epilog(
    "dse check my-configs",
    "dse check my-chip.yaml studies/my-question/study.yaml",
    codes="0 no problems, 2 at least one.",
)


def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, or folders of files.")],
    configs: Configs = None,
) -> None:
    """Check YAML files and report all problems with file and line.

    The key `kind` in a file says what it contains: chip, llm, workload, traffic, stack, network, economy,
    technology, space, buildable, study or sources. Names that a file uses are looked up among the given files
    and in the catalog. All problems are printed at once.
    """
    with spinner("reading"):
        found, problems = files_in(paths)
        problems += check_files(found, configs)
    if problems:
        complain(*(str(problem) for problem in problems))
        complain(_count(found, len(problems)))
        raise typer.Exit(ExitCode.WRONG_INPUT)
    for text in remarks_on(found, configs):
        remark(text)
    typer.echo(f"{_files(found)}, no problems")


def _count(found: Sequence[Path], problems: int) -> str:
    return f"{_files(found)}, {problems} problem{'' if problems == 1 else 's'}"


def _files(found: Sequence[Path]) -> str:
    return f"{len(found)} file{'' if len(found) == 1 else 's'}"
