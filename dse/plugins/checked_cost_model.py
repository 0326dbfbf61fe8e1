"""A cost model that is checked at every call: what it returns is finite, or it is named."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from typing import Final, final

import numpy as np

from dse.choose.confidence import intervals_of
from dse.errors import PluginError, spec_error
from dse.plugins.attributes import names, require, text
from dse.plugins.broken import UNREADABLE, broken, met_in, named, raised
from dse.plugins.designs import Names, Rows, design_in_words, first_failing
from dse.plugins.designs import names as names_now
from dse.plugins.entry import foreign, name_of
from dse.plugins.last_batch import FILLED, remember
from dse.plugins.numbers import broadcasts, concrete, fault_of, freeze, is_array, place_in, sound
from dse.plugins.time_limit import TimedOut, aside, limit, limited
from objectives import api
from objectives.arrays import Array
from objectives.ledgers import LEDGERS

_LEDGERS: Final = tuple(
    dict.fromkeys(("violations", *(ledger.field for ledger in LEDGERS), "capacity_parts", "bounds", "pools"))
)
FROZEN: Final = 64
"""First calls whose designs are read-only, and one of as many after them."""

_FIELDS: Final = {
    "name": ("some text", text),
    "requires": ("a tuple of names", names),
}


@final
@dataclass(unsafe_hash=True)
class CheckedCostModel:
    """The cost model of an entry point; raises `PluginError` where it breaks its contract."""

    point: EntryPoint
    made: api.CostModel = field(hash=False)
    name: str = field(init=False, compare=False)
    """As a study writes it."""
    requires: tuple[str, ...] = field(init=False, compare=False)
    """Chip facts that must be known."""
    predicts: bool = field(init=False, compare=False)
    """Whether its metrics are predictions, see `objectives.api.predicts`."""
    memories: bool = field(init=False, compare=False)
    """Whether it reads memories beyond SRAM and DRAM, see `objectives.api.reads_memories`."""
    weight_parts: bool = field(init=False, compare=False)
    """Whether it reads the bytes of parts of the weights, see `objectives.api.reads_parts`."""
    blocks: bool = field(init=False, compare=False)
    """Whether it reads blocks that are denoised, see `objectives.api.reads_blocks`."""
    encoders: bool = field(init=False, compare=False)
    """Whether it counts what an encoder costs, see `objectives.api.reads_encoders`."""
    factorises: bool = field(init=False, compare=False)
    """Whether its pools may be evaluated one by one, see `objectives.api.factorises`."""
    users: tuple[EntryPoint, ...] = ()
    """Serving modes and kinds of attention of other packages, any of which it may call."""
    chips: Names | None = field(default=None, compare=False)
    """What its chips are called, where they are the same at every call."""

    theirs: bool = field(default=False, init=False, compare=False)
    """Whether code of another package may run."""
    calls: int = field(default=0, init=False, compare=False)
    """Evaluations so far."""

    def __post_init__(self) -> None:
        require(self.point, self.made, _FIELDS, ("evaluate",))
        self.theirs = bool(self.users) or foreign(self.point)
        self.name = self.made.name
        self.requires = self.made.requires
        self.predicts = api.predicts(self.made)
        self.memories = api.reads_memories(self.made)
        self.weight_parts = api.reads_parts(self.made)
        self.blocks = api.reads_blocks(self.made)
        self.encoders = api.reads_encoders(self.made)
        self.factorises = api.factorises(self.made)

    def about(self, chip: str) -> "CheckedCostModel":
        """The same for batches of one chip, by whose name a design is called."""
        return replace(self, chips=lambda _shape, _at: chip)

    def evaluate(self, designs: api.Designs, context: api.Context, *, detail: bool = False) -> api.Metrics:
        """Metrics of every design, all numbers finite; raises `PluginError` with the design where not.

        Raises `SpecError` for chips with memories that the model does not say it reads, for weights of
        several formats, for blocks that are denoised, and for an LLM with an encoder.
        """
        if not self.memories:
            self._hold_two_memories(designs)
        if not self.weight_parts and context.precision.parts is not None:
            what = "expected weights of one format, got one for each part, which it does not read"
            raise spec_error(f"cost model {self.name}", what)
        if not self.blocks and context.workload.diffusion is not None:
            what = "expected a workload without diffusion, got blocks of tokens, which it does not read"
            raise spec_error(f"cost model {self.name}", what)
        if not self.encoders and context.llm.encoder is not None:
            what = f"expected an LLM without an encoder, which it does not read, got {context.llm.name}"
            raise spec_error(f"cost model {self.name}", what)
        try:
            found = self._asked(designs, context, detail=detail)
        except KeyboardInterrupt:
            raise
        # any, `SystemExit` among them: a plug-in is code of somebody else
        except BaseException as error:
            if named(error):
                raise
            raise self._raised(error, designs, context, detail=detail) from error
        try:
            self._check(found, designs, context)
        except KeyboardInterrupt:
            raise
        # to look at what a plug-in returns may run its code
        except BaseException as error:
            if named(error):
                raise
            raise raised(self._culprit(context), error, self._words(designs, 0), how=UNREADABLE) from error
        remember(designs, found, self.chips or names_now())
        # no model reads them: they go from the chips to the objectives that are met with a probability
        # the error bar of two stacks together is unknown
        intervals = {} if len(designs.pools) > 1 else intervals_of(designs.chips)
        return replace(found, more={**found.more, **intervals}) if intervals else found

    def _hold_two_memories(self, designs: api.Designs) -> None:
        """Raise `SpecError` for memories beyond SRAM and DRAM: what they hold and bring would be left out."""
        found = dict.fromkeys(m.name.replace("_", "-") for pool in designs.pools for m in pool.chips.further)
        if found:
            what = f"expected chips of SRAM and DRAM alone, got {', '.join(found)}, which it does not read"
            raise spec_error(f"cost model {self.name}", what)

    def _asked(self, designs: api.Designs, context: api.Context, *, detail: bool) -> api.Metrics:
        """What the model answers within the time limit; its input is read-only."""
        # a model that writes into its input does so from the start: later calls are only sampled
        if self.calls < FROZEN or self.calls % FROZEN == 0:
            freeze(designs.columns())
        self.calls += 1
        found: api.Metrics
        if not limit() and not self.theirs:
            found = self.made.evaluate(designs, context, detail=detail)
            return found
        with aside(self.theirs), limited(self.point):
            found = self.made.evaluate(designs, context, detail=detail)
        return found

    def _check(self, found: object, designs: api.Designs, context: api.Context) -> None:
        """Raise `PluginError` for metrics that are not what they must be."""
        if not isinstance(found, api.Metrics):
            kind = "None" if found is None else f"a {type(found).__name__}"
            raise self._broken(designs, context, 0, f"expected objectives.api.Metrics, got {kind}")
        shape = designs.shape
        if not isinstance(found.violations, Mapping) or not found.violations:
            what = f"violations: expected named constraints, got {found.violations!r}"
            raise self._broken(designs, context, 0, what)
        columns = vars(found)
        # a number that is not finite must not warn of itself, besides being named
        with np.errstate(all="ignore"):
            fine = all(sound(columns[name], shape, positive=True) for name in FILLED) and all(
                sound(column, shape)
                for ledger in _LEDGERS
                if columns[ledger]
                for column in _parts(columns[ledger])
            )
            if not fine:
                self._name_fault(found, designs, context)

    def _name_fault(self, found: api.Metrics, designs: api.Designs, context: api.Context) -> None:
        """Raise `PluginError` for the first column that is wrong."""
        shape = designs.shape
        for name, column, positive in _columns(self.point, found):
            # lengths of a workload may be arrays too
            fits = broadcasts(getattr(column, "shape", ()), shape)
            whole = shape if fits else api.broadcast_shape(shape, *_lengths(context))
            fault = fault_of(column, whole, positive=positive)
            if fault is not None:
                what, at = fault
                place = place_in(np.shape(column), at, shape) if at else 0
                raise self._broken(designs, context, place, f"{name}: expected {what}")

    def _broken(self, designs: api.Designs, context: api.Context, at: int, what: str) -> PluginError:
        """The error for a design; blames a serving mode or a kind of attention of others before the model."""
        point = self._culprit(context)
        asked = f"in {name_of(self.point)}, " if point is not self.point else ""
        return broken(point, f"{self._words(designs, at)}: {asked}{what}")

    def called(self, context: api.Context) -> list[EntryPoint]:
        """The entry points whose code runs for a question."""
        return [self.point, *_used(self.users, context)]

    def _culprit(self, context: api.Context) -> EntryPoint:
        """A serving mode or a kind of attention of others before the model."""
        return next(iter(_used(self.users, context)), self.point)

    def _words(self, designs: api.Designs, at: int) -> str:
        if not all(concrete(c) for c in designs.columns().values()):
            return "designs that are being compiled"
        shape, say = designs.shape, self.chips or names_now()
        at = min(at, max(designs.size - 1, 0))
        return design_in_words(designs, shape, at, None if say is None else say(shape, at))

    def _raised(
        self, error: BaseException, designs: api.Designs, context: api.Context, *, detail: bool
    ) -> PluginError:
        """The error for an exception, with the one design of the batch that raises it by itself."""
        used = _used(self.users, context)
        point = met_in(error, used) or (self.point if foreign(self.point) else next(iter(used), self.point))
        error, rows = self._least(error, designs, context, detail=detail)
        where = self._words(designs, int(rows[0]) if len(rows) else 0)
        if len(rows) > 1:
            where = f"{len(rows):,} designs, the first of them {where}"
        return raised(point, error, where)

    def _least(
        self, error: BaseException, designs: api.Designs, context: api.Context, *, detail: bool
    ) -> tuple[BaseException, Rows]:
        """The error of the fewest designs that still raise, and their places."""
        last = error

        def fails(rows: Rows) -> bool:
            nonlocal last
            try:
                self._asked(designs.take(rows), context, detail=detail)
            except KeyboardInterrupt:
                raise
            except BaseException as again:
                # another fault than that of the batch is of being alone
                if type(again) is type(error):
                    last = again
                return type(again) is type(error)
            return False

        plain = all(concrete(c) for c in designs.columns().values())
        # after a hang nothing is asked again; lengths that are arrays belong to the rows of the batch
        if isinstance(error, TimedOut) or not plain or any(_lengths(context)):
            return error, np.arange(designs.size if plain else 0)
        rows = first_failing(designs.size, fails)
        return last, rows


def _columns(point: EntryPoint, found: api.Metrics) -> Iterator[tuple[str, Array, bool]]:
    """Every column of metrics with its name, and whether it may not be below 0."""
    for name in FILLED:
        yield name, getattr(found, name), True
    for ledger in _LEDGERS:
        parts = getattr(found, ledger)
        if not isinstance(parts, Mapping):
            raise broken(point, f"{ledger}: expected parts by name, got {parts!r}")
        for name, column in parts.items():
            if not text(name):
                raise broken(point, f"{ledger}: expected names, got {name!r}")
            yield f"{name} of {ledger}", column, False


def _parts(parts: object) -> Collection[Array]:
    """Columns by name; a single one that is wrong for what is no mapping of texts to columns."""
    if isinstance(parts, Mapping) and all(isinstance(name, str) for name in parts):
        return parts.values()
    return (None,)


def _lengths(context: api.Context) -> list[tuple[int, ...]]:
    """Shapes of the numbers of a context that are arrays."""
    every = {**vars(context.workload), **vars(context.economy), **vars(context.precision)}
    return [np.shape(v) for v in every.values() if (concrete(v) or is_array(v)) and np.shape(v)]


def _used(users: tuple[EntryPoint, ...], context: api.Context) -> list[EntryPoint]:
    """Plug-ins of others that take part: the serving mode, and kinds of attention by their classes."""
    classes = {type(a) for b in context.llm.blocks for a in b.mixers}
    serving = [p for p in users if p.group.endswith("serving_modes") and p.name == context.workload.serving]
    kinds = [p for p in users if p.group.endswith("attention_kinds") and p.load().architecture in classes]
    return [*serving, *kinds]
