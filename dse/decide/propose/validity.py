"""Why a design must not be proposed: it is outside the range that the cost model or its data cover."""

from collections.abc import Mapping

from dse.decide.propose.candidates import Candidate
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.buildable import BuildableSpec
from dse.spec.schema.space import COUNTED, NAME, PARAMETERS, BranchSpec
from dse.spec.yaml.units import pretty
from dse.spec.yaml.writing import exact

MIB = 2.0**20

WORDS: Mapping[str, str] = {
    "capacity": "its memory is too small for the LLM and its batch",
    "network_domain": "its network connects fewer chips",
    "die_area": "its die is larger than the reticle",
    "dram_stacks": "it has more DRAM stacks than fit around its die",
    "cooling": "its power exceeds what its cooling removes",
    "power_density": "its dies draw more power per area than their cooling removes",
    "link_edge": "its link bandwidth exceeds what its die edge carries",
}
"""Constraint to what it means for a chip."""


def outside(study: ResolvedStudy, candidate: Candidate, violations: Mapping[str, float]) -> list[str]:
    """Reasons to refuse a design, one sentence each; empty for a valid one."""
    found = [
        f"{WORDS.get(name, f'{name} is missed')} (by {value:.4g} in SI units)"
        for name, value in violations.items()
        if value > 0.0
    ]
    limit = study.setting.technology.sram_law.limit.value or float("inf")
    speed = candidate.values.get("sram_bandwidth_per_byte", 0.0)
    # a value at the limit may exceed it by rounding
    if speed > limit * (1 + 1e-9):
        found.append(
            f"SRAM bandwidth of {pretty(speed * MIB, 'B/s')} per MiB exceeds {pretty(limit * MIB, 'B/s')}, "
            "the limit of the technology file"
        )
    return found


def at_space_boundary(candidate: Candidate, spec: BranchSpec) -> list[str]:
    """Warnings for parameters at a bound of the space, where a wider space may hold a better chip."""
    out = []
    for name, p in spec.parameters.items():
        value = candidate.values.get(name)
        # a fixed parameter is at both bounds, and the first of some names is no smallest one
        if value is None or PARAMETERS[name] == NAME or not p.low < p.high:
            continue
        for end, word in ((p.low, "smallest"), (p.high, "largest")):
            if word == "smallest" and end <= COUNTED.get(name, 0.0):
                continue  # there is nothing below it
            if abs(value - end) <= 1e-3 * abs(end):
                words, text = _told(name, value)
                out.append(
                    f"{words}: {text} is the {word} value of the space; a wider space may hold a better chip"
                )
    return out


def _told(name: str, value: float) -> tuple[str, str]:
    """A parameter and its value for people."""
    if name == "sram_bandwidth_per_byte":
        return "SRAM bandwidth", f"{pretty(value * MIB, 'B/s')} per MiB"
    words = name.replace("_", " ").replace("sram", "SRAM").replace("dram", "DRAM")
    unit = PARAMETERS[name]
    if unit == "B":  # sizes of memory as their files have them, in MiB
        return words, exact(value, unit)
    return words, pretty(value, unit) if unit else f"{value:g}"


def beyond_known_silicon(candidate: Candidate, rules: BuildableSpec) -> list[str]:
    """Warnings for values that are valid but exceed those of every existing chip."""
    # in the buildable sizes it is per MiB
    known = rules.sram_bandwidth_known.value or float("inf")
    speed = candidate.values.get("sram_bandwidth_per_byte", 0.0) * MIB
    if speed <= known:
        return []
    return [
        f"SRAM bandwidth of {pretty(speed, 'B/s')} per MiB exceeds the {pretty(known, 'B/s')} of any chip "
        "that exists: its area is extrapolated"
    ]
