"""The shell of a page: one file that works offline, under a policy that runs no script but ours."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from dse.report.page.html import Child, Html, data_script, joined, tag


@dataclass(frozen=True)
class Script:
    """A script of ours or of the drawing library: its text, put into the page."""

    text: str

    @property
    def digest(self) -> str:
        """What the policy of the page allows."""
        return f"'sha256-{b64encode(sha256(self.text.encode()).digest()).decode()}'"


@cache
def asset(name: str) -> str:
    """Text of one of our own assets."""
    return (files("dse.report") / "assets" / name).read_text(encoding="utf-8")


@cache
def drawing_library() -> Script:
    """Plotly (MIT licence), which draws in the page; the only door to its package."""
    return Script((files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8"))


def scripts(*names: str) -> tuple[Script, ...]:
    """Our own scripts by the names of their assets."""
    return tuple(Script(asset(name)) for name in names)


def page(
    title: str,
    *body: Child,
    data: Mapping[str, object] | None = None,
    inline: Iterable[Script] = (),
    served: Iterable[str] = (),
    status: str | None = None,
) -> Html:
    """A whole page.

    `data` becomes JSON blocks by their ids. `inline` scripts are part of the file and the only ones that its
    policy lets run; `served` are addresses below the same origin, for pages that a server of ours gives out,
    which may also ask that origin for news; `status` is where they ask. Nothing else is ever fetched.
    """
    # both are read twice, and may be generators
    scripted = tuple(inline)
    remote = tuple(served)
    # a digest for each script of ours: text that got into the page runs nothing
    allowed = [*(s.digest for s in scripted), *(["'self'"] if remote else [])]
    head = joined(
        tag("meta", charset="utf-8"),
        # a policy in the page holds only for what comes after it
        tag("meta", http_equiv="Content-Security-Policy", content=policy(allowed, asks=bool(remote))),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("link", rel="icon", href="data:,"),  # an empty icon, so that browsers do not request one
        tag("title", title),
        # an asset of ours, so it is not escaped
        Html(f"<style>{asset('page.css')}</style>"),
    )
    # data first, since a script runs as soon as it has been read
    rest = joined(
        *(data_script(name, value) for name, value in (data or {}).items()),
        *(Html(f"<script>{script.text}</script>") for script in scripted),
        *(tag("script", src=address) for address in remote),
    )
    # scripts at the end, when all elements that they look for exist
    whole = joined(tag("head", head), tag("body", *body, rest, data_status=status))
    return Html(f'<!doctype html>\n<html lang="en">{whole}</html>\n')


def policy(scripts: Iterable[str], *, asks: bool) -> str:
    """Content security policy: the named scripts, styles of the page itself, nothing from elsewhere."""
    run = " ".join(scripts) or "'none'"
    return (
        # styles may be inline: Plotly and the strips of cards set them on elements, where no digest applies
        f"default-src 'none'; script-src {run}; style-src 'unsafe-inline'; img-src data: blob:; "
        # chr(39) is a quote: in Python 3.11 an expression of an f-string takes no second kind of quotes
        f"connect-src {chr(39) + 'self' + chr(39) if asks else chr(39) + 'none' + chr(39)}; "
        "base-uri 'none'; form-action 'none'"
    )
