"""What every cost model and every objective must keep, as plain pytest classes.

The test file of an external plug-in needs no more than this:

    class TestMine(CostModelContract):
        @pytest.fixture
        def subject(self):
            return MyCostModel()

Override `designs` and `contexts` where the samples lie outside a cost model's domain.
"""

from collections.abc import Callable, Iterable
from math import prod

import numpy as np

from dse.errors import UnitError
from dse.spec.yaml.units import parse
from dse.testing import samples
from dse.testing.checks import (
    HEADLINE,
    TOTALS,
    ContractBroken,
    flat,
    require,
    same,
    same_column,
    table,
    taken,
)
from objectives.api import Context, CostModel, Designs, Metrics, Objective, violation


class CostModelContract:
    """Laws of every `objectives.api.CostModel`; give a `subject` fixture."""

    def designs(self) -> Designs:
        """Designs of one axis, feasible and not, that the cost model is tried on."""
        return samples.designs()

    def contexts(self) -> Iterable[Context]:
        """Contexts that it is tried in."""
        return samples.contexts()

    def _tables(
        self, subject: CostModel, change: Callable[[Designs], Designs]
    ) -> list[dict[str, np.ndarray]]:
        designs = change(self.designs())
        # with detail, so that the ledgers are compared too
        return [table(subject.evaluate(designs, c, detail=True), designs.shape) for c in self.contexts()]

    def test_it_looks_like_a_cost_model(self, subject: CostModel) -> None:
        """A name, the chip facts it requires, and `evaluate`."""
        require(isinstance(subject, CostModel), "plug-in", "a cost model of objectives.api", type(subject))
        require(isinstance(subject.name, str) and subject.name != "", "name", "some text", subject.name)
        words = isinstance(subject.requires, tuple) and all(isinstance(w, str) for w in subject.requires)
        require(words, "requires", "a tuple of names", subject.requires)

    def test_every_number_is_finite_and_broadcasts_even_where_nothing_fits(self, subject: CostModel) -> None:
        """Infeasible designs get finite metrics and a violation, never inf or NaN."""
        for result in self._tables(subject, lambda d: d):
            for name, column in result.items():
                require(bool(np.isfinite(column).all()), name, "finite numbers", column.tolist())
                # violations may be negative: room to spare counts below 0
                positive = name not in HEADLINE or bool((column >= 0.0).all())
                require(positive, name, "numbers of at least 0", column.tolist())

    def test_violations_are_named_and_decide_what_is_feasible(self, subject: CostModel) -> None:
        """At least one named constraint; feasible where none is above 0."""
        designs = self.designs()
        for context in self.contexts():
            metrics = subject.evaluate(designs, context)
            named = all(isinstance(name, str) and name for name in metrics.violations)
            require(bool(metrics.violations) and named, "violations", "named constraints", metrics.violations)
            columns = [flat(v, designs.shape) for v in metrics.violations.values()]
            expected = np.all([c <= 0.0 for c in columns], axis=0)
            got = flat(metrics.feasible(), designs.shape)
            same_column(expected, got, "feasible()", exact=True)

    def test_permuting_designs_permutes_results(self, subject: CostModel) -> None:
        """No design may look at another."""
        order = np.arange(self.designs().size)[::-1]
        plain, turned = self._tables(subject, lambda d: d), self._tables(subject, lambda d: d.take(order))
        for left, right in zip(plain, turned, strict=True):
            same({k: v[order] for k, v in left.items()}, right, "permuted designs")

    def test_a_batch_equals_its_rows(self, subject: CostModel) -> None:
        """One design at a time gives what all together give."""
        plain = self._tables(subject, lambda d: d)
        for row in range(self.designs().size):
            alone = self._tables(subject, lambda d, i=row: d.take(np.asarray([i])))  # type: ignore[misc]
            for left, right in zip(plain, alone, strict=True):
                same({k: v[[row]] for k, v in left.items()}, right, f"row {row} alone")

    def test_chips_and_deployments_broadcast_as_axes(self, subject: CostModel) -> None:
        """Chips (C, 1) with deployments (1, D) equal their flattened pairs."""
        n = self.designs().size

        def grid(d: Designs) -> Designs:
            return Designs.of(chips=d.chips.reshape(n, 1), deployments=d.deployments.reshape(1, n))

        pairs = self._tables(subject, lambda d: grid(d).take(np.arange(n * n)))
        for left, right in zip(pairs, self._tables(subject, grid), strict=True):
            same(left, right, "a grid of chips x deployments")

    def test_detail_fills_ledgers_and_changes_nothing_else(self, subject: CostModel) -> None:
        """The headline and the violations stay the same, to the bit."""
        designs = self.designs()
        for context in self.contexts():
            short = table(subject.evaluate(designs, context), designs.shape)
            long = table(subject.evaluate(designs, context, detail=True), designs.shape)
            kept = [k for k in long if k in HEADLINE or k.startswith("violations.")]
            # detail may not add a constraint
            require(set(kept) <= set(short), "detail", f"the columns {sorted(short)}", kept)
            for name in kept:
                same_column(short[name], long[name], f"detail: {name}", exact=True)
            extra = sorted(k for k in short if k.split(".")[0] in (*TOTALS, "capacity_parts"))
            require(not extra, "without detail", "empty ledgers", extra)

    def test_parts_sum_to_totals(self, subject: CostModel) -> None:
        """Each ledger is filled and sums to its column."""
        designs = self.designs()
        for context in self.contexts():
            metrics = subject.evaluate(designs, context, detail=True)
            for ledger, column in TOTALS.items():
                parts = [flat(v, designs.shape) for v in getattr(metrics, ledger).values()]
                # without parts the sum is 0, which is right for a total of 0
                require(bool(parts), ledger, f"the parts of {column}", "none")
                total = flat(getattr(metrics, column), designs.shape)
                same_column(total, np.sum(parts, axis=0), f"sum of {ledger}, which is {column}")

    def test_it_keeps_no_state_and_leaves_its_input_alone(self, subject: CostModel) -> None:
        """The second evaluation equals the first, and the columns that went in are as they were."""
        # made twice: a shallow copy would change together with the original
        designs, before = self.designs(), self.designs()
        for context in self.contexts():
            first = table(subject.evaluate(designs, context, detail=True), designs.shape)
            # another batch in between would show a model that remembers its last input
            subject.evaluate(designs.take(np.arange(1)), context)
            second = table(subject.evaluate(designs, context, detail=True), designs.shape)
            for name, column in first.items():
                same_column(column, second[name], f"evaluated again: {name}", exact=True)
        for struct, old in ((designs.chips, before.chips), (designs.deployments, before.deployments)):
            for name, column in struct.columns().items():
                same_column(old.columns()[name], column, f"input {name}", exact=True)


