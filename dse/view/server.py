"""Serves pages on the loopback interface, and nowhere else; the only door of the package waitress.

One thread reads and writes every connection, so that a slow client holds a socket and no thread; a few more
make the pages. What a client may take is bounded: connections, bytes of a request, seconds of silence.
"""

import logging
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from waitress.server import create_server

from dse.errors import spec_error
from dse.view.guard import App

HOST: Final = "127.0.0.1"
CONNECTIONS: Final = 1_000
"""Connections at once; more wait in the backlog until one is closed."""
BACKLOG: Final = 1_024
THREADS: Final = 8
SILENCE: Final = 30
"""Seconds after which a connection that sends nothing, or takes nothing, is closed."""
_SPARE = 100
"""File handles that are left for what the pages read."""


Sockets: TypeAlias = dict[int, Any]
"""What waitress listens and talks on, by file handle."""


@dataclass(eq=False)
class Server:
    """A listening server; `serve_forever` answers until `shutdown`."""

    port: int
    _inner: Any
    """Waitress has no type of its own for it."""
    _sockets: Sockets
    _ended: bool = field(default=False)

    def serve_forever(self) -> None:
        """Answer requests until `shutdown` is called in another thread."""
        loop = self._inner.asyncore.loop
        while not self._ended:
            # a round at a time, so that the end is noticed
            loop(timeout=0.2, use_poll=True, map=self._sockets, count=1)

    def shutdown(self) -> None:
        """Let `serve_forever` return within a fraction of a second."""
        self._ended = True

    def close(self) -> None:
        """Close every connection."""
        self._ended = True
        self._inner.task_dispatcher.shutdown(timeout=1)
        # a copy: what is closed removes itself
        for each in list(self._sockets.values()):
            each.close()


@contextmanager
def serving(app: App, port: int) -> Iterator[Server]:
    """A server that listens on `port` of the loopback interface, on a free one for 0.

    Raises `SpecError` when the port is taken or not allowed.
    """
    # a client that goes away, or sends no HTTP, is no matter for the terminal
    logging.getLogger("waitress").setLevel(logging.CRITICAL + 1)
    sockets: Sockets = {}
    try:
        # the loopback address, never a name: a name may mean another interface. Our own socket, since
        # waitress leaves open what it has made before a port turns out to be taken
        listening = socket.create_server((HOST, port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise spec_error(
            "--port", f"expected a free port, got {port}: {reason}. Give another, or 0."
        ) from None
    inner = create_server(
        app,
        map=sockets,
        sockets=[listening],
        threads=THREADS,
        backlog=BACKLOG,
        connection_limit=_connections(),
        channel_timeout=SILENCE,
        cleanup_interval=5,
        # `select` fails at the 1,024th file
        asyncore_use_poll=True,
        # far more than an address may have: beyond it the connection is cut before the answer is read
        max_request_header_size=256 * 2**10,
        # nothing is sent to these pages; a small body is read so that its sender gets an answer
        max_request_body_size=64 * 2**10,
        ident="",
        expose_tracebacks=False,
        log_socket_errors=False,
        clear_untrusted_proxy_headers=True,
    )
    # Linux closes the connection of a client that takes nothing; elsewhere it stays until the client goes.
    # Connections inherit it from the socket that listens
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        inner.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1_000)
    server = Server(inner.effective_port, inner, sockets)
    try:
        yield server
    finally:
        server.close()


def address(server: Server) -> str:
    """URL of the server."""
    return f"http://{HOST}:{server.port}"


def _connections() -> int:
    """As many as there are file handles for: each may have a socket, and a file for what it has not taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS + _SPARE
    if soft < wanted and (hard == resource.RLIM_INFINITY or soft < hard):
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft == resource.RLIM_INFINITY else max(10, min(CONNECTIONS, (soft - _SPARE) // 2))
