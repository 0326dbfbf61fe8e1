"""A system of pools of a comparison under samples of every uncertain number, its layouts held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.arrays import Floats
from dse.chips.branch import chip_kind
from dse.choose.rule import Limits, violations
from dse.decide.compare.as_study import study_of
from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.uncertainty.quantiles import Flags, limits_of_dies
from dse.decide.uncertainty.sampling import sample_numbers, studies_of
from dse.evaluate.pools.argument import SIZES
from dse.evaluate.pools.estimate import System
from dse.evaluate.pools.result import SystemEstimate
from dse.evaluate.subject import Subject
from dse.question.pools.link import covered_by, pool_link
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.system import NetworkSpec
from objectives import api

Column = tuple[Floats, Flags, Floats]
"""$/(token/s), whether the target is met, and TPOT [s], of shape (samples,) each."""


@dataclass(frozen=True, kw_only=True)
class DrawnPool:
    """The chip of a pool in every sample."""

    role: str
    network: str
    """What joins its chips."""
    candidate: Candidate
    studies: Sequence[ResolvedStudy]
    held: Mapping[str, Floats]
    """How far it exceeds the limits of its die, which samples do not change."""

    def chips(self, sample: int) -> api.Chips:
        """A batch of one."""
        columns = chips_of_candidates(self.studies[sample], [self.candidate]).columns()
        return api.Chips.of(**{**columns, **self.held})


def drawn_system(
    system: System,
    best: Sequence[SystemEstimate | None],
    targets: Sequence[float],
    samples: int,
    seed: int,
    known: dict[tuple[str, ...], DrawnPool],
) -> tuple[Column | None, ...]:
    """The system in its `best` layouts at each TPOT [s]; None where it serves none.

    Every pool draws the numbers that it rests on. Order and strata of a number come from its name, so that
    all pools, and single chips, have the same value of it in a sample. `known` are pools of other systems of
    the comparison that were drawn already; those of this one join them.
    """
    found = [e for e in best if e is not None]
    limits = [system.limits(target) for target, e in zip(targets, best, strict=True) if e is not None]
    layouts = {role: _layouts(found, role) for role in [p.role for p in system.pools]}
    pools = []
    for pool, subject in zip(system.pools, system.subjects, strict=True):
        # in a comparison the rest of a pool is the same in all systems: its load, and what is set
        name = (pool.role, subject.chip.name, subject.stack.name)
        known[name] = known.get(name) or _pool(pool.role, subject, samples, seed)
        pools.append(known[name])
    parts = [_in_sample(system, pools, layouts, limits, i) for i in range(samples)]
    # (samples, targets) each
    value, meets, tpot = (np.stack(columns) for columns in zip(*parts, strict=True))
    at = iter(range(len(found)))
    return tuple(
        None if e is None else (value[:, k], meets[:, k], tpot[:, k])
        for e in best
        for k in [-1 if e is None else next(at)]
    )


def _pool(role: str, subject: Subject, samples: int, seed: int) -> DrawnPool:
    """The chip of a pool with its numbers drawn."""
    study = study_of(subject, subject.catalog)
    one = Candidate(label=subject.chip.name, kind=chip_kind(subject.chip))
    return DrawnPool(
        role=role,
        network=subject.network.name,
        candidate=one,
        studies=studies_of(study, sample_numbers(study, samples, seed), [one]),
        held=limits_of_dies(study, [one]),
    )


def _layouts(found: Sequence[SystemEstimate], role: str) -> api.Deployments:
    """Those of a pool at all targets, shape (targets,)."""
    own = [pool.deployment for e in found for pool in e.pools if pool.role == role]
    return api.Deployments(**{name: np.asarray([float(d[name]) for d in own]) for name in SIZES})


def _in_sample(
    system: System,
    pools: Sequence[DrawnPool],
    layouts: Mapping[str, api.Deployments],
    limits: Sequence[Limits],
    sample: int,
) -> Column:
    """Goal, feasibility and TPOT at all targets in one sample, shape (targets,) each."""
    first, count = system.first, len(limits)
    study = pools[system.subjects.index(first)].studies[sample]
    context = _context(system, study)
    catalog = study.setting.catalog
    networks = [p.studies[sample].setting.catalog.get(NetworkSpec, p.network) for p in pools]
    found = pool_link(system.stated, networks, catalog, study.setting.technology)
    link = covered_by(study.spec.price, found)
    designs = api.Designs(
        pools=tuple(api.Pool(role=p.role, chips=p.chips(sample), deployments=layouts[p.role]) for p in pools),
        link=link.columns(),
    )
    m = first.cost_model.evaluate(designs, context)
    meets = np.ones(count, dtype=np.bool_)
    for k, limit in enumerate(limits):
        for over in violations(m, context, limit).values():
            meets[k] &= bool(np.broadcast_to(np.asarray(over), (count,))[k] <= 0.0)
    goal = np.asarray(first.goal.value(m, context), dtype=float)
    return np.broadcast_to(goal, (count,)), meets, np.broadcast_to(np.asarray(m.tpot_s), (count,))


def _context(system: System, study: ResolvedStudy) -> api.Context:
    """The load of a sample, with the drafts of the system where a pool drafts."""
    stated, before = system.context.workload.speculation, system.first.context.workload.speculation
    now = study.context.workload.speculation
    if stated is None or stated.llm is None:
        return study.context
    # what the user has set is no number of the workload, so that it is not drawn
    own = now is not None and before is not None and stated.acceptance == before.acceptance
    drafts = replace(stated, acceptance=now.acceptance) if own and now is not None else stated
    return replace(study.context, workload=replace(study.context.workload, speculation=drafts))
