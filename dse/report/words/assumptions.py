"""Every value that an answer rests on, config by config, with its source, date and basis."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy
from dse.report.page.html import Html, joined, link, tag
from dse.spec.catalog.lookup import KINDS, Source
from dse.spec.schema.base import Spec
from dse.spec.yaml.sourced_values import Line, lines
from dse.spec.yaml.yaml_lines import read_yaml


@dataclass(frozen=True)
class ConfigValues:
    """A config and its sourced values."""

    name: str
    """`kind/name`."""
    title: str
    values: tuple[Line, ...]
    notes: str | None


def assumptions(study: ResolvedStudy) -> Iterator[ConfigValues]:
    """Every config that the answer depends on, as it is today."""
    for name, spec in study.configs.items():
        found = tuple(line for line in lines(spec, _written(study, name, spec)) if line.source)
        yield ConfigValues(name, str(getattr(spec, "title", "")), found, getattr(spec, "notes", None))


def _written(study: ResolvedStudy, name: str, spec: Spec) -> object:
    """The config as its file writes it; None where a study exchanged it for another."""
    # by the class of the spec: keys of `configs` begin with `chip`, the folder is `chips`
    kind = next(kind for kind, known in KINDS.items() if isinstance(spec, known))
    try:
        return read_yaml(study.setting.catalog.path(kind, name.partition("/")[2]))[0]
    except SpecError:
        return None


def assumptions_html(study: ResolvedStudy) -> Html:
    """One table per config, folded, and the sources that they cite."""
    sources = study.setting.catalog.sources()
    found = list(assumptions(study))
    # a value may cite several sources, joined by +
    cited = dict.fromkeys(key for one in found for line in one.values for key in line.source.split("+"))
    return joined(
        [_config(one, sources) for one in found],
        tag("h3", "Sources"),
        tag("ul", [_source(key, sources) for key in sorted(cited)], class_="quiet"),
    )


def _config(one: ConfigValues, sources: Mapping[str, Source]) -> Html:
    """The values of one config as a folded table."""
    heads = ("value of", "value", "low to high", "source", "date", "basis", "note")
    rows = [_row(line, sources) for line in one.values]
    made = tag(
        "table",
        tag("thead", tag("tr", [tag("th", head, scope="col") for head in heads])),
        tag("tbody", rows),
    )
    return tag(
        "details",
        tag("summary", f"{one.name}: {one.title} ({len(rows)} values)"),
        tag("p", one.notes, class_="quiet") if one.notes else None,
        tag("div", made, class_="scroll", tabindex=0, role="region", aria_label=one.name) if rows else None,
    )


def _row(line: Line, sources: Mapping[str, Source]) -> Html:
    """One number with its interval, sources, date, basis and note."""
    low, high = line.ends
    ends = f"{low or '?'} to {high or '?'}" if low or high else ""
    keys = line.source.split("+")
    # without a date of its own a value has those of its sources
    dates = dict.fromkeys(sources[key].date for key in keys if key in sources)
    cited = [joined(" + " if i else None, _key(key, sources)) for i, key in enumerate(keys)]
    cells = (line.path, line.shown, ends, cited, line.date or " + ".join(dates), line.basis, line.note)
    return tag(
        "tr", [tag("td", cell, class_="wrap" if i in (0, 6) else None) for i, cell in enumerate(cells)]
    )


def _key(key: str, sources: Mapping[str, Source]) -> Html:
    return link(sources[key].url if key in sources else None, key)


def _source(key: str, sources: Mapping[str, Source]) -> Html:
    source = sources.get(key)
    if source is None:
        return tag("li", f"{key}: not in any sources file")
    return tag("li", tag("strong", key), ": ", link(source.url, source.title), f" ({source.date})")
