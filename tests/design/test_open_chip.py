"""The space of any chip, in the words of an architect: what cannot be made is named, and by how much."""

import re
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from said import call
from studies_for_tests import write_study

import dse
from dse.chips.branch import Branch, branches_of
from dse.chips.parameter_range import value_at
from dse.chips.setting import Setting
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.space import NAME, PARAMETERS, SpaceSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.technology import TechnologySpec

CATALOG = Catalog()
SPACE = CATALOG.get(SpaceSpec, "open-chip")
NAMES = ("die_area", "dram_stacks", "link_edge", "cooling")
"""Constraints of a chip that cannot be made."""


def branches(seed: int | None = None) -> dict[str, Branch]:
    """The space at the middle of the technology, or at low, middle or high of each constant by `seed`."""

    def chosen(path: str, leaf: Any) -> Any:
        known = [v for v in (leaf.low, leaf.value, leaf.high) if v is not None]
        return leaf.value if seed is None else Random(f"{seed} {path}").choice(known)

    return branches_of(
        SPACE,
        Setting(
            catalog=CATALOG,
            precision=PrecisionSpec(weights="int8", kv="int8", activations="int8"),
            price=PriceSpec(method="unit-cost"),
            technology=CATALOG.get(TechnologySpec, "technology-2026"),
            value=chosen,
        ),
    )


def test_it_is_written_in_the_words_of_an_architect() -> None:
    words = {name: set(branch.parameters) for name, branch in SPACE.branches.items()}
    common = {"process", "peak_flops", "link_count", "link_speed", "dies"}
    sram, dram = {"sram", "sram_bandwidth_per_byte"}, {"dram_generation", "dram_stacks"}
    assert words == {"sram-only": common | sram, "dram-only": common | dram, "hybrid": common | sram | dram}
    assert {name: branch.kind for name, branch in branches().items()} == {n: n for n in words}
    assert SPACE.branches["hybrid"].parameters["dram_stacks"].low == 1.0  # without any it is sram-only
    kinds = SPACE.branches["hybrid"].parameters["dram_generation"].choices
    assert {k[:3] for k in kinds} >= {"HBM", "GDD", "DDR", "LPD"}


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(SPACE.branches)),
    st.integers(0, 2**32),
    st.lists(st.floats(0.0, 1.0), min_size=9, max_size=9),
    st.data(),
)
def test_more_of_anything_never_costs_less_under_any_technology(
    branch: str, seed: int, fractions: list[float], data: st.DataObject
) -> None:
    made = branches(seed)[branch]
    parameters = made.spec.parameters
    # another node, DRAM kind or number of dies is another thing, not more of one
    more = data.draw(st.sampled_from([p for p in parameters if PARAMETERS[p] != NAME and p != "dies"]))
    values = {
        n: np.full(9, float(value_at(p, np.asarray(f))))
        for (n, p), f in zip(parameters.items(), fractions, strict=False)
    }
    values[more] = value_at(parameters[more], np.linspace(0.0, 1.0, 9))
    columns = made.columns(values)
    for name in ("price_usd", "power_w", "area_excess_m2", "cooling_excess_w"):
        column = np.broadcast_to(columns[name], (9,))
        assert np.isfinite(column).all()
        assert (np.diff(column) >= -1e-12 * np.abs(column[1:])).all(), name


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    folder = tmp_path_factory.mktemp("open")
    path = write_study(folder, "any-chip", space="open-chip", budget={"trials": 90})
    study = dse.load_study(str(path))
    return study, dse.run(study, out=folder / "results")


def test_a_search_names_what_cannot_be_made_and_by_how_much(searched: tuple[Any, Any]) -> None:
    study, result = searched
    limits = {
        "die_area": lambda made: max(made.plan.compute.each_m2[0], made.plan.io.each_m2[0]) - 858e-6,
        "cooling": lambda made: made.power_w[0] - 1800.0,
    }
    told: dict[str, list[float]] = {name: [] for name in NAMES}
    for trial in result.optuna_study.trials:
        if "branch" not in trial.params:
            continue
        made = _silicon(study, trial.params)
        for name in NAMES:
            told[name].append(trial.constraints[name])
        for name, excess in limits.items():
            assert trial.constraints[name] == pytest.approx(excess(made), rel=1e-9, abs=1e-12)
    for name, found in told.items():
        assert min(found) <= 0.0 < max(found), name  # both sides of each are searched
        # graded, not a flag
        assert len({round(v, 12) for v in found if v > 0.0}) >= 5, name


def _silicon(study: Any, params: dict[str, Any]) -> Any:
    branch = study.branches[params["branch"]]
    values = {}
    for name, parameter in branch.spec.parameters.items():
        stored = params[f"{branch.name}.{name}"]
        at = parameter.choices.index(stored) if isinstance(stored, str) else stored
        steps = len(parameter.choices) or parameter.steps
        values[name] = value_at(parameter, np.asarray([at / (steps - 1)]))
    return branch.silicon(values)


def test_nothing_on_its_front_is_impossible(searched: tuple[Any, Any]) -> None:
    _, result = searched
    frame = result.front.frame
    assert len(frame)
    for name in NAMES:
        assert (frame[f"violation_{name}"] <= 0.0).all()
    assert set(frame["process"].dropna()) <= {"n7", "n5", "n3"}


def test_the_front_counts_whole_dies_and_names_the_node(searched: tuple[Any, Any]) -> None:
    study, result = searched
    said = call("front", study.path, "--out", result.out)
    assert said.code == 0, said.err
    # in a row of a table, or cell by cell where the row is too wide
    dies = re.findall(r"(\d+)(?: +|\nnode +)n[753]\b", said.out.partition("Parameters of these chips")[2])
    assert dies
    assert set(dies) <= {"1", "2", "4"}
