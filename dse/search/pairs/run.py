"""A search over the chips of both pools: Optuna chooses chips, their layouts are solved exactly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from time import monotonic

import numpy as np
import optuna
from optuna.trial import TrialState

from dse.arrays import Floats
from dse.backends.blocks import keep_memory
from dse.choose.rule import Judged, Limits, judged, merged, smallest_and_best, violations
from dse.choose.solve import Question
from dse.errors import spec_error
from dse.evaluate.pools.fronts import (
    Numbers,
    Rows,
    Trade,
    best_of_each,
    rows_of_decode,
    rows_of_prefill,
    useful,
)
from dse.evaluate.pools.pairs import best_pair
from dse.front.files import Front, write_front
from dse.question.pools.eligibility import PairEligibility, Standing
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import digest
from dse.search.analysis.folders import check_own, move_to_backup, results_folder
from dse.search.pairs.at_targets import solved_at_targets
from dse.search.pairs.crossed import Crossed, crossed, front_of_crossed
from dse.search.pairs.driver import check_objectives
from dse.search.pairs.result import Fronts, eligibility_of
from dse.search.pairs.solve import PairQuestion, paired_front
from dse.search.pairs.trial import OneChip, first_params, suggest_chips, suggest_limit
from dse.search.samplers.optuna_samplers import checked_sampler
from dse.search.storage.by_url import default_url, open_storage, storage_errors
from dse.search.storage.journal import release
from dse.search.storage.locks import locked_folder
from dse.search.sweep.local_front import Local
from objectives import api
from objectives.systems.shares import DecodeShare, PrefillShare

PROBLEM = "dse:pools"
"""User attribute of a stored study: digest of what decides its systems."""
USUAL = "tpe"
"""Sampler in the place of the usual one, which knows single chips only."""

Progress = Callable[[int, int], None]
"""Called with the trials that are finished and those of the budget."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairsRun:
    """What a run leaves."""

    study: PooledStudy
    front: Front
    out: Path
    trials: int
    new_trials: int
    wanted: int
    sampler: str
    interrupted: bool


@dataclass(eq=False)
class Known:
    """The fronts of all pairs of all trials."""

    eligible: PairEligibility
    fronts: dict[Standing, Local] = field(default_factory=dict)
    """By what pairs rank among."""
    pairs: list[tuple[int, int, int]] = field(default_factory=list)
    """Trial, and the layouts of both pools, of the pairs that were on the front once, by their number."""
    chips: dict[int, dict[str, OneChip]] = field(default_factory=dict)

    def front(self, study: PooledStudy, chips: Mapping[str, OneChip]) -> Local:
        """What the pairs of some chips are compared with."""
        return self.fronts.get(self._standing(chips), Local.empty(len(study.first.objectives)))

    def merge(self, study: PooledStudy, chips: Mapping[str, OneChip], costs: Floats, points: Numbers) -> None:
        """Add pairs of some chips."""
        self.fronts[self._standing(chips)] = self.front(study, chips).merged(costs, points)

    def _standing(self, chips: Mapping[str, OneChip]) -> Standing:
        return self.eligible.standing([chip.name for chip in chips.values()])


