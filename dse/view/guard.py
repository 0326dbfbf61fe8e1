"""Protection of every page that is served: requests that only read, from this machine, by its own name."""

from collections.abc import Callable, Iterable
from io import StringIO
from typing import Any
from urllib.parse import unquote, urlsplit

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers = list[tuple[str, str]]

LONGEST = 4_000
"""Bytes of an address."""
BUSY, BROKEN = "503 Service Unavailable", "500 Internal Server Error"
_LATER = ("Retry-After", "2")
READS = ("GET", "HEAD")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ALWAYS: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    # pages change while a study runs
    ("Cache-Control", "no-store"),
]
# styles inline, since the widths of bars are style attributes of their elements
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Busy(Exception):
    """As much is being drawn as the machine can draw at once."""


def guarded(app: App) -> App:
    """`app`, which only sees requests that read and that name this machine as their host.

    A name of another machine in Host means that a page of another site made its own name point here (DNS
    rebinding), so the request is refused. Every answer gets the headers of `ALWAYS` and, where it has no
    content security policy of its own, `POLICY`; none lets another origin read it.
    """

    def answer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """Refuse what is not a read from this machine; harden the headers of the rest."""
        if (problem := _malformed(environ)) is not None:
            return _headless(environ, refuse(start, *problem))
        # a request without a name of the host is refused as well
        if not all(is_loopback(host, environ.get("SERVER_PORT", "")) for host in _hosts(environ)):
            text = "expected a request to this machine by its own name\n"
            return _headless(environ, refuse(start, "403 Forbidden", text))
        if environ["REQUEST_METHOD"] not in READS:
            return refuse(
                start,
                "405 Method Not Allowed",
                "expected GET or HEAD: these pages are read only\n",
                [("Allow", ", ".join(READS))],
            )

        def careful(status: str, headers: Headers, *rest: object) -> object:
            return start(status, hardened(headers), *rest)

        # tracebacks of the pages of others are no matter for the terminal
        inner = {**environ, "wsgi.errors": StringIO()}
        try:
            return _headless(environ, app(inner, careful))
        except Busy:
            return _headless(environ, refuse(start, BUSY, "too much is being drawn at once\n", [_LATER]))
        except Exception:  # whatever a page stumbles over, the others are served on
            return _headless(environ, refuse(start, BROKEN, "this page cannot be made\n"))

    return answer


def _headless(environ: Environ, body: Iterable[bytes]) -> Iterable[bytes]:
    """`body`, or nothing where only the headers were wanted."""
    if environ["REQUEST_METHOD"] != "HEAD":
        return body
    # consumed all the same: an application may answer only when its body is (PEP 3333)
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()
    return []


def _malformed(environ: Environ) -> tuple[str, str] | None:
    """Status and sentence for an address that nothing here has; None for one that may be."""
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    if len(path) + len(query) > LONGEST:
        return "414 URI Too Long", f"expected an address of at most {LONGEST} bytes\n"
    if any(sign < " " or sign == "\x7f" for sign in path + unquote(query, "latin-1")):
        return "400 Bad Request", "expected an address without control characters\n"
    return None


def _hosts(environ: Environ) -> list[str]:
    """What names the host: the header, and the address where a client sends it whole, as to a proxy."""
    address = environ.get("REQUEST_URI", "")
    whole = [] if address.startswith("/") or "://" not in address else [urlsplit(address).netloc]
    return [environ.get("HTTP_HOST", ""), *whole]


def is_loopback(host: str, port: str) -> bool:
    """Whether the header Host names this machine and the port of the request."""
    # an IPv6 address without a port ends with a bracket and contains colons
    name, colon, given = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        name = host
        # browsers leave out the port of HTTP
        given = "80"
    return name.lower() in LOOPBACK and given == str(port)


def hardened(headers: Headers) -> Headers:
    """`headers` with those of `ALWAYS`; those that would let another origin in are dropped."""
    always = {name.lower() for name, _ in ALWAYS}
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in always and not name.lower().startswith("access-control-")
    ]
    if not any(name.lower() == "content-security-policy" for name, _ in kept):
        kept.append(("Content-Security-Policy", POLICY))
    return [*kept, *ALWAYS]


def refuse(start: StartResponse, status: str, text: str, headers: Headers | None = None) -> list[bytes]:
    """A refusal in one plain sentence."""
    body = text.encode()
    given = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start(status, hardened([*given, *(headers or [])]))
    return [body]
