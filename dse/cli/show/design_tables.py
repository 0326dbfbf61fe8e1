"""Tables of designs: the best at each target, the baselines, the chips, the whole front."""

from collections.abc import Iterable, Sequence

from rich.console import RenderableType

from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import table
from dse.front.axis import Axis, axis_named
from dse.front.tables import Row
from dse.report.words.answer import Answer
from dse.report.words.eligibility import Eligibility
from dse.spec.schema.space import NAME, PARAMETERS

SHOWN = 40
"""Rows of a front that a table shows; programs get them all."""
PARAMETER_WORDS = {
    "peak_flops": "fp16 peak",
    "sram": "SRAM",
    "dram_stacks": "DRAM stacks",
    "link_bandwidth": "links, one way",
    "link_count": "links",
    "dram_generation": "DRAM",
    "process": "node",
}
_SIZES = {"batch": "batch", "TP": "tp", "CP": "cp", "PP": "pp", "chips": "chips"}
_SURE = {"p10": "P10", "p50": "median", "p90": "P90"}
_ELSEWHERE = ("sram_bandwidth_per_byte", "price")
"""Parameters that every chip has as columns: SRAM bandwidth and price."""


def best_table(answer: Answer, axes: Sequence[Axis]) -> RenderableType:
    """The best design at each target, or of each objective."""
    goal, target = answer.objective, answer.target
    head = f"{target.label} within" if target else "best for"
    extra = [goal, target] if target else list(axes)
    sizes = _sizes(answer.best)
    columns = [head, "design", *sizes, "capital USD", *(_title(a) for a in extra)]
    rows = []
    for row in answer.best:
        first = (
            format_quantity(row[f"target_{target.column}"], target.unit)
            if target
            else _title(axis_named(axes, row["best_for"]))
        )
        # rows of a question without targets have no key `found`
        if row.get("found") is False:
            rows.append([first, "none found", *[NONE] * (len(columns) - 2)])
        else:
            rows.append(
                [first, *_layout(row, sizes), *(format_quantity(row[a.column], a.unit) for a in extra)]
            )
    title = f"Best {goal.label} at each {target.label} target" if target else "Best design of each objective"
    # a target is a number, the name of an objective is not
    return table(columns, rows, title=title, right=columns[2:] + [head] * bool(target))


def baseline_table(answer: Answer) -> RenderableType | None:
    """The objective of the best design and of each baseline, target by target; None without baselines.

    Baselines that cannot be the best, because of their kind of price or without an anchor, come last, marked.
    """
    goal, target, standing = answer.objective, answer.target, answer.eligibility
    if target is None or not answer.baselines:
        return None
    # False sorts before True, and the order of the study stays otherwise
    names = sorted(answer.baselines, key=lambda name: not standing.ranks(name))
    heads = [name if standing.ranks(name) else f"{name}\n{_apart(standing, name)}" for name in names]
    columns = [f"{target.label} within", "best found", *heads]
    rows = [
        [
            format_quantity(row[f"target_{target.column}"], target.unit),
            format_quantity(row[goal.column], goal.unit),
            *(format_quantity(answer.baselines[name][i], goal.unit) for name in names),
        ]
        for i, row in enumerate(answer.best)
    ]
    return table(
        columns, rows, title=f"{_title(goal)} of the best design and of the baselines", right=columns
    )


def _apart(standing: Eligibility, name: str) -> str:
    """Why a baseline may not be the best, in a word or two."""
    if name in standing.unanchored and not standing.shown:
        return "unanchored"
    return str(standing.group_of.get(name, ""))


def chip_table(rows: Iterable[Row]) -> RenderableType | None:
    """What the chips of some designs are made of; None when they have no parameters."""
    # once each: a chip may be the best at several targets
    chips = {row["chip"]: _parameters(row) for row in rows if row.get("found") is not False}
    chips = {name: values for name, values in chips.items() if values}
    # branches differ in their parameters: the columns are those of all
    names = list(dict.fromkeys(name for values in chips.values() for name in values))
    if not names:
        return None
    columns = ["chip", *names]
    cells = [[chip, *(values.get(name, NONE) for name in names)] for chip, values in chips.items()]
    return table(columns, cells, title="Parameters of these chips", right=names, flexible=names, least=5)


