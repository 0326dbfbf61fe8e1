"""Optuna's own dashboard on our studies; the only door of the package optuna-dashboard.

It gets a read-only view. Its list of best trials would still contain infeasible ones, so its answer about a
study is corrected.
"""

import json
import logging
import re
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping
from importlib.util import find_spec
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

from dse.search.storage.read_only_view import ReadOnlyView
from dse.view.drawn import Answer, Drawn
from dse.view.guard import App, Environ, Headers, StartResponse, refuse

PATHS = ("/dashboard", "/static", "/api")
"""Paths that it serves; its pages use no other."""
HOW = "pip install '.[view]'"
_COSTLY = re.compile(r"/api/studies/([0-9]{1,9})(/plot/[a-z_]{1,40}|/param_importances)?/?")
"""What is computed from all trials of a study."""


def installed() -> bool:
    """Whether the package is there."""
    return find_spec("optuna_dashboard") is not None


def dashboard(view: ReadOnlyView, mark: Callable[[int], Hashable] = lambda _: None) -> App:
    """The dashboard of `view`; raises `ImportError` without the package.

    `mark` is another value whenever the trials of the study with that number change: plots, of which some
    take seconds, are drawn once a mark.
    """
    from optuna_dashboard import wsgi  # an optional package

    # both tell the terminal of plots that cannot be drawn
    logging.getLogger("optuna_dashboard").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"optuna(_dashboard)?\.")
    shown: App = wsgi(view)
    drawn = Drawn()

    def answer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        # it looks this header up without asking whether it is there
        environ = {"HTTP_ACCEPT_ENCODING": "", **environ}
        found = _COSTLY.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return shown(environ, start)
        number, part = int(found[1]), found[2] or ""
        after = _after(environ)
        if not part and after is None:
            return refuse(start, "400 Bad Request", "expected ?after=NUMBER OF A TRIAL\n")
        key = (number, part, 0 if part else after, mark(number))

        def draw() -> Answer:
            # without a query: the plots read none, and the best trials may be older than those of `after`
            made = _called(shown, {**environ, "QUERY_STRING": ""})
            return made if part else _detail(made, view, number, after or 0)

        try:
            status, headers, body = drawn.get(key, draw)
        # removed between two reads
        except KeyError:
            return refuse(start, "404 Not Found", "no such study\n")
        start(status, headers)
        return [body]

    return answer


def _after(environ: Environ) -> int | None:
    """The trial from which on trials are wanted; None where the query names none that can be."""
    text = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).get("after", ["0"])[0]
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else None


def _detail(made: Answer, view: ReadOnlyView, number: int, after: int) -> Answer:
    """The dashboard's answer about one study, with the best trials that are feasible."""
    status, headers, body = made
    if not status.startswith("200"):
        return made
    text = json.dumps(corrected(json.loads(body), view.best(number), after)).encode()
    kept = [(k, v) for k, v in headers if k.lower() != "content-length"]
    return status, [*kept, ("Content-Length", str(len(text)))], text


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
