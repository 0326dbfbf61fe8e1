"""A datasheet as one self-contained page: no script, no request, fit for print."""

from base64 import b64encode

from dse.report.datasheet.content import Datasheet, columns_of_numbers
from dse.report.datasheet.section import Section
from dse.report.page.html import Html, tag
from dse.report.page.shell import page


def datasheet_page(sheet: Datasheet, tornado: bytes) -> Html:
    """The page of a datasheet; `tornado` is a PNG."""
    picture = f"data:image/png;base64,{b64encode(tornado).decode()}"
    # up to three columns fit as cards side by side; wider tables take the width of the page
    small = [s for s in sheet.sections if len(s.columns) <= 3]
    large = [s for s in sheet.sections if len(s.columns) > 3]
    return page(
        f"{sheet.title}: datasheet",
        tag("h1", sheet.title),
        tag("p", sheet.subtitle, class_="quiet"),
        tag("p", sheet.answer, class_="answer"),
        [tag("p", f"{warning}.", class_="warn") for warning in sheet.warnings],
        tag("div", [_card(section) for section in small], class_="cards"),
        [[tag("h2", section.title), _wide(section), _note(section)] for section in large],
        tag(
            "figure", tag("img", src=picture, alt="Tornado chart: sensitivity of the objective", width="100%")
        ),
        tag("p", sheet.colophon, class_="quiet"),
    )


def _card(section: Section) -> Html:
    return tag("article", tag("h3", section.title), _wide(section), _note(section), class_="card")


def _wide(section: Section) -> Html:
    """The table of a section, which scrolls by itself where a window is narrower."""
    return tag("div", _table(section), class_="wide", tabindex=0, role="region", aria_label=section.title)


def _note(section: Section) -> Html | None:
    return tag("p", section.note, class_="note") if section.note else None


def _table(section: Section) -> Html:
    """The rows of a section; a table without column names has no head."""
    # heading and cells are aligned alike
    numbers = [c in columns_of_numbers(section) for c in section.columns]
    head = [
        tag("th", name, scope="col", class_="n" if number else None)
        for name, number in zip(section.columns, numbers, strict=True)
    ]
    body = [
        tag("tr", [tag("td", cell, class_="n" if n else None) for cell, n in zip(row, numbers, strict=True)])
        for row in section.rows
    ]
    named = (
        # names such as `value` say nothing that the rows do not
        tag("thead", tag("tr", head)) if any(c for c in section.columns if c not in ("", "value")) else None
    )
    return tag("table", named, tag("tbody", body))
