"""What every serving mode must keep, as a plain pytest class.

The test file of an external mode needs no more than this:

    class TestMine(ServingModeContract):
        @pytest.fixture
        def subject(self):
            return MyServingMode()

The mode is tried through the default cost model, which finds it by its entry point. Override `contexts` where
it needs facts that the samples lack.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dse.bounds.speed_of_light import check, speed_of_light
from dse.errors import PluginError
from dse.plugins import SERVING_MODES, cost_model, registered
from dse.testing import samples
from dse.testing.checks import TOTALS, ContractBroken, flat, require, same, same_column, table
from objectives.api import Context, Designs, Metrics
from objectives.equations.serving.mode import ServingMode

FACTS = ("counts_prompts", "starts_together", "has_pools")


class ServingModeContract:
    """Laws of every `objectives.equations.serving.mode.ServingMode`; give a `subject` fixture."""

    def designs(self) -> Designs:
        """Designs of one axis, feasible and not, that the mode is tried on."""
        return samples.designs()

    def contexts(self, subject: ServingMode) -> Iterator[Context]:
        """The samples under this mode, as far as they lack nothing that it needs; two have blocks."""
        for context in (*samples.contexts(), *samples.denoised()):
            # a load, so that modes with pools of their own for prefill lack nothing
            work = replace(context.workload, serving=subject.name, prefill_load=0.7)
            if not subject.missing(work):
                yield replace(context, workload=work)

    def _served(self, subject: ServingMode, designs: Designs) -> Iterator[tuple[Context, Metrics]]:
        model = cost_model("roofline")
        for context in self.contexts(subject):
            try:
                metrics = model.evaluate(designs, context, detail=True)
            # the program would name the mode and end, which is what the kit is there to prevent
            except PluginError as error:
                raise ContractBroken(str(error)) from None
            yield context, metrics

    def test_it_looks_like_a_serving_mode(self, subject: ServingMode) -> None:
        """A name, three facts, and it is registered under that name."""
        require(isinstance(subject.name, str) and subject.name != "", "name", "some text", subject.name)
        for fact in FACTS:
            value = getattr(subject, fact, None)
            require(isinstance(value, bool), fact, "True or False", value)
        known = registered(SERVING_MODES)
        require(subject.name in known, "name", f"one of the entry points {sorted(known)}", subject.name)

    def test_it_serves_the_samples(self, subject: ServingMode) -> None:
        """At least one sample has all facts that it needs."""
        require(any(True for _ in self.contexts(subject)), "missing", "a sample that lacks nothing", "none")

    def test_what_it_lacks_is_one_sentence(self, subject: ServingMode) -> None:
        """The empty string, or `name: expected ..., got ...`."""
        for context in samples.contexts():
            text = subject.missing(replace(context.workload, serving=subject.name))
            said = text == "" or (": expected " in text and ", got " in text)
            require(said, "missing", "'' or 'name: expected ..., got ...'", text)

    def test_notes_are_sentences(self, subject: ServingMode) -> None:
        """A tuple of texts, for one stage and for many."""
        for context in self.contexts(subject):
            for stages in (1.0, 8.0):
                notes = subject.notes(context.workload, stages)
                texts = isinstance(notes, tuple) and all(isinstance(n, str) and n for n in notes)
                require(texts, "notes", "a tuple of sentences", notes)

    def test_every_number_is_finite_and_not_negative(self, subject: ServingMode) -> None:
        """Infeasible designs too; throughput and TPOT are above 0."""
        designs = self.designs()
        for _, metrics in self._served(subject, designs):
            for name, column in table(metrics, designs.shape).items():
                require(bool(np.isfinite(column).all()), name, "finite numbers", column.tolist())
            for name in ("tpot_s", "tokens_per_s"):
                column = flat(getattr(metrics, name), designs.shape)
                require(bool((column > 0.0).all()), name, "numbers above 0", column.tolist())

    def test_parts_sum_to_totals(self, subject: ServingMode) -> None:
        """What the mode adds to TPOT and TTFT is among their parts."""
        designs = self.designs()
        for _, metrics in self._served(subject, designs):
            for ledger, column in TOTALS.items():
                parts = [flat(v, designs.shape) for v in getattr(metrics, ledger).values()]
                total = flat(getattr(metrics, column), designs.shape)
                same_column(total, np.sum(parts, axis=0), f"sum of {ledger}, which is {column}")

    def test_nothing_beats_the_speed_of_light(self, subject: ServingMode) -> None:
        """TPOT, TTFT and throughput keep the bounds of physics, by the facts that the mode states."""
        designs = self.designs()
        for context, metrics in self._served(subject, designs):
            check(metrics, speed_of_light(designs, context))

    def test_a_batch_equals_its_rows(self, subject: ServingMode) -> None:
        """One design at a time gives what all together give."""
        designs = self.designs()
        together = [table(m, designs.shape) for _, m in self._served(subject, designs)]
        for row in range(designs.size):
            one = designs.take(np.asarray([row]))
            for left, (_, metrics) in zip(together, self._served(subject, one), strict=True):
                same({k: v[[row]] for k, v in left.items()}, table(metrics, one.shape), f"row {row} alone")
