"""A design on one card: what it is, how it is deployed, what it does, and where everything goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dse.evaluate.detail import DesignDetail
from dse.evaluate.pools.estimate import UNMEASURED
from dse.front.tables import Row
from dse.plugins import metrics_of
from dse.question.chip_names import pair_name
from dse.report.pairs.words import chips_text, layout_text
from dse.report.words.part_names import counted, word
from dse.report.words.quantities import chosen, is_of_member, quantity, shown, written
from dse.report.words.violations import pretty_violation
from dse.spec.yaml.units import pretty
from objectives.ledgers import LEDGERS
from objectives.systems.split import ROLES

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
class CardPool:
    """What is shown of one pool of unlike chips."""

    label: str
    facts: tuple[Fact, ...]
    """Its layout, and what it has of the system."""
    chip: tuple[Fact, ...]
    ledgers: tuple[Ledger, ...]
    """What fills a chip of it."""


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
    pools: tuple[CardPool, ...] = ()
    """Of a pair of chips."""


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
    roles = roles_of(row)
    return Card(
        name=str(row.get("chip", "design")),
        kind=str(row.get("branch") or ""),
        role=pair_name(roles) if roles else role_label(row, seen),
        chip=() if roles else tuple(_chip_facts(chip)),
        deployment=tuple(_deployment(row)),
        results=(*_results(row, seen.interval if seen else {}), *(() if roles else _members(row))),
        ledgers=_ledgers(seen) if seen else (),
        # each part of a mix has a bottleneck of its own
        bound_by=word(seen.bound_by) if seen and not seen.parts else "",
        constraints=tuple(constraints(found)),
        parts=tuple(
            CardPart(label, ledgers_of(own.ledgers), word(own.bound_by))
            for label, own in (seen.parts.items() if seen else ())
        ),
        notes=tuple(_notes(row, seen)),
        pools=tuple(_pool(row, role, seen) for role in roles),
    )


def roles_of(row: Row) -> list[str]:
    """Roles of the pools of a row, in the order in which pages name them; none for a single chip."""
    return [role for role in ROLES if row.get(f"{role}.chip") is not None]


def _pool(row: Row, role: str, seen: DesignDetail | None) -> CardPool:
    """The chip of a pool, its layout, and what it has of the system."""
    start = f"{role}."
    own = {name.removeprefix(start): value for name, value in row.items() if name.startswith(start)}
    detail = None if seen is None else seen.pools.get(role)
    facts = [
        ("layout", layout_text(row, role)),
        ("chips", counted(own["chips"])),
        ("replicas", counted(own["replicas"])),
    ]
    if detail is not None and "busy" in detail.metrics:
        facts.append(("busy", f"{detail.metrics['busy']:.0%}"))
    facts.append(("capital", shown(own["capex_usd"], "USD")))
    if detail is not None:
        facts += [("software stack", detail.stack)]
    given = [n for n in own if n.startswith("param_") and own[n] is not None]
    facts += [(quantity(n).label, _parameter(own, n)) for n in given]
    filled = {} if seen is None else of_role(seen.ledgers.get(_FILLED, {}), role)
    return CardPool(
        label=f"{role}: {chips_text(row, role)}",
        facts=tuple(facts),
        chip=tuple(_chip_facts({"price_usd": own.get("price_usd")} if detail is None else detail.chip)),
        ledgers=ledgers_of({_FILLED: filled}, {_FILLED: "What fills a chip of it: {}"}),
    )


def _parameter(own: Row, name: str) -> str:
    q = quantity(name)
    return chosen(own, name) or f"{written(own[name] * q.factor)} {q.unit}".rstrip()


_FILLED = "capacity_bytes"


def of_role(parts: Mapping[str, float], role: str) -> dict[str, float]:
    """Of the parts of a ledger those of one pool, without its role."""
    start = f"{role}."
    return {name.removeprefix(start): v for name, v in parts.items() if name.startswith(start)}


def _ledgers(seen: DesignDetail) -> tuple[Ledger, ...]:
    """All of a design; of a mix those that it has in all, because seconds and bytes are those of a part."""
    whole = [ledger.name for ledger in LEDGERS if ledger.of_the_whole]
    names = whole if seen.parts else list(seen.ledgers)
    # of pairs what fills a chip is said of each pool
    names = [name for name in names if not (seen.pools and name == _FILLED)]
    return ledgers_of({name: seen.ledgers[name] for name in names if name in seen.ledgers})


def role_label(row: Row, seen: DesignDetail | None) -> str:
    """Whether a chip is a baseline, and whether it exists; empty for one that was searched."""
    if row.get("role") != "baseline":
        return ""
    return "hypothetical baseline" if seen is not None and seen.hypothetical else "baseline"


def ledgers_of(
    ledgers: Mapping[str, Mapping[str, float]], titles: Mapping[str, str] = MappingProxyType({})
) -> tuple[Ledger, ...]:
    """Ledgers in the order they are shown, some under other `titles`; those without a total are left out."""
    found = []
    for each in LEDGERS:
        parts = tuple(ledgers.get(each.name, {}).items())
        total = sum(value for _, value in parts)
        # shares of nothing cannot be drawn
        if total != 0.0:
            # titles name the unit, so that a dollar sign would say it twice
            title = titles.get(each.name, each.title).format(shown(total, each.unit).lstrip("$"))
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
    roles = roles_of(row)
    if not roles and any(is_of_member(column) for column in row):
        notes.append(MIXED)
    if seen is None:
        unknown = "no breakdown: the study of this design cannot be evaluated here"
        return [*notes, unknown]
    if roles:
        return [*notes, f"no error bar on this page: {UNMEASURED.partition(':')[0]}; `dse explain` has one"]
    notes.append(f"software stack {seen.stack}")
    if seen.interval:
        factors = ", ".join(f"{word(name)} x{pretty(f, '')}" for name, f in seen.interval.items())
        notes.append(f"ranges cover 80 % of the measurements that the fit of the stack left out: {factors}")
    else:
        notes.append("no error bar: this stack is not calibrated")
    return notes
