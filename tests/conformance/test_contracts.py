"""Everything registered keeps its contract, and the kits catch those who do not."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import cast, final

import numpy as np
import pytest
from optuna.samplers import RandomSampler

from dse.chips.price_method import Need, Priced, PriceMethod, Terms
from dse.spec.schema.chip import ChipSpec
from dse.testing import samples
from dse.testing.checks import ContractBroken
from dse.testing.contract import CostModelContract, ObjectiveContract
from dse.testing.price_contract import PriceMethodContract
from dse.testing.sampler_contract import Factory, SamplerContract
from objectives.api import Context, CostModel, Designs, Metrics, Objective
from objectives.arrays import Array
from objectives.costmodels.roofline import RooflineCostModel


def registered(group: str) -> list[EntryPoint]:
    """Plug-ins of every installed package, ours among them."""
    return sorted(entry_points(group=group), key=lambda point: point.name)


class TestEveryCostModel(CostModelContract):
    @pytest.fixture(params=registered("dse.cost_models"), ids=lambda point: point.name)
    def subject(self, request: pytest.FixtureRequest) -> CostModel:
        return cast(CostModel, request.param.load()())


class TestEveryObjective(ObjectiveContract):
    @pytest.fixture(params=registered("dse.objectives"), ids=lambda point: point.name)
    def subject(self, request: pytest.FixtureRequest) -> Objective:
        return cast(Objective, request.param.load()())


class TestEverySampler(SamplerContract):
    @pytest.fixture(params=registered("dse.samplers"), ids=lambda point: point.name)
    def subject(self, request: pytest.FixtureRequest) -> Factory:
        return cast(Factory, request.param.load())


class TestEveryPriceMethod(PriceMethodContract):
    @pytest.fixture(params=registered("dse.price_methods"), ids=lambda point: point.name)
    def subject(self, request: pytest.FixtureRequest) -> PriceMethod:
        return cast(PriceMethod, request.param.load()())


@final
class Auction:
    """A price that compares chips, may be negative, and reads a peak that it does not need."""

    name: str = "unit-cost"
    meaning: str = "the highest bid"
    group: str = "bids"
    requires: Mapping[str, str] = {}
    defaults: Mapping[str, str] = {}

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        return frozenset({"unit cost"})

    def basis(self, chip: ChipSpec) -> str:
        return self.name

    def check(self, terms: Terms) -> None:
        pass

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        bids = chips.unit_cost_usd - np.mean(chips.unit_cost_usd)
        return {"bid": bids + 0.0 * chips.fp16_flops if chips.fp16_flops is not None else bids + 1.0}


@pytest.mark.parametrize(
    "law",
    [
        PriceMethodContract.test_a_batch_equals_its_rows,
        PriceMethodContract.test_prices_are_finite_and_above_zero,
        PriceMethodContract.test_it_reads_no_more_than_it_needs,
    ],
)
def test_the_kit_catches_a_price_method_that_breaks_its_promise(law: object) -> None:
    with pytest.raises(ContractBroken, match=r"expected .*, got"):
        law(PriceMethodContract(), Auction())  # type: ignore[operator]


class Forgetful(RandomSampler):
    """A sampler that takes no seed, whatever it is told."""

    def __init__(self, seed: int, **options: object) -> None:
        super().__init__(seed=None)


@pytest.mark.parametrize(
    "law",
    [
        SamplerContract.test_the_same_seed_makes_the_same_trials,
        SamplerContract.test_it_refuses_options_that_it_does_not_know,
    ],
)
def test_the_kit_catches_a_sampler_that_breaks_its_promise(law: object) -> None:
    with pytest.raises(ContractBroken, match=r"expected .*, got"):
        law(SamplerContract(), Forgetful)  # type: ignore[operator]


def test_ours_are_registered_under_their_own_names() -> None:
    points = {group: registered(group) for group in ("dse.cost_models", "dse.objectives")}
    assert {"roofline", "napkin"} <= {p.name for p in points["dse.cost_models"]}
    assert {"tpot", "ttft", "usd_per_token_per_second"} <= {p.name for p in points["dse.objectives"]}
    for point in (p for group in points.values() for p in group):
        assert point.load()().name == point.name


@final
class Wrapped:
    """The roofline with one promise broken."""

    name = "wrapped"
    requires: tuple[str, ...] = ()

    def __init__(self, breach: str) -> None:
        self.breach = breach
        self.calls = 0

    def evaluate(self, designs: Designs, context: Context, *, detail: bool = False) -> Metrics:
        m = RooflineCostModel().evaluate(designs, context, detail=detail)
        self.calls += 1
        columns: dict[str, Mapping[str, Array] | Array] = {
            "inf where nothing fits": {"tpot_s": np.where(m.feasible(), m.tpot_s, np.inf)},
            "ranks among the batch": {"tpot_s": m.tpot_s * np.mean(m.tpot_s)},
            "remembers": {"ttft_s": m.ttft_s * self.calls},
            "detail costs time": {"tpot_s": m.tpot_s * (1.0 + detail)},
            "a second without owner": {"tpot_parts": {**m.tpot_parts, "lost": m.tpot_s} if detail else {}},
            "no constraint": {"violations": {}},
        }[self.breach]
        return replace(m, **columns)


KIT = CostModelContract
BREACHES = {
    "inf where nothing fits": KIT.test_every_number_is_finite_and_broadcasts_even_where_nothing_fits,
    "ranks among the batch": KIT.test_a_batch_equals_its_rows,
    "remembers": KIT.test_it_keeps_no_state_and_leaves_its_input_alone,
    "detail costs time": KIT.test_detail_fills_ledgers_and_changes_nothing_else,
    "a second without owner": KIT.test_parts_sum_to_totals,
    "no constraint": KIT.test_violations_are_named_and_decide_what_is_feasible,
}


@pytest.mark.parametrize("breach", BREACHES)
def test_the_kit_catches_a_cost_model_that_breaks_its_promise(breach: str) -> None:
    with pytest.raises(ContractBroken, match=r"expected .*, got"):
        BREACHES[breach](KIT(), Wrapped(breach))


@final
class Shifted:
    """An objective that compares designs with each other and has a unit that nobody knows."""

    name = "shifted"
    label = "shifted TPOT"
    unit = "furlong"
    direction = "minimize"

    def value(self, metrics: Metrics, context: Context) -> Array:
        return metrics.tpot_s - np.min(metrics.tpot_s)


@pytest.mark.parametrize(
    "law",
    [
        ObjectiveContract.test_it_looks_like_an_objective,
        ObjectiveContract.test_permuting_designs_permutes_values,
    ],
)
def test_the_kit_catches_an_objective_that_breaks_its_promise(law: object) -> None:
    with pytest.raises(ContractBroken, match=r"expected .*, got"):
        law(ObjectiveContract(), Shifted())  # type: ignore[operator]


COLUMNS_OF_LENGTHS = [pytest.param(point, id=point.name) for point in registered("dse.objectives")]


@pytest.mark.parametrize("point", COLUMNS_OF_LENGTHS)
def test_every_objective_takes_a_column_of_lengths(point: EntryPoint) -> None:
    objective, metrics = cast(Objective, point.load()()), samples.metrics()
    context = next(iter(samples.contexts()))
    lengths = np.linspace(1.0, 100.0, len(metrics.tpot_s))
    work = replace(context.workload, osl=lengths)
    together = objective.value(metrics, replace(context, workload=work))
    for i, osl in enumerate(lengths.tolist()):
        one = replace(context, workload=replace(work, osl=osl))
        assert together[i] == objective.value(metrics, one)[i]
