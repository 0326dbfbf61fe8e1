"""From a trial to a chip and its deployment: the parameters of a trial and their names."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from optuna.trial import BaseTrial

from dse.arrays import Floats
from dse.chips.branch import Branch, chip_kind
from dse.chips.parameter_range import fraction_of, value_at
from dse.question.layouts import Lists, splits, ways
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.space import ParameterSpec

BASELINE = "baseline"
"""User attribute of a trial whose chip comes from the catalog, not from the space."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The chip and the deployment of a trial."""

    branch: str | None
    """None for a chip of the catalog."""
    chip: str | None
    values: dict[str, Floats]
    """Parameter values in SI, each of shape (1,)."""
    limit: float
    """Latency target of this trial [SI unit of the swept objective]; infinite when none is swept."""
    deployment: dict[str, int] | None
    """Batch, TP, CP, EP and PP in the mode `search`; None in the mode `solve`."""


def suggest(study: ResolvedStudy, trial: BaseTrial) -> Choice:
    """Take all parameters of a design from a trial. Ordered choices are integers, never categories."""
    branch: str | None = None
    chip: str | None = None
    values: dict[str, Floats] = {}
    if trial.user_attrs.get(BASELINE):
        # sorted: to Optuna the same categories in another order are another distribution, which it refuses
        chip = str(trial.suggest_categorical("chip", sorted(study.baselines)))
    else:
        branch = str(trial.suggest_categorical("branch", sorted(study.branches)))
        for name, spec in study.branches[branch].spec.parameters.items():
            values[name] = np.asarray([_value(trial, f"{branch}.{name}", spec)])
    limit = float("inf")
    if study.spec.deployment.mode == "solve" and (sweep := study.spec.sweep):
        # on a logarithmic scale a per cent counts alike at every latency
        limit = trial.suggest_float(f"{sweep.objective}_target", sweep.low, sweep.high, log=True)
    deployment = None
    if study.spec.deployment.mode == "search":
        deployment = {k: _of(trial, k, options(study.lists, k)) for k in ("batch", "tp", "pp")}
        deployment["cp"] = _cp(trial, study.lists, deployment["tp"])
        deployment["ep"] = _ep(trial, study.lists, deployment["tp"] * deployment["cp"])
    return Choice(branch=branch, chip=chip, values=values, limit=limit, deployment=deployment)


def options(d: Lists, name: str) -> tuple[int, ...]:
    """Values of batch, TP or PP in ascending order."""
    return tuple(sorted(set({"batch": d.batch, "tp": d.tp, "pp": d.pp}[name])))


def _of(trial: BaseTrial, name: str, choices: tuple[int, ...]) -> int:
    # integers have an order, by which samplers learn from neighbours; categories have none
    return choices[trial.suggest_int(name, 0, len(choices) - 1)]


def _cp(trial: BaseTrial, d: Lists, tp: int) -> int:
    """Context-parallel ways that are possible with `tp`; a parameter only where there is a choice."""
    choices = _splits_with(d, tp)
    # a name for each TP, since Optuna wants one distribution for each name and the choices depend on TP
    return choices[0] if len(choices) == 1 else _of(trial, f"cp.tp{tp}", choices)


def _splits_with(d: Lists, tp: int) -> tuple[int, ...]:
    return tuple(sorted({cp for each, cp in splits(d) if each == tp}))


def _ep(trial: BaseTrial, d: Lists, n: int) -> int:
    """Expert-parallel ways that go with `n` chips, TP x CP; a parameter only where there is a choice."""
    choices = tuple(sorted(set(ways(n, d.ep))))
    # likewise; `tp` in the name is that of CP 1
    return choices[0] if len(choices) == 1 else _of(trial, f"ep.tp{n}", choices)


def layout_parameters(d: Lists, layout: Mapping[str, int]) -> dict[str, int]:
    """Trial parameters of a deployment, as `suggest` takes them in the mode `search`."""
    out = {k: options(d, k).index(layout[k]) for k in ("batch", "tp", "pp")}
    tp, cp = layout["tp"], layout.get("cp", 1)
    if len(_splits_with(d, tp)) > 1:
        out[f"cp.tp{tp}"] = _splits_with(d, tp).index(cp)
    choices = tuple(sorted(set(ways(tp * cp, d.ep))))
    if len(choices) > 1:
        out[f"ep.tp{tp * cp}"] = choices.index(layout["ep"])
    return out


def _value(trial: BaseTrial, name: str, spec: ParameterSpec) -> float:
    if spec.low == spec.high:
        return spec.low
    if spec.steps is None:
        return trial.suggest_float(name, spec.low, spec.high, log=spec.scale == "log")
    # an index, since Optuna has no steps on a logarithmic scale
    index = trial.suggest_int(name, 0, spec.steps - 1)
    return float(value_at(spec, np.asarray(index / (spec.steps - 1))))


def first_trials(study: ResolvedStudy) -> list[tuple[dict[str, object], dict[str, object]]]:
    """Parameters and user attributes of the trials that come first.

    Every real chip as it is, then the nearest chip of its branch: the search starts near what exists.
    """
    spec = study.spec
    swept = spec.deployment.mode == "solve" and spec.sweep
    # the loosest target, which a chip meets most easily
    target = {f"{spec.sweep.objective}_target": spec.sweep.high} if swept and spec.sweep else {}
    middle = {}
    if spec.deployment.mode == "search":
        middle = {k: (len(options(study.lists, k)) - 1) // 2 for k in ("batch", "tp", "pp")}
    found: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"chip": name, **target, **middle}, {BASELINE: True}) for name in sorted(study.baselines)
    ]
    for chip in study.baselines.values():
        for name, branch in study.branches.items():
            near = _nearest(branch, chip)
            if near is not None:
                found.append(({"branch": name, **near, **target, **middle}, {}))
    return found


def _nearest(branch: Branch, chip: ChipSpec) -> dict[str, object] | None:
    """Trial parameters of the chip of `branch` nearest to a real one; None when too little is known."""
    known = branch.nearest(chip)
    if chip_kind(chip) != branch.kind or set(known) != set(branch.spec.parameters):
        return None
    out: dict[str, object] = {}
    for name, value in known.items():
        spec = branch.spec.parameters[name]
        # a parameter with a single value is none of a trial
        if spec.low == spec.high:
            continue
        at = fraction_of(spec, value)
        key = f"{branch.name}.{name}"
        out[key] = round(at * (spec.steps - 1)) if spec.steps else float(value_at(spec, np.asarray(at)))
    return out