def mix_table(rows: Iterable[Row], mix: Sequence[Row]) -> RenderableType | None:
    """What each LLM and workload of a mix gets from some designs; None where there is no mix."""
    if not mix:
        return None
    columns = ["design", "LLM, workload", "share", "batch", "TP", "PP", "TPOT", "capital USD", "$/(token/s)"]
    total, cells = sum(part["weight"] for part in mix), list[list[str]]()
    rows = list(rows)
    split = any((row.get(f"{part['llm']}.{part['workload']}.cp") or 1) > 1 for row in rows for part in mix)
    if split:
        columns.insert(columns.index("PP"), "CP")
    sizes = ("batch", "tp", "cp", "pp") if split else ("batch", "tp", "pp")
    for row in rows:
        if row.get("found") is False:
            continue
        lines: list[list[str]] = []
        for i, part in enumerate(mix):
            own = f"{part['llm']}.{part['workload']}"
            layout = [f"{row[f'{own}.{name}']:,}" for name in sizes]
            lines.append(
                [
                    # the name once, in the first line of its parts
                    str(row["chip"]) if i == 0 else "",
                    f"{part['llm']}, {part['workload']}",
                    f"{part['weight'] / total:.0%}",
                    *layout,
                    format_quantity(row[f"{own}.tpot_s"], "s"),
                    format_quantity(row[f"{own}.capex_usd"], "USD"),
                    format_quantity(row[f"{own}.usd_per_token_per_s"], "USD"),
                ]
            )
        if cells[-len(lines) :] != lines:  # several targets may have one best design
            cells += lines
    return table(
        columns, cells, title="Each LLM of the mix", right=columns[2:], flexible=columns[:2], least=12
    )


def front_table(rows: Sequence[Row], axes: Sequence[Axis], title: str) -> RenderableType:
    """Designs of a front, one a line."""
    sizes, sure = _sizes(rows), [n for n in _SURE if rows and rows[0].get(n) is not None]
    columns = ["design", *sizes, "capital USD", *(_title(a) for a in axes), *(_SURE[n] for n in sure)]
    units = {**{a.column: a.unit for a in axes}, **dict.fromkeys(sure, "")}
    cells = [
        [*_layout(row, sizes), *(format_quantity(row[n], unit) for n, unit in units.items())] for row in rows
    ]
    return table(columns, cells, title=title, right=columns[1:])


def _title(axis: Axis) -> str:
    return str(axis.label)


def _sizes(rows: Sequence[Row]) -> list[str]:
    """Columns of a deployment; a mix has one for each of its parts, in a table of their own."""
    known = {name for row in rows for name, key in _SIZES.items() if row.get(key) is not None}
    # CP 1 is the usual case
    if not any((row.get("cp") or 1) > 1 for row in rows):
        known.discard("CP")
    return [name for name in _SIZES if name in known]


def _layout(row: Row, sizes: Sequence[str]) -> list[str]:
    counts = [NONE if row.get(_SIZES[name]) is None else f"{row[_SIZES[name]]:,}" for name in sizes]
    return [
        f"{row.get('chip', NONE)}{row.get('mark', '')}",
        *counts,
        format_quantity(row.get("capex_usd"), "USD"),
    ]


def _parameters(row: Row) -> dict[str, str]:
    """Parameters of the chip of a row, by their printed names."""
    found = {
        PARAMETER_WORDS.get(name, name.replace("_", " ")): _parameter(row[f"param_{name}"], unit)
        for name, unit in PARAMETERS.items()
        if name not in _ELSEWHERE and unit != NAME and row.get(f"param_{name}") is not None
    }
    chosen = (n for n, unit in PARAMETERS.items() if unit == NAME and row.get(n) is not None)
    found |= {PARAMETER_WORDS.get(name, name.replace("_", " ")): str(row[name]) for name in chosen}
    per_byte, sram = row.get("param_sram_bandwidth_per_byte"), row.get("param_sram")
    # the product of two searched parameters, as architects state it
    if per_byte is not None and sram is not None:
        found["SRAM bandwidth"] = format_quantity(per_byte * sram, "B/s")
    # a price alone does not say what a chip is made of
    if found and row.get("price_usd") is not None:
        found["price USD"] = format_quantity(row.get("price_usd"), "USD")
    return found


def _parameter(value: float, unit: str) -> str:
    """A parameter for people; what is counted is whole."""
    return format_quantity(value, unit) if unit else f"{round(value):,}"


def thinned(rows: list[Row]) -> list[Row]:
    """At most `SHOWN` rows, evenly spread, both ends among them."""
    if len(rows) <= SHOWN:
        return rows
    return [rows[round(i * (len(rows) - 1) / (SHOWN - 1))] for i in range(SHOWN)]
