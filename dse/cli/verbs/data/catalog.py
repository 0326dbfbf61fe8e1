"""`dse catalog`: everything that is defined, and the source of each number."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import Configs, TableFormat, epilog, one_of
from dse.cli.input.plugins import plugin_details, plugin_rows
from dse.cli.show_data.config_sheet import show
from dse.cli.show_data.key_figures import FIGURES, shown
from dse.cli.show_data.llm_sizes import counts_of
from dse.cli.show_data.price_rows import price_rows
from dse.cli.terminal.guard import blame
from dse.cli.terminal.machine_output import print_rows
from dse.cli.terminal.tables import plain, stdout, table
from dse.plugins import GROUPS, registered
from dse.question.find_study import find_study, list_studies
from dse.spec.catalog.lookup import KINDS, Catalog
from dse.spec.schema.base import Spec
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.rents import RentsSpec
from dse.spec.schema.study import StudySpec
from dse.spec.yaml.loading import load_spec
from dse.spec.yaml.sourced_values import lines
from dse.spec.yaml.yaml_lines import read_yaml

EPILOG = epilog(
    "dse catalog chips",
    "dse catalog chips h100",
    "dse catalog technology",
    "dse catalog prices",
    "dse catalog llms --format csv",
    codes="0 done, 2 wrong input.",
)
_KINDS = (
    *("chips", "llms", "traffic", "workloads", "stacks", "networks", "architectures", "economies"),
    *("silicon", "spaces", "rents", "buildable"),
)
_ALL = (*_KINDS, *GROUPS, "studies")
# rents last: they are looked up with prices
_WORDS = (*(kind for kind in _ALL if kind != "rents"), "technology", "prices", "rents")
"""What KIND may be: `technology` is short for one of the `silicon`, `prices` are those of the chips."""
_UNTITLED = ("chips",)
"""Kinds whose names say what they are, so that figures have the room of their titles."""


def _title(kind: str) -> str:
    return {"llms": "LLMs"}.get(kind, kind.capitalize().replace("-", " "))


def catalog(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND", parser=one_of(*_WORDS, what="kind"), help=f"One of {', '.join(_WORDS)}."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name, alias or path of one of them.")
    ] = None,
    form: TableFormat = "table",
    configs: Configs = None,
) -> None:
    """List chips, LLMs and everything else that is defined, with sources.

    Without KIND, prints how many there are of each kind. With KIND, prints one line for each. With NAME,
    prints every value with its unit, source, date and basis (spec sheet, measured, press, estimate or
    assumption). `prices` lists what each chip is sold for and costs, the oldest first.
    """
    found = Catalog.of(configs)
    if kind == "prices":
        _prices(found, name, form)
        return
    if kind == "technology":  # the one that chips are made of unless a study says otherwise
        kind, name = "silicon", name or "technology-2026"
    if kind is None:
        # by name alone, so that no file is read to be counted
        rows = [{"kind": k, "count": len(_names(found, k))} for k in _ALL]
        _table_or(form, rows, "Kinds; `dse catalog KIND` lists one", numbers=["count"])
    elif name is None:
        _list(found, kind, form)
    elif kind in GROUPS:
        _plug(kind, name, form)
    else:
        _one(found, kind, name, form)


def _names(found: Catalog, kind: str) -> list[str]:
    if kind in GROUPS:
        return list(registered(GROUPS[kind]))
    return list(_files(found, kind))


def _files(found: Catalog, kind: str) -> dict[str, Path]:
    return list_studies() if kind == "studies" else found.files(kind)


def _spec_of(kind: str) -> type[Spec]:
    return StudySpec if kind == "studies" else KINDS[kind]


def _table_or(form: str, rows: list[dict[str, object]], title: str, *, numbers: list[str]) -> None:
    if form != "table":
        print_rows(rows, form)
        return
    columns = [key.replace("_", " ") for key in rows[0]] if rows else ["name"]
    # 0 is a number: only what is unknown or empty is a gap
    cells = [[str(v) if v not in (None, "") else "-" for v in row.values()] for row in rows]
    flexible = ["title"] if "title" in columns else []
    stdout().print(table(columns, cells, title=title, right=numbers, flexible=flexible))


def _list(found: Catalog, kind: str, form: str) -> None:
    """Print a line for each config or plug-in of a kind."""
    if kind in GROUPS:
        rows = plugin_rows(GROUPS[kind])
        # a column that says the same in every row is left out for people, kept for programs
        if form == "table" and len({row["provided_by"] for row in rows}) == 1:
            rows = [{k: v for k, v in row.items() if k != "provided_by"} for row in rows]
        _table_or(form, rows, f"{_title(kind)}; `dse catalog {kind} NAME` prints the details", numbers=[])
        return
    specs = {name: load_spec(_spec_of(kind), path) for name, path in _files(found, kind).items()}
    figures = FIGURES[kind]
    if form == "table":
        titled = kind not in _UNTITLED
        columns = ["name", *(["title"] if titled else []), *(f.title for f in figures if f.title)]
        cells = [
            [n, *([_titled(s)] if titled else []), *(shown(f.of(s), f.unit) for f in figures if f.title)]
            for n, s in specs.items()
        ]
        right = [f.title for f in figures if f.title and f.unit != "text"]
        words = ["title", *(f.title for f in figures if f.title and f.unit == "text")]
        title = f"{_title(kind)}; `dse catalog {kind} NAME` prints every value with its source"
        console = stdout()
        console.print(table(columns, cells, title=title, right=right, flexible=words))
        unknown = sum(isinstance(s, LlmSpec) and s.context is None for s in specs.values())
        if unknown:
            console.print()
            what = f"The longest context is not known of {unknown} of {len(specs)} LLMs"
            console.print(plain(f"{what}: no workload is refused as too long for these."), soft_wrap=True)
        return
    rows = [
        {"name": n, "title": _titled(s), **{f.key: f.of(s) for f in figures if f.key}}
        for n, s in specs.items()
    ]
    _table_or(form, rows, "", numbers=[])


def _prices(found: Catalog, name: str | None, form: str) -> None:
    """Print what each chip, or the one of this name, is sold for and costs, with date, age and basis."""
    with blame("NAME"):
        paths = [found.path("chips", name)] if name else list(found.files("chips").values())
    chips, rents = [load_spec(ChipSpec, path) for path in paths], list(found.all(RentsSpec).values())
    rows = price_rows(chips, found.sources(), date.today(), rents)
    if form != "table":
        print_rows(rows, form)
        return
    columns = ["chip", "amount", "USD", "of", "date", "age", "basis"]
    cells = [_price_cells(row) for row in rows]
    title = "Prices of the chips, the oldest first; an age is counted from the end of its date to today"
    flexible = ["amount", "of", "date", "age"]
    stdout().print(table(columns, cells, title=title, right=["USD"], flexible=flexible))


def _price_cells(row: dict[str, object]) -> list[str]:
    """An amount of dollars and its age for people."""
    usd = f"{row['usd']:,.0f}" if row["usd"] is not None else f"{row['usd_per_hour']:.2f}/h"
    told = {**row, "usd": usd, "of": row["of"] or "-", "age": f"{row['age_years']} years"}
    return [str(told[key]) for key in ("chip", "amount", "usd", "of", "date", "age", "basis")]


def _plug(kind: str, name: str, form: str) -> None:
    """Print the details of one plug-in."""
    details = plugin_details(GROUPS[kind], name)
    if form != "table":
        _table_or(form, [details], "", numbers=[])
        return
    # below the table, because it has paragraphs
    text = str(details.pop("text"))
    rows = [[key.replace("_", " "), str(value) or "-"] for key, value in details.items()]
    console = stdout()
    console.print(table(["", "value"], rows, title=name))
    console.print()
    console.print(plain(text))


def _one(found: Catalog, kind: str, name: str, form: str) -> None:
    """Print every value of one config with its source."""
    with blame("NAME"):
        path = _path(found, kind, name)
    # twice: as the spec has it in SI, and as the file writes it
    spec = load_spec(_spec_of(kind), path)
    values = list(lines(spec, read_yaml(path)[0]))
    sources = found.sources()
    if form == "table":
        show(values, sources, path, date.today(), counts_of(spec) if isinstance(spec, LlmSpec) else ())
        return
    rows = []
    for line in values:
        # an unknown key is reported by `dse check`
        keys = [key for key in line.source.split("+") if key in sources]
        title = " + ".join(sources[key].title for key in keys)
        value = ", ".join(map(str, line.value)) if isinstance(line.value, list) else line.value
        dates = line.date or " + ".join(dict.fromkeys(sources[key].date for key in keys))
        row = {**asdict(line), "value": value, "date": dates, "source_title": title}
        del row["ends"]  # words for people
        rows.append(row)
    _table_or(form, rows, "", numbers=[])


def _titled(spec: Spec) -> str:
    return str(getattr(spec, "title", ""))


def _path(found: Catalog, kind: str, name: str) -> Path:
    if kind == "studies":
        return find_study(name)
    path: Path = found.path(kind, name)
    return path
