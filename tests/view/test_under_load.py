"""Many clients at once, slow ones, and ones that speak no HTTP, against the program as it is started."""

import asyncio
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from processes import start
from view.asking import ask

SECONDS = float(os.environ.get("DSE_LOAD_SECONDS", "3"))
"""How long the load lasts: `DSE_LOAD_SECONDS=10 pytest tests/view/test_under_load.py` is the whole of it."""
CLIENTS, SLOW = 200, 300
PATHS = ("/", "/studies/small", "/status.json", "/studies/small/status.json", "/assets/live.js")


@dataclass
class Viewed:
    site: str
    process: "subprocess.Popen[str]"

    @property
    def place(self) -> tuple[str, int]:
        where = urlsplit(self.site)
        return str(where.hostname), int(where.port or 0)


@pytest.fixture(scope="module")
def viewed(results: Path) -> Iterator[Viewed]:
    """`dse view` of a folder of results; at its end it must have told the terminal of no client."""
    process = start("view", "--results", results, "--port", "0", cwd=results.parent,
                    env={**os.environ, "PYTHONUNBUFFERED": "1"})  # fmt: skip
    try:
        assert process.stdout is not None
        yield Viewed(process.stdout.readline().strip().rstrip("/"), process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0 and len(said.splitlines()) == 1, said
    finally:
        process.kill()


async def _client(place: tuple[str, int], until: float, number: int) -> list[float]:
    """Ask for one page after the other, each over a connection of its own; seconds that each answer took."""
    took = []
    while time.monotonic() < until:
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection(*place)
        path = PATHS[(number + len(took)) % len(PATHS)]
        host = f"Host: localhost:{place[1]}"
        writer.write(f"GET {path} HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n".encode())
        whole = await reader.read()
        writer.close()
        head, _, body = whole.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        assert head.startswith(b"HTTP/1.1 200") and length and len(body) == int(length[1]), head
        took.append(time.monotonic() - begun)
    return took


def _load(place: tuple[str, int]) -> list[float]:
    async def all_of_them() -> list[list[float]]:
        until = time.monotonic() + SECONDS
        return await asyncio.gather(*(_client(place, until, i) for i in range(CLIENTS)))

    return [each for took in asyncio.run(all_of_them()) for each in took]


def test_two_hundred_clients_are_all_answered_while_three_hundred_slow_ones_hold_on(viewed: Viewed) -> None:
    ask(viewed.site, "/studies/small")  # so that the page is made
    slow = [socket.create_connection(viewed.place, timeout=10) for _ in range(SLOW)]
    try:
        host = f"Host: localhost:{viewed.place[1]}\r\n".encode()
        for i, each in enumerate(slow):
            # half a request; or a whole one for a large answer, of which nothing is read
            each.sendall(
                b"GET / HTTP/1.1\r\n" if i % 2 else b"GET /assets/plotly.js HTTP/1.1\r\n" + host + b"\r\n"
            )
        took = _load(viewed.place)
    finally:
        for each in slow:
            each.close()
    assert len(took) >= CLIENTS, "some were not answered"
    assert max(took) < 10.0, f"{len(took)} answers, the slowest after {max(took):.1f} s"
    print(f"{len(took)} answers in {SECONDS:g} s, the slowest after {max(took):.2f} s")


def test_clients_that_go_away_or_speak_something_else_leave_no_trace(viewed: Viewed) -> None:
    host = f"Host: localhost:{viewed.place[1]}\r\n".encode()
    get = b"GET /assets/plotly.js HTTP/1.1\r\n" + host + b"\r\n"
    for sent in (b"", get, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET", b"\x00" * 2000,
                 b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\n",
                 b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + host + b"\r\nZZ\r\n",
                 b"\r\n" * 5000):  # fmt: skip
        for _ in range(3):
            with socket.create_connection(viewed.place, timeout=10) as one:
                one.sendall(sent)
                # closed with a reset: the answer, if there is one, is never taken
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    with socket.create_connection(viewed.place, timeout=0.5) as plain, suppress(ssl.SSLError, OSError):
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
    assert ask(viewed.site, "/").status == 200


def _raw(place: tuple[str, int], sent: bytes) -> bytes:
    with socket.create_connection(place, timeout=10) as one:
        one.sendall(sent)
        found = b""
        with suppress(ConnectionError):
            while more := one.recv(2**16):
                found += more
    return found


@pytest.mark.parametrize("path", ["/", "/studies/small", "/status.json", "/assets/live.js", "/nothing",
                                  "/dashboard", "/api/studies", "/api/studies/0",
                                  "/static/bundle.js"])  # fmt: skip
def test_a_head_has_no_body(viewed: Viewed, path: str) -> None:
    host = f"Host: localhost:{viewed.place[1]}\r\nConnection: close\r\n\r\n"
    head, _, body = _raw(viewed.place, f"HEAD {path} HTTP/1.1\r\n{host}".encode()).partition(b"\r\n\r\n")
    status = b"404" if path == "/nothing" else b"200"
    assert head.startswith(b"HTTP/1.1 " + status) and body == b""


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT", "DELETE", "TRACE", "BREW"])
def test_other_verbs_are_told_which_are_allowed(viewed: Viewed, method: str) -> None:
    found = ask(viewed.site, "/", method)
    assert (found.status, found.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/studies/0?after=%C2%B2", 400),
        ("/api/studies/0?after=-1", 400),
        ("/api/studies/0?after=" + "9" * 400, 400),
        ("/api/studies/0?after=1e3", 400),
        ("/api/studies/0?after=", 400),
        ("/api/studies/0?after=1&after=x", 200),
        ("/api/studies/0?after=99999999", 200),
        ("/api/studies/0?after=%00", 400),
        ("/%00", 400),
        ("/studies/small%00", 400),
        ("/static/%00", 400),
        ("/studies/small?after=%C2%B2&x=%ff", 200),
        ("/api/studies/99999999999999999999", 404),
        ("/api/studies/7", 404),
        ("/static/bundle.js", 200),
        ("/static/nothing", 404),
        ("/favicon.ico", 404),
        ("/" + "a" * 20_000, 414),
        ("/?" + "a" * 20_000, 414),
        ("/?" + "a" * 80_000, 414),
    ],
)
def test_odd_addresses_are_answered_rightly(viewed: Viewed, path: str, status: int) -> None:
    assert ask(viewed.site, path).status == status


