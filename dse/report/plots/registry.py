"""Plots of a study by name: what each needs, the picture that it draws and the figure of a page."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, Protocol, final, runtime_checkable

from dse.front.files import Front
from dse.plugins import PLOTS, made, registered
from dse.plugins.attributes import flag, require, text
from dse.plugins.broken import asking, broken
from dse.plugins.once import once
from dse.plugins.time_limit import limited
from dse.report.info.evidence import Evidence
from dse.search.analysis.importance import Importance
from dse.search.analysis.progress import Progress
from dse.search.trials.read_trials import Trials


@dataclass(frozen=True, kw_only=True, eq=False)
class PlotInputs:
    """What a plot may read of a study."""

    found: Evidence
    """The front and the baselines, each row evaluated again with its ledgers."""
    exact: Front | None = None
    """The front of a sweep of the same problem."""
    trials: Trials = ()
    """Those of the search, where the plot needs them and they are stored."""
    importance: Sequence[Importance] | None = None
    """Which parameters decide, where a page has worked it out."""
    progress: Progress | None = None
    """How the front grew, where a page has worked it out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """What a page shows of a plot: a picture, or data that one of the page's scripts draws."""

    title: str
    note: str
    svg: bytes = b""
    """The picture; empty where a script draws."""
    script: str = ""
    """Name of the function in `charts.js`; empty for a picture."""
    data: Mapping[str, Any] | None = None
    """What the script draws."""
    wide: bool = False
    """Whether it scrolls sideways on a narrow screen."""

    @property
    def address(self) -> str:
        """The picture as an address that a page holds in itself."""
        return f"data:image/svg+xml;base64,{b64encode(self.svg).decode()}"


@runtime_checkable
class Plot(Protocol):
    """One plot of a study. Final class, no state.

    `of_pools: bool = True` says that it may be of pairs of chips, whose rows have columns such as
    `decode.chip`.
    """

    name: str
    """As `dse plot` takes it."""
    summary: str
    """What it shows, in a few words."""
    needs_trials: bool
    """Whether it reads the trials of the search, which do not come with a study."""
    rank: int
    """Place among the plots of a help text and of a page; equal ones follow in the order of their names."""

    def draw(self, given: PlotInputs, form: str) -> bytes:
        """The picture as bytes of the form `.png`, `.svg` or `.pdf`.

        Raises `SpecError` for what is missing.
        """
        ...

    def figure(self, given: PlotInputs) -> Figure | None:
        """What the page of a study shows; None where there is nothing to show."""
        ...


_FIELDS = {
    "name": ("some text", text),
    "summary": ("some text", text),
    "needs_trials": ("true or false", flag),
    "rank": ("a whole number", lambda value: isinstance(value, int)),
}


def knows_pools(plot: Plot) -> bool:
    """Whether a plot may be of pairs of chips; one that says nothing is of single chips."""
    return getattr(plot, "of_pools", False) is True


@final
@dataclass(unsafe_hash=True)
class CheckedPlot:
    """The plot of an entry point; raises `PluginError` where it breaks its contract."""

    point: EntryPoint
    made: Plot = field(hash=False)
    name: str = field(init=False, compare=False)
    """As `dse plot` takes it."""
    summary: str = field(init=False, compare=False)
    """What it shows, in a few words."""
    needs_trials: bool = field(init=False, compare=False)
    """Whether it reads the trials of the search."""
    rank: int = field(init=False, compare=False)
    """Place among the plots."""
    of_pools: bool = field(init=False, compare=False)
    """Whether it may be of pairs of chips."""

    def __post_init__(self) -> None:
        require(self.point, self.made, _FIELDS, ("draw", "figure"))
        self.name = self.made.name
        self.summary = self.made.summary
        self.needs_trials = self.made.needs_trials
        self.rank = self.made.rank
        self.of_pools = knows_pools(self.made)

    def draw(self, given: PlotInputs, form: str) -> bytes:
        """The picture as bytes of the form."""
        where = f"drawing {_of(given)} as {form}"
        with asking(self.point, where, may_refuse=True), limited(self.point):
            found = self.made.draw(given, form)
        if not isinstance(found, bytes) or not found:
            got = "nothing" if found in (b"", None) else f"a {type(found).__name__}"
            raise broken(self.point, f"{where}: expected the bytes of a picture, got {got}")
        return found

    def figure(self, given: PlotInputs) -> Figure | None:
        """What the page of a study shows; None where there is nothing to show."""
        where = f"drawing the page of {_of(given)}"
        with asking(self.point, where, may_refuse=True), limited(self.point):
            found = self.made.figure(given)
        if found is not None and not isinstance(found, Figure):
            raise broken(self.point, f"{where}: expected a Figure or None, got a {type(found).__name__}")
        return found


def _of(given: PlotInputs) -> str:
    """The study that a plot is of."""
    return str(given.found.front.manifest.get("study", "a study"))


@once
def plots() -> tuple[Plot, ...]:
    """Every registered plot, in the order of their ranks."""
    return ranked(plot_named(name) for name in registered(PLOTS))


def ranked(some: Iterable[Plot]) -> tuple[Plot, ...]:
    """Plots in the order of their ranks, and of their names where these are equal."""
    return tuple(sorted(some, key=lambda plot: (plot.rank, plot.name)))


def plot_named(name: str) -> Plot:
    """The plot registered as `name`; raises `SpecError` with the nearest and all valid names."""
    return CheckedPlot(*made(PLOTS, "plot", name))
