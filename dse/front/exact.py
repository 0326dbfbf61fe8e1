"""A front compared to the exact one of the same problem: how much of it was found, and how near."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dse.arrays import Floats
from dse.errors import ResultsError
from dse.front.dominance import factor_to_cover, log_hypervolume
from dse.front.files import Front, load_front, load_manifest


@dataclass(frozen=True, kw_only=True)
class ExactComparison:
    """A front compared to the exact one."""

    folder: Path
    """Folder of the exact front."""
    hypervolume_fraction: float
    """Share of its hypervolume; above 1 where a search left the grid of the sweep and found better."""
    log_hypervolume_fraction: float | None
    """The same on a logarithmic scale of every objective; None where that has no meaning."""
    worst_factor: float
    """Every exact design has a found one that is at most this many times worse in each objective."""


def is_exact(front: Front) -> bool:
    """Whether a front is that of every design of a grid; a sweep with bounds may have been ended before."""
    swept = front.manifest.get("sweep")
    return swept is not None and "ended" not in swept


def compared_to_exact(front: Front, folders: Iterable[Path]) -> ExactComparison | None:
    """`front` compared to the first exact front of its problem in `folders`; None without one."""
    for folder in folders:
        exact = _exact(folder)
        # a front without volume has no shares
        if exact is None or not _same(front, exact) or not exact.manifest.get("hypervolume"):
            continue
        columns = [axis.column for axis in front.axes]
        found, all_of_it = (f.frame[columns].to_numpy(dtype=np.float64) for f in (front, exact))
        return ExactComparison(
            folder=folder,
            hypervolume_fraction=(front.manifest.get("hypervolume") or 0.0) / exact.manifest["hypervolume"],
            log_hypervolume_fraction=_log_share(found, all_of_it, front),
            worst_factor=factor_to_cover(found, all_of_it, front.axes),
        )
    return None


def _log_share(found: Floats, all_of_it: Floats, front: Front) -> float | None:
    reference = front.manifest.get("reference_point") or {}
    part, whole = (log_hypervolume(values, front.axes, reference) for values in (found, all_of_it))
    return None if part is None or not whole else part / whole


def drawn_behind(front: Front, folders: Iterable[Path]) -> Front | None:
    """The exact front of the problem of `front` in `folders`; None without one, and for a sweep itself."""
    compared = None if is_exact(front) else compared_to_exact(front, folders)
    return None if compared is None else load_front(compared.folder)


def _exact(folder: Path) -> Front | None:
    if not (folder / "manifest.json").is_file():
        return None
    try:
        # its tables may be large, and most folders are no sweeps
        swept = load_manifest(folder).get("sweep")
        return load_front(folder) if swept is not None and "ended" not in swept else None
    except ResultsError:  # another program's, or half written: nothing to compare with
        return None


def _same(front: Front, exact: Front) -> bool:
    """Whether both answer one problem with one version of the cost models."""

    def key(found: Front) -> tuple[object, ...]:
        m = found.manifest
        # versions too: the exact front of another cost model is no yardstick
        return m.get("problem"), m.get("versions", {}).get("dse"), m.get("contract_version")

    return key(front)[0] is not None and key(front) == key(exact) and front.axes == exact.axes
