"""Protection of every page that is served: requests that only read, from this machine, by its own name."""

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers = list[tuple[str, str]]

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


def guarded(app: App) -> App:
    """`app`, which only sees requests that read and that name this machine as their host.

    A name of another machine in Host means that a page of another site made its own name point here (DNS
    rebinding), so the request is refused. Every answer gets the headers of `ALWAYS` and, where it has no
    content security policy of its own, `POLICY`; none lets another origin read it.
    """

    def answer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """Refuse what is not a read from this machine; harden the headers of the rest."""
        # a request without a name of the host is refused as well
        if not is_loopback(environ.get("HTTP_HOST", ""), environ.get("SERVER_PORT", "")):
            return refuse(start, "403 Forbidden", "expected a request to this machine by its own name\n")
        if environ["REQUEST_METHOD"] not in READS:
            return refuse(
                start,
                "405 Method Not Allowed",
                "expected GET or HEAD: these pages are read only\n",
                [("Allow", ", ".join(READS))],
            )

        def careful(status: str, headers: Headers, *rest: Any) -> Any:
            return start(status, hardened(headers), *rest)

        return app(environ, careful)

    return answer


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