def test_a_bomb_of_headers_is_refused_and_the_next_client_served(viewed: Viewed) -> None:
    many = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 100) for i in range(20_000))
    with suppress(ConnectionError):  # it hangs up before it has read all of them
        assert b" 431 " in _raw(viewed.place, b"GET / HTTP/1.1\r\n" + many + b"\r\n").partition(b"\r\n")[0]
    assert ask(viewed.site, "/").status == 200


def test_plots_are_drawn_once_and_a_few_at_a_time(viewed: Viewed) -> None:
    """Twenty clients want the same plot: each is answered with it, or told when to come again."""
    host = f"Host: localhost:{viewed.place[1]}\r\nConnection: close\r\n\r\n"

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection(*viewed.place)
        writer.write(f"GET /api/studies/0/plot/slice HTTP/1.1\r\n{host}".encode())
        found = await reader.read()
        writer.close()
        return found.partition(b"\r\n\r\n")[0]

    async def twenty() -> list[bytes]:
        return await asyncio.gather(*(one() for _ in range(20)))

    heads = asyncio.run(twenty())
    assert all(h.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503")) for h in heads)
    assert all(b"Retry-After: 2" in h for h in heads if h.startswith(b"HTTP/1.1 503"))
    begun = time.monotonic()
    assert ask(viewed.site, "/api/studies/0/plot/slice").status == 200
    assert time.monotonic() - begun < 0.5
