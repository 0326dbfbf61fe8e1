"""Columns that a page can show of a design: those of its row, and those derived from its breakdowns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dse.errors import nearest, spec_error
from dse.front.columns import unit_of
from dse.front.tables import Row
from dse.pages.study.answers import Pick
from dse.question.chip_names import branch_of
from dse.report.words.part_names import counted
from dse.report.words.quantities import quantity
from dse.spec.schema.space import BranchSpec
from dse.spec.yaml.units import pretty
from dse.text import cp_text
from objectives.ledgers import LEDGERS
from objectives.systems.split import ROLES

NETWORK = ("collectives", "die_to_die", "pipeline_hops", "all_to_all", "kv_merges")
"""Parts of TPOT that are spent on the network."""
LEDGER_NAMES = {ledger.short: ledger.name for ledger in LEDGERS}
"""`tpot.collectives` is a part of the ledger of TPOT."""
COUNTS = ("batch", "tp", "cp", "pp", "ep", "dp", "chips", "replicas", "param_dram_stacks")
FLEET = ("chips", "replicas")
"""Counts that may be fractions: a fleet has its pools in their real ratio."""
CHIP_UNITS = {
    "price_usd": "USD",
    "power_w": "W",
    "sram_bytes": "B",
    "sram_bandwidth": "B/s",
    "dram_bytes": "B",
    "dram_bandwidth": "B/s",
    "link_bandwidth": "B/s",
    "peak_flops": "FLOP/s",
}


@dataclass(frozen=True)
class Cell:
    """A value of a design; a number in SI with its unit, or a text."""

    value: float | str
    unit: str = ""
    digits: int = 3

    @property
    def text(self) -> str:
        """As a page shows it."""
        return said(self.value, self.unit, self.digits) if not isinstance(self.value, str) else self.value


def said(value: float, unit: str, digits: int = 3) -> str:
    """A number for people: dollars as `$1,234`, shares as `12 %`, counts in full."""
    if unit == "%":
        return f"{100.0 * value:.0f} %"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "fleet":
        return counted(value)
    if unit == "USD":
        size = abs(value)
        # `pretty` scales no dollars
        text = f"{pretty(size / 1e6, '', digits)} M" if size >= 1e6 else pretty(size, "", digits)
        return f"{'-' if value < 0 else ''}${text}"
    return pretty(value, "" if unit.startswith("USD") else unit, digits)


def _layout(pick: Pick) -> Cell:
    row = pick.row
    text = f"{row['tp']:.0f} x {row['pp']:.0f}{cp_text(row)}"
    return Cell(text if row.get("ep", 1) == 1 else f"{text}, EP {row['ep']:.0f}")


def _made_of(pick: Pick) -> Cell:
    """What the chip is made of, as far as the search chose it; else its name."""
    row = pick.row

    def chosen(name: str) -> float | None:
        value = row.get(f"param_{name}")
        return None if value is None or value != value else float(value)  # of another branch it is no number

    dies, stacks, found = chosen("dies"), chosen("dram_stacks"), []
    if dies is not None:
        # a node that was not searched is that of all chips of the branch
        node = f" on {row['process']}" if chosen("process") is not None else ""
        found.append(f"{dies:.0f} {'die' if dies == 1.0 else 'dies'}{node}")
    if (sram := chosen("sram")) is not None:
        found.append(f"{pretty(sram, 'B')} SRAM")
    if stacks is not None:
        found.append(f"{stacks:.0f} x {_dram(pick)}")
    if found:
        more = ((m.device, chosen(m.parameter)) for m in _branch(pick).memories)
        found += [f"{units:.0f} x {device}" for device, units in more if units is not None]
    for name, unit, word in (("peak_flops", "FLOP/s", "fp16"), ("link_bandwidth", "B/s", "links")):
        if (value := chosen(name)) is not None:
            found.append(f"{pretty(value, unit)} {word}")
    return Cell(f"{row['branch']} ({', '.join(found)})" if found else str(row["chip"]))


def _dram(pick: Pick) -> str:
    """Generation of its DRAM, chosen by the search or fixed by the space."""
    if isinstance(chosen := pick.row.get("dram_generation"), str):
        return chosen
    # one that was not searched is the only one
    return str(_branch(pick).generations[0])


def _branch(pick: Pick) -> BranchSpec:
    """The branch of a chip that was searched."""
    return pick.study.branches[branch_of(str(pick.row["chip"]))].spec


def _network(pick: Pick) -> Cell:
    parts = pick.seen.ledgers["tpot_s"]
    return Cell(sum(parts.get(name, 0.0) for name in NETWORK) / pick.row["tpot_s"], "%")


def _binding(pick: Pick) -> Cell:
    return Cell(pick.seen.bound_by.replace("_", " "))


DERIVED: dict[str, tuple[str, Callable[[Pick], Cell]]] = {
    "layout": ("TP x PP", _layout),
    "design": ("design", _made_of),
    "speed": ("token/s a user", lambda p: Cell(1.0 / p.row["tpot_s"])),
    "per_chip": ("token/s a chip", lambda p: Cell(p.row["tokens_per_s"] / p.row["chips"])),
    "network%": ("network", _network),
    "bound_by": ("bound by", _binding),
    "watts": ("power", lambda p: Cell(p.seen.chip["power_w"] * p.row["chips"], "W")),
}
"""Column to its heading and its value."""


def heading(column: str) -> str:
    """Of a table."""
    if column in DERIVED:
        return DERIVED[column][0]
    # after the derived columns, one of which ends alike
    if column.endswith("%"):
        return f"{column[:-1].replace('_', ' ')} binds"
    head, _, part = column.partition(".")
    if part and head in ROLES:
        return f"{head} {heading(part)}"
    if part:
        return part.replace("_", " ").removesuffix(" usd").removesuffix(" bytes")
    return quantity(column).label


OF_POOL = ("layout", "design")
OF_PAIR = ("speed", "per_chip", "bound_by")
"""Derived columns of one pool of a pair, and of the pair itself."""


def cell(pick: Pick, column: str) -> Cell:
    """The value of a column; raises `SpecError` for one that nothing has."""
    head, _, part = column.partition(".")
    if head in pick.answer.pools and not pick.role:
        return cell(replace(pick, role=head), part)
    row = pick.row
    derived = _derived(pick)
    if column in derived:
        return DERIVED[column][1](pick)
    if column in row:
        value = row[column]
        if isinstance(value, str):
            return Cell(value)
        unit = "fleet" if column in FLEET else "count" if column in COUNTS else unit_of(column)
        return Cell(float(value), unit)
    # after the derived columns, one of which ends alike
    if column.endswith("%") and not pick.role and column not in DERIVED:
        bounds = pick.seen.ledgers["bound_s"]
        # what binds at no time has no entry
        return Cell(bounds.get(column[:-1].replace(" ", "_"), 0.0) / row["tpot_s"], "%")
    return _part(pick, column, head, part, row)


def _derived(pick: Pick) -> Sequence[str]:
    """Derived columns that a design has."""
    if not pick.answer.pools:
        return tuple(DERIVED)
    return OF_POOL if pick.role else OF_PAIR


def _part(pick: Pick, column: str, head: str, part: str, row: Row) -> Cell:
    """A column with a dot: a number of the chip, an interval, or a part of a breakdown."""
    if head == "chip" and part in pick.seen.chip:
        return Cell(pick.seen.chip[part], CHIP_UNITS.get(part, ""))
    # a pair has no error bar of its own
    if head == "interval" and not pick.answer.pools:
        # 1 where no interval is known
        return Cell(pick.seen.interval.get(part, 1.0))
    if head in LEDGER_NAMES and not pick.role:
        ledger = LEDGER_NAMES[head]
        found = pick.seen.ledgers[ledger]
        if part in found:
            return Cell(found[part], unit_of(ledger))
        raise spec_error("", f"unknown part {column!r}; {nearest(part, found)}")
    raise spec_error("", f"unknown column {column!r}; {nearest(column, [*row, *_derived(pick)])}")
