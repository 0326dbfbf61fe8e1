"""Scales and ticks of the axes of matplotlib: round numbers without exponents, and no minor ticks.

matplotlib takes half a second to import, and most commands draw nothing: these functions import it.
"""

from collections.abc import Sequence

from dse.report.drawing.canvas import MplAxis
from dse.report.drawing.scales import Scale, tick_label, ticks


def set_scale(axis: MplAxis, scale: Scale) -> None:
    """Logarithmic or linear, with the ticks of `scale`."""
    # matplotlib has no public call for one axis: `set_xscale` and `set_yscale` belong to the panel
    axis._set_axes_scale("log" if scale.log else "linear")
    set_ticks(axis, ticks(scale))


def set_ticks(axis: MplAxis, places: Sequence[float]) -> None:
    """Ticks at `places`, written as plain numbers."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FixedFormatter([tick_label(v) for v in places]))
    axis.set_minor_locator(NullLocator())
