"""What surrounds the pages of the studies: the index, the navigation line, the scripts."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from dse.report.page.html import Html, tag
from dse.report.page.shell import asset, drawing_library, page
from dse.view.live import State

SCRIPTS = ("table.js", "charts.js", "live.js", "report.js")


def script(name: str) -> str | None:
    """Text of a script of the pages; None for any other name."""
    if name == "plotly.js":
        return drawing_library().text
    # names of a list only, so that no path in a request reaches another file
    return asset(name) if name in SCRIPTS else None


def addresses() -> tuple[str, ...]:
    """Addresses of the scripts of a page of a study, in their order."""
    return tuple(f"/assets/{name}" for name in ("plotly.js", *SCRIPTS))


def study_address(slug: str) -> str:
    """Where the page of a study is."""
    return f"/studies/{quote(slug)}"


def above(dashboard: str | None) -> Html:
    """The line above a page: links to the index and to Optuna's dashboard, and the status."""
    return tag(
        "nav",
        tag("a", "All studies", href="/"),
        tag("a", "Optuna dashboard", href=dashboard) if dashboard else None,
        tag("span", id="live", class_="live", role="status"),
        aria_label="Studies",
        class_="screen-only",
    )


def index(states: Mapping[str, State], dashboards: Mapping[str, str], notes: Sequence[str]) -> Html:
    """All studies of the folder."""
    found = [_entry(slug, state, dashboards.get(slug)) for slug, state in states.items()]
    nothing = tag("p", "No results yet: start with ", tag("code", "dse run STUDY"), ".")
    return page(
        "Studies",
        tag(
            "main",
            tag("h1", "Studies"),
            tag("p", tag("span", id="live", class_="live", role="status")),
            tag("div", found, class_="list") if found else nothing,
            [tag("p", note, class_="quiet") for note in notes],
        ),
        # the index draws nothing, so it needs no other script
        served=("/assets/live.js",),
        status="/status.json",
    )


def _entry(slug: str, state: State, dashboard: str | None) -> Html:
    return tag(
        "article",
        tag("h3", tag("a", state.title, href=study_address(slug))),
        tag("p", tag("span", state.text, class_="live") if state.text else None, f" {slug}", class_="quiet"),
        tag("p", state.answer),
        tag("p", tag("a", "Optuna dashboard", href=dashboard), class_="quiet") if dashboard else None,
        # a case is below the study of its slug, so it is drawn indented
        class_="card other case" if "/" in slug else "card other",
    )


def waiting(slug: str, state: State, dashboard: str | None) -> Html:
    """The page of a study that has nothing to show yet."""
    return page(
        state.title,
        above(dashboard),
        tag("main", tag("h1", state.title), tag("p", slug, class_="quiet"), tag("p", state.answer)),
        served=addresses(),
        status=f"{study_address(slug)}/status.json",
    )
