"""A front beside the exact one of the same problem: how much of it was found, and what the rest costs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dse.front.dominance import factor_to_cover
from dse.front.files import Front, FrontError, load_front


@dataclass(frozen=True, kw_only=True)
class Beside:
    """How a front stands beside the exact one."""

    folder: Path
    """Where the exact front lies."""
    hypervolume_fraction: float
    """Share of its hypervolume; above 1 where a search left the grid of the sweep and found better."""
    worst_factor: float
    """Every exact design has a found one that is at most this many times worse in each objective."""


def beside_exact(front: Front, folders: Iterable[Path]) -> Beside | None:
    """How `front` stands beside the first exact front of its problem in `folders`; None without one."""
    for folder in folders:
        exact = _exact(folder)
        if exact is None or not _same(front, exact) or not exact.manifest["hypervolume"]:
            continue
        columns = [axis.column for axis in front.axes]
        factor = factor_to_cover(front.frame[columns].to_numpy(), exact.frame[columns].to_numpy(), front.axes)
        return Beside(
            folder=folder,
            hypervolume_fraction=front.manifest["hypervolume"] / exact.manifest["hypervolume"],
            worst_factor=factor,
        )
    return None


def drawn_behind(front: Front, folders: Iterable[Path]) -> Front | None:
    """The exact front of the problem of `front` in `folders`; None without one, and for a sweep itself."""
    beside = None if "sweep" in front.manifest else beside_exact(front, folders)
    return None if beside is None else load_front(beside.folder)


def _exact(folder: Path) -> Front | None:
    if not (folder / "manifest.json").is_file():
        return None
    try:
        found = load_front(folder)
    except FrontError:  # somebody else's, or half written: nothing to compare with
        return None
    return found if "sweep" in found.manifest else None


def _same(front: Front, exact: Front) -> bool:
    """Whether both answer one problem with one version of the cost models."""

    def key(found: Front) -> tuple[object, ...]:
        told = found.manifest
        return told.get("problem"), told.get("versions", {}).get("dse"), told.get("contract_version")

    return key(front)[0] is not None and key(front) == key(exact) and front.axes == exact.axes
