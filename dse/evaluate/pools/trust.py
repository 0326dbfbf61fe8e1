"""How far a system of pools is trusted: the error bars of the stacks of its pools, as one of the system."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dse.chips.anchor_rows import AnchorRows
from dse.chips.anchors import Anchor
from dse.choose.confidence import all_within
from dse.evaluate.estimate_result import OtherStack

OF_PROMPTS = ("prefill", "verify")
"""Roles of pools that run prompts alone."""


@dataclass(frozen=True, kw_only=True)
class PoolTrust:
    """How far the stack of a pool is trusted on its chips."""

    label: str
    """Whether it is calibrated, in words."""
    interval: Mapping[str, float] = field(default_factory=dict)
    """Metric to its 80 % factor up and down on these chips; empty for a stack that states none."""
    anchor: Anchor
    anchor_rows: AnchorRows | None = None
    """Measured rows that the stack was fitted to; None for a pair of a study."""
    next_best: OtherStack | None = None
    """The system with this pool on the stack that measurements anchor next best, where there is one."""


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """A pool with what its numbers rest on."""

    role: str
    chip: str
    stack: str
    trust: PoolTrust


def rests_on(metric: str, roles: Sequence[str]) -> tuple[str, ...]:
    """The pools whose errors a metric of a system has.

    TPOT is that of the pools that make tokens, TTFT that of the pool that runs prompts, where one does so
    alone. Throughput and the time of a request have the errors of all: every pool may be the slower one.
    """
    tokens = tuple(role for role in roles if role != "prefill")
    if metric == "tpot":
        return tokens
    if metric == "ttft":
        return tuple(role for role in roles if role in OF_PROMPTS) or tokens
    return tuple(roles)


def interval_of_system(pools: Sequence[Trusted]) -> dict[str, float]:
    """Metric to the 80 % factor up and down of a system; without those that a pool states no error bar of.

    A stack errs alike in all pools that it drives, by the widest of its factors. Whether the errors of two
    stacks fall together is unknown, so that the factor is the one that none of them exceeds, see
    `dse.choose.confidence.all_within`.
    """
    found: dict[str, float] = {}
    for metric in _metrics(pools):
        rest = _resting(metric, pools)
        if not all(metric in pool.trust.interval for pool in rest):
            continue
        widest: dict[str, float] = {}
        for pool in rest:
            widest[pool.stack] = max(widest.get(pool.stack, 1.0), pool.trust.interval[metric])
        found[metric] = all_within(list(widest.values()))
    return found


def unanchored(metric: str, pools: Sequence[Trusted]) -> list[str]:
    """Roles that a metric rests on and whose software no measurement anchors."""
    return [pool.role for pool in _resting(metric, pools) if not pool.trust.anchor.anchored]


def trust_lines(pools: Sequence[Trusted]) -> Iterator[str]:
    """What a reader must know of the error bars of a system, sentences without a full stop."""
    found = interval_of_system(pools)
    if found:
        told = ", ".join(
            f"{metric} within x{factor:.2f} ({_whose(metric, pools)})" for metric, factor in found.items()
        )
        yield (
            "80 % intervals in these layouts, by the measured rows that the fits of the stacks of its pools "
            f"did not see: {told}, up or down"
        )
    mixed = [m for m in found if len({pool.stack for pool in _resting(m, pools)}) > 1]
    if mixed:
        yield (
            f"the error bar of {' and '.join(mixed)} is of several stacks: the factor that none of them "
            "exceeds with 90 % on either side, whether they err together or apart"
        )
    for metric in _metrics(pools):
        if without := [p for p in _resting(metric, pools) if metric not in p.trust.interval]:
            who = " and ".join(f"{pool.stack} of {pool.role}" for pool in without)
            yield f"no error bar of {metric}: {who} states none"
    for pool in pools:
        if not pool.trust.anchor.anchored and pool.trust.interval:
            yield (
                f"{pool.role} on {pool.chip} is unanchored: its factors are those of other chips, and its "
                "own error may be larger"
            )


def _metrics(pools: Sequence[Trusted]) -> tuple[str, ...]:
    """Metrics that some pool states an error bar of."""
    return tuple(dict.fromkeys(metric for pool in pools for metric in sorted(pool.trust.interval)))


def _resting(metric: str, pools: Sequence[Trusted]) -> list[Trusted]:
    roles = rests_on(metric, [pool.role for pool in pools])
    return [pool for pool in pools if pool.role in roles]


def _whose(metric: str, pools: Sequence[Trusted]) -> str:
    barred = unanchored(metric, pools)
    return " and ".join(
        f"unanchored {role}" if role in barred else role
        for role in rests_on(metric, [pool.role for pool in pools])
    )
