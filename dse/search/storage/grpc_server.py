"""Optuna's gRPC proxy in front of a database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from optuna.storages import RDBStorage

from dse.errors import spec_error
from dse.masks import hidden
from dse.search.storage.by_url import EXTRA, open_storage
from dse.search.storage.optuna_private import grpc_server

THREADS = 10
"""Requests that are answered at the same time, each over a connection of its own."""


@contextmanager
def serve(url: str, host: str, port: int) -> Iterator[Callable[[], object]]:
    """Serve the storage at `url`; yields what waits until the server ends.

    Raises `SpecError` for a storage that is no database, and for a port that cannot be had.
    """
    storage = open_storage(url)
    if not isinstance(storage, RDBStorage):
        raise spec_error("URL", f"expected a database, which Optuna's proxy needs, got {hidden(url)}")
    try:
        server = grpc_server(storage, host, port, THREADS)
    except ImportError:
        raise spec_error("URL", f"the proxy needs the package grpcio: {EXTRA}") from None
    except RuntimeError:
        raise spec_error("--port", f"expected a free port of this machine, got {host}:{port}") from None
    server.start()
    try:
        yield server.wait_for_termination
    finally:
        # requests under way may end, so that their clients know what took effect
        server.stop(grace=1.0).wait()
