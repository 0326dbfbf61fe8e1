"""Fitted architectures as the text of files of `configs/architectures`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from dse.calibrate.fit import Fit
from dse.calibrate.parameters import SIGMAS
from dse.calibrate.profile import rounded, span
from dse.front.files import write_files
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.architecture import ArchitectureSpec
from dse.validate.measured.batches import Case

SOURCE: Final = "published-measurements"
OPEN: Final = 0.97
"""Share of the prior's own spread from which on the rows say nothing about a shift."""
NO_SHIFT: Final = (
    "No shift: fewer than two engines were measured on it, and what one alone shows may as well be its own."
)


def write_shifts(
    folder: Path, catalog: Catalog, found: Mapping[str, Fit], cases: Mapping[str, Sequence[Case]]
) -> None:
    """Write every architecture of the catalog into a configs folder, those without a fit without shifts."""
    files = {}
    for name, spec in catalog.all(ArchitectureSpec).items():
        text = _yaml(spec, found.get(name), cases.get(name, ()))
        files[folder / "architectures" / f"{name}.yaml"] = text
    write_files(files)


def _yaml(spec: ArchitectureSpec, fitted: Fit | None, cases: Sequence[Case]) -> str:
    lines = ["kind: architecture", f"name: {spec.name}", f"title: {json.dumps(spec.title)}"]
    if spec.aliases:
        lines.append(f"aliases: {json.dumps(list(spec.aliases))}")
    if fitted is None:
        return "\n".join([*lines, f"notes: {json.dumps(NO_SHIFT)}"]) + "\n"
    lines += ["shifts:", *(f"  {name}: {leaf}" for name, leaf in _leaves(fitted, cases).items())]
    return "\n".join([*lines, f"notes: {json.dumps(_notes(cases))}"]) + "\n"


def _leaves(fitted: Fit, cases: Sequence[Case]) -> dict[str, str]:
    """Number to its factor, as YAML on one line; those that the rows leave open have none."""
    width = SIGMAS * np.sqrt(np.diag(fitted.covariance))
    date, found = span(c.row.date for c in cases), {}
    for i, name in enumerate(fitted.table):
        # a number that no architecture moves has a prior of next to no width: it is never seen either
        if fitted.freedom[i] > OPEN:
            continue
        value, low, high = (rounded(float(np.exp(fitted.x[i] + d))) for d in (0.0, -width[i], width[i]))
        ends = f"low: {low:g}, high: {high:g}"
        found[name] = (
            f"{{value: {value:g}, source: {SOURCE}, date: {json.dumps(date)}, basis: derived, {ends}, "
            f'note: "fitted to {len(cases)} rows; low to high: 80 %"}}'
        )
    return found


def _notes(cases: Sequence[Case]) -> str:
    """What the shifts rest on."""
    engines, chips = sorted({c.stack.name for c in cases}), sorted({c.chip.name for c in cases})
    return (
        f"{len(cases)} published rows of {', '.join(engines)} on {', '.join(chips)}. Factors on the numbers "
        "of a stack; of a share, on its odds."
    )
