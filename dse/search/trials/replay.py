"""From stored trials back to evaluated designs: the front is a function of the storage alone."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from optuna.trial import FrozenTrial

from dse.chips.branch import chip_kind
from dse.chips.formats import computed_columns, with_formats
from dse.chips.resolve import chip_columns, chips_of
from dse.evaluate.batch import DesignBatch, Origin, axes_of, evaluate, grid_of
from dse.front.archive import Archive
from dse.front.tables import Table, stack
from dse.question.chip_names import chip_name
from dse.question.resolved_study import ResolvedStudy
from dse.search.trials.sound import choice_of, sound
from dse.search.trials.suggest import BASELINE, Choice
from objectives import api

BLOCK = 64
"""Chips evaluated in one call on replay; with some thousand deployments each, the arrays stay small."""


def points_of(study: ResolvedStudy, numbers: Sequence[int], choices: Sequence[Choice]) -> DesignBatch:
    """Evaluate the chips of some trials of one branch, each under its deployments, in one call."""
    first = choices[0]
    if first.chip is not None:
        return catalog_points(study, first.chip, numbers, _deployments(study, choices))
    branch = study.branches[first.branch or ""]
    values = {name: np.concatenate([c.values[name] for c in choices]) for name in first.values}
    chips = branch.chips(values)
    origin = Origin(
        trial=np.asarray(numbers),
        chip=[chip_name(branch.name, n) for n in numbers],
        branch=branch.kind,
        role="search",
        parameters=values,
        names=branch.named(values),
        price_usd=np.asarray(chips.cost.price_usd),
    )
    return evaluate(study, chips, _deployments(study, choices), origin)


def catalog_points(
    study: ResolvedStudy, name: str, numbers: Sequence[int], deployments: api.Deployments | None = None
) -> DesignBatch:
    """Evaluate a chip of the catalog under `deployments`, all of the study when left out."""
    spec = with_formats(study.baselines[name], study.setting.technology)
    formats = computed_columns(spec, study.setting.precision)
    chips = chips_of([chip_columns(spec, study.setting)])
    origin = Origin(
        trial=np.asarray(numbers),
        chip=[spec.name],
        branch=chip_kind(spec),
        role="baseline",
        parameters={},
        names={k: np.asarray([v]) for k, v in formats.items()},
        price_usd=np.asarray(chips.cost.price_usd),
    )
    return evaluate(study, chips, grid_of(study) if deployments is None else deployments, origin)


def _deployments(study: ResolvedStudy, choices: Sequence[Choice]) -> api.Deployments:
    if choices[0].deployment is None:
        return grid_of(study, len(choices))
    columns = {
        # one row: each chip has a deployment of its own
        k: np.asarray([[float((c.deployment or {})[k]) for c in choices]])
        for k in ("batch", "tp", "pp", "ep")
    }
    # EP beyond TP needs several replicas that share one set of experts
    return api.Deployments(**columns, dp=np.maximum(columns["ep"] / columns["tp"], 1.0))


def replay(study: ResolvedStudy, trials: Sequence[FrozenTrial]) -> Iterator[DesignBatch]:
    """Evaluate finished trials again, chips of one branch together; damaged ones are left out."""
    groups: dict[str, list[tuple[int, Choice]]] = defaultdict(list)
    for trial in sound(study, trials):
        choice = choice_of(study, trial)
        groups[choice.chip or f"branch {choice.branch}"].append((trial.number, choice))
    for members in groups.values():
        # a chip of the catalog is one chip however often it was tried
        block = 1 if members[0][1].chip is not None else BLOCK
        for start in range(0, len(members), block):
            part = members[start : start + block]
            yield points_of(study, [n for n, _ in part], [c for _, c in part])


def baseline_front(study: ResolvedStudy, trials: Sequence[FrozenTrial]) -> Table:
    """The non-dominated deployments of each baseline chip by itself, one chip below the other.

    Every deployment that the study allows counts, in either mode. The trial is the first one of the chip, -1
    when there is none yet.
    """
    frames = []
    # from the last to the first, so that the first trial of a chip stays
    tried = {t.params.get("chip"): t.number for t in reversed(trials) if t.user_attrs.get(BASELINE)}
    for name in sorted(study.baselines):
        archive = Archive(axes_of(study))
        choice = Choice(branch=None, chip=name, values={}, limit=float("inf"), deployment=None)
        points = points_of(study, [tried.get(name, -1)], [choice])
        archive.add(points.values, points.feasible, points.rows)
        frames.append(archive.frame)
    return stack(frames)
