"""The optimistic chip of a box: as fast as the fastest in it, as cheap as the cheapest.

A chip column that rises or falls with every parameter takes its best value in a corner of the box. The chip
that has the best value of every column is in no box, and none in the box beats it in any deployment.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.branch import Branch
from dse.chips.parameter_range import value_at
from dse.choose.confidence import INTERVALS
from dse.errors import spec_error
from dse.question.resolved_study import ResolvedStudy
from dse.search.bound.hot_boxes import CLOCK, FAST, HEAT, NO_OBSTACLE, at_best_clock, heat_columns
from dse.search.sweep.grid import Numbers
from dse.spec.schema.space import NAME, PARAMETERS
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.serving.registry import serving_mode
from objectives.parts import PEAKS_OF_PARTS

MORE = frozenset(
    {
        "peak_flops",
        "attention_flops",
        "weight_load_bandwidth",
        "sram_bytes",
        "sram_bandwidth",
        "dram_bytes",
        "dram_bandwidth",
        "link_bandwidth",
        "die_bandwidth",
        *PEAKS_OF_PARTS.values(),
    }
)
"""Columns of which more never makes a design worse (the laws of the cost model, each a property test)."""

EXCESS = frozenset(
    {"area_excess_m2", "dram_stacks_excess", "link_excess", "cooling_excess_w", "power_density_excess"}
)
"""Columns that only decide whether a chip can be made; feasible where <= 0."""

DOLLARS = frozenset(
    {"price_usd", "host_usd", "rack_usd", "network_usd", "copper_usd", "optics_usd", "scale_out_usd"}
)
WATTS = frozenset({"power_w", "static_w", "compute_w", "sram_w", "dram_w", "link_w", "optics_w"})
LESS = DOLLARS | WATTS | EXCESS | {"dies", *INTERVALS.values()}
"""Columns of which less never makes a design worse."""

PLACING = frozenset(
    {
        "peak_flops",
        "attention_flops",
        "weight_load_bandwidth",
        "sram_bandwidth",
        "dram_bandwidth",
        *PEAKS_OF_PARTS.values(),
    }
)
"""Columns that decide which bytes are placed in SRAM on a chip that has DRAM too."""

SLACK = 0.02
"""By how much a step on two tiers may miss the best placement, as a share: activations of all dense matrices
are balanced together (the laws of the cost model are tested to this)."""

STAGES = 2.0
"""Times as much where a step may wait for one of several pipeline stages: all have the same shares."""

SAMPLE = 64
"""Lines through the space on which the direction of each column is taken."""

STEPS = 9


@dataclass(frozen=True, kw_only=True, eq=False)
class Corners:
    """Where in a box each column that varies is best."""

    branch: Branch
    names: tuple[str, ...]
    """Parameters of the branch, the axes of its boxes."""
    ends: npt.NDArray[np.bool_]
    """(corners, parameters) of corners in which some column is best, true at the upper end of an axis."""
    best: Mapping[str, int]
    """The corner in which each column that varies is best."""
    relaxed: tuple[str, ...]
    """Columns without a direction, which are taken to be no obstacle."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Corners of all boxes of a branch, looked up by number."""

    branch: Branch
    ends: npt.NDArray[np.bool_]
    """(kinds, corners, parameters); where one has fewer corners its last is repeated."""
    best: Mapping[str, Numbers]
    """(kinds,) the corner in which each column that varies is best, -1 where it is no obstacle."""

    @classmethod
    def of(cls, kinds: Sequence[Corners]) -> "Table":
        """The table of the corners of one branch, the first of them numbered 0."""
        most, names = max(len(k.ends) for k in kinds), {n for k in kinds for n in (*k.best, *k.relaxed)}
        ends = [np.pad(k.ends, ((0, most - len(k.ends)), (0, 0)), mode="edge") for k in kinds]
        # a column that is constant in this kind has its value in any corner
        best = {n: [-1 if n in k.relaxed else k.best.get(n, 0) for k in kinds] for n in sorted(names)}
        return cls(
            branch=kinds[0].branch, ends=np.stack(ends), best={n: np.asarray(v) for n, v in best.items()}
        )

    def optimistic(self, kind: Numbers, low: Floats, high: Floats) -> dict[str, Floats]:
        """Columns of the optimistic chips of boxes, each with the corners of its `kind` (n,).

        `low` and `high` (n, parameters) are the ends of the boxes, shares of the ranges. All are made in one
        call, which costs more than its rows. Domain: more never places bytes worse, see `Apart.placing`.
        """
        count = len(low)
        # axes (corner, box, parameter), flattened: corner c of box b is row c * count + b
        places = np.where(self.ends[kind].swapaxes(0, 1), high, low).reshape(-1, low.shape[1])
        single, rows = (low == high).all(axis=1), np.arange(count)  # of a single chip everything is known
        out: dict[str, Floats] = {}
        for name, column in _columns(self.branch, places).items():
            if column.size == 1:
                out[name] = column
                continue
            at = self.best[name][kind]
            # what -1 picks here is replaced below
            found = column[np.maximum(at, 0) * count + rows]
            # a column without a direction closes no box: 0 breaks no constraint, and of heat see
            # `NO_OBSTACLE`; a single chip keeps its own
            none = NO_OBSTACLE.get(name, 0.0)
            out[name] = found if (at >= 0).all() else np.where(single | (at >= 0), found, none)
        return at_best_clock(self.branch, out, single)

    def least(self, name: str, kind: Numbers, low: Floats, high: Floats) -> Floats:
        """(n,) the worst value of a column of which more is better, at the nominal clock, of boxes."""
        at = self.best.get(name)
        # the corner that is opposite to the best one; where nothing varies any will do
        corner = np.zeros(len(low), dtype=np.int64) if at is None else np.maximum(at[kind], 0)
        place = np.where(self.ends[kind, corner], low, high)
        return np.broadcast_to(_columns(self.branch, place)[name], (len(low),))


