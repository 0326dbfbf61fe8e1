"""An objective that is checked at every call."""

from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from typing import Literal, final

import numpy as np

from dse.errors import PluginError
from dse.plugins.attributes import any_text, one_of, require, text
from dse.plugins.broken import UNREADABLE, asking, broken, named, raised
from dse.plugins.designs import Rows, first_failing
from dse.plugins.entry import foreign
from dse.plugins.last_batch import FILLED, design_at, shape_of
from dse.plugins.numbers import concrete, fault_of, freeze, place_in
from dse.plugins.time_limit import TimedOut, limit, limited
from objectives import api
from objectives.arrays import Array

_FIELDS = {
    "name": ("some text", text),
    "label": ("some text", text),
    "unit": ("an SI unit, or the empty text", any_text),
    "direction": ("'minimize' or 'maximize'", one_of("minimize", "maximize")),
}


@final
@dataclass(unsafe_hash=True)
class CheckedObjective:
    """The objective of an entry point; raises `PluginError` where it breaks its contract."""

    point: EntryPoint
    made: api.Objective = field(hash=False)
    name: str = field(init=False, compare=False)
    """As a study writes it."""
    label: str = field(init=False, compare=False)
    """Short text for headings and axes."""
    unit: str = field(init=False, compare=False)
    """SI unit; empty for a plain number."""
    direction: Literal["minimize", "maximize"] = field(init=False, compare=False)
    """Which way is better."""
    column: str = field(init=False, compare=False)
    """The column of tables that holds it."""
    title: str = field(init=False, compare=False)
    """What it is, in one sentence; empty where it does not say."""

    theirs: bool = field(default=False, init=False, compare=False)
    """Whether another package brings it."""

    def __post_init__(self) -> None:
        self.theirs = foreign(self.point)
        require(self.point, self.made, _FIELDS, ("value",))
        column = getattr(self.made, "column", "column")
        if not text(column):
            raise broken(self.point, f"column: expected the name of a column, got {column!r}")
        self.name = self.made.name
        self.label = self.made.label
        self.unit = self.made.unit
        self.direction = self.made.direction
        self.column = getattr(self.made, "column", f"objective_{self.name}")
        self.title = str(getattr(self.made, "title", ""))

    def value(self, metrics: api.Metrics, context: api.Context) -> Array:
        """One finite number for each design; raises `PluginError` with the design where not."""
        try:
            found = self._asked(metrics, context)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if named(error):
                raise
            raise self._raised(error, metrics, context) from error
        with asking(self.point, lambda: design_at(metrics, 0), how=UNREADABLE):
            self._check(found, metrics)
        return found

    def _asked(self, metrics: api.Metrics, context: api.Context) -> Array:
        freeze(vars(metrics))
        if not limit() and not self.theirs:
            return self.made.value(metrics, context)
        with limited(self.point):
            return self.made.value(metrics, context)

    def _check(self, found: Array, metrics: api.Metrics) -> None:
        """Raise `PluginError` for a column that is not one finite number for each design."""
        shape = shape_of(metrics)
        with np.errstate(all="ignore"):
            fault = fault_of(found, shape, tiny=True)
        if fault is not None:
            what, at = fault
            place = place_in(np.shape(found), at, shape) if at else 0
            raise broken(self.point, f"{design_at(metrics, place)}: expected {what}")

    def _raised(self, error: BaseException, metrics: api.Metrics, context: api.Context) -> PluginError:
        """The error for an exception, with the one design that raises it by itself."""
        shape, last = shape_of(metrics), error

        def fails(rows: Rows) -> bool:
            nonlocal last
            try:
                self._asked(_rows(metrics, shape, rows), context)
            except KeyboardInterrupt:
                raise
            except BaseException as again:
                last = again if type(again) is type(error) else last
                return type(again) is type(error)
            return False

        plain = all(concrete(getattr(metrics, name)) for name in FILLED)
        count = int(np.prod(shape)) if plain and not isinstance(error, TimedOut) else 1
        rows = first_failing(count, fails)
        return raised(self.point, last, design_at(metrics, int(rows[0]) if len(rows) else 0))


def _rows(metrics: api.Metrics, shape: tuple[int, ...], rows: Rows) -> api.Metrics:
    """Rows of metrics without ledgers."""

    def taken(column: Array) -> Array:
        return np.broadcast_to(np.asarray(column), shape).reshape(-1)[rows]

    return replace(
        api.Metrics(
            **{name: taken(getattr(metrics, name)) for name in FILLED},
            violations={name: taken(v) for name, v in metrics.violations.items()},
        ),
        more={name: taken(v) for name, v in metrics.more.items()},
    )
