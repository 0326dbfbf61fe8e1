"""Which published numbers a result depends on: elasticities by finite differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.decide.propose.candidates import Candidate, generation_of, node_of
from dse.decide.scenario.mix_parts import Layout
from dse.decide.scenario.scenario_batch import costs_of_variants, varied
from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Fact, facts
from dse.spec.catalog.lookup import Source

STEP = 0.01
"""Relative step of the differences; a whole number is moved by 1."""
LEAST = 1e-4
"""Elasticities below this are rounding."""


@dataclass(frozen=True, kw_only=True)
class Elasticity:
    """One number that the result depends on."""

    fact: Fact
    elasticity: float
    """d ln(cost) / d ln(number), everything else held, the deployment too [1]."""


def used_facts(study: ResolvedStudy, candidate: Candidate) -> list[Fact]:
    """Known, non-zero numbers of the configs that the candidate is made of; definitions cannot be wrong."""
    if candidate.branch is None:
        chip = study.baselines[candidate.label]
        own = (chip.name, chip.stack, chip.link.network)
        used = {str(chip.die.process.value), chip.dram.generation if chip.dram else None}
    else:
        branch = study.branches[candidate.branch].spec
        own = (branch.template, branch.stack, branch.network)
        whole = study.branches[candidate.branch]
        used = {node_of(whole, candidate), generation_of(whole, candidate)}
    name, stack, network = own
    # the study or other software may replace the stack that the file names
    driven = study.setting.stack_of(candidate.branch or candidate.label, stack, None)
    parts = {f"chip/{name}", f"stack/{driven.name}", f"network/{study.spec.network or network}"}
    found = []
    for fact in facts(study):
        config, path = fact.place.config, fact.place.path
        section, _, rest = path.partition(".")
        # another chip, stack or network of the study does not change this design
        if config.partition("/")[0] in ("chip", "stack", "network") and config not in parts:
            continue
        # nor does the row of another node or of another kind of DRAM
        if section in ("nodes", "dram") and rest.partition(".")[0] not in used:
            continue
        # a relative step from 0 leads nowhere
        if fact.value != 0.0 and fact.leaf.basis != "definition":
            found.append(fact)
    return found


def elasticities(study: ResolvedStudy, candidate: Candidate, layout: Layout) -> list[Elasticity]:
    """Elasticities of the cost of one design with respect to published numbers, the largest first.

    Latency limits are lifted: an elasticity is about cost, not feasibility.
    """
    known = used_facts(study, candidate)
    ends = [ends_of(f) for f in known]
    # two studies a number, flat: the ends of number i are at 2 i and 2 i + 1
    varied = [_varied(study, candidate, f, v) for f, pair in zip(known, ends, strict=True) for v in pair]
    usable = [s for s in varied if s is not None]
    free = [_without_targets(s) for s in usable]
    # costs have no gaps; a number that no valid study can have gets one in its place
    cost = iter(costs_of_variants(free, [candidate], layout, {})[:, 0])
    values = [next(cost) if s is not None else np.nan for s in varied]
    found = []
    for i, (fact, (low, high)) in enumerate(zip(known, ends, strict=True)):
        a, b = abs(values[2 * i]), abs(values[2 * i + 1])
        if np.isfinite([a, b]).all() and a > 0.0 and b > 0.0 and low > 0.0:
            # central difference on logarithms: its error is of second order in the step
            e = float(np.log(b / a) / np.log(high / low))
            if abs(e) > LEAST:
                found.append(Elasticity(fact=fact, elasticity=e))
    return sorted(found, key=lambda r: -abs(r.elasticity))


def ends_of(fact: Fact) -> tuple[float, float]:
    """The two values of a number between which its difference is taken."""
    v = fact.value
    if fact.counted:
        # one-sided at 1, which has no smaller neighbour
        return max(1.0, v - 1.0), v + 1.0
    return v * (1.0 - STEP), v * (1.0 + STEP)


def _varied(study: ResolvedStudy, candidate: Candidate, fact: Fact, value: float) -> ResolvedStudy | None:
    try:
        return varied(study, {fact.place: value}, [candidate])
    except SpecError:  # no valid study has that number, such as a chip without dies
        return None


def _without_targets(study: ResolvedStudy) -> ResolvedStudy:
    return replace(study, targets=())


def sources_of(rests: Sequence[Elasticity]) -> dict[str, float]:
    """Key of each source to the sum of the absolute elasticities of its numbers, the heaviest first."""
    weight: dict[str, float] = {}
    for r in rests:
        for key in r.fact.leaf.source.split("+"):
            # a value that rests on several sources counts for each of them in full
            weight[key] = weight.get(key, 0.0) + abs(r.elasticity)
    return dict(sorted(weight.items(), key=lambda item: -item[1]))


def rests_on(rests: Sequence[Elasticity], known: Mapping[str, Source]) -> dict[str, object]:
    """The numbers and their sources as plain data for JSON."""
    return {
        "rests_on": [
            {
                "config": r.fact.place.config,
                "path": r.fact.place.path,
                "value": r.fact.value,
                "unit": r.fact.unit,
                "source": r.fact.leaf.source,
                "basis": r.fact.leaf.basis,
                "elasticity": r.elasticity,
            }
            for r in rests
        ],
        "sources": {
            key: {"weight": weight, "title": known[key].title, "url": known[key].url}
            for key, weight in sources_of(rests).items()
            # a number that was set on the command line cites no bibliography
            if key in known
        },
    }
