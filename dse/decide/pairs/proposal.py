"""The pair of chips to build for a target: picked from a front, rounded together, compared with others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np

from dse.choose.rule import Limits, merged
from dse.choose.solve import Question
from dse.decide.pairs.design import (
    Pair,
    PoolDesign,
    best_layouts,
    costs_of,
    estimate_of,
    exactly,
    goals_of,
    layouts_of,
    name_of,
    pair_of_row,
    rows_of,
    rows_within,
    sizes_of,
    violations_of,
    with_best_layouts,
)
from dse.decide.pairs.sampled import Contender, SampledPairs, sampled_pairs
from dse.decide.propose.candidates import Candidate, chips_of_candidates, parameter_values
from dse.decide.propose.chip_file import chip_of, made_of
from dse.decide.propose.proposal import STEPS, name_at
from dse.decide.propose.rounding import Step, roundings, steps_between
from dse.decide.propose.validity import at_space_boundary, beyond_known_silicon, outside
from dse.errors import InfeasibleError
from dse.evaluate.batch import axis_of
from dse.evaluate.pools.fronts import rows_of_decode, rows_of_prefill
from dse.evaluate.pools.pairs import best_pair
from dse.evaluate.pools.result import SystemEstimate
from dse.front.files import Front
from dse.front.tables import Row
from dse.question.chip_names import branch_of
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.spec.schema.buildable import BuildableSpec
from dse.spec.schema.chip import ChipSpec
from dse.spec.yaml.units import pretty
from objectives import api

RIVALS = 6
"""Pairs of the front that are compared, at most."""
STEADY = 16
"""Pairs of the front, the best ones, that the steadiest is picked from."""


@dataclass(frozen=True, kw_only=True)
class ProposedChip:
    """The chip of one pool."""

    role: str
    picked: Candidate
    """As the front has it."""
    made: Candidate
    """In sizes that can be built; the same for a chip of the catalog."""
    chip: ChipSpec | None
    """Its file; None for a chip of the catalog, which has one."""
    price_usd: float
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    parts: Mapping[str, Mapping[str, float]]
    """Parts of its die, power and unit cost; empty for a chip of the catalog."""


@dataclass(frozen=True, kw_only=True)
class PairRival:
    """Another pair at the same target."""

    name: str
    what: str
    """`front`, or the role whose chip is in both pools."""
    cost: float | None
    """Its goal in its best layouts; None where none is feasible."""
    tpot_s: float | None


@dataclass(frozen=True, kw_only=True)
class PairProposal:
    """A pair, with everything that its sheet says."""

    study: PooledStudy
    pair: Pair
    chips: tuple[ProposedChip, ...]
    estimate: SystemEstimate
    goal: str
    goal_label: str
    limits: Mapping[str, float]
    before: float
    """The goal before rounding."""
    cost: float
    """The goal in sizes that can be built."""
    tried: int
    """Pairs of roundings."""
    exact: bool
    """Whether all pairs of layouts of all roundings were compared."""
    rivals: tuple[PairRival, ...]
    odds: SampledPairs | None = None
    """The pair and its rivals under samples of all uncertain numbers, the pair first; None without."""
    robust: bool = False
    """Whether the pair was picked by its median over the samples."""

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "study": self.study.slug,
            "objective": self.goal,
            "targets": dict(self.limits),
            "chips": [
                {
                    "role": c.role,
                    "chip": c.made.label if c.chip is None else c.chip.name,
                    "picked": c.picked.label,
                    "parameters": parameter_values(self.study.pools[c.role], c.made),
                    "price_usd": c.price_usd,
                    "rounding": [asdict(step) for step in c.steps],
                    "warnings": list(c.warnings),
                    "parts": {ledger: dict(parts) for ledger, parts in c.parts.items()},
                }
                for c in self.chips
            ],
            "cost": self.cost,
            "cost_before_rounding": self.before,
            "roundings": self.tried,
            "exact": self.exact,
            "estimate": self.estimate.as_dict(),
            "rivals": [asdict(rival) for rival in self.rivals],
            "robust": self.robust,
            "odds": None if self.odds is None else self.odds.as_dict(),
        }


def propose_pair(
    study: PooledStudy,
    front: Front,
    limits: Mapping[str, float],
    eligible: PairEligibility,
    name: str | None = None,
    *,
    samples: int = 0,
    seed: int = 1,
    robust: bool = False,
) -> PairProposal:
    """Propose the pair of `front` that is best at `limits` [SI, by objective], in buildable sizes.

    With `samples` every uncertain number is drawn so often, once for both pools, and the pair is put to its
    rivals in each sample. With `robust` the pair is the one whose median is best among the `STEADY` pairs of
    the front that are best at the values of the configs.

    Both chips are rounded together: of all pairs of their roundings, each in its best layouts, the best one.
    Raises `InfeasibleError` where no pair with a searched chip may be proposed, with every reason.
    """
    own = tuple((study.first.bounded(n), value) for n, value in limits.items())
    held = merged(study.limits, own)
    rules = study.first.setting.catalog.get(BuildableSpec, STEPS)
    rows = _contenders(study, front, own, eligible)
    picked = _steadiest(study, rows, held, samples, seed) if robust else pair_of_row(study, rows[0])
    ways = {role: _ways(pool.candidate, rules) for role, pool in picked.items()}
    pair = _rounded(study, picked, ways, held)
    if pair is None:
        raise InfeasibleError(
            [f"{name_of(picked)} in buildable sizes meets no target: no rounding of both chips is feasible"]
        )
    over = {n: float(v[0]) for n, v in violations_of(study, [pair], held).items()}
    reasons = [
        reason
        for role, pool in pair.items()
        if pool.candidate.branch is not None
        for reason in outside(study.pools[role], pool.candidate, over)
    ]
    if reasons:
        raise InfeasibleError(
            [f"{name_of(picked)} in buildable sizes cannot be proposed: {r}" for r in reasons]
        )
    stem = name or name_at(study.slug, own)
    words = {o.name: pretty(v, o.unit) for o, v in own}
    chips = tuple(
        _chip(study, role, picked[role].candidate, pair[role].candidate, f"{stem}-{role}", words, rules)
        for role in study.pools
    )
    rivals = list(_rivals(study, rows, pair, picked, held))
    put = [Contender.of(pair, "the pair proposed"), *(c for _, c in rivals if c is not None)]
    named = {c.role: c.made.label if c.chip is None else c.chip.name for c in chips}
    return PairProposal(
        study=study,
        pair=pair,
        chips=chips,
        estimate=_under_names(estimate_of(study, pair, held), named),
        goal=study.first.goal.name,
        goal_label=study.first.goal.label,
        limits=dict(limits),
        before=float(goals_of(study, [picked])[0]),
        cost=float(goals_of(study, [pair])[0]),
        tried=int(np.prod([len(w) for w in ways.values()])),
        exact=exactly(study),
        rivals=tuple(rival for rival, _ in rivals),
        odds=sampled_pairs(study, put, held, samples, seed) if samples else None,
        robust=robust,
    )


def _steadiest(study: PooledStudy, rows: Sequence[Row], held: Limits, samples: int, seed: int) -> Pair:
    """The pair with a searched chip whose median over all samples is best."""
    by_chips = {str(row["chip"]): row for row in reversed(rows) if _searched(study, row)}
    best = [row for row in rows if by_chips.get(str(row["chip"])) is row][:STEADY]
    pairs = [pair_of_row(study, row) for row in best]
    found = sampled_pairs(study, [Contender.of(pair) for pair in pairs], held, samples, seed)
    return pairs[found.steadiest]


def _contenders(study: PooledStudy, front: Front, limits: Limits, eligible: PairEligibility) -> list[Row]:
    """Pairs that meet the limits and may win, the best first; the first has a chip of a space."""
    rows = rows_of(front)
    if not any(_searched(study, row) for row in rows):
        raise InfeasibleError([f"the front of {study.slug} has no chip of a search space to propose"])
    met = rows_within(rows, limits)
    if not met:
        wanted = ", ".join(f"{o.label} {pretty(limit, o.unit)}" for o, limit in limits)
        raise InfeasibleError([f"no pair on the front of {study.slug} meets {wanted}"])
    standings = [eligible.standing([str(row[f"{role}.chip"]) for role in study.pools]) for row in met]
    able = [s for s, row in zip(standings, met, strict=True) if eligible.may_win(s) and _searched(study, row)]
    if not able:
        why = [f"{n} is unanchored: {text}" for n, text in eligible.unanchored.items()]
        hint = "pairs of searched chips meet the target, but none may win; --with-unanchored allows it"
        raise InfeasibleError([hint, *why])
    # prices of one group alone rank against each other: the group that the front ranks first
    groups = [group for group in eligible.groups if group in {prices for prices, _ in able}]
    goal, prices = axis_of(study.first.goal), groups[0]
    sign = -1.0 if goal.maximised else 1.0
    ranked = sorted(
        (row for row, s in zip(met, standings, strict=True) if s[0] == prices and eligible.may_win(s)),
        key=lambda row: sign * float(row[goal.column]),
    )
    best = next(row for row in ranked if _searched(study, row))
    return [best, *(row for row in ranked if row is not best)]


def _searched(study: PooledStudy, row: Row) -> bool:
    """Whether a chip of the pair is of a space."""
    return any(str(row[f"{role}.chip"]) not in own.baselines for role, own in study.pools.items())


def _ways(chip: Candidate, rules: BuildableSpec) -> list[Candidate]:
    """Roundings of a chip of a space; a chip of the catalog is what it is."""
    return [chip] if chip.branch is None else roundings(chip, rules)


def _rounded(
    study: PooledStudy, picked: Pair, ways: Mapping[str, Sequence[Candidate]], held: Limits
) -> Pair | None:
    """The best pair of roundings; in all pairs of layouts, or in those of `picked` and then descended."""
    if exactly(study):
        return _best_of_all(study, ways, held)
    every = [
        {role: PoolDesign(candidate=c, sizes=picked[role].sizes) for role, c in zip(ways, each, strict=True)}
        for each in product(*ways.values())
    ]
    over = violations_of(study, every, held)
    fits = np.all([v <= 0.0 for v in over.values()], axis=0)
    if not fits.any():
        return None
    best = every[int(np.argmin(np.where(fits, costs_of(study, every), np.inf)))]
    again = with_best_layouts(study, {role: pool.candidate for role, pool in best.items()}, held)
    # a descent may end above where it did not start
    tried = [best] if again is None else [best, again]
    return tried[int(np.argmin(costs_of(study, tried)))]


def _best_of_all(study: PooledStudy, ways: Mapping[str, Sequence[Candidate]], held: Limits) -> Pair | None:
    """Of roundings that prefill and that decode, each in all layouts, the best pair."""
    context, link = study.context, study.link.columns()
    pools = {role: _in_all_layouts(study, role, list(ways[role])) for role in study.pools}
    numbers = {role: np.arange(pool.shape[0] * pool.shape[1]) for role, pool in pools.items()}
    first = rows_of_prefill(pools["prefill"], link, context, numbers["prefill"])
    then = rows_of_decode(pools["decode"], link, context, numbers["decode"])
    question = Question(
        cost_model=study.first.cost_model,
        context=context,
        goal=study.first.goal,
        tolerance=study.spec.tolerance,
    )
    found = best_pair(question, first, then, link, held)
    if found is None:
        return None
    out = {}
    for role, point in (("prefill", found.prefill), ("decode", found.decode)):
        layouts = layouts_of(study, role)
        chip, layout = divmod(point, layouts.size)
        one = api.Pool(
            role=role,
            chips=chips_of_candidates(study.pools[role], [ways[role][chip]]),
            deployments=layouts.take(np.asarray([layout])),
        )
        out[role] = PoolDesign(candidate=ways[role][chip], sizes=sizes_of(one))
    return out


def _in_all_layouts(study: PooledStudy, role: str, chips: list[Candidate]) -> api.Pool:
    """Chips in every layout, axes (chips, layouts)."""
    columns = chips_of_candidates(study.pools[role], chips).columns()
    made = api.Chips.of(**{name: np.asarray(a)[:, np.newaxis] for name, a in columns.items()})
    return api.Pool(role=role, chips=made, deployments=layouts_of(study, role).reshape(1, -1))


def _chip(
    study: PooledStudy,
    role: str,
    picked: Candidate,
    made: Candidate,
    name: str,
    targets: Mapping[str, str],
    rules: BuildableSpec,
) -> ProposedChip:
    """The chip of a pool: its file where it was searched, its rounding, its price and what it is made of."""
    own = study.pools[role]
    price = float(chips_of_candidates(own, [made]).cost.price_usd[0])
    if made.branch is None:
        return ProposedChip(
            role=role,
            picked=picked,
            made=made,
            chip=None,
            price_usd=price,
            steps=(),
            warnings=(),
            parts={},
        )
    chip = chip_of(own, made, name, targets)
    return ProposedChip(
        role=role,
        picked=picked,
        made=made,
        chip=chip,
        price_usd=price,
        steps=tuple(steps_between(picked, made, rules)),
        warnings=(
            *beyond_known_silicon(made, rules),
            # as it was before rounding, which moves values off the boundary
            *at_space_boundary(picked, own.branches[made.branch].spec),
        ),
        parts=made_of(chip, own.setting.technology),
    )


def _rivals(
    study: PooledStudy, rows: Sequence[Row], pair: Pair, picked: Pair, held: Limits
) -> Iterator[tuple[PairRival, Contender | None]]:
    """The best pairs of the front by family, and either chip in both pools; for samples too."""
    seen = {_family(study, name_of(picked).split(" | "))}
    goal = axis_of(study.first.goal)
    for row in rows:
        family = _family(study, [str(row[f"{role}.chip"]) for role in study.pools])
        if family in seen or len(seen) > RIVALS:
            continue
        seen.add(family)
        cost, tpot = float(row[goal.column]), float(row["tpot_s"])
        rival = PairRival(name=str(row["chip"]), what="front", cost=cost, tpot_s=tpot)
        yield rival, Contender.of(pair_of_row(study, row))
    for role, own in study.pools.items():
        chips = chips_of_candidates(own, [pair[role].candidate])
        found = best_layouts(study, dict.fromkeys(study.pools, chips), held)
        name = f"the chip of {role} in both pools"
        if found is None:
            yield PairRival(name=name, what=role, cost=None, tpot_s=None), None
            continue
        metrics = study.first.cost_model.evaluate(found, study.context)
        value = np.asarray(study.first.goal.value(metrics, study.context)).reshape(-1)[0]
        tpot_s = np.asarray(metrics.tpot_s).reshape(-1)[0]
        both = {r: replace(design, sizes=sizes_of(found.pool(r))) for r, design in pair.items()}
        rival = PairRival(name=name, what=role, cost=float(value), tpot_s=float(tpot_s))
        yield rival, Contender(name=name, pair=both, homes=dict.fromkeys(pair, role))


def _family(study: PooledStudy, chips: Sequence[str]) -> tuple[str, ...]:
    """Branches of searched chips, and names of those of the catalog."""
    return tuple(
        chip if chip in own.baselines else branch_of(chip)
        for chip, own in zip(chips, study.pools.values(), strict=True)
    )


def _under_names(found: SystemEstimate, names: Mapping[str, str]) -> SystemEstimate:
    pools = tuple(replace(pool, chip=names[pool.role]) for pool in found.pools)
    return replace(found, pools=pools)
