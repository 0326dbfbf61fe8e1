"""How much of the exact front samplers find, question by question, with and without real chips first.

Run it as a program, as many processes as you have idle cores, each with some of the samplers:

    python tests/bench/samplers.py --rows rows.jsonl [--seeds 5] [--only SAMPLER ...] [--questions NAME ...]
    python tests/bench/samplers_table.py *.jsonl

A run ends after so many trials or so much time of the processor, so that other work on the machine counts
little. A line holds how the hypervolume of one run grew, and the front that it ended with; the exact fronts
come from `--truth`, which writes lines of its own. Runs that the file has already are not repeated.
"""

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import yaml

from dse.arrays import Floats
from dse.evaluate.batch import axes_of
from dse.front.dominance import hypervolume, log_hypervolume
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.samplers.optuna_samplers import chooses_branches, sampler_of
from dse.search.sweep.driver import sweep
from dse.search.sweep.local_front import Local
from dse.search.trials.replay import points_of
from dse.search.trials.suggest import first_trials, suggest
from dse.spec.catalog.config_paths import bundled
from dse.spec.schema.study import SamplerSpec

CHECKPOINTS = (100, 300, 1000)
GROWN = 1e-4
"""Relative growth of a hypervolume that is noted."""

OURS, OPEN = "0001-groq-vs-h100", "0002-what-chip-would-beat-both"
TIGHT = {"usd_per_token_per_second": "30 USD/(token/s)", "tpot": "50 ms"}
"""A reference point near the front: with a far one any front has 99 % of the volume."""

QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "groq-vs-h100, solve": (OURS, {"reference_point": TIGHT}),
    "groq-vs-h100, search": (OURS, {"reference_point": TIGHT, "deployment__mode": "search"}),
    "what-chip-would-beat-both, solve": (OPEN, {}),
    "chat in fp8 with TTFT, solve": (OURS, {
        "workload": "chat", "precision": {"weights": "fp8", "kv": "fp8", "activations": "fp8"},
        "targets": {"ttft": "1 s"}, "objectives": ["usd_per_million_tokens", "tpot"],
        "reference_point": {"usd_per_million_tokens": "1 USD", "tpot": "50 ms"},
    }),
    "Mixtral 8x7B in fp16, search": (OURS, {
        "llm": "mixtral-8x7b", "precision": {"weights": "fp16", "kv": "fp16", "activations": "fp16"},
        "reference_point": TIGHT, "deployment__mode": "search",
        "deployment__tp": [1, 2, 4, 8, 16, 32], "deployment__pp": [1, 2, 4, 8, 16, 32],
    }),
}  # fmt: skip

JUDGED = {"what-chip-would-beat-both, solve": {"usd_per_token_per_second": 20.0, "tpot": 1.2e-3}}
"""Where the volume is taken to another point than that of the question [SI], nearer to its front."""

SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "pareto": ("pareto", {}),
    "tpe": ("tpe", {}),
    "tpe, univariate": ("tpe", {"multivariate": False, "group": False}),
    "nsga2": ("nsga2", {}),
    "qmc": ("qmc", {}),
    "random": ("random", {}),
    "nsga3": ("optuna:NSGAIIISampler", {}),
    "gp": ("optuna:GPSampler", {"deterministic_objective": True}),
}
"""A registered sampler or a class of Optuna's, and its options."""


def question(name: str, folder: Path) -> ResolvedStudy:
    """A bundled study with some keys exchanged."""
    base, changes = QUESTIONS[name]
    data = yaml.safe_load((bundled("studies") / base / "study.yaml").read_text())
    data |= {"name": "asked", "cases": {}}
    for key, value in changes.items():
        *path, last = key.split("__")
        inner = data
        for part in path:
            inner = inner[part]
        inner[last] = value
    path = folder / str(list(QUESTIONS).index(name)) / "study.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data))
    return load_study(str(path))


def volumes(study: ResolvedStudy, costs: Floats, worst: Mapping[str, float]) -> tuple[float, float]:
    """Hypervolume of signed costs (n, k), and that on a logarithmic scale, where a per cent counts alike.

    Both are taken to the point `worst`; every objective is above 0.
    """
    axes = axes_of(study)
    values = costs * np.asarray([-1.0 if a.maximised else 1.0 for a in axes])
    logs = log_hypervolume(values, axes, worst)
    assert logs is not None
    return hypervolume(values, axes, worst), logs


def made(study: ResolvedStudy, sampler: str, seed: int) -> tuple[ResolvedStudy, optuna.samplers.BaseSampler]:
    """The sampler of this name, and the study that it searches."""
    key, options = SAMPLERS[sampler]
    if key.startswith("optuna:"):
        return study, getattr(optuna.samplers, key.removeprefix("optuna:"))(seed=seed, **options)
    chosen = study.spec.model_copy(update={"sampler": SamplerSpec(name=key, options=options)})
    study = replace(study, spec=chosen)
    return study, sampler_of(study, seed)