class ObjectiveContract:
    """Laws of every `objectives.api.Objective`; give a `subject` fixture."""

    def metrics(self) -> Metrics:
        """Metrics of one axis that the objective is tried on."""
        return samples.metrics()

    def contexts(self) -> Iterable[Context]:
        """Contexts that it is tried in."""
        return samples.contexts()

    def test_it_looks_like_an_objective(self, subject: Objective) -> None:
        """Name, label, a unit that the unit parser understands, and a direction."""
        require(isinstance(subject, Objective), "plug-in", "an objective of objectives.api", type(subject))
        for field in ("name", "label"):
            text = getattr(subject, field)
            require(isinstance(text, str) and text != "", field, "some text", text)
        sides = ("minimize", "maximize")
        require(subject.direction in sides, "direction", " or ".join(sides), subject.direction)
        try:
            one = parse(f"1 {subject.unit}".strip(), subject.unit)
        except UnitError as error:
            raise ContractBroken(f"unit: {error}") from None
        require(one == 1.0, "unit", "an SI unit, of which one is 1", subject.unit)

    def test_its_value_is_one_finite_number_per_design(self, subject: Objective) -> None:
        """The shape of the metrics, finite for infeasible designs too."""
        metrics = self.metrics()
        shape = np.shape(metrics.tpot_s)
        for context in self.contexts():
            value = np.asarray(subject.value(metrics, context))
            # one number for all designs broadcasts; more numbers than designs do not
            one_each = prod(value.shape) <= prod(shape)
            require(one_each, "value", f"a column that broadcasts to {shape}", value.shape)
            require(bool(np.isfinite(flat(value, shape)).all()), "value", "finite numbers", value.tolist())

    def test_permuting_designs_permutes_values(self, subject: Objective) -> None:
        """No design depends on another, and each may be evaluated alone."""
        metrics = self.metrics()
        n = len(np.asarray(metrics.tpot_s))
        for context in self.contexts():
            values = flat(subject.value(metrics, context), (n,))
            for order in (np.arange(n)[::-1], *(np.asarray([i]) for i in range(n))):
                got = flat(subject.value(taken(metrics, order), context), (len(order),))
                same_column(values[order], got, f"value of {len(order)} designs")

    def test_a_target_is_violated_on_its_bad_side_only(self, subject: Objective) -> None:
        """Feasible at the target itself; violated by half of the designs' spread on the bad side."""
        metrics = self.metrics()
        for context in self.contexts():
            values = flat(subject.value(metrics, context), np.shape(metrics.tpot_s))
            # each value in turn is the target, so the edge itself is tried
            for target in values:
                beyond = flat(violation(subject, values, target), values.shape) > 0.0
                bad = values > target if subject.direction == "minimize" else values < target
                same_column(bad, beyond, f"violation of the target {target}", exact=True)
