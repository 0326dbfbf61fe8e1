"""The stack of vLLM 0.19 from two recorded runs: its steps, collectives over PCIe, memory that it keeps."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from dse.calibrate.calibration import RANGES, Calibration, profile_of_fit
from dse.calibrate.fit import Fit, fit
from dse.calibrate.parameters import PARAMETERS, SIGMAS, prior, startable
from dse.calibrate.profile import OPEN, Profile, ProfileValue, rounded
from dse.calibrate.residuals import Rows
from dse.errors import spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec, wider
from dse.validate.measured.batches import Case, Lookup, Refusal, batches
from dse.validate.measured.row import Measured
from dse.validate.measured.rows import read_rows
from objectives import api

NAME: Final = "vllm-2026"
START: Final = "vllm-2025"
"""The stack of the same engine a year earlier, which fills in what two runs leave open."""
TABLE: Final = "vllm-runs.csv"
SOURCE: Final = "vllm-runs"
ROOM: Final = "kv_tokens"
"""Metric of a row that says how many tokens the KV cache has room for, in one sequence of that length."""
STEP: Final = 0.03
"""Relative error to expect of a row: windows of two to five seconds hold 30 to 120 steps, counted to whole
ones. Rows of one run share laboratory, engine and settings, so that the error of published means is none of
theirs."""
MOVED: Final = ("link_efficiency", "collective_overhead")
"""Numbers that belong to the network of the runs: they are those of `START` on any other."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Rows of the runs, looked up."""

    speeds: tuple[Case, ...]
    room: Case


def runs(catalog: Catalog) -> Runs:
    """Rows of the table; raises `SpecError` for one that cannot be predicted."""
    lookup = Lookup(catalog, stack=NAME)
    rows = read_rows(_table(catalog))
    speeds = tuple(_case(lookup, row) for row in rows if row.metric != ROOM)
    # the bytes of a row do not hang on its metric; one that is predicted lets it be looked up
    room = next(replace(row, metric="tpot_ms", unclear="") for row in rows if row.metric == ROOM)
    return Runs(speeds=speeds, room=_case(lookup, room))


def fitted(
    model: api.CostModel, catalog: Catalog, progress: Callable[[str], None] = lambda _: None
) -> tuple[Profile, Calibration]:
    """The stack as it is written, and the fit behind it.

    Numbers are fitted around `START`. Those of links are moved into a shift of the network of the runs, so
    that on other networks they stay those of `START`. The interval is at least that of `START`: two runs
    cannot say that predictions for other chips and LLMs are any closer.
    """
    found = runs(catalog)
    spec, start = catalog.get(StackSpec, NAME), startable(catalog.get(StackSpec, START))
    expected = prior(start, catalog.get(StackSpec, RANGES))
    rows = Rows.of(model, found.speeds, catalog)
    rows = replace(rows, scatter=np.full(len(found.speeds), STEP))
    best = fit(rows, expected)
    bare = spec.model_copy(update={"network_shifts": {}, "reserve": None})
    made = profile_of_fit(rows, best, expected, bare, start, "case", SOURCE, progress)
    leaves = dict(made.profile.leaves)
    shifts = {}
    for name in MOVED:
        leaves[name], shift = _on_network(name, best, leaves[name], start)
        if shift is not None:
            shifts[name] = shift
    leaves["reserve"] = reserve(model, found.room, catalog)
    networks = sorted({c.chip.link.network for c in found.speeds if c.layout.tp > 1.0})
    profile = replace(
        made.profile,
        notes=f"{made.profile.notes} Two runs of one laboratory: the interval is at least that of {START}.",
        leaves=leaves,
        interval=wider(start.interval, made.profile.interval),
        network_shifts=dict.fromkeys(networks, shifts),
    )
    return profile, made


def reserve(model: api.CostModel, room: Case, catalog: Catalog) -> ProfileValue:
    """What engine and driver keep: what a KV cache as large as the engine says leaves of the usable capacity.

    A pass of prompts holds its activations meanwhile, as in the run in which the engine measures its room.
    """
    (batch,) = batches([room], catalog)
    chips = batch.designs.chips.replace(reserve_bytes=np.zeros(1))
    found = model.evaluate(batch.designs.replace(chips=chips), batch.context).violations["capacity"]
    left = -float(np.asarray(found).reshape(-1)[0])
    return ProfileValue(
        value=rounded(left),
        unit="B",
        source=SOURCE,
        date=room.row.date,
        basis="derived",
        low=None,
        high=None,
        note=f"what {room.row.isl + room.row.osl:,.0f} tokens of KV cache, weights and activations of a pass "
        f"leave of {room.chip.name}; one run, so that no range is known",
    )


def _on_network(
    name: str, best: Fit, leaf: ProfileValue, start: StackSpec
) -> tuple[ProfileValue, ProfileValue | None]:
    """A number as it is on other networks, and the factor that it takes on that of the runs."""
    at, p = list(best.table).index(name), PARAMETERS[name]
    given = getattr(start, name)
    kept = ProfileValue(
        value=float(given.value),
        unit=leaf.unit,
        source="assumption",
        date=None,
        basis="assumption",
        low=given.low,
        high=given.high,
        note=f"as {start.name}: the runs know one network, see network_shifts",
    )
    if best.freedom[at] > OPEN:
        return kept, None
    deviation = float(np.sqrt(best.covariance[at, at]))
    off = float(best.x[at]) - p.inward(float(given.value))
    value, low, high = (rounded(float(np.exp(off + k * SIGMAS * deviation))) for k in (0.0, -1.0, 1.0))
    shift = ProfileValue(
        value=value,
        unit="",
        source=leaf.source,
        date=leaf.date,
        basis="derived",
        low=low,
        high=high,
        note=leaf.note,
    )
    return kept, shift


def _case(lookup: Lookup, row: Measured) -> Case:
    case = lookup.case(row)
    if isinstance(case, Refusal):
        raise spec_error(row.where, f"expected a row that can be predicted, got one refused: {case.reason}")
    return case


def _table(catalog: Catalog) -> Path:
    found = [path for folder in catalog.folders if (path := folder / "measurements" / TABLE).is_file()]
    if not found:
        raise spec_error("measurements", f"expected {TABLE}, got a folder without it")
    return found[0]
