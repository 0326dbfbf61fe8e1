"""Optuna's own dashboard on our studies; the only door of the package optuna-dashboard.

It gets a read-only view. Its list of best trials would still contain infeasible ones, so its answer about a
study is corrected.
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
"""Paths that it serves; its pages use no other."""
HOW = "pip install '.[view]'"
_STUDY = re.compile(r"/api/studies/(\d+)/?")


def installed() -> bool:
    """Whether the package is there."""
    return find_spec("optuna_dashboard") is not None


def dashboard(view: ReadOnlyView) -> App:
    """The dashboard of `view`; raises `ImportError` without the package."""
    from optuna_dashboard import wsgi  # an optional package

    shown: App = wsgi(view)

    def answer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        found = _STUDY.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return shown(environ, start)
        return _detail(shown, view, int(found[1]), environ, start)

    return answer


def _detail(
    shown: App, view: ReadOnlyView, number: int, environ: Environ, start: StartResponse
) -> Iterable[bytes]:
    """The dashboard's answer about one study, with the best trials that are feasible."""
    after = parse_qs(environ.get("QUERY_STRING", "")).get("after", ["0"])[0]
    # without `after`: the best trials may be older than those that the browser lacks
    status, headers, body = _called(shown, {**environ, "QUERY_STRING": ""})
    if not status.startswith("200"):
        start(status, headers)
        return [body]
    try:
        answer = corrected(json.loads(body), view.best(number), int(after) if after.isdigit() else 0)
    # removed between the two reads
    except KeyError:
        return refuse(start, "404 Not Found", "no such study\n")
    text = json.dumps(answer).encode()
    kept = [(k, v) for k, v in headers if k.lower() != "content-length"]
    start(status, [*kept, ("Content-Length", str(len(text)))])
    return [text]


def corrected(answer: Mapping[str, Any], best: Iterable[int], after: int) -> dict[str, Any]:
    """The answer about a study, with `best` as its best ones and only the trials from `after` on."""
    trials = list(answer["trials"])
    by_number = {trial["number"]: trial for trial in trials}
    return {**answer, "best_trials": [by_number[n] for n in best if n in by_number], "trials": trials[after:]}


def _called(app: App, environ: Environ) -> tuple[str, Headers, bytes]:
    """The whole answer of `app` to a GET."""
    started: list[Any] = []
    # a GET for a HEAD too, whose empty body could not be corrected
    inner = {**environ, "REQUEST_METHOD": "GET", "wsgi.input": BytesIO(b"")}
    parts = app(inner, lambda status, headers, *_: started.append((status, headers)))
    # before `started` is read: an application may answer only when its body is consumed (PEP 3333)
    body = b"".join(parts)
    # PEP 3333: the caller closes a body, also one that it has read to the end
    close = getattr(parts, "close", None)
    if close is not None:
        close()
    return started[0][0], started[0][1], body
