"""Which published numbers a pair depends on: elasticities by finite differences, chips and layouts held."""

from dataclasses import replace

import numpy as np

from dse.decide.explain.elasticity import LEAST, Elasticity, ends_of, used_facts
from dse.decide.pairs.design import Pair, costs_of
from dse.decide.scenario.scenario_batch import varied
from dse.errors import SpecError
from dse.question.pools.link import pool_link
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
        return float(abs(costs_of(_varied(study, pair, place, value), [pair])[0]))
    except SpecError:
        return float("nan")


def _varied(study: PooledStudy, pair: Pair, place: Place, value: float) -> PooledStudy:
    pools = {
        role: varied(own, {place: value}, [pair[role].candidate]) if place.config in own.configs else own
        for role, own in study.pools.items()
    }
    first, stated = next(iter(pools.values())), study.spec.pools
    if stated is None:
        return replace(study, pools=pools)
    # the price of a port is a number of the technology, or of a network of the catalog
    link = pool_link(stated.link, (), first.setting.catalog, first.setting.technology, "")
    return replace(study, pools=pools, link=link)
