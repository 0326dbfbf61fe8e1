"""`dse serve-storage`: one process with connections to the database, for many workers without."""

from typing import Annotated

import typer

from dse.cli.input.options import epilog, whole
from dse.cli.terminal.tables import stdout
from dse.search.storage.grpc_server import serve

EPILOG = epilog(
    "dse serve-storage postgresql://me@db/dse --host 0.0.0.0",
    "dse serve-storage sqlite:///studies.db --port 13001",
    codes="0 ended by Ctrl-C, 2 wrong input.",
)


def serve_storage(
    url: Annotated[str, typer.Argument(metavar="URL", help="A database: postgresql://..., sqlite:///...")],
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen on; nobody is asked for a password.")
    ] = "localhost",
    port: Annotated[int, typer.Option(metavar="N", parser=whole(1), help="Port to listen on.")] = 13000,
) -> None:
    """Give many workers access to a database through one server.

    Workers give `--storage grpc://HOST:PORT`. A database has some hundred connections; this process needs
    ten, whatever the number of workers. It is for networks that you trust: who reaches the port may write.
    """
    with serve(url, host, port) as wait:
        stdout().print(f"Serving at grpc://{host}:{port}; Ctrl-C ends it.", soft_wrap=True)
        try:
            wait()
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
