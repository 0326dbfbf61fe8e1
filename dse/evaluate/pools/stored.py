"""Rows of a stored front of pairs evaluated again, from their columns alone."""

from collections.abc import Mapping

import numpy as np

from dse.choose.rule import violations
from dse.evaluate.detail import DesignDetail, deployments_of, family_of, row_of, spread
from dse.evaluate.estimate_result import where_split
from dse.front.tables import Column, Table
from dse.question.chip_names import branch_of
from dse.question.pools.study import PooledStudy
from objectives import api
from objectives.ledgers import LEDGERS


def pairs_of_rows(study: PooledStudy, rows: Table) -> api.Designs:
    """The systems of rows whose pools have chips of one branch, or one chip of the catalog, each.

    Raises `SpecError` for a row whose chips are neither of the space nor among the chips of their pool.
    """
    pools = tuple(_pool(study, role, rows) for role in study.pools)
    return api.Designs(pools=pools, link=study.link.columns())


def _pool(study: PooledStudy, role: str, rows: Table) -> api.Pool:
    own, start = study.pools[role], f"{role}."
    name = _family(study, role, str(rows[start + "chip"].iloc[0]))
    known = "baseline" if name in own.baselines else "search"
    part = rows[[c for c in rows.columns if c.startswith(start)]].rename(
        columns=lambda column: column.removeprefix(start)
    )
    family = family_of(own, name, part.assign(role=known))
    deployments = deployments_of(own, rows, start)
    return api.Pool(role=role, chips=family.chips, deployments=deployments)


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
    designs, n = pairs_of_rows(study, rows), len(rows)
    metrics = study.first.cost_model.evaluate(designs, study.context, detail=True)
    ledgers = {ledger.name: spread(getattr(metrics, ledger.field), n) for ledger in LEDGERS}
    over = spread(violations(metrics, study.context, study.limits), n)
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
        )
        for i in range(n)
    ]
