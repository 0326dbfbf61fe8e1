"""The addresses and their contents; nothing is written, see `guard`."""

import json
import time
from collections.abc import Iterable, Mapping
from functools import cache
from io import BytesIO

from dse.view import dashboard as optunas
from dse.view import pages
from dse.view.guard import App, Environ, Headers, StartResponse, guarded, refuse
from dse.view.live import LiveStudy, State
from dse.view.mirrors import Dashboards
from dse.view.studies import Studies

PATIENCE = 2.0
"""Seconds after which the index no longer waits for pages of studies."""
HTML, JSON, SCRIPT = "text/html; charset=utf-8", "application/json", "text/javascript; charset=utf-8"


class View:
    """The pages of some studies as a WSGI application."""

    def __init__(self, studies: Studies) -> None:
        self._studies = studies
        self._made = Dashboards() if optunas.installed() else None
        self.app: App = guarded(self._answer)

    def _answer(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")  # as WSGI has it
        if path.startswith(optunas.PATHS):
            return self._dashboard(environ, start)
        found = self._page(path)
        if found is None:
            return refuse(start, "404 Not Found", "no such page\n")
        kind, body = found
        return send(environ, start, kind, body if isinstance(body, bytes) else body.encode())

    def _page(self, path: str) -> tuple[str, str | bytes] | None:
        """Content type and text of a path; None where there is no such page."""
        if path == "/":
            return HTML, self._index()
        if path == "/status.json":
            states = self._states()
            count = f"{len(states):,} stud{'y' if len(states) == 1 else 'ies'}"
            # the script of the index loads it again when this text changes, see live.js
            versions = [[slug, state.version, state.text] for slug, state in states.items()]
            # the version is one text, since the script only compares it
            return JSON, json.dumps({"version": json.dumps(versions), "text": count})
        if path.startswith("/assets/"):
            body = _script(path.removeprefix("/assets/"))
            return None if body is None else (SCRIPT, body)
        if path.startswith("/studies/"):
            return self._study(path.removeprefix("/studies/"))
        return None

    def _study(self, name: str) -> tuple[str, str | bytes] | None:
        """Type and text of the page of a study, or of its state; None where there is no such study."""
        # a slug may hold a slash, as those of cases do, so only the ending is cut
        slug, wants_status = name.removesuffix("/status.json"), name.endswith("/status.json")
        study = self._studies.all().get(slug)
        if study is None:
            return None
        dashboards = self._dashboards()
        state = self._state(study, dashboards)
        if wants_status:
            return JSON, json.dumps({"version": state.version, "text": state.text})
        # a study is listed as soon as its folder exists, before it has a front
        made = state.body or pages.waiting(slug, state, dashboards.get(slug))
        return HTML, made

    def _state(self, study: LiveStudy, dashboards: Mapping[str, str], *, renew: bool = True) -> State:
        line = pages.above(dashboards.get(study.slug))
        status = f"{pages.study_address(study.slug)}/status.json"
        return study.state(line, pages.addresses(), status, renew=renew)

    def _states(self) -> Mapping[str, State]:
        """Every study; what takes longer than `PATIENCE` in all is read at the next requests."""
        until, dashboards = time.monotonic() + PATIENCE, self._dashboards()
        return {
            slug: self._state(study, dashboards, renew=time.monotonic() < until)
            for slug, study in self._studies.all().items()
        }

    def _index(self) -> str:
        notes = [] if self._made else [f"Optuna's own dashboard is not installed: {optunas.HOW}"]
        return pages.index(self._states(), self._dashboards(), notes)

    def _dashboards(self) -> dict[str, str]:
        """Address of the dashboard of each study that has trials here."""
        if self._made is None:
            return {}
        numbers = self._made.numbers(self._studies.all())
        return {slug: f"/dashboard/studies/{number}" for slug, number in numbers.items()}

    def _dashboard(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if self._made is None:
            return refuse(start, "404 Not Found", f"Optuna's dashboard is not installed: {optunas.HOW}\n")
        return self._made.app(self._studies.all())(environ, start)


@cache
def _known_script(name: str) -> bytes | None:
    text = pages.script(name)
    return None if text is None else text.encode()


def _script(name: str) -> bytes | None:
    # only known names are kept, since others are as many as there are requests
    return _known_script(name) if f"/assets/{name}" in pages.addresses() else None


def send(environ: Environ, start: StartResponse, kind: str, body: bytes) -> Iterable[bytes]:
    """A whole answer; a HEAD gets its headers alone."""
    headers: Headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start("200 OK", headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    # a server that knows how sends the bytes as they are: a copy for each of many slow clients takes memory
    wrapper = environ.get("wsgi.file_wrapper")
    return [body] if wrapper is None else wrapper(BytesIO(body))
