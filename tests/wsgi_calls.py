"""Calls of a WSGI application in process, without a server."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

PORT = "8650"


@dataclass
class Heard:
    """An answer as a WSGI server hears it."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def start(self, status: str, headers: list[tuple[str, str]], *_: object) -> None:
        self.status, self.headers = status, headers

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


def called(app: Any, path: str, method: str = "GET", host: str = f"localhost:{PORT}") -> Heard:
    heard = Heard()
    environ = {
        "REQUEST_METHOD": method,
        # as WSGI has it: the bytes of the address as if they were Latin-1
        "PATH_INFO": unquote(path, encoding="latin-1"),
        "HTTP_HOST": host,
        "SERVER_PORT": PORT,
        "QUERY_STRING": "",
    }
    heard.body = b"".join(app(environ, heard.start))
    return heard
