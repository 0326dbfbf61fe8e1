"""Disaggregated serving: one pool of replicas prefills, another decodes, KV cache travels between them."""

from objectives.api import Chips
from objectives.arrays import Array, ceil_div, namespace
from objectives.equations.chip.placement import inverse


def packed(prompt: Array, budget: Array, batch: Array, load: float) -> Array:
    """Prompts in one pass of a prefill replica, on average [1]: those that are there when it begins.

    A pool that is busy for a share `load` of the time finds that share of what fits into `budget` rows, at
    least one prompt, and no more than a decode replica serves sequences. Limits: 1 for prompts above the
    budget; the rows of a pass do not depend on the length of the prompts below it.
    """
    xp = namespace(budget, batch)
    one = 1.0 + 0.0 * budget
    fit = xp.minimum(budget / xp.maximum(prompt + 0.0 * budget, one), batch)
    return xp.maximum(fit * load, one)


def prefill_replicas(
    requests_per_s: Array, pass_s: Array, prompts: Array, load: float, joined: Array, *, whole: bool
) -> Array:
    """Replicas of the prefill pool [replica] that are busy for a share `load` of the time.

    requests x seconds of a pass / (prompts of a pass x load). A fleet of many replicas buys the two pools in
    this ratio. One system, `whole`, rounds up to groups of the replicas that share experts, so it is busy for
    that share at most. Limits: 0 where prompts take no time; the decode pool never starves, since load <= 1.
    """
    need = requests_per_s * pass_s / (prompts * load)
    return joined * ceil_div(need, joined) if whole else need


def wait(pass_s: Array, load: float, others: Array) -> Array:
    """Mean time that a prompt waits in a pool that is busy for a share `load` of the time [s].

    load / (2 (1 - load)) of a pass: Pollaczek-Khinchine for passes of equal length and random arrivals, as if
    the pool were one server; a real pool of several waits less, and so does one that is less busy than it may
    be. Never longer than `others`, the passes of all other requests in flight. Limits: 0 when idle or when
    nobody else is there.

    Source: Kleinrock, Queueing Systems I (1975), equation 5.64 (M/D/1).
    """
    return pass_s * namespace(others).minimum(load / (2.0 * (1.0 - load)) + 0.0 * others, others)


def transfer_s(chips: Chips, size: Array) -> Array:
    """Time to send `size` bytes of KV cache from a prefill chip to its peer [s].

    Over the scale-out network where there is one, else over the links; every chip of a stage sends its own.
    Domain: after prefill, not layer by layer under it; chips of both pools are paired.

    Source: DistServe (Zhong et al., OSDI 2024, arXiv 2401.09670), Splitwise (Patel et al., ISCA 2024).
    """
    xp = namespace(chips.scale_out_bandwidth)
    out = chips.scale_out_bandwidth > 0.0
    link = inverse(chips.link_bandwidth * chips.link_efficiency)
    per_byte = xp.where(out, inverse(chips.scale_out_bandwidth), link)
    return xp.where(out, chips.scale_out_latency, chips.link_latency) + size * per_byte
