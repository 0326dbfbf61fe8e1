"""`dse bench`: how fast this machine evaluates designs."""

from typing import Annotated

import typer

from dse.cli.input.options import Backend, epilog, format_option, seconds, whole
from dse.cli.terminal.machine_output import print_json
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import stdout, table
from dse.evaluate.bench import bench as measure

EPILOG = epilog(
    "dse bench",
    "dse bench --seconds 10 --format json",
    "dse bench --llm qwen3-next-80b-a3b",
    codes="0 done, 2 wrong input.",
)


def bench(
    backend: Backend = "numpy",
    duration: Annotated[
        float,
        typer.Option(
            "--seconds",
            metavar="S",
            parser=seconds,
            help="Time to measure [s]; units such as '2 min' work as well.",
        ),
    ] = 3.0,
    threads: Annotated[
        int | None, typer.Option(metavar="N", parser=whole(1), help="Threads [default: all cores].")
    ] = None,
    llm: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="LLM, see `dse catalog llms` [default: the study's]."),
    ] = None,
    form: Annotated[str, format_option("table", "json")] = "table",
) -> None:
    """Measure how many design points per second this machine evaluates.

    Runs the default cost model. A design point is one chip in one deployment; chips and deployments form a
    grid, as in a study.
    """
    with spinner("measuring"):
        found = measure(backend=backend, seconds=duration, threads=threads, llm=llm)
    if form == "json":
        print_json(found)
        return
    rows = [[str(key).replace("_", " "), _shown(value)] for key, value in found.items()]
    stdout().print(table(["", "value"], rows, right=["value"]))


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_shown(v)} {k}" for k, v in value.items())
    # before the numbers, because True is an int too
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
