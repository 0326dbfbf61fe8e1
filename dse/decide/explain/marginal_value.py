"""What a little more of each resource is worth: the objective under the best deployment for each chip."""

from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.decide.propose.candidates import Candidate, chips_of_candidates, generation_of
from dse.decide.scenario.best_deployments import DeploymentProblem, best_costs, deployment_problem
from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Place, leaf_at, places_of, vary
from dse.spec.schema.space import NAME, PARAMETERS
from objectives import api

STEP = 0.1
"""Relative step of the differences; deployments are whole, so a smaller one would see only their steps."""

LABELS = {
    "peak_flops": "peak compute",
    "sram": "SRAM capacity",
    "sram_bandwidth_per_byte": "SRAM bandwidth",
    "dram_stacks": "DRAM stacks",
    "link_bandwidth": "link bandwidth",
}


@dataclass(frozen=True, kw_only=True)
class MarginalValue:
    """What one resource is worth."""

    resource: str
    step: float
    """Relative step up and down."""
    elasticity: float | None
    """d ln(objective) / d ln(resource), its cost included, deployment chosen again [1]; None where neither
    neighbour is feasible."""
    more: float | None
    """Relative change of the objective with a step more; None where that is infeasible."""
    less: float | None
    """The same with a step less."""
    price: float
    """Relative change of the chip's price with a step more."""


def marginal_values(
    study: ResolvedStudy, problem: DeploymentProblem, candidate: Candidate
) -> list[MarginalValue]:
    """Marginal values of every resource of the chip and of its price.

    Every chip gets its cheapest deployment of any size: a smaller system within a tolerance would be a step
    as large as what a little more is worth.
    DRAM stacks move by whole stacks; DRAM capacity and bandwidth move alone, as a better generation would,
    capacity with its price per byte held. A dollar of price is worth what the share of the chips in the
    capital says.
    """
    # the limits of the problem hold for a varied study, too
    limits = {o.name: v for o, v in problem.limits}
    base = float(_costs(study, problem, chips_of_candidates(study, [candidate]))[0])
    found = []
    for name, value in candidate.values.items():
        # there is no little more of a node, and no share of what the chip does not have
        if PARAMETERS.get(name) == NAME or value == 0.0:
            continue
        # a count moves by one, whatever share of it that is
        step = 1.0 / value if not PARAMETERS.get(name, "") else STEP
        ends = [candidate.at(name, max(value * (1.0 + s), 0.0)) for s in (-step, step)]
        # rows: the chip itself, a step less, a step more; its price is known even where no chip is usable
        chips = chips_of_candidates(study, [candidate, *ends])
        cost = np.full(2, np.inf)
        # a step down from 1 leaves nothing, and no chip
        usable = [i for i, end in enumerate(ends) if end.values[name] > 0.0]
        if usable:
            part = api.Chips.of(**{k: a[[i + 1 for i in usable]] for k, a in chips.columns().items()})
            cost[usable] = _costs(study, problem, part)
        price = np.asarray(chips.cost.price_usd)
        label = LABELS.get(name, name.replace("_", " "))
        # the price of a step more, against the chip itself
        found.append(_worth(label, step, cost, base, float(price[2] / price[0] - 1.0)))
    for label, path in (("DRAM capacity", "capacity"), ("DRAM bandwidth", "bandwidth")):
        generation = generation_of(study.branches[candidate.branch or ""], candidate)
        if generation is not None:
            place = places_of(study, f"technology.dram.{generation}.{path}")[0]
            found.append(_of_place(study, candidate, label, place, limits, base))
    found.append(_of_price(study, problem, candidate, base))
    return found


def _costs(study: ResolvedStudy, problem: DeploymentProblem, chips: api.Chips) -> Floats:
    return best_costs(study, problem, chips, tolerance=0.0)


def _worth(label: str, step: float, cost: Floats, base: float, price: float) -> MarginalValue:
    """What a resource is worth: the elasticity of the goal, from its `cost` one `step` below and above."""
    less, more = (float(c / base - 1.0) if np.isfinite(c) else None for c in cost)
    ends = [(s, v) for s, v in ((-step, less), (step, more)) if v is not None and 1.0 + s > 0.0]
    # one end is infeasible: a one-sided difference from the chip itself
    points = [(0.0, 0.0), *ends] if len(ends) == 1 else ends
    slope = None
    if len(points) == 2:
        (a, low), (b, high) = points
        # log1p of a relative change is the logarithm of the ratio
        slope = float((np.log1p(high) - np.log1p(low)) / (np.log1p(b) - np.log1p(a)))
    return MarginalValue(resource=label, step=step, elasticity=slope, more=more, less=less, price=price)


def _of_place(
    study: ResolvedStudy,
    candidate: Candidate,
    label: str,
    place: Place,
    limits: dict[str, float],
    base: float,
) -> MarginalValue:
    """Marginal value of one number of the configs, changed by a step down and up."""
    leaf = leaf_at(study, place)
    value = float(leaf.value) if leaf is not None and leaf.value else 0.0
    try:
        # the study is resolved again, so that area, price and power follow from the number
        ends = [vary(study, {place: value * f}) for f in (1.0 - STEP, 1.0 + STEP)]
    # no valid study has that number
    except SpecError:
        return MarginalValue(resource=label, step=STEP, elasticity=None, more=None, less=None, price=0.0)
    chips = [chips_of_candidates(end, [candidate]) for end in ends]
    cost = np.concatenate(
        [_costs(s, deployment_problem(s, limits), c) for s, c in zip(ends, chips, strict=True)]
    )
    here = chips_of_candidates(study, [candidate]).cost.price_usd[0]
    price = float(chips[1].cost.price_usd[0] / here - 1.0)
    return _worth(label, STEP, cost, base, price)


def _of_price(
    study: ResolvedStudy, problem: DeploymentProblem, candidate: Candidate, base: float
) -> MarginalValue:
    """Marginal value of the price of the chip, everything else fixed."""
    chips = chips_of_candidates(study, [candidate])
    ends = api.Chips.of(
        **{
            # two chips that differ in nothing but their price
            name: np.repeat(a, 2) * ([1.0 - STEP, 1.0 + STEP] if name == "price_usd" else 1.0)
            for name, a in chips.columns().items()
        }
    )
    cost = _costs(study, problem, ends)
    # the step of the price is the step itself
    return _worth("price of the chip", STEP, cost, base, STEP)