def corners(
    branch: Branch, held: Mapping[str, float] | None = None, apart: frozenset[str] | None = None
) -> Corners:
    """The corners of the boxes of a branch, each of which holds one value of every unordered parameter.

    `held` are values of some of these, as shares of their ranges: a column may rise with DRAM stacks of one
    generation and fall with those of another. `apart` is `unordered(branch)` where that is known.

    Raises `SpecError` for a column that varies without a law on whether more or less is better, or that has
    no direction and cannot be relaxed.
    """
    names = tuple(branch.spec.parameters)
    apart = unordered(branch) if apart is None else apart
    ordered = np.asarray([n not in apart for n in names], dtype=bool)
    wished: dict[str, Floats] = {}
    relaxed = []
    for column, signs in _directions(branch, held or {}).items():
        # a box has one value of each unordered parameter: directions along it do not matter
        sign = np.where(ordered, signs, 0.0)
        if (sign != 0.0).any() and column not in MORE | LESS | HEAT:
            raise spec_error(f"branches.{branch.name}", f"no bound is known for a chip whose {column} varies")
        if np.isnan(sign).any():
            if column not in EXCESS | HEAT:
                raise spec_error(f"branches.{branch.name}", f"no bound is known: {column} has no direction")
            relaxed.append(column)
            continue
        wished[column] = sign if column in MORE | FAST else -sign
    ends, best = _shared(wished, len(names))
    return Corners(branch=branch, names=names, ends=ends, best=best, relaxed=tuple(relaxed))


def _shared(wished: Mapping[str, Floats], axes: int) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """As few corners as serve all columns, and that of each; a wish is 1 for the upper end, 0 for either."""
    found: list[Floats] = []
    best: dict[str, int] = {}
    # greedy: columns that depend on most axes first, since the others then fit into their corners
    for column in sorted(wished, key=lambda name: -np.count_nonzero(wished[name])):
        wish = wished[column]
        # negative only where one wants the upper end of an axis and the other the lower
        at = next((i for i, corner in enumerate(found) if (corner * wish >= 0.0).all()), len(found))
        if at == len(found):
            found.append(np.zeros(axes))
        found[at] = np.where(found[at] == 0.0, wish, found[at])
        best[column] = at
    # a corner takes the lower end of an axis without a wish
    return np.asarray(found or [np.zeros(axes)]) > 0.0, best


