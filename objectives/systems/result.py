"""What a system of pools comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objectives.api import Chips, PoolLink
from objectives.arrays import Array
from objectives.equations.chip.resource_seconds import ResourceSeconds


@dataclass(frozen=True, kw_only=True)
class PoolUse:
    """Chips of one pool, and what they are used for."""

    role: str
    chips: Chips
    count: Array
    """Chips [1]; a fraction where pools are a fleet."""
    together: Array
    """Chips of one replica, with those that share its experts [1]: their links reach as far."""
    resources: ResourceSeconds
    """What one output token takes of each resource of this pool [chip-second]."""
    replicas: Array
    """Replicas [replica]."""
    held_bytes: Mapping[str, Array]
    """Bytes that the fullest chip holds, by kind [B]."""
    busy: Array
    """Share of the time that the pool works [1]."""


@dataclass(frozen=True, kw_only=True)
class SystemResult:
    """What a system of pools comes to; every part is counted in its total."""

    tpot_s: Array
    ttft_s: Array
    tokens_per_s: Array
    """Output tokens of all replicas [token/s]."""
    tpot_parts_s: Mapping[str, Array]
    ttft_parts_s: Mapping[str, Array]
    bounds_s: Mapping[str, Array]
    """Seconds of TPOT by what binds, see `api.Metrics.bounds` [s]."""
    violations: Mapping[str, Array]
    """Named constraints of all pools, feasible where <= 0."""
    uses: tuple[PoolUse, ...]
    link: PoolLink
    """What joins the pools."""
    prompt_share: Array | None = None
    """Share of the time of pools that serve both that prompts take [1]; None where a pool of its own
    prefills, or prompts cost nothing."""
    extra_capex: Mapping[str, Array] = field(default_factory=dict)
    """Capital beyond chips, hosts and networks, with the role of its pool in front [USD]."""
