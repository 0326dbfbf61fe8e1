"""A chip of the search brought to sizes that can be built, and the best of the roundings found exactly."""

from dataclasses import dataclass
from itertools import product
from math import ceil, floor

from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.scenario.best_deployments import DeploymentProblem, best_layouts, solve_on_grid, study_grid
from dse.decide.scenario.mix_parts import Layout
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import unit_of_leaf
from dse.spec.schema.buildable import BuildableSpec

PER_BYTE = "sram_bandwidth_per_byte"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One parameter before and after."""

    parameter: str
    unit: str
    before: float
    after: float
    step: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Rounded:
    """A buildable chip with its best deployment of each part of what it serves."""

    candidate: Candidate
    layout: Layout
    cost: float
    """The goal, smaller is better; infinite when no rounding has a feasible deployment."""
    steps: tuple[Step, ...]
    tried: int
    """Roundings evaluated over the whole grid of deployments."""


def rounded(
    study: ResolvedStudy, problem: DeploymentProblem, candidate: Candidate, rules: BuildableSpec
) -> Rounded:
    """The best of all ways to round each size of `candidate` down or up, under the limits of `problem`."""
    chips = roundings(candidate, rules)
    grid = study_grid(study)
    # all roundings on the grid of the search; the fine grid is for the one that wins
    found = solve_on_grid(problem, chips_of_candidates(study, chips), grid)
    chosen = chips[int(found.cost.argmin())]
    cost, layouts = best_layouts(study, problem, chips_of_candidates(study, [chosen]), study.spec.tolerance)
    return Rounded(
        candidate=chosen,
        cost=float(cost[0]),
        tried=len(chips),
        layout=layouts[0],
        steps=tuple(steps_between(candidate, chosen, rules)),
    )


def roundings(candidate: Candidate, rules: BuildableSpec) -> list[Candidate]:
    """All ways to round each size of a chip down or up."""
    options = {name: _options(name, candidate, rules) for name in candidate.values}
    tried = []
    # at most two values of each size, so 2^sizes chips: few enough to evaluate them all
    for point in product(*options.values()):
        values = dict(zip(options, point, strict=True))
        if PER_BYTE in values:  # the ports are those of the whole chip
            before = candidate.values[PER_BYTE] * candidate.values["sram"]
            # bandwidth per byte has no steps of its own, and the SRAM below it is rounded too
            totals = _around(before, _step("sram_bandwidth", rules))
            tried += [{**values, PER_BYTE: total / values["sram"]} for total in totals]
        else:
            tried.append(values)
    return [
        Candidate(
            label=candidate.label,
            kind=candidate.kind,
            branch=candidate.branch,
            values=values,
            trial=candidate.trial,
        )
        for values in tried
    ]


def _options(name: str, candidate: Candidate, rules: BuildableSpec) -> list[float]:
    value = candidate.values[name]
    # per byte it is rounded above, together with the SRAM; a node or a generation has no size
    if name == PER_BYTE or not hasattr(rules, name):
        return [value]
    return _around(value, _step(name, rules))


def _step(name: str, rules: BuildableSpec) -> float:
    return float(getattr(rules, name).value)


def _around(value: float, step: float) -> list[float]:
    """The multiples of `step` below and above, at least one step; one of them where `value` is one."""
    at = value / step
    if abs(at - round(at)) < 1e-9 * max(1.0, at):
        # a multiple that floating point misses would get the step below or above it as well
        return [max(1, round(at)) * step]
    return sorted({max(1, floor(at)) * step, max(1, ceil(at)) * step})


def steps_between(before: Candidate, after: Candidate, rules: BuildableSpec) -> list[Step]:
    """How each size was rounded, with its step and the reason for the step."""
    found = []
    for name, old in before.values.items():
        new, rule = after.values[name], name
        if name == PER_BYTE:
            # reported for the whole chip, since its ports are what was rounded
            rule, old, new = "sram_bandwidth", old * before.values["sram"], new * after.values["sram"]
        leaf = getattr(rules, rule, None)
        if leaf is not None:
            unit = unit_of_leaf(leaf)
            found.append(
                Step(
                    parameter=rule,
                    unit=unit,
                    before=old,
                    after=new,
                    step=float(leaf.value),
                    reason=leaf.note or "",
                )
            )
    return found
