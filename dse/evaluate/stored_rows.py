"""Stored rows checked against their study, before they are evaluated again as its designs."""

from dataclasses import fields

import numpy as np

from dse.errors import spec_error
from dse.front.tables import Table
from dse.question.chip_names import branch_of
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.space import NAME, PARAMETERS
from objectives import api

# a table in which all CP is 1 has no column of it
_SIZES = tuple(f.name for f in fields(api.Deployments) if f.name != "cp")


def check_rows(study: ResolvedStudy, rows: Table) -> None:
    """Raise `SpecError` unless each row is a design of `study`: its chip, all parameters, its deployment."""
    if not len(rows):
        return
    # each member of a mix has a deployment of its own
    sizes = [f"{m.label}.{name}" for m in study.members for name in _SIZES] or list(_SIZES)
    _check_filled(study, rows, ["trial", "chip", "role", *sizes], "every design")
    chips, real = rows["chip"].astype(str), rows["role"] == "baseline"
    for name in sorted(set(chips[real]) - set(study.baselines)):
        study.setting.catalog.get(ChipSpec, name)
    branches = chips[~real].map(branch_of)
    for name in sorted(set(branches)):
        if name not in study.branches:
            known = ", ".join(study.branches) or "none"
            raise spec_error(study.slug, f"expected chips of the branches {known}, got {name!r}")
        own = rows.loc[branches.index[branches == name]]
        specs = study.branches[name].spec.parameters
        _check_filled(study, own, [f"param_{n}" for n in specs], f"a chip of {name}")
        for parameter, spec in specs.items():
            values = own[f"param_{parameter}"].to_numpy(dtype=float)
            # of a name the row holds its place among the choices
            most = len(spec.choices) - 1 if PARAMETERS[parameter] == NAME else np.inf
            if not ((values >= 0.0) & (values <= most)).all():
                wanted = (
                    f"a number from 0 to {most}" if np.isfinite(most) else "a number that is not negative"
                )
                raise spec_error(study.slug, f"param_{parameter} of {name}: expected {wanted}, got another")


def _check_filled(study: ResolvedStudy, rows: Table, names: list[str], of: str) -> None:
    """Raise where a column that every design needs is missing, or empty in some row."""
    missing = [name for name in names if name not in rows.columns]
    empty = [name for name in names if name in rows.columns and rows[name].isna().any()]
    if missing or empty:
        what = f"expected the column{'s' * (len(missing + empty) > 1)} {', '.join(missing + empty)} of {of}"
        raise spec_error(study.slug, f"{what}, got none: the results are damaged, or of an older version")
