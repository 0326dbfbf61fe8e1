"""The article's arithmetic: a fixed speed per user, capacity counted in chips."""

from typing import final

from objectives.api import Context, Designs, Metrics
from objectives.arrays import ceil_div, maximum, ones_like, zeros_like
from objectives.costmodels.totals import Breakdown, metrics, silicon_violations
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.serving.queueing import throughput

GIB_TAKEN_FOR_GB = 1e9 / 2**30
"""The article computes a KV cache in GiB, writes GB, and divides by chips counted in GB."""


@final
class NapkinCostModel:
    """What the article computes, mistakes included, so that its claims can be held against `roofline`.

    Weights are the nominal parameters times bytes; KV cache takes GiB for GB; a user gets the speed that
    the vendor claims for the chip, whatever the batch; chips are as many as hold the bytes, and at least
    TP x CP x PP. Domain: none. It is a model of an argument, not of a machine: compute, links and DRAM
    bandwidth are ignored.
    """

    name = "napkin"
    requires: tuple[str, ...] = ("claimed_user_speed",)
    predicts: bool = False
    memories: bool = True
    # it counts parameters by the name, and no prefill at all
    encoders: bool = True

    def evaluate(self, designs: Designs, context: Context, *, detail: bool = False) -> Metrics:
        """Metrics of every design; TPOT is the claimed one, TTFT is 0 because the article ignores prefill."""
        c, d = designs.chips, designs.deployments
        llm, precision = context.llm, context.precision
        # at TP = 1: the article counts one copy of the KV cache, which nothing splits or repeats
        layer = mean_layer(llm, ones_like(d.batch))
        sequence = llm.layers * layer.kv_kept(context.workload.max_context) * precision.kv_bytes
        held = {
            "weights": llm.nominal_params * precision.weight_bytes + zeros_like(d.batch),
            "kv_cache": d.batch * (sequence * GIB_TAKEN_FOR_GB),
        }
        # a cache holds copies of what DRAM holds, so it is no room; the article counts all bytes as usable
        capacity = c.sram.bytes * c.sram.pinned + c.dram.bytes
        for memory in c.further:
            capacity = capacity + memory.bytes
        needed = ceil_div(held["weights"] + held["kv_cache"], capacity)
        chips = maximum(needed, d.ways * d.pp) * d.dp
        tpot = 1.0 / c.compute.user_tokens_per_s
        # ledgers cost arrays, which a search does not read
        breakdown = Breakdown.empty()
        if detail:
            ignored = {"ignored": zeros_like(tpot)}
            breakdown = Breakdown(
                tpot={"claimed": tpot}, ttft=ignored, capacity=held, bounds={"claimed": tpot}
            )
        return metrics(
            designs,
            context,
            tpot,
            zeros_like(tpot),
            throughput(d.batch, tpot, d.dp),
            silicon_violations(c),
            detail=detail,
            chips=chips,
            breakdown=breakdown,
        )
