"""What is fitted of a stack, each number on a line where it stays in its domain, and what is expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from dse.arrays import Floats
from dse.errors import spec_error
from dse.spec.schema.architecture import ArchitectureSpec
from dse.spec.schema.system import StackSpec

Scale = Literal["share", "positive"]

SHIFT: Final = 0.5
"""Spread of architectures in a number over that of engines: software differs more than the silicon below."""
FIXED: Final = 1e-4
"""The same of a number that no architecture moves, such as the time of a host."""
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
    shared: bool = False
    """Whether a GPU architecture moves it, on whatever engine."""

    def holds(self, value: float) -> bool:
        """Whether the fit can walk through the number: strictly inside its range."""
        return 0.0 < value < (1.0 if self.scale == "share" else np.inf)

    def inward(self, value: float) -> float:
        """From the number to the line that the fit walks on."""
        return float(np.log(value / (1.0 - value)) if self.scale == "share" else np.log(value))

    def outward(self, x: Floats) -> Floats:
        """Back to the number."""
        found: Floats = 1.0 / (1.0 + np.exp(-x)) if self.scale == "share" else np.exp(x)
        return found


def _p(column: str, scale: Scale, unit: str = "", *, shared: bool = False) -> Parameter:
    return Parameter(column=column, scale=scale, unit=unit, shared=shared)


PARAMETERS: Final = MappingProxyType(
    {
        "compute_efficiency": _p("compute_efficiency", "share", shared=True),
        "core_efficiency": _p("core_efficiency", "share", shared=True),
        "decode_core_efficiency": _p("decode_core_efficiency", "share", shared=True),
        "expert_efficiency": _p("expert_efficiency", "share", shared=True),
        "dram_efficiency": _p("dram_efficiency", "share", shared=True),
        "kv_efficiency": _p("kv_efficiency", "share", shared=True),
        "link_efficiency": _p("link_efficiency", "share", shared=True),
        "all_to_all_efficiency": _p("all_to_all_efficiency", "share", shared=True),
        "layer_overhead": _p("layer_overhead_s", "positive", "s", shared=True),
        "prompt_overhead": _p("prompt_overhead_s", "positive", "s", shared=True),
        "expert_overhead": _p("expert_overhead_s", "positive", "s", shared=True),
        "activation_passes": _p("activation_passes", "positive", shared=True),
        "exposed_share": _p("exposed_share", "share", shared=True),
        "step_overhead": _p("step_overhead_s", "positive", "s"),
        "sequence_overhead": _p("sequence_overhead_s", "positive", "s"),
        "collective_overhead": _p("collective_overhead_s", "positive", "s", shared=True),
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


MEANT: Final = MappingProxyType(
    {"decode_core_efficiency": "core_efficiency", "all_to_all_efficiency": "link_efficiency"}
)
"""What a stack leaves out, to the number that it then has; `expert_efficiency` is 1, where no fit begins."""


def startable(stack: StackSpec, table: Table = PARAMETERS) -> StackSpec:
    """The stack with all fitted numbers stated, some of which it may leave out as in `MEANT`.

    Raises `SpecError` where others are not stated, or are at the end of their range or beyond.
    """
    left_out = [n for n in table if n in MEANT and getattr(stack, n) is None]
    filled = stack.model_copy(
        update={
            n: getattr(stack, MEANT[n]).model_copy(update={"note": f"as {MEANT[n]}: left out"})
            for n in left_out
        }
    )
    lacking = [why for name, p in table.items() if (why := _not_inside(filled, name, p))]
    if lacking:
        raise spec_error(
            "",
            "expected a stack with every fitted number above 0, and every share of them below 1, "
            f"got {stack.name!r}, with {', '.join(lacking)}",
        )
    return filled


def _not_inside(stack: StackSpec, name: str, p: Parameter) -> str:
    """What is wrong with a number to start from; the empty string when nothing is."""
    leaf = getattr(stack, name)
    if leaf is None or leaf.value is None:
        return f"{name} not stated"
    return "" if p.holds(float(leaf.value)) else f"{name} {float(leaf.value):g}"


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is expected of each number before any row is seen, on the line of the fit."""

    centre: Floats = field(repr=False)
    spread: Floats = field(repr=False)
    """Standard deviation."""


def prior(start: StackSpec, ranges: StackSpec, table: Table = PARAMETERS) -> Prior:
    """Centred on the numbers of `start`, as wide as low to high of `ranges`, which holds 80 %.

    `start` states all of them inside their ranges, see `startable`.
    """
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


def columns(points: Floats, shift: Floats, table: Table = PARAMETERS) -> dict[str, Floats]:
    """Points of shape (k, parameters) as chip columns of shape (k, rows).

    `shift` is what each row's architecture adds to each number on the line of the fit, shape (rows,
    parameters).
    """
    # the axis of points broadcasts against that of rows
    return {p.column: p.outward(points[:, i : i + 1] + shift[:, i]) for i, p in enumerate(table.values())}


def shifts_of(architecture: ArchitectureSpec | None, table: Table = PARAMETERS) -> Floats:
    """What an architecture adds to each number on the line of the fit: the logarithm of its factor."""
    # odds of a share and times alike are multiplied, which adds on the line
    given = {} if architecture is None else architecture.shifts
    values = (given[name].value if name in given else None for name in table)
    return np.asarray([float(np.log(v)) if v else 0.0 for v in values])


def architecture_prior(own: Prior, table: Table = PARAMETERS) -> Prior:
    """What is expected of the shift of an architecture: none, within half of what separates engines."""
    moved = np.asarray([SHIFT if p.shared else FIXED for p in table.values()])
    return Prior(centre=np.zeros(len(table)), spread=own.spread * moved)
