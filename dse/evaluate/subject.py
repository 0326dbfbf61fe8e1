"""All that an estimate of one chip needs, looked up and checked, and the estimate of its deployments."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from dse.bounds.speed_of_light import assert_within_physics
from dse.chips.anchor_rows import anchor_rows
from dse.chips.chip_price import needs_of
from dse.chips.clock_note import notes_of_chip
from dse.chips.formats import computed_in, precision_named, remarks, with_formats
from dse.chips.interval import interval_on, shares_experts
from dse.chips.price_method import price_method
from dse.chips.prices import price_of_one
from dse.chips.rents import economy_of
from dse.chips.resolve import chip_columns, chips_of, precision_of
from dse.chips.setting import Setting, stack_under
from dse.choose.confidence import AtConfidence, checked
from dse.choose.rule import TOLERANCE, Limits, best, judged, violations
from dse.choose.solve import Found, Question, best_deployments
from dse.errors import Attempts, placed, spec_error
from dse.evaluate.arguments import hold_arguments
from dse.evaluate.estimate_notes import (
    kept_prefixes,
    layout_notes,
    memory_notes,
    narrow_stages,
    on_next_best,
    sent_under,
    smaller_notes,
    trust_notes,
    unmeasured_split,
)
from dse.evaluate.estimate_result import (
    LABELS,
    Estimate,
    OtherStack,
    chances,
    first_of,
    headline,
    ledgers_of,
    notes_of,
    parts_of,
    smallest_system,
    where_split,
)
from dse.evaluate.money import Money, money_of, price_paid
from dse.evaluate.subject_checks import at_unit_cost, hold_node, hold_workload, served_by_options
from dse.plugins import about, objective
from dse.plugins import cost_model as cost_model_named
from dse.plugins import serving_mode as serving_mode_named
from dse.question.error_bars import METRICS, lack
from dse.question.layouts import all_stages, batches, product
from dse.question.one_layout import check_layout, layouts_of
from dse.question.targets import USUAL_GOAL, at_confidence
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.command_line import (
    apply_settings,
    checked_values,
    economy_with,
    hold_names,
    of_one_chip,
)
from dse.spec.overrides.short_names import by_short_name
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.generation import generation_notes
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.software import software_named
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.workload import WorkloadSpec, hold_speculation, served
from dse.traffic.workloads import resolved
from objectives import api
from objectives.equations.serving.registry import serving_mode

ECONOMY, TECHNOLOGY = "datacentre-2026", "technology-2026"
"""Names of the bundled economy and technology that an estimate is made with."""

_GROUPS = (1, 2, 4, 8, 16)
"""Replicas of decode that are tried with the prefill replicas that they need, which are whole."""


class Subject:
    """Everything an estimate needs, looked up and checked."""

    def __init__(
        self,
        chip: str,
        llm: str,
        workload: str,
        *,
        weights: str = "fp16",
        kv: str | None = None,
        activations: str | None = None,
        cost_model: str = "roofline",
        stack: str | None = None,
        serving: str | None = None,
        price_method: str = "listed",
        seller: str | None = None,
        rent_term: str | None = None,
        system: str = "chips-only",
        economy: str = ECONOMY,
        software: str = "as-sold",
        settings: Mapping[str, str] | None = None,
        configs: Path | str | None = None,
        hold_targets: bool = True,
        most: Mapping[str, float] | None = None,
        confidence: float | None = None,
        drafted: bool = False,
        keeps_prefixes: bool = True,
    ) -> None:
        texts = {"chip": chip, "llm": llm, "workload": workload, "weights": weights, "kv": kv}
        texts |= {"activations": activations, "cost_model": cost_model, "stack": stack, "serving": serving}
        texts |= {"price_method": price_method, "seller": seller, "system": system, "software": software}
        texts |= {"economy": economy, "rent_term": rent_term}
        hold_arguments(texts, {})
        catalog = Catalog.of(configs)
        # one call names every wrong word: each look-up is tried before any error is raised
        look = Attempts(placed)
        self.llm_spec = look("--llm", catalog.get, LlmSpec, llm)
        found_workload = look("--workload", catalog.get, WorkloadSpec, workload)
        spec = look("--chip", catalog.get, ChipSpec, chip)
        given = of_one_chip(checked_values(settings), None if spec is None else spec.name)
        paid = look("--economy", catalog.get, EconomySpec, economy)
        self.cost_model = look("--cost-model", cost_model_named, cost_model)
        self.software = look("--software", software_named, software)
        if stack is not None:
            look("--stack", catalog.get, StackSpec, stack)
        if serving is not None:
            look("--serving", serving_mode_named, serving)
        self.precision = look("--weights", precision_named, weights, kv, activations, self.llm_spec)
        self.confidence = None
        if confidence is not None:
            self.confidence = look("--confidence", checked, confidence, "")
        self.price = look("--price-method", price_of_one, price_method, seller, system, rent_term)
        if look.failed:
            # names of settings alone: their values cannot be read without the specs that they change
            look("--set", hold_names, given)
        # pools that draft compute what others state
        if found_workload is not None and not drafted:
            look("--workload", hold_speculation, found_workload)
        look.done()
        self.cost_model = about(self.cost_model, spec.name)
        self.drafted, self.keeps_prefixes = drafted, keeps_prefixes
        """Whether another pool drafts, and whether its chips may have to keep prefixes."""
        self.catalog, self.sold = catalog, catalog.get(StackSpec, stack or spec.stack)
        used_stack = stack_under(self.software, self.sold, catalog, spec.architecture)
        # of chip and stack before overrides: these change numbers, not what was measured
        self.trusted = partial(interval_on, used_stack, spec, catalog, (self.llm_spec.resolve(),))
        """Its error bars; those of replicas that share experts where they are `joined`."""
        network = catalog.get(NetworkSpec, spec.link.network)
        self.economy = economy_with(given, paid)
        """As its file has it, with the numbers that were set."""
        self.chip, self.stack, self.network, self.workload = apply_settings(
            given, spec, used_stack, network, found_workload
        )
        self.llm = served_by_options(self.llm_spec, self.precision, self.workload)
        hold_workload(self.workload, found_workload, self.llm_spec, catalog, workload, drafted)
        if serving is not None:
            self.workload = served(self.workload, serving)
        setting = Setting(
            catalog=catalog,
            precision=self.precision,
            price=self.price,
            requires=self.cost_model.requires,
            technology=catalog.get(TechnologySpec, TECHNOLOGY),
            economy=self.economy,
            llms=(self.llm,),
            with_intervals=self.confidence is not None,
            kept=(self.workload,) if keeps_prefixes else (),
        )
        # before silicon is derived, whose error would name the file of the chip and not the setting
        hold_node("process" in by_short_name(given), self.chip, setting.technology)
        self.unpriced = self.chip.price.value is None and "listed price" in needs_of(self.chip, self.price)
        if self.unpriced:
            setting = at_unit_cost(self.chip, setting)
        # `chip_columns` does it too, but notes on formats are read from this chip
        self.chip = with_formats(self.chip, setting.technology)
        self.columns = chip_columns(self.chip, setting, self.stack, self.network)
        self.said = notes_of_chip(self.chip, setting.foundry)
        self.context = api.Context(
            llm=self.llm,
            precision=precision_of(self.precision),
            workload=resolved(self.workload, catalog),
            economy=economy_of(self.price, self.economy),
        )
        self.goal, self.tolerance = objective(USUAL_GOAL), TOLERANCE
        promised = self.workload.targets if hold_targets else {}
        own = [(self.bounded(name), limit) for name, limit in promised.items()]
        self.limits: Limits = (*own, *((objective(name), limit) for name, limit in (most or {}).items()))
        """The latency targets of the workload, and the most of chips, dollars and watts, as the choice of a
        deployment reads them."""

    def bounded(self, name: str) -> api.Objective:
        """What a limit on the objective `name` bounds: its estimate, or what is met with a probability.

        Raises `SpecError` where the stack states no error bar of it.
        """
        goal = at_confidence(objective(name), self.confidence)
        if isinstance(goal, AtConfidence) and METRICS[goal.interval] not in self.trusted():
            raise spec_error("--confidence", lack(self.stack.name, name, [self.chip.name]))
        return goal

    def hold_against_physics(self, one: api.Designs, metrics: api.Metrics) -> None:
        """Raise `BeatsPhysics` for a prediction that no machine could meet; claims are not predictions."""
        if api.predicts(self.cost_model):
            assert_within_physics(one, self.context, metrics, names=[self.chip.name])

    def check_layout(self, **given: int | None) -> None:
        """Raise `SpecError` for ways and sizes that cannot be."""
        check_layout(given, self.llm, self.stack)

    def _whole_pools(self) -> bool:
        """Whether pools are of one system, so that several replicas of decode may round better."""
        work = self.context.workload
        return serving_mode(work.serving).has_pools and work.pools == "system"

    def designs(self, deployments: api.Deployments) -> api.Designs:
        """The chip in some deployments."""
        return api.Designs.of(chips=self.chips, deployments=deployments)

    def smallest(self, grid: api.Deployments) -> api.Designs:
        """The deployment of `grid` with the fewest chips; a batch of one."""
        designs = self.designs(grid.reshape(-1))
        metrics = self.cost_model.evaluate(designs, self.context)
        found = judged(metrics, self.context, self.goal, self.limits, designs.shape, 1)
        # the same rule, with the number of chips as the goal
        return designs.take(best(replace(found, cost=found.size)))

    def best_at(self, grid: api.Deployments, limits: Sequence[Limits]) -> list[Found]:
        """The best deployment of `grid`, and of batches between, under each of some limits."""
        question = Question(
            cost_model=self.cost_model, context=self.context, goal=self.goal, tolerance=self.tolerance
        )
        chosen = best_deployments(question, self.chips, grid, limits)
        # at a price of 0 all deployments cost the same, and none is the best
        if any(f.cost[0] <= 0.0 for f in chosen):
            raise spec_error(f"chips/{self.chip.name}", "price: expected more than 0 USD, got 0 USD")
        return chosen

    @property
    def chips(self) -> api.Chips:
        """The chip as a batch of one."""
        return chips_of([self.columns])

    def grid(
        self,
        *,
        batch: int | None = None,
        tp: int | None = None,
        cp: int | None = None,
        pp: int | None = None,
        ep: int | None = None,
        dp: int | None = None,
    ) -> api.Deployments:
        """Every deployment that is tried, what is given held; shape (layouts, PP, batch, 1)."""
        # one axis for all four, since not every TP goes with every CP, EP and DP
        given, groups = {"tp": tp, "cp": cp, "ep": ep, "dp": dp}, _GROUPS if self._whole_pools() else (1,)
        ways, splits, spreads, replicas = zip(*layouts_of(given, self.llm, self.stack, groups), strict=True)
        stages = [pp] if pp else all_stages(self.llm)
        # four batches to an octave; the batches between are refined around the best ones
        return product(ways, spreads, replicas, stages, [batch] if batch else batches(4), splits)

    def estimate(
        self, one: api.Designs, *, solved: bool, chosen: Found | None = None, limits: Limits | None = None
    ) -> Estimate:
        """The typed result of one design, a batch of one.

        `chosen` is how it was found, `limits` replace the targets of the workload. Raises `BeatsPhysics`
        for a prediction that no machine could meet.
        """
        # with ledgers, which the choice among deployments does without
        m = self.cost_model.evaluate(one, self.context, detail=True)
        self.hold_against_physics(one, m)
        held = self.limits if limits is None else limits
        over = violations(m, self.context, held).items()
        found = where_split({name: first_of(v) for name, v in over})
        bounds = {name: first_of(v) for name, v in m.bounds.items()}
        interval = self.trusted(joined=shares_experts(self.llm, one.deployments))
        other, ledgers = self.on_next_best(self.context, one, m), ledgers_of(m)
        return Estimate(
            chip=self.chip.name,
            llm=self.llm.name,
            workload=self.workload.name,
            cost_model=self.cost_model.name,
            stack=self.stack.name,
            label=LABELS[self.stack.estimate],
            serving=self.workload.serving,
            precision=self.precision.model_dump(),
            computed_in=computed_in(self.chip, self.precision),
            price_method="unit-cost" if self.unpriced else self.price.method,
            money=self.money(),
            deployment={k: int(first_of(v)) for k, v in one.deployments.columns().items()},
            solved=solved,
            feasible=all(v <= 0.0 for v in found.values()),
            metrics=headline(m, self.context),
            ledgers=ledgers,
            pools=parts_of(m.pools),
            smallest_system=smallest_system(self.cost_model, one, self.context),
            bound_by=max(bounds, key=lambda name: bounds[name]),
            violations=found,
            targets={goal.name: limit for goal, limit in held},
            confidence=self.confidence,
            p_met=chances(m, self.context, held, interval),
            interval=interval,
            anchor_rows=anchor_rows(self.stack, self.chip, self.catalog),
            next_best=other,
            notes=(
                *self._notes(one, interval, other),
                *smaller_notes(first_of(m.chips), chosen, self.tolerance),
                *memory_notes(self.context, one.pools[0], ledgers["capacity_bytes"]),
            ),
        )

    def on_next_best(
        self, context: api.Context, one: api.Designs, m: api.Metrics, role: str | None = None
    ) -> OtherStack | None:
        """The design, or its pool of `role`, on the next best anchored stack; None where none is near."""
        # numbers that the user set belong to this stack, and not to another
        own = stack_under(self.software, self.sold, self.catalog, self.chip.architecture)
        if self.stack.estimate != "calibrated" or self.software != "as-sold" or self.stack != own:
            return None
        return on_next_best(self.cost_model, context, one, m, self.sold, self.chip, self.catalog, role)

    def money(self) -> Money:
        """What the chip costs and how capital turns into running cost."""
        method = "unit-cost" if self.unpriced else self.price.method
        price = self.price.model_copy(update={"method": method})
        paid = price_paid(self.chip, price, self.catalog, self.columns["price_usd"])
        return money_of({self.chip.name: paid}, price, self.economy)

    def _notes(self, one: api.Designs, interval: Mapping[str, float], other: OtherStack | None) -> list[str]:
        """Conditions under which the numbers hold, the most important first."""
        # each note that is inserted at 1 precedes the earlier ones: price, formats, calibration, anchor
        stages = first_of(one.deployments.pp)
        notes = notes_of(
            self.stack,
            self.context.workload,
            interval,
            self.price.system,
            stages,
            all_in=price_method(self.price.method).all_in,
        )
        # place 0 is how far to trust the estimate, which a reader must see first
        notes[1:1] = trust_notes(self.stack, self.chip, self.catalog, other)
        notes += [*self.said, *sent_under(self.stack, sends=self.context.workload.serving == "disaggregated")]
        notes += kept_prefixes(self.workload) + narrow_stages(self.stack, self.context.llm, one.deployments)
        notes[1:1] = generation_notes(self.context.workload, self.llm_spec)
        notes[1:1] = unmeasured_split(self.stack, first_of(one.deployments.cp))
        notes[1:1] = remarks(computed_in(self.chip, self.precision))
        notes[1:1] = layout_notes(self.llm, self.precision, one.deployments, self.stack)
        if self.unpriced:
            notes.insert(1, f"{self.chip.name} has no listed price: priced at the unit cost of its silicon")
        return notes