def search(study: ResolvedStudy, sampler: str, seed: int, *, first: bool, trials: int,
           seconds: float, worst: Mapping[str, float]) -> dict[str, Any]:  # fmt: skip
    """How the hypervolume of one run grew: trials, seconds of the processor, both volumes."""
    study, using = made(study, sampler, seed)
    axes, clock = axes_of(study), time.process_time()
    asked = optuna.create_study(sampler=using, directions=[a.direction for a in axes])
    for params, attrs in first_trials(study) if first else []:
        asked.enqueue_trial(params, attrs)
    signs = np.asarray([-1.0 if a.maximised else 1.0 for a in axes])
    found, branches, left = Local.empty(len(axes)), sorted(study.branches), len(first_trials(study)) * first
    trace: list[tuple[int, float, float, float]] = [(0, 0.0, 0.0, 0.0)]
    done = 0
    while done < trials and time.process_time() - clock < seconds:
        if done >= left and not chooses_branches(using):
            asked.enqueue_trial({"branch": branches[done % len(branches)]})
        trial = asked.ask()
        values, feasible = told(study, asked, trial)
        done += 1
        found = found.merged(values[feasible] * signs, np.flatnonzero(feasible))
        now = (done, round(time.process_time() - clock, 3), *volumes(study, found.costs, worst))
        grown = any(now[i] > trace[-1][i] * (1.0 + GROWN) for i in (2, 3))
        if grown or done in CHECKPOINTS:
            trace.append(now)
    trace.append((done, round(time.process_time() - clock, 3), *volumes(study, found.costs, worst)))
    return {"trace": trace, "front": found.costs.tolist()}


def told(study: ResolvedStudy, asked: optuna.Study, trial: optuna.Trial) -> tuple[Floats, Any]:
    """Evaluate a trial, tell its best design, and return the values of all of them and which are feasible."""
    choice = suggest(study, trial)
    points = points_of(study, [trial.number], [choice])
    best = points.best(choice.limit)
    for constraint, value in points.violations.items():
        trial.set_constraint(constraint, float(value[best]))
    if np.isfinite(choice.limit) and study.swept is not None:
        trial.set_constraint("target", float(points.swept_violation(choice.limit)[best]))
    asked.tell(trial, [float(v) for v in points.values[best]])
    return points.values, points.feasible


def truth(study: ResolvedStudy, folder: Path, worst: Mapping[str, float]) -> dict[str, Any]:
    """The exact front and its hypervolumes."""
    begin = time.process_time()
    result = sweep(study, out=folder / f"{study.path.parent.name}-exact", prune=True)
    assert result.front is not None
    axes = result.front.axes
    costs = result.front.frame[[a.column for a in axes]].to_numpy()
    costs = costs * np.asarray([-1.0 if a.maximised else 1.0 for a in axes])
    return {
        "truth": volumes(study, costs, worst), "front": costs.tolist(), "designs": result.grid.size,
        "cpu_s": round(time.process_time() - begin, 1),
    }  # fmt: skip


def runs(given: argparse.Namespace) -> Iterator[tuple[str, str, str, int]]:
    """Every run: question, sampler, with or without first trials, seed; all with one seed before the next."""
    yield from (
        (name, sampler, first, seed)
        for seed in range(given.begin, given.seeds)
        for name in given.questions
        for sampler in given.only
        for first in given.first
    )


KEYS = ("question", "sampler", "first", "seed")


def main() -> None:
    """One JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--truth", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--begin", type=int, default=0, help="the first seed, to share the work")
    parser.add_argument("--trials", type=int, default=CHECKPOINTS[-1])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", nargs="*", default=list(SAMPLERS))
    parser.add_argument("--questions", nargs="*", default=list(QUESTIONS))
    parser.add_argument("--first", nargs="*", default=["with", "without"])
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    lines = given.rows.read_text().splitlines() if given.rows.exists() else []
    done = {tuple(row.get(k) for k in KEYS) for row in map(json.loads, lines)}
    with tempfile.TemporaryDirectory() as place, given.rows.open("a") as rows:
        studies = {name: question(name, Path(place)) for name in given.questions}
        worst = {name: JUDGED.get(name, study.reference_point) for name, study in studies.items()}
        if given.truth:
            for name, study in studies.items():
                found = truth(study, Path(place), worst[name])
                print(json.dumps({"question": name, **found}), file=rows, flush=True)
            return
        for run in runs(given):
            if run in done:
                continue
            name, sampler, first, seed = run
            found = search(
                studies[name], sampler, seed, first=first == "with", trials=given.trials,
                seconds=given.seconds, worst=worst[name],
            )  # fmt: skip
            print(json.dumps(dict(zip(KEYS, run, strict=True)) | found), file=rows, flush=True)
            print(*run, *found["trace"][-1][:2], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
