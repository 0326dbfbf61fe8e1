"""Serves pages on the loopback interface, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from dse.errors import spec_error
from dse.view.guard import App

HOST = "127.0.0.1"


class _Server(ThreadingMixIn, WSGIServer):
    # an open page must not hold back the end of the program
    daemon_threads = True

    def server_bind(self) -> None:
        """As in the parents, without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    # seconds after which a silent connection gives its thread back
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the terminal shows the messages of the program."""


@contextmanager
def serving(app: App, port: int) -> Iterator[HTTPServer]:
    """A server that listens on `port` of the loopback interface, on a free one for 0.

    Raises `SpecError` when the port is taken or not allowed.
    """
    try:
        # the loopback address, never a name: a name may mean another interface
        server = _Server((HOST, port), _Handler)
    except OSError as error:
        reason = error.strerror or str(error)
        raise spec_error(
            "--port", f"expected a free port, got {port}: {reason}. Give another, or 0."
        ) from None
    server.set_app(app)
    try:
        yield server
    finally:
        server.server_close()


def address(server: HTTPServer) -> str:
    """URL of the server."""
    return f"http://{HOST}:{server.server_port}"
