"""The program `dse`. Everything heavy is imported by the verb that needs it, so that help is quick."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dse.cli import (
    bench,
    breakeven,
    calibrate,
    catalog,
    check,
    chip,
    compare,
    estimate,
    explain,
    front,
    import_,
    plot,
    propose,
    report,
    run,
    serve_storage,
    sweep,
    validate,
    view,
    worker,
)
from dse.cli.guard import INTERRUPTED, WRONG, complain, guard
from dse.cli.manner import mannered

HELP = """Search for the AI-inference chip that minimises $/(token/s) under latency targets.

Start with `dse run groq-vs-h100`, look at what it found with `dse front groq-vs-h100`, and ask about one
chip with `dse estimate`. `dse VERB --help` explains each verb with examples."""

EPILOG = (
    "Everywhere a NAME is taken, an alias or a path to a YAML works too. "
    "Exit codes: 0 done, 1 a check failed or nothing feasible was found, 2 wrong input, 130 interrupted."
)


class _Guarded(TyperGroup):
    """A group whose verbs end wrong input with one sentence per problem."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb inside the guard."""
        with guard():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Guarded,
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        import dse

        typer.echo(f"dse {dse.__version__}")
        raise typer.Exit


@app.callback()
def _dse(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


_VERBS = (
    (run.run, run.EPILOG),
    (worker.worker, worker.EPILOG),
    (serve_storage.serve_storage, serve_storage.EPILOG),
    (sweep.sweep, sweep.EPILOG),
    (front.front, front.EPILOG),
    (plot.plot, plot.EPILOG),
    (report.report, report.EPILOG),
    (view.view, view.EPILOG),
    (estimate.estimate, estimate.EPILOG),
    (chip.chip, chip.EPILOG),
    (compare.compare, compare.EPILOG),
    (explain.explain, explain.EPILOG),
    (propose.propose, propose.EPILOG),
    (breakeven.breakeven, breakeven.EPILOG),
    (catalog.catalog, catalog.EPILOG),
    (check.check, check.EPILOG),
    (validate.validate, validate.EPILOG),
    (calibrate.calibrate, calibrate.EPILOG),
    (import_.import_, import_.EPILOG),
    (bench.bench, bench.EPILOG),
)
for _verb, _epilog in _VERBS:
    app.command(epilog=_epilog, no_args_is_help=False)(mannered(_verb))


def _open_streams() -> None:
    """Streams that the shell closed: nobody hears complaints then, but an answer must have a place to go."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        complain("stdout: expected a place for the answer, got a closed one; >/dev/null throws it away")
        sys.exit(WRONG)


def main() -> None:
    """Entry point of the program `dse`."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a sign gets a "?", not a stack trace
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="dse")
    except KeyboardInterrupt:  # before any verb had begun
        sys.exit(INTERRUPTED)
