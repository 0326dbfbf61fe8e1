"""A point of the space written as the file of a chip is the same chip when it is read again."""

import numpy as np
import pytest
import yaml
from studies_for_tests import write_study

from dse.chips.parameter_range import value_at
from dse.chips.resolve import chip_columns
from dse.decide.propose.candidates import (
    Candidate,
    chips_of_candidates,
    of_baselines,
    of_grid,
    parameter_values,
)
from dse.decide.propose.chip_file import chip_of, made_of
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.spec.schema.chip import ChipSpec
from dse.spec.yaml.loading import build_spec
from dse.spec.yaml.writing import yaml_of

BRANCHES = ("sram-only", "dram-only", "hybrid")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    return load_study(str(write_study(tmp_path_factory.mktemp("proposed"))))


def candidate(study: ResolvedStudy, branch: str, share: float) -> Candidate:
    """The point at a share of every range of a branch, on its steps."""
    values = {}
    for name, p in study.branches[branch].spec.parameters.items():
        last = (p.steps or 2) - 1
        values[name] = float(value_at(p, np.asarray(round(share * last) / last)))
    return Candidate(
        label=f"{branch}-7", kind=study.branches[branch].kind, branch=branch, values=values, trial=7
    )


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("share", [0.0, 0.45, 1.0])
def test_a_written_chip_has_the_columns_of_its_point(study: ResolvedStudy, branch: str, share: float) -> None:
    """All but what the vendor of the template claims, which nobody claims of this chip."""
    point = candidate(study, branch, share)
    chip = chip_of(study, point, "mine", {"tpot": "5 ms"})
    read = build_spec(ChipSpec, yaml.safe_load(yaml_of(chip)), "mine.yaml")
    assert read == chip
    before = {
        n: float(np.asarray(a).reshape(-1)[0])
        for n, a in chips_of_candidates(study, [point]).columns().items()
    }
    after = chip_columns(read, study.setting)
    assert after.pop("user_tokens_per_s") == 0.0
    for name, value in after.items():
        assert value == pytest.approx(before[name], rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_parts_of_a_written_chip_sum_to_what_its_file_says(study: ResolvedStudy, branch: str) -> None:
    chip = chip_of(study, candidate(study, branch, 0.45), "mine", {})
    parts = made_of(chip, study.setting.technology)
    assert sum(parts["unit_cost_usd"].values()) == pytest.approx(chip.unit_cost.value, rel=1e-9)
    area = sum(parts["area_m2"].values()) / (chip.die.count.value or 1)
    assert area == pytest.approx(chip.die.area.value, rel=1e-9)
    assert sum(parts["power_w"].values()) == pytest.approx(chip.power.value, rel=1e-9)
    assert chip.hypothetical
    assert chip.price.value is None  # nobody sells it


def test_a_coarse_grid_has_the_ends_of_every_range_and_no_more_chips_than_allowed(
    study: ResolvedStudy,
) -> None:
    for most in (16, 100):
        found = of_grid(study, most)
        for branch in BRANCHES:
            mine = [c for c in found if c.branch == branch]
            specs = study.branches[branch].spec.parameters
            free = [n for n, p in specs.items() if p.low < p.high]
            assert 1 <= len(mine) <= max(most, 2 ** len(free))
            assert len({tuple(c.values.values()) for c in mine}) == len(mine)
            for name, p in specs.items():
                values = {c.values[name] for c in mine}
                low, high = (min(p.numbers), max(p.numbers)) if p.numbers else (p.low, p.high)
                assert (min(values), max(values)) == pytest.approx((low, high)), name
                assert parameter_values(study, mine[0])[name] is not None


def test_baselines_are_candidates_by_their_names(study: ResolvedStudy) -> None:
    found = {c.label: c for c in of_baselines(study)}
    assert set(found) == set(study.baselines)
    assert {c.kind for c in found.values()} == {"sram-only", "dram-only"}
    assert all(c.branch is None and parameter_values(study, c) == {} for c in found.values())
