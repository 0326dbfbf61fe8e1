"""The sheet of one config: what it is, every sourced value, and the sources below."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from dse.cli.terminal.tables import plain, stdout, table
from dse.spec.catalog.ages import last_day, years_since
from dse.spec.catalog.lookup import Source
from dse.spec.schema.base import NOT_FOUND
from dse.spec.yaml.sourced_values import Line


def show(
    lines: Sequence[Line],
    sources: Mapping[str, Source],
    path: Path,
    today: date,
    counts: Sequence[Sequence[str]] = (),
) -> None:
    """Print the sheet of the config at `path`; ages are those at `today`, `counts` what follows from it."""
    console = stdout()
    # what has no source is structure, such as names and kinds
    facts = [[line.path, line.shown] for line in lines if not line.source]
    values = [[line.path, _value(line), _birth(line, sources), line.note] for line in lines if line.source]
    console.print(plain(str(path)), style="dim", soft_wrap=True)
    console.print()
    console.print(table(["", "value"], facts, flexible=["value"]))
    if counts:
        heads = ["counted", "value", "what is counted"]
        console.print()
        console.print(
            table(heads, counts, title="Counted from the layers", right=["value"], flexible=heads[2:])
        )
    if not values:
        return
    columns = ["value of", "value", "source, basis, date", "note"]
    console.print()
    console.print(table(columns, values, title="Values and where they come from", flexible=columns, least=22))
    console.print()
    console.print(plain(_oldest(lines, sources, today)), soft_wrap=True)
    console.print()
    console.print("Sources", style="bold")
    for key, dates in _keys(lines).items():
        console.print(plain(_source(key, dates, sources)), soft_wrap=True)


def _value(line: Line) -> str:
    """The value, and below it the ends of its range where there are some."""
    low, high = line.ends
    return f"{line.shown}\n{low or '?'} - {high or '?'}" if low or high else line.shown


def _birth(line: Line, sources: Mapping[str, Source]) -> str:
    return f"{line.source}\n{line.basis}, {_dates(line, sources, ' + ')}"


def _dates(line: Line, sources: Mapping[str, Source], between: str) -> str:
    """Date of a value: its own, else those of its sources."""
    dates = [sources[key].date for key in line.source.split("+") if key in sources]
    return line.date or between.join(dict.fromkeys(dates))


def _oldest(lines: Sequence[Line], sources: Mapping[str, Source], today: date) -> str:
    """Which value is the oldest, in words; an age is counted from the end of its date."""
    known = [line for line in lines if line.source not in ("", NOT_FOUND) and line.basis != "definition"]
    dated = [(line, when) for line in known if (when := _dates(line, sources, "+"))]
    if not dated:
        return "No value has a date."
    line, when = min(dated, key=lambda pair: last_day(pair[1]))
    return f"Oldest value: {line.path} of {when}, {years_since(when, today):.1f} years old"


def _keys(lines: Sequence[Line]) -> dict[str, set[str]]:
    """Keys of all sources in the order of their first use, with the dates that values give."""
    found: dict[str, set[str]] = {}
    for line in lines:
        # a value may cite several sources, joined by a plus sign
        for key in line.source.split("+") if line.source else ():
            found.setdefault(key, set()).update([line.date] if line.date else [])
    return found


def _source(key: str, dates: set[str], sources: Mapping[str, Source]) -> str:
    source = sources.get(key)
    if source is None:
        return f"{key}: not in any sources file"
    when = ", ".join(sorted(dates)) or source.date
    return f"{key}: {source.title} ({when}){' ' + source.url if source.url else ''}"
