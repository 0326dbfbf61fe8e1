"""`dse serve-storage`: one process with connections to the database, for many workers without."""

from typing import Annotated

import typer

from dse.cli.input.options import epilog, whole
from dse.cli.terminal.tables import stdout
from dse.masks import STORAGE
from dse.search.storage.grpc_server import serve

EPILOG = epilog(
    "dse serve-storage postgresql://me@db/dse --host 0.0.0.0",
    "dse serve-storage sqlite:///studies.db --port 13001",
    codes="0 ended by Ctrl-C, 2 wrong input.",
)


def serve_storage(
    url: Annotated[
        str,
        typer.Argument(metavar="URL", envvar=STORAGE, help="Database: postgresql://..., sqlite:///..."),
    ],
    host: Annotated[
        str,
        typer.Option(
            metavar="HOST", help="Address to listen on. There is no password: use trusted networks only."
        ),
    ] = "localhost",
    port: Annotated[int, typer.Option(metavar="N", parser=whole(1), help="Port to listen on.")] = 13000,
) -> None:
    """Give many workers access to a database through one server.

    Workers connect with `--storage grpc://HOST:PORT` (Optuna's gRPC proxy). A database accepts some hundred
    connections; this process needs ten for any number of workers. Every program that reaches the port can
    write to the database, so use it in trusted networks only. Ctrl-C ends it.
    """
    with serve(url, host, port) as wait:
        stdout().print(f"Serving at grpc://{host}:{port}; Ctrl-C ends it.", soft_wrap=True)
        try:
            wait()
        # the usual end of a server, not an interrupted one
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
