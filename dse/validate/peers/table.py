"""What other cost models say about the same machines, and what ours does: `measurements/peers.csv`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from dse.bounds.speed_of_light import Bound, assert_within_physics, speed_of_light
from dse.chips.resolve import chips_of, precision_of, speed_columns
from dse.errors import spec_error
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import PrecisionSpec
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.yaml.loading import build_spec
from dse.validate.own_table import number, read_table, whole
from objectives import api


@dataclass(frozen=True, kw_only=True)
class PeerResult:
    """One number of one tool."""

    case: str
    """common: a box of GPUs that all tools were run on; measured: that box itself; sram: scratchpad chips."""
    tool: str
    chip: str
    llm: str
    weights: str
    tp: int | None
    """None, like `pp`, where the tool has no layout."""
    pp: int | None
    batch: int
    isl: float
    osl: float
    metric: str
    """tpot_ms, ttft_ms, decode_tok_s_total (batch / TPOT), or held_gb: bytes of weights and KV cache [GB]."""
    value: float
    source: str
    date: str
    notes: str


@dataclass(frozen=True, kw_only=True)
class OurResult:
    """Our answer to the same question, in the same unit."""

    value: float
    feasible: bool


def peer_results(catalog: Catalog) -> tuple[PeerResult, ...]:
    """Every number of the table, in its order."""
    for folder in catalog.folders:
        path = Path(folder) / "measurements" / "peers.csv"
        if path.is_file():
            return tuple(read_table(path, _peer_result))
    raise spec_error("measurements/peers.csv", "expected this table in a configs folder, got none")


def _peer_result(row: Mapping[str, str]) -> PeerResult:
    """One line of the table."""
    return PeerResult(
        case=row["case"],
        tool=row["tool"],
        chip=row["chip"],
        llm=row["llm"],
        weights=row["weights"],
        tp=whole(row, "tp") if row["tp"] else None,
        pp=whole(row, "pp") if row["pp"] else None,
        batch=whole(row, "batch"),
        isl=number(row, "isl"),
        osl=number(row, "osl"),
        metric=row["metric"],
        value=number(row, "value"),
        source=row["source"],
        date=row["date"],
        notes=row["notes"],
    )


def our_result(peer: PeerResult, stack: str, catalog: Catalog) -> OurResult | None:
    """What `roofline` says on a stack; None where the tool has no layout to repeat."""
    if peer.tp is None or peer.pp is None:
        return None
    m, bound = _evaluated(
        catalog, stack, peer.chip, peer.llm, peer.weights, peer.tp, peer.pp, peer.batch, peer.isl, peer.osl
    )
    value = {
        "tpot_ms": m.tpot_s * 1e3,
        "ttft_ms": m.ttft_s * 1e3,
        "decode_tok_s_total": peer.batch / m.tpot_s,
        # GB of peers are 1e9 bytes
        "held_gb": bound.needed_bytes / 1e9,
    }[peer.metric]
    return OurResult(value=_first(value), feasible=bool(_first(m.feasible())))


def bound_of(peer: PeerResult, catalog: Catalog) -> float | None:
    """What physics allows at best, in the unit of the row: the room of all chips for bytes held."""
    if peer.tp is None or peer.pp is None:
        return None
    # on the stack `ideal`: losses of software are no part of physics
    _, bound = _evaluated(
        catalog, "ideal", peer.chip, peer.llm, peer.weights, peer.tp, peer.pp, peer.batch, peer.isl, peer.osl
    )
    value = {
        "tpot_ms": bound.tpot_s * 1e3,
        "ttft_ms": bound.ttft_s * 1e3,
        "decode_tok_s_total": peer.batch / bound.tpot_s,
        "held_gb": bound.room_bytes / 1e9,
    }[peer.metric]
    return _first(value)


def _first(column: object) -> float:
    # one design was evaluated, so each column holds one number
    return float(np.asarray(column).reshape(-1)[0])


# rows of one run differ in their metric only, and share one evaluation
@cache
def _evaluated(
    catalog: Catalog,
    stack: str,
    chip: str,
    llm: str,
    weights: str,
    tp: int,
    pp: int,
    batch: int,
    isl: float,
    osl: float,
) -> tuple[api.Metrics, Bound]:
    """A static batch, as the tools were run: no queue, and every format like that of the weights."""
    spec = catalog.get(ChipSpec, chip)
    formats = dict.fromkeys(("weights", "kv", "activations"), weights)
    precision = build_spec(PrecisionSpec, formats, "measurements/peers.csv")
    network = catalog.get(NetworkSpec, spec.link.network)
    columns = speed_columns(spec, precision, catalog.get(StackSpec, stack), network)
    layout = {"batch": batch, "tp": tp, "pp": pp, "ep": 1, "dp": 1}
    designs = api.Designs.of(
        chips=chips_of([columns]),
        deployments=api.Deployments(**{k: np.array([float(v)]) for k, v in layout.items()}),
    )
    context = api.Context(
        llm=catalog.get(LlmSpec, llm).resolve(),
        precision=precision_of(precision),
        workload=api.Workload(
            isl=isl, osl=osl, mean_context=isl + osl / 2.0, max_context=isl + osl, serving="static"
        ),
        # no metric here is in dollars, so any economy will do
        economy=next(iter(catalog.all(EconomySpec).values())).resolve(),
    )
    found = cost_model("roofline").evaluate(designs, context)
    assert_within_physics(designs, context, found, names=[chip])
    return found, speed_of_light(designs, context)
