"""Chips that may win: those of a stored front, the baselines, and a coarse grid over the search space."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from dse.arrays import Floats
from dse.chips.branch import Branch, chip_kind
from dse.chips.parameter_range import value_at
from dse.chips.resolve import chip_columns, chips_of
from dse.front.files import Front
from dse.front.tables import Row, records
from dse.question.chip_names import branch_of
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.space import NAME, PARAMETERS
from objectives import api


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One chip: a point of the search space, or a chip of the catalog by its name."""

    label: str
    kind: str
    """`sram-only`, `dram-only` or `hybrid`."""
    branch: str | None = None
    """Branch of the space; None for a chip of the catalog."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Parameter values in SI."""
    trial: int | None = None

    def at(self, parameter: str, value: float) -> "Candidate":
        """The same chip with one parameter at another value."""
        return replace(self, values={**self.values, parameter: value})


def node_of(branch: Branch, candidate: Candidate) -> str:
    """Process node of a chip of the search."""
    return _chosen("process", branch.spec.nodes, candidate)


def generation_of(branch: Branch, candidate: Candidate) -> str | None:
    """Kind of DRAM of a chip of the search; None where it has none."""
    known = branch.spec.generations
    return _chosen("dram_generation", known, candidate) if known else None


def _chosen(name: str, known: Sequence[str], candidate: Candidate) -> str:
    """The one that was searched, or the only one there is."""
    # names are searched by their places
    return known[round(candidate.values[name])] if name in candidate.values else known[0]


def parameter_values(study: ResolvedStudy, candidate: Candidate) -> dict[str, float | str]:
    """Parameter values in SI; a name where the values of a parameter are names."""
    if candidate.branch is None:
        return {}
    specs = study.branches[candidate.branch].spec.parameters
    return {
        name: specs[name].choices[round(value)] if PARAMETERS[name] == NAME else value
        for name, value in candidate.values.items()
    }


def from_rows(study: ResolvedStudy, rows: Iterable[Row]) -> list[Candidate]:
    """The distinct chips of some rows of a front, in their order."""
    found: dict[str, Candidate] = {}
    for row in rows:
        label = str(row["chip"])
        if label not in found:
            found[label] = _of_row(study, label, row)
    return list(found.values())


def _of_row(study: ResolvedStudy, label: str, row: Row) -> Candidate:
    trial = int(row["trial"])
    if row["role"] == "baseline":
        return Candidate(label=label, kind=chip_kind(study.baselines[label]), trial=trial)
    branch = study.branches[branch_of(label)]
    # of this branch alone: a table has empty cells for parameters of the others
    values = {name: float(row[f"param_{name}"]) for name in branch.spec.parameters}
    return Candidate(label=label, kind=branch.kind, branch=branch.name, values=values, trial=trial)


def of_front(study: ResolvedStudy, front: Front) -> list[Candidate]:
    """The distinct chips of a stored front."""
    return from_rows(study, records(front.frame))


def of_baselines(study: ResolvedStudy) -> list[Candidate]:
    """The study's real chips."""
    return [Candidate(label=name, kind=chip_kind(chip)) for name, chip in study.baselines.items()]


def of_grid(study: ResolvedStudy, chips_per_branch: int) -> list[Candidate]:
    """A coarse grid over every branch, at most about `chips_per_branch` chips each, ends included."""
    found: list[Candidate] = []
    for branch in study.branches.values():
        axes = _axes(branch, chips_per_branch)
        for i, point in enumerate(product(*axes.values())):
            values = dict(zip(axes, map(float, point), strict=True))
            label = f"{branch.name}-grid{i}"
            found.append(Candidate(label=label, kind=branch.kind, branch=branch.name, values=values))
    return found


def _axes(branch: Branch, most: int) -> dict[str, Floats]:
    """Values of each parameter: as many each as fit, never more than it has steps."""
    free = {n: p for n, p in branch.spec.parameters.items() if p.low < p.high}
    # 1e-9, since the cube root of 64 is just below 4 in floating point
    each = max(2, int(most ** (1.0 / max(1, len(free))) + 1e-9))
    out: dict[str, Floats] = {}
    for name, p in branch.spec.parameters.items():
        count = min(each, p.steps or each) if name in free else 1
        # a fixed parameter has one value, which any fraction gives
        fractions = np.linspace(0.0, 1.0, count) if count > 1 else np.zeros(1)
        # on steps, so that these are chips of the space
        if p.steps:
            fractions = np.round(fractions * (p.steps - 1)) / (p.steps - 1)
        # rounding to steps may give one value twice
        out[name] = np.unique(value_at(p, fractions))
    return out


def chips_of_candidates(study: ResolvedStudy, candidates: Sequence[Candidate]) -> api.Chips:
    """The chips of `candidates`, every column of shape (n,), in their order; one call per branch."""
    columns: dict[str, Floats] = {}
    groups: dict[str | None, list[int]] = {}
    for i, c in enumerate(candidates):
        groups.setdefault(c.branch, []).append(i)
    for branch, members in groups.items():
        chips = _group(study, branch, [candidates[i] for i in members])
        for name, column in chips.columns().items():
            # branches are in any order among the candidates, so each fills its own places; of memories that
            # others have alone it has none
            whole = columns.setdefault(name, np.zeros(len(candidates)))
            whole[members] = column
    return api.Chips.of(**columns)


def _group(study: ResolvedStudy, branch: str | None, members: Sequence[Candidate]) -> api.Chips:
    if branch is None:
        return chips_of([chip_columns(study.baselines[c.label], study.setting) for c in members])
    names = study.branches[branch].spec.parameters
    return study.branches[branch].chips({n: np.asarray([c.values[n] for c in members]) for n in names})
