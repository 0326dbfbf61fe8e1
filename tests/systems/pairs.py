"""Systems of several pools from plain numbers, and strategies for random ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import factories as make
import numpy as np
from hypothesis import strategies as st

from objectives.api import Chips, Context, Deployments, Designs, Llm, Pool, PoolLink, Speculation
from objectives.arrays import Array
from objectives.costmodels.roofline import RooflineCostModel
from objectives.systems.split import SPLITS

evaluate = RooflineCostModel().evaluate
ENDLESS = 1e30
"""A bandwidth that takes no time."""
LOSSLESS = {**make.IDEAL, "sram_bandwidth": ENDLESS, "scale_out_bandwidth": ENDLESS}
"""Every peak sustained, no fixed time, no latency; activations in a cache and links that take no time."""

Side = tuple[Chips, Deployments]


def link(bandwidth: float = ENDLESS, latency_s: float = 0.0, usd: float = 0.0) -> PoolLink:
    """A link of one row; one that takes no time unless told."""
    return PoolLink(
        bandwidth=np.array([bandwidth]), latency_s=np.array([latency_s]), usd=np.array([float(usd)])
    )


def system(between: PoolLink | None = None, **sides: Side) -> Designs:
    """Pools by role."""
    pools = tuple(Pool(role=role, chips=c, deployments=d) for role, (c, d) in sides.items())
    return Designs(pools=pools, link=link() if between is None else between)


def one_of(column: Array) -> float:
    """The only number of a column."""
    return float(np.asarray(column).reshape(-1)[0])


def mapped(given: Designs, chips: Callable[[Chips], Chips]) -> Designs:
    """The same system with other chips in every pool."""
    return Designs(
        pools=tuple(Pool(role=p.role, chips=chips(p.chips), deployments=p.deployments) for p in given.pools),
        link=given.link,
    )


def linked(given: Designs, **factors: float) -> Designs:
    """The same system with columns of its link multiplied."""
    assert given.link is not None
    own = given.link.columns()
    return Designs(pools=given.pools, link=PoolLink(**{n: a * factors.get(n, 1.0) for n, a in own.items()}))


def under(given: Designs, flag: float = 1.0) -> Designs:
    """The same system of stacks that send KV cache under the prefill, or state that they do not."""
    return mapped(given, lambda chips: chips.replace(kv_under_prefill=np.full(chips.shape or (1,), flag)))


def stacked(parts: Sequence[Designs]) -> Designs:
    """Systems of the same roles, one row after the other."""
    pools = []
    for role in parts[0].roles:
        both = make.stacked([Designs.of(p.pool(role).chips, p.pool(role).deployments) for p in parts])
        pools.append(Pool(role=role, chips=both.chips, deployments=both.deployments))
    links = [p.link.columns() for p in parts if p.link is not None]
    joined = {n: np.concatenate([own[n] for own in links]) for n in links[0]}
    return Designs(pools=tuple(pools), link=PoolLink(**joined))


def serving(context: Context, roles: Sequence[str]) -> Context:
    """The context with the serving mode of a split, and without what it cannot do."""
    mode = "disaggregated" if "prefill" in roles else "decode-only"
    work = replace(context.workload, serving=mode)
    if "ffn" in roles:
        work = replace(work, speculation=None)
    if "verify" in roles:
        draft = work.speculation or Speculation(length=3, acceptance=0.7, cost=0.0)
        work = replace(work, speculation=replace(draft, llm=small(context.llm)))
    return replace(context, workload=work)


def small(llm: Llm) -> Llm:
    """An LLM of a few layers of another one, to draft for it."""
    few = tuple(replace(b, count=max(b.count // 8, 1)) for b in llm.blocks[:1])
    return replace(llm, name=f"{llm.name}-draft", blocks=few)


def splittable(llm: Llm) -> bool:
    """Whether each part has layers."""
    return any(b.attention for b in llm.blocks) and any(b.ffn or b.experts for b in llm.blocks)


@st.composite
def links(draw: st.DrawFn) -> PoolLink:
    """Slow and fast ones, far and near, free and dear."""
    power = draw(st.floats(7.0, 13.0))
    return link(10.0**power, draw(st.floats(0.0, 1e-3)), draw(st.floats(0.0, 1e4)))


@st.composite
def designs(draw: st.DrawFn, roles: Sequence[str]) -> Designs:
    """One system of unlike random chips in unlike layouts."""
    sides = {
        role: (make.chips(draw(make.chip_values())), make.deployments(**draw(make.deployment_values())))
        for role in roles
    }
    return system(draw(links()), **sides)


@st.composite
def cases(draw: st.DrawFn, most: int = 1) -> tuple[list[Designs], Context]:
    """Some systems of one split, and a context that it can serve."""
    roles = draw(st.sampled_from(SPLITS))
    context = draw(make.contexts().filter(lambda c: "ffn" not in roles or splittable(c.llm)))
    pools = "system" if draw(st.booleans()) else "fleet"
    context = replace(context, workload=replace(context.workload, pools=pools))
    parts = draw(st.lists(designs(roles), min_size=most, max_size=most))
    return parts, serving(context, roles)
