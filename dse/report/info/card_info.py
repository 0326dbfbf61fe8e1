"""A design on one card: what it is, how it is deployed, what it does, and where everything goes."""

from collections.abc import Mapping
from dataclasses import dataclass

from dse.evaluate.detail import DesignDetail
from dse.front.tables import Row
from dse.plugins import metrics_of
from dse.report.words.part_names import counted, word
from dse.report.words.quantities import is_of_member, quantity, shown, written
from dse.report.words.violations import pretty_violation
from dse.spec.yaml.units import pretty
from objectives.ledgers import LEDGERS

Fact = tuple[str, str]
"""What it is called, and its value for people."""


@dataclass(frozen=True)
class Ledger:
    """A total and its parts, in SI; parts keep their order, so that a part looks the same on every card."""

    title: str
    unit: str
    parts: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return sum(value for _, value in self.parts)


@dataclass(frozen=True)
class CardPart:
    """What is shown of one LLM and workload of a mix."""

    label: str
    ledgers: tuple[Ledger, ...]
    bound_by: str


@dataclass(frozen=True)
class Card:
    """All words and numbers of one card."""

    name: str
    kind: str
    """`sram-only`, `dram-only`, `hybrid`, or another branch."""
    role: str
    """`baseline`, `hypothetical baseline`, or the empty string for a chip that was searched."""
    chip: tuple[Fact, ...]
    deployment: tuple[Fact, ...]
    results: tuple[Fact, ...]
    ledgers: tuple[Ledger, ...]
    bound_by: str
    constraints: tuple[tuple[str, str, bool], ...]
    """Constraint, its excess or its room for people, and whether it is violated."""
    parts: tuple[CardPart, ...]
    """Of a mix; then `ledgers` holds what is shown of the whole alone."""
    notes: tuple[str, ...]


MIXED = (
    "one chip serves a mix: each LLM and workload runs on its own cluster; capital is the sum, costs are "
    "weighted by shares of the output tokens, latencies are those of the slowest part"
)
_CHIP = (
    ("matrix peak", "peak_flops", "FLOP/s"),
    ("SRAM", "sram_bytes", "B"),
    ("SRAM bandwidth", "sram_bandwidth", "B/s"),
    ("DRAM", "dram_bytes", "B"),
    ("DRAM bandwidth", "dram_bandwidth", "B/s"),
    ("links, one way", "link_bandwidth", "B/s"),
    ("power", "power_w", "W"),
    ("price", "price_usd", "USD"),
)


def card_of(row: Row, seen: DesignDetail | None) -> Card:
    """The card of one row of a front or of its baselines; without `seen` it holds what the row says."""
    # without its study a row has no facts of the chip but the price
    chip = dict(seen.chip) if seen else {"price_usd": row.get("price_usd")}
    # a row keeps its violations as they were stored
    found = seen.violations if seen else _violations(row)
    return Card(
        name=str(row.get("chip", "design")),
        kind=str(row.get("branch") or ""),
        role=role_label(row, seen),
        chip=tuple(_chip_facts(chip)),
        deployment=tuple(_deployment(row)),
        results=(*_results(row, seen.interval if seen else {}), *_members(row)),
        ledgers=_ledgers(seen) if seen else (),
        # each part of a mix has a bottleneck of its own
        bound_by=word(seen.bound_by) if seen and not seen.parts else "",
        constraints=tuple(constraints(found)),
        parts=tuple(
            CardPart(label, ledgers_of(own.ledgers), word(own.bound_by))
            for label, own in (seen.parts.items() if seen else ())
        ),
        notes=tuple(_notes(row, seen)),
    )


def _ledgers(seen: DesignDetail) -> tuple[Ledger, ...]:
    """All of a design; of a mix those that it has in all, because seconds and bytes are those of a part."""
    whole = [ledger.name for ledger in LEDGERS if ledger.of_the_whole]
    names = whole if seen.parts else list(seen.ledgers)
    return ledgers_of({name: seen.ledgers[name] for name in names if name in seen.ledgers})


def role_label(row: Row, seen: DesignDetail | None) -> str:
    """Whether a chip is a baseline, and whether it exists; empty for one that was searched."""
    if row.get("role") != "baseline":
        return ""
    return "hypothetical baseline" if seen is not None and seen.hypothetical else "baseline"


