"""Workloads with the traffic that they name, as the equations want them."""

from dataclasses import replace
from typing import Final

from dse.errors import Problem, SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.workload import WorkloadSpec
from dse.traffic.profile import Profile, traffic_named
from objectives import api

WITHIN: Final = 0.01
"""By how much the lengths of a workload may differ from the means of its traffic: by rounding."""


def resolved(workload: WorkloadSpec, catalog: Catalog) -> api.Workload:
    """The workload with its traffic; raises `SpecError` where its lengths are not the means of it."""
    found = hold_traffic(workload, catalog)
    work = workload.resolve()
    return work if found is None else replace(work, traffic=found.resolve())


def hold_traffic(workload: WorkloadSpec, catalog: Catalog) -> Profile | None:
    """The traffic of a workload; None without one.

    Raises `SpecError` for traffic that is unknown, cannot be read, or has other means than the workload.
    """
    if workload.traffic is None:
        return None
    try:
        found = traffic_named(catalog, workload.traffic)
    except SpecError as error:
        # a name that nobody knows has no place of its own
        said = [p if p.where else Problem("", f"traffic: {p.what}", key="traffic") for p in error.problems]
        raise SpecError(said) from None
    if wrong := _unlike(workload, found):
        raise SpecError(wrong)
    return found


def _unlike(workload: WorkloadSpec, traffic: Profile) -> list[Problem]:
    """Problems with lengths of a workload that are not the means of its traffic."""
    means = {"isl": traffic.lengths.moments.isl.mean, "osl": traffic.lengths.moments.osl.mean}
    wrong = []
    for key, mean in means.items():
        got = getattr(workload, key).value
        if got is None or abs(got - mean) > WITHIN * mean:
            own = f"the mean of traffic {traffic.name}, {mean:,.1f} tokens within {WITHIN:.0%}"
            what = f"{key}: expected {own}"
            wrong.append(Problem("", f"{what}, got {'none' if got is None else f'{got:,g}'}", key=key))
    return wrong
