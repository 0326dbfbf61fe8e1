"""A sampler that screens designs: it evaluates thousands of chips for each few that it proposes.

Optuna calls it as any other sampler. A design costs it well under a microsecond, a trial of any sampler about
a millisecond, so it evaluates a few million designs between trials and proposes the chips whose
deployments add most to what the study has found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from dse.arrays import Floats
from dse.evaluate.batch import DesignBatch, grid_of
from dse.front.axis import Axis
from dse.front.dominance import Mask, hypervolume, nondominated
from dse.question.resolved_study import ResolvedStudy
from dse.search.samplers.optuna_samplers import tpe
from dse.search.samplers.unit_cube import FRESH, UnitCube
from dse.search.storage.optuna_private import FIXED_PARAMS
from dse.search.sweep.block import CHUNK, SweepJob, chunks
from dse.search.sweep.grid import Grid
from dse.search.sweep.local_front import Local, pivots_of, sifted
from dse.search.trials.replay import points_of
from dse.search.trials.sound import choice_of
from dse.search.trials.suggest import BASELINE, layout_parameters, suggest

POINTS = 1 << 20
"""Designs that are evaluated at once."""

SAMPLE = 4096
"""Feasible designs that are remembered to choose pivots by."""

PROPOSALS = 12
"""Chips of a batch that are proposed at most, as long as they add anything."""


@dataclass(eq=False)
class _Chip:
    """A chip that may be proposed, with those of its designs that nothing known dominates."""

    cube: UnitCube
    place: Floats
    costs: Floats
    layouts: np.ndarray[Any, np.dtype[np.int64]]


@dataclass(eq=False)
class _Known:
    """The front of what the study holds, and the chips that it is made of."""

    costs: Floats
    owners: list[tuple[str, Floats] | None] = field(default_factory=list)

    def add(self, costs: Floats, owner: tuple[str, Floats] | None) -> None:
        together = np.concatenate([self.costs, costs])
        keep = nondominated(together, _axes(together.shape[1]))
        owners = [*self.owners, *[owner] * len(costs)]
        self.costs, self.owners = together[keep], [o for o, k in zip(owners, keep, strict=True) if k]

    def parents(self, branch: str) -> list[Floats]:
        # a chip is one parent, however many of its designs are on the front; arrays cannot be hashed
        found = {place.tobytes(): place for o in self.owners if o and o[0] == branch for place in [o[1]]}
        return list(found.values())


class ParetoSampler(BaseSampler):
    """Proposes the chips whose deployments add most to the front, among thousands that it evaluated.

    New chips are drawn anywhere in every branch, or bred from those on the front; what a chip adds is the
    hypervolume between its deployments and the front, on a logarithmic scale where everything is positive, so
    that one per cent counts the same at every price. In the mode `search` it proposes single designs instead.
    Where nothing adds anything it draws at random.
    """

    chooses_branches = True
    """It weighs branches itself, so branches need not take turns."""

    def __init__(
        self, study: ResolvedStudy, seed: int, points: int = POINTS, proposals: int = PROPOSALS
    ) -> None:
        """`study` has a space of chips and no mix; `points` and `proposals` as the constants."""
        self._study, self._points, self._most = study, points, proposals
        self._rng = np.random.default_rng(seed)
        self._random = RandomSampler(seed)
        # sorted, since all branches draw from one stream of random numbers
        self._cubes = {name: UnitCube.of(branch) for name, branch in sorted(study.branches.items())}
        # as for several chips, so that each size of a deployment keeps an axis
        space = Grid(branches=(), deployments=grid_of(study, 2))
        # a job without branches: chips come from the cubes, only its deployments are used
        self._job = SweepJob(study=study, grid=space, pieces=space.pieces(CHUNK), by_chip=frozenset())
        self._known = _Known(np.empty((0, len(study.objectives))))
        self._learned: set[int] = set()
        self._evaluated: dict[int, Floats] = {}
        self._sample = self._known.costs
        self._batch: list[_Chip] = []
        self._left = 0
        self._chosen: dict[str, Any] = {}

    def take_designs(self, number: int, points: DesignBatch) -> None:
        """Take the designs that a trial has just evaluated, so that they are not evaluated again."""
        self._evaluated[number] = _costs(points)

    def reseed_rng(self) -> None:
        """Start another stream of draws, as Optuna needs it in a forked worker."""
        # without a seed: forked workers would draw alike
        self._rng = np.random.default_rng()
        self._random.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Choose the next chip; returns the distributions of its parameters."""
        self._chosen = {}
        fixed = trial.system_attrs.get(FIXED_PARAMS, {})
        # an enqueued chip: its parameters are given, so there is nothing to propose
        if "chip" in fixed or any(name in fixed for name in self._free()):
            return {}
        self._learn(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
        self._chosen = self._proposal(fixed.get("branch"))
        chosen = FixedTrial(self._chosen)
        # a dry run, which collects the distributions that Optuna will be called with
        suggest(self._study, chosen)
        # Optuna itself sets parameters that have a single value
        return {k: d for k, d in chosen.distributions.items() if not d.single()}

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002 - Optuna passes it to every sampler
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """The parameters of the chosen chip."""
        return {name: self._chosen[name] for name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A random draw, for parameters of a trial that were partly given."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _free(self) -> list[str]:
        return [f"{c.branch.name}.{name}" for c in self._cubes.values() for name in c.free]

    def _learn(self, trials: Sequence[FrozenTrial]) -> None:
        """Add the designs of trials that are new, from this worker and from others."""
        for trial in [t for t in trials if t.number not in self._learned]:
            costs, owner = self._evaluated.pop(trial.number, None), None
            # a trial of another worker or of an earlier run
            if costs is None:
                costs = _costs(points_of(self._study, [trial.number], [choice_of(self._study, trial)]))
            if not trial.user_attrs.get(BASELINE):
                branch = str(trial.params["branch"])
                owner = (branch, self._cubes[branch].place(trial.params))
            self._known.add(costs, owner)
            self._learned.add(trial.number)

    def _proposal(self, branch: str | None) -> dict[str, Any]:
        """Trial parameters of the chip that adds most; any chip where none of the batch adds anything."""
        if self._left == 0:
            self._batch, self._left = self._tried(), self._most
        self._left -= 1
        before = self._volume(self._known.costs)
        # counted again for each proposal: what one chip adds, another of the batch adds no more
        gains = [self._gain(c, before) if branch in (None, c.cube.branch.name) else 0.0 for c in self._batch]
        if gains and max(gains) > 0.0:
            return self._parameters(self._batch.pop(int(np.argmax(gains))))
        cube = self._cubes[branch or str(self._rng.choice(list(self._cubes)))]
        layouts = np.asarray([self._rng.integers(self._job.grid.layouts)])
        return self._parameters(_Chip(cube, cube.drawn(1, self._rng)[0], np.empty((0, 1)), layouts))

    def _tried(self) -> list[_Chip]:
        """New chips with designs on the common front of all that is known and tried."""
        # each branch gets one chip at least
        count = max(len(self._cubes), self._points // self._job.grid.layouts)
        candidates: list[tuple[UnitCube, Floats]] = []
        # -1 marks what is known; it sorts first, so a new design that is only equal adds nothing
        found = Local(self._known.costs, np.full(len(self._known.costs), -1))
        pivots = pivots_of(self._known.costs, self._sample)
        shares = self._shares(count)
        for name, cube in self._cubes.items():
            places = self._places(cube, shares[name])
            columns = cube.branch.columns(cube.values(places))
            numbers = np.arange(len(candidates), len(candidates) + len(places))
            candidates += [(cube, place) for place in places]
            for chunk in chunks(self._job, numbers, columns):
                ok = chunk.feasible()
                # a cheap screen first: the exact test is then made of a few of some million designs
                left = sifted(chunk.costs, ok, pivots)
                self._note(chunk.costs, ok)
                found = found.merged(np.stack([c[left] for c in chunk.costs], axis=1), chunk.points[left])
        return _grouped(candidates, found, self._job.grid.layouts)

    def _note(self, costs: Sequence[Floats], ok: Mask) -> None:
        """Keep some feasible designs, by which the next batch's pivots are chosen."""
        # with replacement, so fewer than 64 feasible designs are enough
        some = self._rng.choice(np.flatnonzero(ok), 64) if ok.any() else np.empty(0, dtype=np.int64)
        fresh = np.stack([c[some] for c in costs], axis=1)
        self._sample = np.concatenate([self._sample[-SAMPLE:], fresh])

    def _shares(self, count: int) -> dict[str, int]:
        """Chips to try in each branch: as many for each, and as its share of the front."""
        owned = {name: len(self._known.parents(name)) for name in self._cubes}
        whole, even = sum(owned.values()), 1.0 / len(self._cubes)
        # half of the chips evenly: a branch without a share of the front can still regain one
        weights = {n: even if not whole else (even + owned[n] / whole) / 2.0 for n in self._cubes}
        return {name: max(1, round(count * weight)) for name, weight in weights.items()}

    def _places(self, cube: UnitCube, count: int) -> Floats:
        parents = self._known.parents(cube.branch.name)
        if not parents:
            # steps make equal chips, and each would be evaluated under the whole grid
            return np.unique(cube.drawn(count, self._rng), axis=0)
        fresh = max(1, round(FRESH * count))
        both = [cube.drawn(fresh, self._rng), cube.bred(parents, max(1, count - fresh), self._rng)]
        return np.unique(np.concatenate(both), axis=0)

    def _gain(self, chip: _Chip, before: float) -> float:
        """Hypervolume that a chip, or its best design in the mode `search`, adds to that of the front."""
        if self._study.spec.deployment.mode == "solve":
            return self._volume(np.concatenate([self._known.costs, chip.costs])) - before
        each = [self._volume(np.concatenate([self._known.costs, c[None]])) - before for c in chip.costs]
        best = int(np.argmax(each))
        chip.costs, chip.layouts = chip.costs[[best]], chip.layouts[[best]]
        return each[best]

    def _volume(self, costs: Floats) -> float:
        """Hypervolume of `costs`, on logarithmic axes where all costs are positive."""
        goals = self._study.objectives
        worst = [
            self._study.reference_point[g.name] * (1.0 if g.direction == "minimize" else -1.0) for g in goals
        ]
        corner = np.asarray(worst)
        # goals that are maximised have negative costs: their volume is on the linear scale
        if (corner > 0.0).all() and (costs > 0.0).all():
            costs, corner = np.log(costs), np.log(corner)
        axes = _axes(len(corner))
        return hypervolume(costs, axes, {a.name: float(w) for a, w in zip(axes, corner, strict=True)})

    def _parameters(self, chip: _Chip) -> dict[str, Any]:
        """Trial parameters of a chip, with a target or a layout that leads to its best design."""
        study = self._study
        out: dict[str, Any] = {"branch": chip.cube.branch.name, **chip.cube.parameters(chip.place)}
        # in the mode `search`, `_gain` has left the best design alone
        flat = {k: a[chip.layouts[0]] for k, a in self._job.grid.deployments.reshape(-1).columns().items()}
        if study.spec.deployment.mode == "search":
            return out | layout_parameters(study.lists, {k: int(v) for k, v in flat.items()})
        sweep = study.spec.sweep
        if sweep is not None:
            out[f"{sweep.objective}_target"] = self._target(chip, sweep.objective, (sweep.low, sweep.high))
        return out

    def _target(self, chip: _Chip, name: str, ends: tuple[float, float]) -> float:
        """A latency target that one of the chip's designs on the front just meets."""
        names = [g.name for g in self._study.objectives]
        if name not in names or not len(chip.costs):
            # uniform in the logarithm, as in `suggest`
            return float(np.exp(self._rng.uniform(*np.log(ends))))
        wanted = chip.costs[self._rng.integers(len(chip.costs)), names.index(name)]
        # the design must not miss its own target by rounding
        return float(np.clip(wanted * (1.0 + 1e-9), *ends))


def _costs(points: DesignBatch) -> Floats:
    """Objectives of the feasible designs (n, k), with the sign with which less is better."""
    signs = [1.0 if g.direction == "minimize" else -1.0 for g in points.study.objectives]
    return points.values[points.feasible] * signs


def _grouped(candidates: list[tuple[UnitCube, Floats]], found: Local, layouts: int) -> list[_Chip]:
    """The points of new chips on a front, chip by chip."""
    mine = found.points >= 0
    costs, (chips, numbers) = found.costs[mine], np.divmod(found.points[mine], layouts)
    return [
        _Chip(cube, place, costs[chips == i], numbers[chips == i])
        for i in np.unique(chips).tolist()
        for cube, place in [candidates[i]]
    ]


def _axes(count: int) -> list[Axis]:
    return [Axis(str(i), "", "", "", "minimize") for i in range(count)]


def pareto(
    seed: int, study: ResolvedStudy | None = None, points: int = POINTS, proposals: int = PROPOSALS
) -> BaseSampler:
    """Evaluate a million designs for each dozen chips that are proposed; best where a design is cheap.

    A mix has no single designs to screen, so it is searched by TPE. Without a space of chips there is nothing
    to propose, so what is free is drawn at random.
    """
    if points < 1 or proposals < 1:
        raise ValueError(f"expected points and proposals of at least 1, got {points} and {proposals}")
    if study is not None and study.members:
        return tpe(seed)
    if study is None or not study.branches:
        return RandomSampler(seed)
    return ParetoSampler(study, seed, points, proposals)
