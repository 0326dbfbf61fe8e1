"""A study of pools with some of its numbers replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dse.decide.pairs.design import Pair
from dse.decide.scenario.scenario_batch import varied
from dse.question.pools.link import pool_link
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Place
from objectives import api


def varied_pools(study: PooledStudy, values: Mapping[Place, float], pairs: Sequence[Pair]) -> PooledStudy:
    """The study with numbers replaced in every pool that has them, in SI, as far as `pairs` need it.

    Raises `SpecError` where no valid study has these numbers.
    """
    pools = {}
    for role, own in study.pools.items():
        here = {place: value for place, value in values.items() if place.config in own.configs}
        pools[role] = varied(own, here, [pair[role].candidate for pair in pairs]) if here else own
    draft = study.context.workload.speculation
    if "verify" in pools and draft is not None:
        pools["verify"] = _drafting(pools["verify"], draft)
    first, stated = next(iter(pools.values())), study.spec.pools
    if stated is None:
        return replace(study, pools=pools)
    # the price of a port is a number of the technology, or of a network of the catalog
    link = pool_link(stated.link, (), first.setting.catalog, first.setting.technology, "")
    return replace(study, pools=pools, link=link)


def _drafting(study: ResolvedStudy, before: api.Speculation) -> ResolvedStudy:
    """The question of the pool that verifies, with its own numbers of drafts and the LLM of before."""
    now = study.context.workload.speculation or before
    work = replace(study.context.workload, speculation=replace(now, llm=before.llm))
    return replace(study, context=replace(study.context, workload=work))
