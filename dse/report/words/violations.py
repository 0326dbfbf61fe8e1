"""Why nothing was feasible: which constraints the trials violated, how often, and by how little at best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dse.plugins import GROUPS, objective, registered
from dse.spec.yaml.units import pretty

_UNITS = {
    "capacity": "B",
    "writable_capacity": "B",
    "flash_wear": "",
    "rom_wear": "",
    "bonded_area": "m2",
    "network_domain": "chip",
    "context_parallel": "",
    "expert_replicas": "",
    "die_area": "m2",
    "dram_stacks": "",
    "link_edge": "B/s",
    "cooling": "W",
    "power_density": "W/m2",
}
"""Unit of the constraints that our cost models name; a target has that of its objective."""


@dataclass(frozen=True)
class Failure:
    """One constraint over all trials of a study."""

    name: str
    trials: int
    """Trials that violate it."""
    least: float
    """The smallest of their violations, in the unit of the constraint."""

    @property
    def excess(self) -> str:
        """`least` for people."""
        return pretty_violation(self.name, self.least)


def failures(constraints: Sequence[Mapping[str, float]]) -> list[Failure]:
    """Violated constraints, the most frequent first; `constraints` holds those of each trial."""
    names = dict.fromkeys(name for trial in constraints for name in trial)
    found = []
    for name in names:
        excess = [trial[name] for trial in constraints if trial.get(name, 0.0) > 0.0]
        if excess:
            found.append(Failure(name, len(excess), min(excess)))
    # by name where two are equally frequent, so that the order is always the same
    return sorted(found, key=lambda f: (-f.trials, f.name))


def pretty_violation(name: str, value: float) -> str:
    """A violation for people, with its unit."""
    return pretty(value, _unit(name))


def _unit(name: str) -> str:
    # of a pool, behind its role: `decode.capacity`
    own = name.rpartition(".")[2]
    if own in _UNITS:
        return _UNITS[own]
    # a constraint of another package may have any name, and then no unit is known
    goal = name.removesuffix("_target")
    return objective(goal).unit if goal in registered(GROUPS["objectives"]) else ""
