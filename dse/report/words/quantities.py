"""Columns of designs in the words and units of the field, for axes, tables and cards alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from dse.front.columns import unit_of
from dse.plugins import metric_of
from dse.spec.yaml.units import pretty
from objectives.systems.split import ROLES

NONE = "-"


@dataclass(frozen=True)
class Quantity:
    """How a column is shown."""

    column: str
    label: str
    unit: str
    """Unit shown; the empty string for a plain number or where the label has it."""
    factor: float
    """Shown number per SI number."""

    @property
    def title(self) -> str:
        """`TPOT [ms]`; a label that is its own unit stays alone."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


_KNOWN: dict[str, tuple[str, str, float]] = {
    "chip": ("design", "", 1.0),
    "bound_by": ("bound by", "", 1.0),
    "batch": ("batch", "", 1.0),
    "tp": ("TP", "", 1.0),
    "cp": ("CP", "", 1.0),
    "pp": ("PP", "", 1.0),
    "ep": ("EP", "", 1.0),
    "dp": ("DP", "", 1.0),
    "price_usd": ("price of a chip", "USD", 1.0),
    "param_sram": ("SRAM", "MiB", 2.0**-20),
    "param_peak_flops": ("fp16 peak", "TFLOP/s", 1e-12),
    "param_dram_stacks": ("DRAM stacks", "", 1.0),
    "param_dram_generation": ("DRAM generation", "", 1.0),
    "param_link_speed": ("speed of a link, one way", "GB/s", 1e-9),
    "param_link_count": ("links", "", 1.0),
    "param_link_bandwidth": ("links, one way", "GB/s", 1e-9),
    "param_sram_bandwidth_per_byte": ("SRAM bandwidth per MiB", "GB/s", 2.0**20 * 1e-9),
}
_SHOWN = {
    "s": ("ms", 1e3),
    "B": ("GB", 1e-9),
    "B/s": ("GB/s", 1e-9),
    "FLOP/s": ("TFLOP/s", 1e-12),
    "m2": ("mm2", 1e6),
}


def is_of_member(column: str) -> bool:
    """Whether a column is of one member of a mix: `llm.workload.metric`."""
    return "." in column and not column.startswith(("param_", "violation_"))


def quantity(column: str) -> Quantity:
    """The quantity of a column; an unknown column has its own name."""
    # first: by its ending the SRAM of a chip would be in GB
    if column in _KNOWN:
        return Quantity(column, *_KNOWN[column])
    # from the right, since names of LLMs may hold dots
    if is_of_member(column):
        member, _, own = column.rpartition(".")
        inner = quantity(own)
        return Quantity(column, f"{member}: {inner.label}", inner.unit, inner.factor)
    metric, si = metric_of(column), unit_of(column)
    # as the field quotes them: milliseconds and decimal gigabytes
    unit, factor = _SHOWN.get(si, (si, 1.0))
    if metric is not None:
        # a label such as $/(token/s) contains its unit
        return Quantity(column, metric.label, "" if si.startswith("USD/") else unit, factor)
    return Quantity(column, column.removeprefix("param_").replace("_", " "), unit, factor)


def chosen(row: Mapping[str, Any], column: str) -> str | None:
    """The name that a row chose in a parameter whose values are names, such as a node; None for a number."""
    # of a pool behind its role: `decode.param_process`
    head, parameter, own = column.partition("param_")
    name = row.get(head + own)
    return name if parameter and head in ("", *_STARTS) and isinstance(name, str) else None


_STARTS = tuple(f"{role}." for role in ROLES)


def designs(n: int, of_pairs: bool = False) -> str:
    """`1 design`, `1,000 designs`, or as many pairs."""
    return f"{n:,} {'pair' if of_pairs else 'design'}{'' if n == 1 else 's'}"


def shown(value: Any, unit: str) -> str:
    """A number in SI for people, `-` for a gap; dollars as `$1,234`."""
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return NONE
    if unit == "USD":
        return f"${pretty(float(value), '')}"
    # the label of such a quantity contains its unit, as $/(token/s) does
    return pretty(float(value), "" if unit.startswith("USD") else unit)


def written(number: float) -> str:
    """Four digits that mean something, without exponent: 0.01667, 1.57, 320, 571,893."""
    # from a thousand on four digits would be written with an exponent
    if number == 0 or abs(number) >= 1000:
        return f"{number:,.0f}"
    text = f"{number:.4g}"
    return text if "e" not in text else f"{number:.2e}"
