"""Commands that need machines or servers: the program understands them all, and those of a cluster run."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import typer.core
from clusters import Dask, dask
from processes import ended, start
from servers import Postgres, postgres

from dse.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "dse/docs").rglob("*.md"))))
TOUR = "dse/docs/tour.md"
_FENCE = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SMALL = {
    "sweep": ["--grid", "peak_flops=3,sram=3,sram_bandwidth_per_byte=2,link_bandwidth=2,dram_stacks=2"],
    "worker": ["--trials", "12"],
}


def _commands() -> list[tuple[str, str]]:
    """Page and command, of every command of ours in a block for a shell."""
    found = []
    for page in PAGES:
        for block in _FENCE.findall((ROOT / page).read_text(encoding="utf-8")):
            parts = [part.strip() for line in block.splitlines() for part in line.split("&&")]
            found += [(page, part.partition(" #")[0]) for part in parts if part.startswith("dse ")]
    return found


COMMANDS = _commands()


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_the_program_understands_the_command(page: str, command: str) -> None:
    _, verb, *arguments = shlex.split(command)
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    found = group.get_command(typer.Context(group), verb)
    assert found is not None, f"{verb} is no command"
    with found.make_context(f"dse {verb}", arguments):
        pass


def test_the_pages_show_both_commands_of_a_cluster() -> None:
    for page in (TOUR, "dse/docs/scale.md"):
        verbs = {command.split()[1] for where, command in COMMANDS if where == page and "tcp://" in command}
        assert verbs == {"sweep", "worker"}


@pytest.fixture(scope="module")
def machines() -> Iterator[Dask]:
    with dask(2) as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for page, c in COMMANDS if page == TOUR and "tcp://head:8786" in c])
def test_a_command_of_the_tour_runs_on_a_cluster(
    command: str, machines: Dask, server: Postgres, tmp_path: Path
) -> None:
    """With less to do, and with the addresses of a cluster and a database that are there."""
    there = command.replace("tcp://head:8786", machines.address).replace("--processes 64", "--processes 3")
    _, verb, *arguments = shlex.split(there.replace("postgresql://me@db/dse", server.url))
    said = ended(start(verb, *arguments, *_SMALL[verb], cwd=tmp_path))
    assert {"sweep": "designs on the exact front", "worker": "the study has 12"}[verb] in said
