"""Optuna's own dashboard on our studies; the only door of the package optuna-dashboard.

It is given a mirror that cannot be written. What it calls the best trials would still count infeasible ones,
so its answer about a study is corrected on the way out.
"""

import json
import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

from dse.search.storage.read_only_view import ReadOnlyView
from dse.view.guard import App, Environ, Headers, StartResponse, refuse

PATHS = ("/dashboard", "/static", "/api")
"""Where it lives; its pages know no other place."""
HOW = "pip install '.[view]'"
_STUDY = re.compile(r"/api/studies/(\d+)/?")


def installed() -> bool:
    """Whether the package is there."""
    return find_spec("optuna_dashboard") is not None


def dashboard(mirror: ReadOnlyView) -> App:
    """The dashboard on `mirror`; raises `ImportError` without the package."""
    from optuna_dashboard import wsgi  # an optional package

    shown: App = wsgi(mirror)

    def answer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        found = _STUDY.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return shown(environ, start)
        return _detail(shown, mirror, int(found[1]), environ, start)

    return answer


def _detail(
    shown: App, mirror: ReadOnlyView, number: int, environ: Environ, start: StartResponse
) -> Iterable[bytes]:
    """The dashboard's answer about one study, with the best trials that are feasible."""
    after = parse_qs(environ.get("QUERY_STRING", "")).get("after", ["0"])[0]
    status, headers, body = _asked(shown, {**environ, "QUERY_STRING": ""})
    if not status.startswith("200"):
        start(status, headers)
        return [body]
    try:
        told = corrected(json.loads(body), mirror.best(number), int(after) if after.isdigit() else 0)
    except KeyError:
        return refuse(start, "404 Not Found", "no such study\n")
    text = json.dumps(told).encode()
    kept = [(k, v) for k, v in headers if k.lower() != "content-length"]
    start(status, [*kept, ("Content-Length", str(len(text)))])
    return [text]


def corrected(told: Mapping[str, Any], best: Iterable[int], after: int) -> dict[str, Any]:
    """`told` of all trials of a study, with `best` as its best ones and only the trials from `after` on."""
    trials = list(told["trials"])
    by_number = {trial["number"]: trial for trial in trials}
    return {**told, "best_trials": [by_number[n] for n in best if n in by_number], "trials": trials[after:]}


def _asked(app: App, environ: Environ) -> tuple[str, Headers, bytes]:
    """The whole answer of `app` to a GET."""
    said: list[Any] = []
    inner = {**environ, "REQUEST_METHOD": "GET", "wsgi.input": BytesIO(b"")}
    parts = app(inner, lambda status, headers, *_: said.append((status, headers)))
    body = b"".join(parts)
    close = getattr(parts, "close", None)
    if close is not None:
        close()
    return said[0][0], said[0][1], body
