"""What branches buy: SRAM-only, DRAM-only and hybrid chips as branches, or one flat space with a penalty.

Run it as a program: `python tests/bench/branches.py [--seeds 5] [--trials 300]`. The flat space holds the
same chips: SRAM and DRAM stacks have one more value each, none, and a chip with neither is told as very bad.
Branches are given one after the other, as the product does, or `chosen` by the sampler. All are searched
without first trials, by samplers of Optuna; a share is that of the exact hypervolume on a logarithmic scale,
`by branch` tells how the trials were spent.
"""

import argparse
import json
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from samplers import JUDGED, made, question, told, truth, volumes

from dse.arrays import Floats
from dse.evaluate.batch import axes_of
from dse.question.resolved_study import ResolvedStudy
from dse.search.sweep.local_front import Local
from dse.search.trials.replay import points_of
from dse.search.trials.suggest import suggest

QUESTION = "groq-vs-h100, solve"
PENALTY = (1e6, 1e3)
SAMPLERS = ("tpe", "nsga2", "random")


def flat(study: ResolvedStudy, asked: optuna.Study, trial: optuna.Trial) -> tuple[str, Floats, Any]:
    """One trial of the flat space: its branch, and the values and feasibility of its designs."""
    specs = study.branches["hybrid"].spec.parameters
    index = {}
    for name, spec in specs.items():
        assert spec.steps is not None
        absent = name in ("sram", "dram_stacks")
        index[name] = trial.suggest_int(name, -1 if absent else 0, spec.steps - 1)
    sweep = study.spec.sweep
    assert sweep is not None
    limit = trial.suggest_float("target", sweep.low, sweep.high, log=True)
    missing = {n for n in ("sram", "dram_stacks") if index[n] < 0}
    if len(missing) == 2:
        trial.set_constraint("capacity", 1.0)
        asked.tell(trial, PENALTY)
        return "neither", np.empty((0, 2)), np.empty(0, dtype=bool)
    branch = "sram-only" if "dram_stacks" in missing else "dram-only" if "sram" in missing else "hybrid"
    wanted = {f"{branch}.{n}": index[n] for n in study.branches[branch].spec.parameters}
    fixed = optuna.trial.FixedTrial({"branch": branch, **wanted, f"{sweep.objective}_target": limit})
    points = points_of(study, [trial.number], [suggest(study, fixed)])
    best = points.best(limit)
    for constraint, value in points.violations.items():
        trial.set_constraint(constraint, float(value[best]))
    trial.set_constraint("target", float(points.swept_violation(limit)[best]))
    asked.tell(trial, [float(v) for v in points.values[best]])
    return branch, points.values, points.feasible


def search(
    study: ResolvedStudy, sampler: str, way: str, seed: int, trials: int
) -> tuple[Floats, Counter[str]]:
    """The front that one run ends with, and its trials by branch."""
    study, using = made(study, sampler, seed)
    asked = optuna.create_study(sampler=using, directions=["minimize"] * len(axes_of(study)))
    found, spent, branches = Local.empty(2), Counter[str](), sorted(study.branches)
    for done in range(trials):
        if way == "branches":
            asked.enqueue_trial({"branch": branches[done % len(branches)]})
        trial = asked.ask()
        if way == "flat":
            branch, values, feasible = flat(study, asked, trial)
        else:
            values, feasible = told(study, asked, trial)
            branch = trial.params["branch"]
        spent[branch] += 1
        found = found.merged(values[feasible], np.flatnonzero(feasible))
    return found.costs, spent


def main() -> None:
    """One JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=300)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        study = question(QUESTION, Path(place))
        worst = JUDGED.get(QUESTION, study.reference_point)
        whole = truth(study, Path(place), worst)["truth"][1]
        for sampler in SAMPLERS:
            for way in ("branches", "chosen", "flat"):
                runs = [search(study, sampler, way, seed, given.trials) for seed in range(given.seeds)]
                shares = sorted(volumes(study, costs, worst)[1] / whole for costs, _ in runs)
                spent = sum((s for _, s in runs), Counter[str]())
                row = {
                    "sampler": sampler, "way": way, "median": float(np.median(shares)), "worst": shares[0],
                    "by branch": {k: round(n / given.seeds) for k, n in sorted(spent.items())},
                }  # fmt: skip
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
