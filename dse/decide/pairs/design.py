"""One system of two pools of a study: the chip and the layout of each, from a row of a front to a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.chips.anchors import Anchor
from dse.chips.branch import chip_kind
from dse.chips.interval import shares_experts
from dse.choose.pools import PoolChoice, best_system
from dse.choose.rule import Limits, cost_of, merged, violations
from dse.choose.solve import Question
from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.scenario.evaluation import stack_of, trust_of
from dse.errors import nearest, spec_error
from dse.evaluate.batch import axis_of
from dse.evaluate.estimate_result import LABELS
from dse.evaluate.pools.pairs import best_of_pair
from dse.evaluate.pools.result import SystemEstimate
from dse.evaluate.pools.study_layouts import fine_layouts, grid_of_pool
from dse.evaluate.pools.system import system_of
from dse.evaluate.pools.trust import PoolTrust, Trusted
from dse.front.files import Front
from dse.front.tables import Row, plain_rows, stack
from dse.question.chip_names import branch_of, pair_name
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.question.unanchored import unanchored_in
from dse.spec.yaml.units import pretty
from dse.text import is_count
from objectives import api

SIZES = ("batch", "tp", "cp", "pp", "ep", "dp")


@dataclass(frozen=True, kw_only=True)
class PoolDesign:
    """The chip of a pool, and its layout."""

    candidate: Candidate
    sizes: Mapping[str, int]
    """By the names of `SIZES`."""


Pair = Mapping[str, PoolDesign]
"""Role to what its pool is."""


def pair_of_row(study: PooledStudy, row: Row) -> Pair:
    """The pair of a row of a front."""
    return {role: _pool_of_row(study, role, row) for role in study.pools}


def _pool_of_row(study: PooledStudy, role: str, row: Row) -> PoolDesign:
    own, name = study.pools[role], str(row[f"{role}.chip"])
    # CP is left out of tables where all of it is 1
    sizes = {size: int(row.get(f"{role}.{size}", 1)) for size in SIZES}
    if name in own.baselines:
        return PoolDesign(candidate=Candidate(label=name, kind=chip_kind(own.baselines[name])), sizes=sizes)
    branch = own.branches[branch_of(name)]
    values = {p: float(row[f"{role}.param_{p}"]) for p in branch.spec.parameters}
    # of a run the trial, of a sweep the number of the chip: both end its name
    trial = int(name.rpartition("-")[2])
    found = Candidate(label=name, kind=branch.kind, branch=branch.name, values=values, trial=trial)
    return PoolDesign(candidate=found, sizes=sizes)


def name_of(pair: Pair) -> str:
    """Its chips, as tables name them."""
    return pair_name([pool.candidate.label for pool in pair.values()])


def family_of(pair: Pair) -> str:
    """Branches of its searched chips, and names of those of the catalog."""
    return pair_name([pool.candidate.branch or pool.candidate.label for pool in pair.values()])


def designs_of(study: PooledStudy, pairs: Sequence[Pair]) -> api.Designs:
    """Some pairs as a batch of shape (n,)."""
    pools = []
    for role, own in study.pools.items():
        members = [pair[role] for pair in pairs]
        layouts = {size: np.asarray([float(m.sizes[size]) for m in members]) for size in SIZES}
        chips = chips_of_candidates(own, [m.candidate for m in members])
        pools.append(api.Pool(role=role, chips=chips, deployments=api.Deployments(**layouts)))
    return api.Designs(pools=tuple(pools), link=study.link.columns())


def goals_of(study: PooledStudy, pairs: Sequence[Pair]) -> Floats:
    """The goal of some pairs, (n,); whatever they violate."""
    metrics = study.first.cost_model.evaluate(designs_of(study, pairs), study.context)
    return np.broadcast_to(np.asarray(study.first.goal.value(metrics, study.context)), (len(pairs),))


def costs_of(study: PooledStudy, pairs: Sequence[Pair]) -> Floats:
    """The same with the sign with which less is better."""
    return np.asarray(cost_of(study.first.goal, goals_of(study, pairs)))


def violations_of(study: PooledStudy, pairs: Sequence[Pair], limits: Limits) -> dict[str, Floats]:
    """What some pairs violate, each (n,)."""
    metrics = study.first.cost_model.evaluate(designs_of(study, pairs), study.context)
    over = violations(metrics, study.context, limits)
    return {name: np.broadcast_to(np.asarray(v), (len(pairs),)) for name, v in over.items()}


def estimate_of(study: PooledStudy, pair: Pair, limits: Limits) -> SystemEstimate:
    """A pair with its ledgers."""
    one = designs_of(study, [pair])
    return system_of(
        [_trusted(own, role, pair[role].candidate, one) for role, own in study.pools.items()],
        one,
        study.context,
        study.first.cost_model,
        limits,
        llm=study.spec.llm,
        workload=study.spec.workload,
        precision=study.spec.precision.model_dump(),
        price_method=study.spec.price.method,
        link=study.link,
    )


def _trusted(own: ResolvedStudy, role: str, candidate: Candidate, one: api.Designs) -> Trusted:
    """A pool with what its numbers rest on; rows that anchor it are those of its page."""
    stack, llm = stack_of(own, candidate), own.context.llm
    joined = shares_experts(llm, one.pool(role).deployments)
    reason = unanchored_in(own).get(candidate.branch or candidate.label)
    trust = PoolTrust(
        label=LABELS[stack.estimate],
        interval=trust_of(own, candidate, (llm,), joined=joined),
        anchor=Anchor(anchored=reason is None, reason=reason or ""),
    )
    return Trusted(role=role, chip=candidate.label, stack=stack.name, trust=trust)


def with_best_layouts(
    study: PooledStudy, chips: Mapping[str, Candidate], limits: Limits, *, fine: bool = True
) -> Pair | None:
    """Chips in their best layouts that the study allows, see `best_layouts`; None where none is feasible."""
    made = {role: chips_of_candidates(own, [chips[role]]) for role, own in study.pools.items()}
    found = best_layouts(study, made, limits, fine=fine)
    if found is None:
        return None
    return {role: PoolDesign(candidate=chips[role], sizes=sizes_of(found.pool(role))) for role in study.pools}


def best_layouts(
    study: PooledStudy, chips: Mapping[str, api.Chips], limits: Limits, *, fine: bool = True
) -> api.Designs | None:
    """The best layouts of the chips of all pools, each a batch of one; None where none is feasible.

    Without `fine` those of the coarse grid, which takes a tenth of the time.
    Of pools that prefill and decode all pairs of layouts are compared; of others they are found by descent.
    """
    first = study.first
    question = Question(
        cost_model=first.cost_model,
        context=study.context,
        goal=first.goal,
        tolerance=study.spec.tolerance,
    )
    choices = tuple(_choice(study, role, chips[role], fine=fine) for role in study.pools)
    link = study.link.columns()
    if exactly(study):
        return best_of_pair(question, choices, link, limits)
    found, _ = best_system(question, choices, link, limits)
    metrics = first.cost_model.evaluate(found, study.context)
    over = violations(metrics, study.context, limits)
    return found if all(np.asarray(v).reshape(-1)[0] <= 0.0 for v in over.values()) else None


def _choice(study: PooledStudy, role: str, chips: api.Chips, *, fine: bool) -> PoolChoice:
    """A pool in every layout of the study."""
    own = study.pools[role]
    layouts, any_batch = fine_layouts(role, own) if fine else (grid_of_pool(role, own).reshape(-1), False)
    return PoolChoice(role=role, chips=chips, layouts=layouts, any_batch=any_batch)


def exactly(study: PooledStudy) -> bool:
    """Whether best layouts are the best of all pairs, and not found by descent."""
    return "prefill" in study.pools


def layouts_of(study: PooledStudy, role: str) -> api.Deployments:
    """Every layout of a pool that the study allows, shape (n,), but for batches between the steps."""
    return fine_layouts(role, study.pools[role])[0]


def sizes_of(pool: api.Pool) -> dict[str, int]:
    """The layout of a pool, a batch of one."""
    return {name: int(np.asarray(a).reshape(-1)[0]) for name, a in pool.deployments.columns().items()}


def found_pair(
    study: PooledStudy, front: Front, trial: str, limits: Mapping[str, float]
) -> tuple[Pair, Limits]:
    """The pair that `trial` names, `row:N` or chips such as `r200 | lp30`, and the limits that apply to it.

    Of several rows of the same chips the best that meets `limits`; without these the tightest target to
    report at that their fastest one meets. Raises `SpecError`.
    """
    rows = _rows(front, trial)
    swept, goal = study.first.swept, axis_of(study.first.goal)
    if not limits and swept is not None:
        column = axis_of(swept).column
        fastest = min(float(row[column]) for row in rows)
        limits = {swept.name: min((t for t in study.spec.report_at if t >= fastest), default=fastest)}
    own = tuple((study.first.bounded(name), value) for name, value in limits.items())
    met = rows_within(rows, own)
    if not met:
        wanted = ", ".join(f"{o.label} {pretty(limit, o.unit)}" for o, limit in own)
        raise spec_error("TRIAL", f"expected a pair that meets {wanted}, got {trial!r}, none of which does")
    sign = -1.0 if goal.maximised else 1.0
    best = min(met, key=lambda row: sign * float(row[goal.column]))
    return pair_of_row(study, best), merged(study.limits, own)


def rows_of(front: Front) -> Sequence[Row]:
    """Pairs of the front, and behind them those that were solved again at its targets."""
    found: Sequence[Row] = plain_rows(stack([front.frame, front.at_targets]))
    return found


def rows_within(rows: Sequence[Row], limits: Limits) -> list[Row]:
    """Rows that meet every limit; an objective without a column is unknown here, so that it excludes none."""
    known = [(axis_of(goal).column, limit) for goal, limit in limits]
    return [row for row in rows if all(c not in row or float(row[c]) <= limit for c, limit in known)]


def _rows(front: Front, trial: str) -> Sequence[Row]:
    """Rows of the front that `trial` names; raises `SpecError` where none does."""
    every = rows_of(front)
    if trial.startswith("row:"):
        number, count = trial.removeprefix("row:"), len(front.frame)
        if not is_count(number) or not 1 <= int(number) <= count:
            raise spec_error("TRIAL", f"expected a row from row:1 to row:{count}, got {trial!r}")
        return [every[int(number) - 1]]
    found = [row for row in every if trial in (str(row.get("trial", "")), row["chip"])]
    if not found:
        names = dict.fromkeys(str(row["chip"]) for row in every)
        what = f"expected row:N, a trial or the chips of a pair of the front, got {trial!r}"
        raise spec_error("TRIAL", f"{what}; {nearest(trial, names)}")
    return found
