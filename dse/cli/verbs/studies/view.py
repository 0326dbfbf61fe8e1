"""`dse view`: the studies of a folder in a browser, live."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import Configs, Out, Stored, epilog
from dse.cli.input.stored_results import folder_of
from dse.cli.terminal.guard import blame
from dse.cli.terminal.tables import remark, stdout
from dse.errors import spec_error
from dse.masks import STORAGE
from dse.spec.catalog.lookup import Catalog
from dse.spec.yaml.units import plain_number
from dse.view.app import View
from dse.view.live import LiveStudy
from dse.view.pages import study_address
from dse.view.server import address, serving
from dse.view.studies import Studies

EPILOG = epilog(
    "dse view",
    "dse view groq-vs-h100",
    "dse view --results other/results --port 0",
    "dse view groq-vs-h100 --storage postgresql://me@db/dse",
    codes="0 done (Ctrl-C ends it), 2 wrong input.",
)
PORT = 8650
RESULTS = Path("results")


def _port(text: str) -> int:
    number = plain_number(text)
    if not isinstance(number, int) or not 0 <= number <= 65535:
        raise typer.BadParameter(f"expected a port from 0 to 65535, got {text!r}")
    return number


def view(
    study: Annotated[
        str | None,
        typer.Argument(metavar="[STUDY]", help="Study to open first [default: the index]."),
    ] = None,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder that contains results folders.")
    ] = RESULTS,
    port: Annotated[int, typer.Option(metavar="N", parser=_port, help="Port; 0 takes a free one.")] = PORT,
    storage: Stored = None,
    out: Out = None,
    configs: Configs = None,
) -> None:
    """Show studies in a browser while they run and afterwards.

    Serves an index of all results, the page of each study as `dse report` writes it, updated while trials
    come in, and Optuna's dashboard where it is installed (pip install '.[view]'). For a STUDY whose trials
    are in a database, give the --storage of `dse run`. The server listens on this machine only and changes
    nothing: results are read, never locked or written. Ctrl-C ends it.
    """
    # only to refuse a wrong folder before the server starts
    Catalog.of(configs)
    if results != RESULTS and not results.is_dir():  # the usual folder may be made by the first run
        raise spec_error("--results", f"expected a folder of results, got none at {str(results)!r}")
    studies = Studies(results, configs)
    first = _first(studies, study, storage, out, configs)
    with serving(View(studies).app, port) as server:
        # only now is the port known: 0 takes a free one
        _print_summary(f"{address(server)}{first}")
        try:
            server.serve_forever()
        # the usual end of a server, not an interrupted one
        except KeyboardInterrupt:
            return


def _first(
    studies: Studies, study: str | None, storage: str | None, out: Path | None, configs: Path | None
) -> str:
    """Path of the page of `study`, which is then served too; that of the index without one."""
    if study is None:
        if out is not None:
            raise spec_error(
                "--out", "expected a STUDY as well, got none; --results takes a folder of results"
            )
        # from the environment it may be meant for other verbs
        if storage is not None and storage != os.environ.get(STORAGE):
            raise spec_error("--storage", "expected a STUDY as well, got none")
        return "/"
    with blame("STUDY"):
        slug, folder = folder_of(study, out, elsewhere=storage is not None)
    live = LiveStudy(slug, folder, configs, study, storage)
    if storage is not None:
        live.storage()  # an unreadable storage is reported now
    studies.add(live)
    return study_address(slug)


def _print_summary(where: str) -> None:
    stdout().print(where, soft_wrap=True)
    remark("open it in a browser on this machine; Ctrl-C ends it")
