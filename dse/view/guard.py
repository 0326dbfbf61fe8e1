"""What stands before every page that we give out: reads only, from this machine only, and nothing foreign."""

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
    ("Cache-Control", "no-store"),
]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def guarded(app: App) -> App:
    """`app`, which only sees requests that read and that name this machine as their host.

    A name of another machine in Host means that a foreign page made its own name point here (DNS rebinding),
    so it is refused whatever it asks for. Every answer gets the headers of `ALWAYS` and, where it has no
    content security policy of its own, `POLICY`; none lets another origin read it.
    """

    def answer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if not is_loopback(environ.get("HTTP_HOST", ""), environ.get("SERVER_PORT", "")):
            return refuse(start, "403 Forbidden", "expected a request to this machine by its own name\n")
        if environ["REQUEST_METHOD"] not in READS:
            return refuse(
                start,
                "405 Method Not Allowed",
                "expected GET or HEAD: nothing can be changed here\n",
                [("Allow", ", ".join(READS))],
            )

        def careful(status: str, headers: Headers, *rest: Any) -> Any:
            return start(status, hardened(headers), *rest)

        return app(environ, careful)

    return answer


def is_loopback(host: str, port: str) -> bool:
    """Whether the header Host names this machine and the port that was asked."""
    name, colon, given = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        name = host
        given = "80"
    return name.lower() in LOOPBACK and given == str(port)


def hardened(headers: Headers) -> Headers:
    """`headers` with ours; those that would let another origin in are dropped."""
    ours = {name.lower() for name, _ in ALWAYS}
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in ours and not name.lower().startswith("access-control-")
    ]
    if not any(name.lower() == "content-security-policy" for name, _ in kept):
        kept.append(("Content-Security-Policy", POLICY))
    return [*kept, *ALWAYS]


def refuse(start: StartResponse, status: str, text: str, headers: Headers | None = None) -> list[bytes]:
    """A refusal in one plain sentence."""
    body = text.encode()
    told = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start(status, hardened([*told, *(headers or [])]))
    return [body]
