"""Work of one pass: what its groups take of every resource, and what its collectives carry."""

from objectives.arrays import Array
from objectives.equations.cost.energy import Busy, busy
from objectives.equations.llm import expert_parallel
from objectives.equations.step.forward_pass import Machine, Pass, Rows, all_matrices, residual_bytes


def work_of(m: Machine, p: Pass, r: Rows) -> Busy:
    """Work of one pass on a chip of each stage, all stages together [chip-second].

    Domain: that of the busiest chip stands for all where experts are spread; scale-out counts as scale-up.
    """
    layers = float(m.context.llm.layers)
    matrices = [(all_matrices(m, p, r), 1.0)]
    if p.routed is not None:
        matrices.append((p.routed, layers))
    return busy(m.chips, matrices, [(p.core, layers)], _sent(m, r))


def _sent(m: Machine, r: Rows) -> Array:
    """Bytes that a chip sends in the collectives of one pass [B]: all-reduces, gathers, rows to experts."""
    llm, layers = m.context.llm, float(m.context.llm.layers)
    size, tp = residual_bytes(m), m.tp
    each = 2.0 * m.layer.all_reduces * llm.hidden + m.layer.gathered
    total = (layers * each * r.rows + llm.vocab * r.head_rows) * size * ((tp - 1.0) / tp)
    both_ways = m.context.precision.activation_bytes + size
    for part in m.layer.routed:
        rows = expert_parallel.sent(part.spread, r.rows, tp, m.context.workload.routing_skew)
        total = total + (layers * part.share * llm.hidden * both_ways) * rows
    return total