def ledgers_of(ledgers: Mapping[str, Mapping[str, float]]) -> tuple[Ledger, ...]:
    """Ledgers in the order they are shown; those without a total are left out."""
    found = []
    for each in LEDGERS:
        parts = tuple(ledgers.get(each.name, {}).items())
        total = sum(value for _, value in parts)
        # shares of nothing cannot be drawn
        if total != 0.0:
            # titles name the unit, so that a dollar sign would say it twice
            title = each.title.format(shown(total, each.unit).lstrip("$"))
            found.append(Ledger(title, each.unit, parts))
    return tuple(found)


def constraints(violations: Mapping[str, float]) -> list[tuple[str, str, bool]]:
    """Every constraint with its excess, or with the room that is left."""
    out = []
    for name, value in violations.items():
        over = value > 0.0
        size = pretty_violation(name, abs(value))
        out.append((word(name), f"exceeded by {size}" if over else f"{size} to spare", over))
    return out


def _chip_facts(chip: Row) -> list[Fact]:
    # 0 means that the chip has no such memory or link
    return [(label, shown(chip[name], unit)) for label, name, unit in _CHIP if chip.get(name)]


def _deployment(row: Row) -> list[Fact]:
    names = {"batch": "batch", "tp": "TP", "cp": "CP", "pp": "PP", "ep": "EP", "dp": "DP"}
    known = {name: label for name, label in names.items() if row.get(name) is not None}
    if known.get("cp") and row["cp"] == 1:  # as in tables in which all of it is 1
        del known["cp"]
    sizes = [f"{label} {row[name]:,}" for name, label in known.items()]
    chips = [("chips", counted(row["chips"]))] if row.get("chips") is not None else []
    return [*chips, *([("deployment", ", ".join(sizes))] if sizes else []), *_computed(row)]


def _computed(row: Row) -> list[Fact]:
    """Number formats of matrix multiplications and of the attention core."""
    labels = {"computed_in": "matrix multiplications in", "attention_computed_in": "attention core in"}
    return [(label, str(row[column])) for column, label in labels.items() if row.get(column)]


def _results(row: Row, interval: Mapping[str, float]) -> list[Fact]:
    """Metrics of the design, with the 80 % interval of the stack where one is known."""
    out = []
    for metric in metrics_of("table"):
        # chips are shown with the deployment
        if row.get(metric.column) is None or metric.column == "chips":
            continue
        value, factor = float(row[metric.column]), interval.get(metric.interval)
        text = shown(value, metric.unit)
        if factor:
            text += f" ({shown(value / factor, metric.unit)} to {shown(value * factor, metric.unit)})"
        out.append((metric.label, text))
    return out


def _members(row: Row) -> list[Fact]:
    """What a chip does for each member of a mix, by `llm.workload`: its deployment, its speed, its price."""
    names = ("batch", "tp", "cp", "pp", "ep", "dp", *(metric.column for metric in metrics_of("member")))
    members = dict.fromkeys(column.rpartition(".")[0] for column in row if is_of_member(column))
    found = []
    for member in members:
        texts = []
        for name in names:
            value, q = row.get(f"{member}.{name}"), quantity(name)
            # 1 is the usual case of these, and not worth the words
            if value is None or (name in ("cp", "ep", "dp") and value == 1):
                continue
            text = f"{value:,}" if isinstance(value, int) else f"{written(float(value) * q.factor)} {q.unit}"
            texts.append(f"{q.label} {text}".rstrip())
        found.append((member, ", ".join(texts)))
    return found


def _violations(row: Row) -> dict[str, float]:
    start = "violation_"
    return {k.removeprefix(start): v for k, v in row.items() if k.startswith(start) and v is not None}


def _notes(row: Row, seen: DesignDetail | None) -> list[str]:
    """Notes below a card: mixes, missing breakdowns, the stack and its error."""
    notes = []
    if any(is_of_member(column) for column in row):
        notes.append(MIXED)
    if seen is None:
        unknown = "no breakdown: the study of this design cannot be evaluated here"
        return [*notes, unknown]
    notes.append(f"software stack {seen.stack}")
    if seen.interval:
        factors = ", ".join(f"{word(name)} x{pretty(f, '')}" for name, f in seen.interval.items())
        notes.append(f"ranges cover 80 % of the measurements that the fit of the stack left out: {factors}")
    else:
        notes.append("no error bar: this stack is not calibrated")
    return notes