def lawless_layouts(study: ResolvedStudy, pp: Floats) -> npt.NDArray[np.bool_]:
    """True for layouts, in stages of `pp` (n,), in which more of what places bytes may slow something.

    Bytes are placed where a step of decode gains most. A faster tier may move them, and slow down what they
    are not placed for: prompts, the steps of a draft, and the stage that a pipeline waits for where
    experts or states next to dense weights make stages differ.
    """
    work, llm = study.context.workload, study.context.llm
    # weights of unlike formats are placed as one kind, by their mean
    unlike = study.context.precision.parts is not None
    if unlike or serving_mode(work.serving).counts_prompts or work.speculation is not None:
        return np.ones(pp.shape, dtype=np.bool_)
    alike = not (llm.expert_count or llm.repeats) and mean_layer(llm, 1.0).state_bytes is None
    return np.zeros(pp.shape, dtype=np.bool_) if alike else pp > 1.0


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Parameters of a branch that boxes do not treat like others."""

    unordered: frozenset[str]
    """Those that a box must hold one value of: names, parameters that change a column without a law, and
    choices along which a column rises and falls, as the price does with the number of dies."""
    placing: frozenset[str]
    """Those that decide which bytes are placed in SRAM on a chip that has DRAM too."""


def apart_of(branch: Branch, check: Callable[[], None] = lambda: None) -> Apart:
    """The parameters of a branch that are apart; `check` is called for every combination of held names."""
    names, parameters = tuple(branch.spec.parameters), branch.spec.parameters
    found = {n for n in names if PARAMETERS[n] == NAME}
    placing: set[str] = set()
    # it reads `found` once, before its first combination, so that may grow in the loop
    for held in held_names(branch, found):
        check()
        for column, signs in _directions(branch, held).items():
            for name, sign in zip(names, signs, strict=True):
                turns = bool(np.isnan(sign)) and bool(parameters[name].choices)
                if turns and column not in EXCESS | HEAT:
                    found.add(name)
                # a slower clock slows the rates that decide, whatever it is slowed by
                if column in PLACING | {CLOCK} and sign != 0.0 and branch.kind == "hybrid":
                    placing.add(name)
    return Apart(unordered=frozenset(found), placing=frozenset(placing))


def unordered(branch: Branch) -> frozenset[str]:
    """Parameters that a box must hold one value of."""
    return apart_of(branch).unordered


def held_names(branch: Branch, apart: Collection[str]) -> Iterator[dict[str, float]]:
    """Every combination of those unordered parameters that are choices, as shares of their ranges."""
    specs = branch.spec.parameters
    chosen = [n for n, p in specs.items() if n in apart and p.choices and p.low < p.high]
    shares = [np.arange(p.steps or 1) / max((p.steps or 1) - 1, 1) for p in (specs[n] for n in chosen)]
    for values in product(*(s.tolist() for s in shares)):
        yield dict(zip(chosen, values, strict=True))


def _columns(branch: Branch, at: Floats) -> dict[str, Floats]:
    """Chip columns at places (n, parameters), at the nominal clock, and what its clock follows from."""
    specs = branch.spec.parameters.items()
    made, heat = branch.nominal({n: value_at(spec, at[:, i]) for i, (n, spec) in enumerate(specs)})
    return {**made, **heat_columns(heat)}


def _directions(branch: Branch, held: Mapping[str, float]) -> dict[str, Floats]:
    """Column that varies to the sign of its change with each parameter; NaN where it has several."""
    names = tuple(branch.spec.parameters)
    low = np.asarray([held.get(n, 0.0) for n in names])
    high = np.asarray([held.get(n, 1.0) for n in names])
    # the same lines each time, so that a proof can be repeated
    rng = np.random.default_rng(0)
    lines = np.empty((len(names), SAMPLE, STEPS, len(names)))
    for axis in range(len(names)):
        lines[axis] = low + rng.random((SAMPLE, 1, len(names))) * (high - low)
        lines[axis, :, :, axis] = np.linspace(low[axis], high[axis], STEPS)
    found: dict[str, Floats] = {}
    for column, values in _columns(branch, lines.reshape(-1, len(names))).items():
        if values.size == 1:
            continue
        made = values.reshape(lines.shape[:-1])
        # rounding is no step down. A sample is no proof: a column that turns between the lines is missed
        steps, noise = np.diff(made, axis=2), 1e-12 * np.abs(made).max(axis=(1, 2), keepdims=True)
        up, down = (steps > noise).any(axis=(1, 2)), (steps < -noise).any(axis=(1, 2))
        found[column] = np.where(up & down, np.nan, up * 1.0 - down * 1.0)
    return found
