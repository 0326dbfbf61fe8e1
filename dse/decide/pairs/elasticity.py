"""Which published numbers a pair depends on: elasticities by finite differences, chips and layouts held."""

import numpy as np

from dse.decide.explain.elasticity import LEAST, Elasticity, ends_of, used_facts
from dse.decide.pairs.design import Pair, costs_of
from dse.decide.pairs.varied import varied_pools
from dse.errors import SpecError
from dse.question.pools.study import PooledStudy
from dse.question.variation import Fact, Place


def elasticities(study: PooledStudy, pair: Pair) -> list[Elasticity]:
    """Elasticities of the goal of one pair with respect to published numbers, the largest first."""
    known: dict[Place, Fact] = {}
    for role, own in study.pools.items():
        known |= {fact.place: fact for fact in used_facts(own, pair[role].candidate)}
    found = []
    for fact in known.values():
        low, high = ends_of(fact)
        a, b = (_cost(study, pair, fact.place, value) for value in (low, high))
        if np.isfinite([a, b]).all() and a > 0.0 and b > 0.0 and low > 0.0:
            e = float(np.log(b / a) / np.log(high / low))
            if abs(e) > LEAST:
                found.append(Elasticity(fact=fact, elasticity=e))
    return sorted(found, key=lambda r: -abs(r.elasticity))


def _cost(study: PooledStudy, pair: Pair, place: Place, value: float) -> float:
    """The goal with one number replaced in every pool that has it; NaN where no study can have it."""
    try:
        return float(abs(costs_of(varied_pools(study, {place: value}, [pair]), [pair])[0]))
    except SpecError:
        return float("nan")
