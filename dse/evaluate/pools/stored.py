"""Rows of a stored front of pairs evaluated again, from their columns alone."""

from collections.abc import Mapping

import numpy as np

from dse.choose.rule import violations
from dse.errors import spec_error
from dse.evaluate.detail import DesignDetail, Family, PoolDetail, deployments_of, family_of, row_of, spread
from dse.evaluate.estimate_result import where_split
from dse.evaluate.stored_rows import check_rows
from dse.front.tables import Column, Table
from dse.question.chip_names import branch_of
from dse.question.pools.study import PooledStudy
from objectives import api
from objectives.ledgers import LEDGERS


def pairs_of_rows(study: PooledStudy, rows: Table) -> api.Designs:
    """The systems of rows whose pools have chips of one branch, or one chip of the catalog, each.

    Raises `SpecError` for a row whose chips are neither of the space nor among the chips of their pool.
    """
    return _systems(study, rows, _families(study, rows))


def _systems(study: PooledStudy, rows: Table, families: Mapping[str, Family]) -> api.Designs:
    pools = tuple(
        api.Pool(
            role=role,
            chips=family.chips,
            deployments=deployments_of(study.pools[role], rows, f"{role}."),
        )
        for role, family in families.items()
    )
    return api.Designs(pools=pools, link=study.link.columns())


def _families(study: PooledStudy, rows: Table) -> dict[str, Family]:
    """The chips of each pool of rows that are alike."""
    found = {}
    for role, own in study.pools.items():
        part = _of_pool(study, role, rows)
        found[role] = family_of(own, _family(study, role, str(part["chip"].iloc[0])), part)
    return found


def _of_pool(study: PooledStudy, role: str, rows: Table) -> Table:
    """The columns of a pool under the names that tables of single chips have."""
    start, real = f"{role}.", study.pools[role].baselines
    part = rows[[c for c in rows.columns if c.startswith(start)]].rename(
        columns=lambda column: column.removeprefix(start)
    )
    known = ["baseline" if str(chip) in real else "search" for chip in part["chip"]]
    return part.assign(role=known, trial=rows.get("trial", 0))


def check_pairs(study: PooledStudy, rows: Table) -> None:
    """Raise `SpecError` unless each row is a pair of `study`: its chips, all parameters, both layouts."""
    if not len(rows):
        return
    for role, own in study.pools.items():
        if f"{role}.chip" not in rows.columns:
            what = f"expected the column {role}.chip of every pair, got none"
            raise spec_error(study.slug, f"{what}: the results are damaged, or of another study")
        check_rows(own, _of_pool(study, role, rows))


def _family(study: PooledStudy, role: str, chip: str) -> str:
    return chip if chip in study.pools[role].baselines else branch_of(chip)


def alike(study: PooledStudy, rows: Table) -> list[Column]:
    """What the pairs of one call share: for each pool the chip of the catalog, or the branch."""
    return [rows[f"{role}.chip"].map(lambda chip, r=role: _family(study, r, chip)) for role in study.pools]


def details_of_pairs(study: PooledStudy, rows: Table) -> list[DesignDetail]:
    """Evaluate every row of a front of pairs again; parts of ledgers have their role in front."""
    found: dict[int, DesignDetail] = {}
    for _, part in rows.groupby(alike(study, rows), sort=False):
        found |= zip(part.index, _evaluated(study, part), strict=True)
    return [found[i] for i in rows.index]


def _evaluated(study: PooledStudy, rows: Table) -> list[DesignDetail]:
    """Rows of one pair of families in one call."""
    families, n = _families(study, rows), len(rows)
    designs = _systems(study, rows, families)
    metrics = study.first.cost_model.evaluate(designs, study.context, detail=True)
    ledgers = {ledger.name: spread(getattr(metrics, ledger.field), n) for ledger in LEDGERS}
    over = spread(violations(metrics, study.context, study.limits), n)
    columns = {role: spread(family.chips.columns(), n) for role, family in families.items()}
    of_pools = {role: spread(metrics.of_pools[role], n) for role in families}
    none: Mapping[str, float] = {}
    return [
        DesignDetail(
            # chips, stacks and their error bars are of pools, not of the pair
            chip=none,
            stack="",
            interval=none,
            hypothetical=bool(np.any(rows["role"] == "search")),
            ledgers={name: where_split(row_of(parts, i)) for name, parts in ledgers.items()},
            violations=where_split(row_of(over, i)),
            pools={
                role: PoolDetail(
                    chip=row_of(columns[role], i),
                    stack=family.stack.name,
                    hypothetical=family.hypothetical,
                    metrics=row_of(of_pools[role], i),
                )
                for role, family in families.items()
            },
        )
        for i in range(n)
    ]
