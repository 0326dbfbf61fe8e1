"""What a picture of a search's progress shows: how much hypervolume was missing after so many trials."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.front.dominance import hypervolume
from dse.front.files import Front
from dse.report.drawing.scales import Scale
from dse.search.analysis.progress import Progress

_LEAST = 1e-9
"""Percent below which nothing is missing from an exact front: volumes of two sums differ by rounding."""


@dataclass(frozen=True, eq=False)
class ProgressInfo:
    """All numbers and words of the picture."""

    title: str
    subtitle: str
    y_label: str
    trials: Floats
    """Finished trials (n,) while something was missing."""
    missing: Floats
    """Hypervolume that was missing after them [%], (n,), each more than 0."""
    complete: float | None
    """Finished trials from which on nothing was missing."""
    end: float
    """Finished trials of the whole search."""
    event: str
    """What came to pass at `complete`, in words; empty where nothing did."""
    notes: tuple[str, ...]

    @property
    def y(self) -> Scale:
        """The upright axis."""
        low, high = (self.missing.min(), self.missing.max()) if self.missing.size else (1.0, 100.0)
        limits = (0.7 * float(low), 1.4 * float(high))
        return Scale(self.y_label, "%", 1.0, log=True, limits=limits, maximised=False)


def progress_info(found: Progress, front: Front, exact: Front | None = None) -> ProgressInfo:
    """What to draw; nothing is missing from the exact front of a sweep, else from the end of the search."""
    last = float(found.hypervolume[-1]) if len(found.hypervolume) else 0.0
    reference = front.manifest.get("reference_point") or {}
    # without a sweep only the end of the search is known
    whole, best = last, "the final front"
    if exact is not None and reference and len(exact.frame):
        values = exact.frame[[axis.column for axis in front.axes]].to_numpy(dtype=np.float64)
        whole, best = hypervolume(values, front.axes, reference), "the exact front of the sweep"
    # without any volume nothing is drawn below, so the divisor only has to be safe
    missing = 100.0 * (1.0 - found.hypervolume / (whole or 1.0))
    # compared with its own end nothing is rounded: the last volume is the same number
    open_ = missing > (_LEAST if exact is not None else 0.0)
    done = found.trials[~open_] if whole else found.trials[:0]
    # hypervolume never falls, so what is complete once stays so
    complete = float(done[0]) if done.size else None
    end = float(found.trials[-1]) if len(found.trials) else 0.0
    return ProgressInfo(
        title="How fast the search found its front",
        subtitle=f"{front.manifest.get('study') or 'front'}: hypervolume {last:.6g} at the end",
        y_label=f"hypervolume missing from {best} [%]",
        trials=found.trials[open_].astype(np.float64) if whole else np.empty(0),
        missing=missing[open_] if whole else np.empty(0),
        complete=complete,
        end=end,
        event=_event(complete, end, exact is not None),
        notes=_corner(front, reference),
    )


def _event(complete: float | None, end: float, of_exact: bool) -> str:
    """A search that gained nothing more may still have missed something; only a sweep knows."""
    if complete is None:
        return ""
    return f"{'complete' if of_exact else 'no gain'} after {complete:,.0f} of {end:,.0f} trials"


def _corner(front: Front, reference: Mapping[str, float]) -> tuple[str, ...]:
    if not reference:
        return ()
    ends = [f"{axis.label} {float(reference[axis.name]):.4g} {axis.unit}".rstrip() for axis in front.axes]
    return (f"hypervolume up to the reference point {', '.join(ends)}",)
