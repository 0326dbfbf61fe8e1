"""What one pass takes of every resource: seconds of its operators, and bytes that its collectives carry."""

from objectives.arrays import Array
from objectives.equations.chip.formats import residual_bytes
from objectives.equations.chip.operator_time import sustained_by_cores
from objectives.equations.chip.resource_seconds import ResourceSeconds, resource_seconds
from objectives.equations.llm import expert_parallel
from objectives.equations.step.forward_pass import (
    ForwardPass,
    PassInput,
    dense_matrices,
)
from objectives.equations.step.machine import Machine


def resource_use(m: Machine, p: ForwardPass, r: PassInput) -> ResourceSeconds:
    """Resources of one pass on a chip of each stage, all stages together [chip-second].

    All dense matrices once, routed experts and attention cores once a layer, and the bytes of collectives.

    Args:
        m: chips, network and placement.
        p: times of the pass.
        r: rows of the pass.

    Returns:
        Seconds at full rate by resource, shapes broadcast [s].

    Domain:
        The busiest chip represents all where experts are spread; scale-out counts as scale-up.

    Limits:
        0 for a pass that takes no time.

    Source:
        As `chip.resource_seconds`.

    Examples:
        By hand, in tests/equations/cost/test_energy.py: FLOP over peak and bytes over bandwidth of whole
        networks.
    """
    layers = float(m.context.llm.layers)
    # dense matrices are summed over layers already, routed experts and cores are of one layer
    matrices = [(dense_matrices(m, p, r), 1.0)]
    experts = [] if p.routed is None else [(p.routed, layers)]
    core = sustained_by_cores(m.chips, r.decoded)
    return resource_seconds(m.chips, matrices, experts, [(p.core, layers)], core, _sent_bytes(m, r))


def _sent_bytes(m: Machine, r: PassInput) -> Array:
    """Bytes that a chip sends in the collectives of a pass [B]: sums, gathers, rows to experts, merges."""
    llm, layers = m.context.llm, float(m.context.llm.layers)
    size, tp = residual_bytes(m.context.precision), m.ways
    # an all-reduce sends its bytes twice (reduce-scatter, all-gather), a gather once; (TP - 1) / TP of each
    each = 2.0 * m.layer.all_reduces * llm.hidden + m.layer.gathered
    total = (layers * each * r.rows + llm.vocab * r.head_rows) * size * ((tp - 1.0) / tp)
    # rows leave narrow and come back as wide sums
    both_ways = m.context.precision.activation_bytes + size
    for part in m.layer.routed:
        rows = expert_parallel.rows_sent(part.spread, r.rows, tp, m.context.workload.routing_skew)
        total = total + (layers * part.share * part.width * both_ways) * rows
    if m.cp is not None and r.exchanged is not None:
        total = total + (layers * size) * ((m.cp - 1.0) / m.cp * r.exchanged) * r.rows
    return total
