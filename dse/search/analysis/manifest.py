"""What produced a front: digests of all inputs, versions, and the result in numbers."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from optuna.trial import FrozenTrial

import dse
from dse.choose.rule import merged
from dse.front.archive import Archive
from dse.question.resolved_study import ResolvedStudy, digest
from dse.question.substance import substance_digests
from dse.question.unanchored import assumed_in, price_bases_in, unanchored_in
from dse.search.trials.keys import worker_of
from dse.search.trials.trial_entries import KEY
from objectives.api import CONTRACT_VERSION

PACKAGES = ("numpy", "optuna", "moocore", "pandas")


def manifest_of(
    study: ResolvedStudy, archive: Archive, trials: Sequence[FrozenTrial], storage: str
) -> dict[str, object]:
    """The manifest of a run. It holds no time of day, so that the same run writes the same bytes."""
    spec = study.spec
    return {
        **described(study, archive),
        "deployment": spec.deployment.mode,
        "sampler": spec.sampler.model_dump(),
        "seed": spec.seed,
        "trials": len(trials),
        "feasible_trials": sum(_feasible(t) for t in trials),
        "repeatable": repeatable(trials),
        # the kind alone: an address may hold a password
        "storage": "embedded" if storage.startswith("journal:") else storage.partition(":")[0],
    }


def described(study: ResolvedStudy, archive: Archive) -> dict[str, object]:
    """The part of a manifest that every front has: the question, its quality, the inputs."""
    spec = study.spec
    return {
        "study": study.slug,
        "title": spec.title,
        "question": spec.question,
        "llm": spec.llm,
        "workload": spec.workload,
        **({"mix": [part.model_dump() for part in spec.mix]} if spec.mix else {}),
        "precision": spec.precision.model_dump(),
        "cost_model": spec.cost_model,
        "price": spec.price.model_dump(exclude_none=True),
        "reference_point": study.reference_point,
        "hypervolume": archive.hypervolume(study.reference_point),
        "goal": study.goal.name,
        "tolerance": spec.tolerance,
        "held": held_by(study),
        **({} if spec.confidence is None else {"confidence": spec.confidence}),
        "targets": targets_of(study),
        "unanchored": unanchored_in(study),
        "price_bases": price_bases_in(study),
        "assumed": assumed_in(study),
        "problem": digest(study.problem),
        "contract_version": CONTRACT_VERSION,
        "versions": {"dse": dse.__version__, "python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "digests": study.digests(),
        "substance": substance_digests(study),
    }


def repeatable(trials: Sequence[FrozenTrial]) -> str:
    """Whether the same study and seed give the same trials again, from who made these.

    A sampler draws on what it has seen: alone that is always the same, with others it depends on what they
    have stored by then.
    """
    made = {worker_of(t.user_attrs.get(KEY)) for t in trials}
    # None, for trials of another program, counts as one more run
    runs = {worker.run if worker else None for worker in made}
    if len(runs) > 1:
        return f"no: {len(runs)} runs, each of which drew with a seed of its own"
    # only the worker 0 draws with the seed of the study
    if len(made) > 1 or any(worker is None or worker.number > 0 for worker in made):
        return "no: several workers, which learn from each other as they finish"
    return "yes: one worker in one go"


def held_by(study: ResolvedStudy) -> dict[str, float]:
    """Limits that every design must meet, those of its workloads among them, by objective in SI."""
    members = [(t.objective, t.limit) for m in study.members for t in m.targets]
    return {goal.name: limit for goal, limit in merged(study.limits, tuple(members))}


def targets_of(study: ResolvedStudy) -> dict[str, list[float]]:
    """Limits by objective: the fixed ones, and those of the swept objective that the report shows."""
    found = {t.objective.name: [t.limit] for t in study.targets}
    if study.swept is not None:
        found.setdefault(study.swept.name, []).extend(study.spec.report_at)
    return found


def _feasible(trial: FrozenTrial) -> bool:
    return all(v <= 0.0 for v in trial.constraints.values())