def run_pairs(
    study: PooledStudy,
    *,
    trials: int | None = None,
    timeout: float | None = None,
    sampler: str | None = None,
    seed: int | None = None,
    fresh: bool = False,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> PairsRun:
    """Run or resume a study of pools and write its front.

    A trial is a chip for each pool and, in the mode `solve`, a latency target; all its layouts are paired,
    and what no other pair beats is on the front. Every finished trial is stored in the results folder at
    once. After `timeout` [s], else that of the budget, no further trial begins.
    """
    check_objectives(study)
    study, name = with_sampler(study, sampler, seed)
    wanted = study.spec.budget.trials if trials is None else trials
    seconds = study.spec.budget.timeout if timeout is None else timeout
    until = np.inf if seconds is None else monotonic() + seconds
    folder = results_folder(study.first, out)
    keep_memory()
    url = default_url(folder)
    with storage_errors(url), locked_folder(folder):
        if fresh:
            move_to_backup(folder)
        check_own(folder, study.first)
        # we hold the folder, so a lock on its journal belongs to a dead run
        release(Path(url.removeprefix("journal:")))
        stored = _opened(study, url, folder)
        known = Known(eligibility_of(study))
        done = [t for t in stored.get_trials(deepcopy=False) if t.state == TrialState.COMPLETE]
        for trial in done:
            pair_trial(study, known, optuna.trial.FixedTrial(dict(trial.params), trial.number), trial.number)
        interrupted, new = False, 0
        try:
            while len(done) + new < wanted and monotonic() < until:
                _make(study, known, stored)
                new += 1
                if progress is not None:
                    progress(len(done) + new, wanted)
        except KeyboardInterrupt:
            interrupted = True
        front = front_of_trials(study, known, len(done) + new)
        write_front(folder, front)
    return PairsRun(
        study=study,
        front=front,
        out=folder,
        trials=len(done) + new,
        new_trials=new,
        wanted=wanted,
        sampler=name,
        interrupted=interrupted,
    )


def front_of_trials(study: PooledStudy, known: Known, trials: int) -> Front:
    """The front of all pairs of so many trials, with what is solved again at targets and its manifest.

    `study` has the sampler that makes the trials.
    """
    facts = {
        "deployment": "solve",
        "sampler": study.spec.sampler.model_dump(),
        "seed": study.spec.seed,
        "trials": trials,
        "storage": "embedded",
    }
    front = _fronts(study, known).stored(study, facts)
    return replace(front, at_targets=solved_at_targets(study, front.frame, known.eligible))


def takes_the_place_of_pareto(study: PooledStudy, sampler: str | None) -> bool:
    """Whether `USUAL` samples in the place of the sampler of the study, which knows single chips only."""
    return sampler is None and study.spec.sampler.name == "pareto" and not study.spec.sampler.options


def with_sampler(
    study: PooledStudy, sampler: str | None = None, seed: int | None = None
) -> tuple[PooledStudy, str]:
    """The study with the sampler and the seed of a command, and the name of the sampler that is used."""
    chosen = (
        study.spec.sampler if sampler is None else study.spec.sampler.model_copy(update={"name": sampler})
    )
    if chosen.name == "pareto":
        if sampler is not None or chosen.options:
            raise spec_error(
                "sampler", f"expected one such as {USUAL} for pools, got pareto, for single chips"
            )
        chosen = chosen.model_copy(update={"name": USUAL})
    changes = {"sampler": chosen, "seed": study.spec.seed if seed is None else seed}
    spec = study.spec.model_copy(update=changes)
    pools = {r: replace(p, spec=p.spec.model_copy(update=changes)) for r, p in study.pools.items()}
    return replace(study, spec=spec, pools=pools), chosen.name


def _opened(study: PooledStudy, url: str, folder: Path) -> optuna.Study:
    """The stored study, or a new one; raises `SpecError` where it is of another question."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(url)
    found = optuna.create_study(
        storage=storage,
        study_name=study.slug,
        directions=[g.direction for g in study.first.objectives],
        load_if_exists=True,
    )
    problem = digest(study.problem)
    begun = len(found.get_trials(deepcopy=False))
    if found.user_attrs.get(PROBLEM, problem) != problem or (begun and PROBLEM not in found.user_attrs):
        what = "holds trials of another question; start over with --fresh, or give another --out"
        raise spec_error(str(folder), what)
    # a resumed search must not repeat its draws
    found.sampler = checked_sampler(study.first, (study.spec.seed + begun) % 2**32)
    if not begun:
        found.set_user_attr(PROBLEM, problem)
        for params in first_params(study):
            found.enqueue_trial(params)
    return found


def _make(study: PooledStudy, known: Known, stored: optuna.Study) -> None:
    """One trial: asked for, evaluated, told."""
    trial = stored.ask()
    try:
        m = pair_trial(study, known, trial, trial.number)
    except KeyboardInterrupt:
        stored.tell(trial, state=TrialState.FAIL)
        raise
    for name, value in m.over.items():
        trial.set_constraint(name, value)
    stored.tell(trial, m.values)


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What a sampler learns of a trial."""

    values: list[float]
    over: dict[str, float]
    """Violations; feasible where all are <= 0."""


def pair_trial(study: PooledStudy, known: Known, trial: optuna.trial.BaseTrial, number: int) -> _Told:
    """Pair all layouts of the chips of a trial; what is on the front of all trials is kept."""
    chips = suggest_chips(study, trial)
    limit = suggest_limit(study, trial)
    link, context = study.link.columns(), study.context
    if "prefill" not in chips:
        return _cross(study, known, chips, limit, number)
    pools = {role: chip.pool for role, chip in chips.items()}
    count = {role: np.arange(pool.deployments.size, dtype=np.int64) for role, pool in pools.items()}
    first = rows_of_prefill(pools["prefill"], link, context, count["prefill"])
    then = rows_of_decode(pools["decode"], link, context, count["decode"])
    swept = study.first.swept
    own = () if swept is None or not np.isfinite(limit) else ((swept, limit),)
    limits = merged(study.limits, own)
    if first.size and then.size:
        _keep(study, known, chips, number, first, then)
        question = Question(
            cost_model=study.first.cost_model,
            context=context,
            goal=study.first.goal,
            tolerance=study.spec.tolerance,
        )
        best = best_pair(question, first, then, link, limits)
        if best is not None:
            return _told(study, chips, limits, best.prefill, best.decode)
    # what fits, or else the last layout, which has the most chips
    prefill = first.numbers[-1] if first.size else count["prefill"][-1]
    decode = then.numbers[-1] if then.size else count["decode"][-1]
    return _told(study, chips, limits, int(prefill), int(decode))


def _cross(study: PooledStudy, known: Known, chips: dict[str, OneChip], limit: float, number: int) -> _Told:
    """As `pair_trial` for pools whose pairs are evaluated one by one."""
    first, then = (chip.pool for chip in chips.values())
    context, swept = study.context, study.first.swept
    own = () if swept is None or not np.isfinite(limit) else ((swept, limit),)
    limits = merged(study.limits, own)
    question = PairQuestion(
        context=context, link=study.link.columns(), goals=study.first.objectives, limits=study.limits
    )
    parts: list[tuple[Judged, Crossed]] = []
    count, found = then.shape[0], Local.empty(len(question.goals))
    for part in crossed(question, study.first.cost_model, first, then):
        local = front_of_crossed(question, part, count, known.front(study, chips))
        found = found.merged(local.costs, local.points)
        parts.append((judged(part.metrics, context, study.first.goal, limits, part.shape, 1), part))
    begin = len(known.pairs)
    known.pairs += [(number, *divmod(int(point), count)) for point in found.points]
    known.chips[number] = chips
    known.merge(study, chips, found.costs, np.arange(begin, len(known.pairs), dtype=np.int64))
    every = reduce(Judged.joined, [each for each, _ in parts])
    at, _ = smallest_and_best(every, study.spec.tolerance)
    places = np.concatenate([(p.first[:, np.newaxis] * count + p.then).reshape(-1) for _, p in parts])
    return _told(study, chips, limits, *divmod(int(places[int(at[0])]), count))


def _keep(
    study: PooledStudy,
    known: Known,
    chips: dict[str, OneChip],
    number: int,
    first: Rows[PrefillShare],
    then: Rows[DecodeShare],
) -> None:
    """Offer all pairs of a trial to the front of all trials."""
    goals, link, context = study.first.objectives, study.link.columns(), study.context
    received = np.asarray(then.share.receives_s)
    ends = (float(received.min()), float(received.max()))
    first = useful(first, ends, link, context, Trade.of(goals, study.limits))
    question = PairQuestion(context=context, link=link, goals=goals, limits=study.limits)
    none = np.full((1, len(goals)), np.inf)
    best = best_of_each(first, context)
    found, _, _ = paired_front(question, first, best, then, none, known.front(study, chips))
    decode, place = np.divmod(found.points, first.size)
    begin = len(known.pairs)
    known.pairs += [(number, int(first.numbers[p]), int(d)) for d, p in zip(decode, place, strict=True)]
    known.chips[number] = chips
    points = np.arange(begin, len(known.pairs), dtype=np.int64)
    known.merge(study, chips, found.costs, points)


def _told(study: PooledStudy, chips: dict[str, OneChip], limits: Limits, first: int, then: int) -> _Told:
    """Objectives and violations of one pair, by the cost model."""
    pools = tuple(
        chip.at(np.asarray([point])) for chip, point in zip(chips.values(), (first, then), strict=True)
    )
    designs = api.Designs(pools=pools, link=study.link.columns())
    m = study.first.cost_model.evaluate(designs, study.context)
    over = violations(m, study.context, limits)
    return _Told(
        values=[_one(g.value(m, study.context)) for g in study.first.objectives],
        over={name: _one(v) for name, v in over.items()},
    )


def _one(column: object) -> float:
    return float(np.asarray(column).reshape(-1)[0])


def _fronts(study: PooledStudy, known: Known) -> Fronts:
    """The fronts of all trials, with all that tables say of their pairs."""
    fronts = Fronts.of(study, known.eligible)
    by_trial: dict[int, list[tuple[int, int]]] = {}
    for point in (point for front in known.fronts.values() for point in front.points):
        trial, prefill, decode = known.pairs[int(point)]
        by_trial.setdefault(trial, []).append((prefill, decode))
    for trial, found in sorted(by_trial.items()):
        columns: list[Numbers] = [np.asarray(c, dtype=np.int64) for c in zip(*found, strict=True)]
        pairs = dict(zip(known.chips[trial], columns, strict=True))
        fronts.add(study, known.chips[trial], pairs, trial)
    return fronts
