"""What is fitted of a stack, each number on a line where it stays in its domain, and what is expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from dse.arrays import Floats
from dse.spec.schema.system import StackSpec

Scale = Literal["share", "positive"]

SIGMAS: Final = 1.2816
"""Standard deviations up and down that hold 80 % of a normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One fitted number of a stack."""

    column: str
    """Column of `objectives.api.Chips`."""
    scale: Scale
    """`share` lives in (0, 1) and is fitted as its log-odds, `positive` as its logarithm."""
    unit: str

    def inward(self, value: float) -> float:
        """From the number to the line that the fit walks on."""
        return float(np.log(value / (1.0 - value)) if self.scale == "share" else np.log(value))

    def outward(self, x: Floats) -> Floats:
        """Back to the number."""
        found: Floats = 1.0 / (1.0 + np.exp(-x)) if self.scale == "share" else np.exp(x)
        return found


def _p(column: str, scale: Scale, unit: str = "") -> Parameter:
    return Parameter(column=column, scale=scale, unit=unit)


PARAMETERS: Final = MappingProxyType(
    {
        "compute_efficiency": _p("compute_efficiency", "share"),
        "core_efficiency": _p("core_efficiency", "share"),
        "dram_efficiency": _p("dram_efficiency", "share"),
        "kv_efficiency": _p("kv_efficiency", "share"),
        "link_efficiency": _p("link_efficiency", "share"),
        "layer_overhead": _p("layer_overhead_s", "positive", "s"),
        "prompt_overhead": _p("prompt_overhead_s", "positive", "s"),
        "expert_overhead": _p("expert_overhead_s", "positive", "s"),
        "activation_passes": _p("activation_passes", "positive"),
        "exposed_share": _p("exposed_share", "share"),
        "step_overhead": _p("step_overhead_s", "positive", "s"),
        "sequence_overhead": _p("sequence_overhead_s", "positive", "s"),
        "collective_overhead": _p("collective_overhead_s", "positive", "s"),
        "request_overhead": _p("request_overhead_s", "positive", "s"),
        "burst": _p("burst", "share"),
    }
)
"""Field of a stack to how it is fitted."""

Table = Mapping[str, Parameter]
"""What is fitted together: field of a stack to how."""

DATAFLOW: Final[Table] = MappingProxyType(
    {
        "compute_efficiency": PARAMETERS["compute_efficiency"],
        "dram_efficiency": PARAMETERS["dram_efficiency"],
        "sram_efficiency": _p("sram_efficiency", "share"),
        "link_efficiency": PARAMETERS["link_efficiency"],
        "layer_overhead": PARAMETERS["layer_overhead"],
        "expert_overhead": PARAMETERS["expert_overhead"],
        "step_overhead": PARAMETERS["step_overhead"],
        "collective_overhead": PARAMETERS["collective_overhead"],
        "sequence_overhead": PARAMETERS["sequence_overhead"],
    }
)
"""The same of dataflow chips, of which few rows are published: shares of peak, DRAM, SRAM and links; times of
a layer, of routing to experts, of a step of a stage, of a collective, of a sequence in a step."""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is expected of each number before any row is seen, on the line of the fit."""

    centre: Floats = field(repr=False)
    spread: Floats = field(repr=False)
    """Standard deviation."""


def prior(start: StackSpec, ranges: StackSpec, table: Table = PARAMETERS) -> Prior:
    """Centred on the numbers of `start`, as wide as low to high of `ranges`, which holds 80 %."""
    centre, spread = [], []
    for name, p in table.items():
        leaf = getattr(ranges, name)
        centre.append(p.inward(float(getattr(start, name).value)))
        # low to high holds 80 %, hence 2 x 1.2816 standard deviations
        spread.append((p.inward(float(leaf.high)) - p.inward(float(leaf.low))) / (2.0 * SIGMAS))
    return Prior(centre=np.asarray(centre), spread=np.asarray(spread))


def vector(values: Mapping[str, float], table: Table = PARAMETERS) -> Floats:
    """Stack fields to a point of the fit."""
    return np.asarray([p.inward(values[name]) for name, p in table.items()])


def fields(x: Floats, table: Table = PARAMETERS) -> dict[str, float]:
    """A point of the fit to stack fields."""
    return {name: float(p.outward(v)) for (name, p), v in zip(table.items(), x, strict=True)}


def columns(points: Floats, table: Table = PARAMETERS) -> dict[str, Floats]:
    """Points of shape (k, parameters) as chip columns of shape (k, 1)."""
    # the kept axis of one broadcasts k points against the rows of a batch
    return {p.column: p.outward(points[:, i : i + 1]) for i, p in enumerate(table.values())}
