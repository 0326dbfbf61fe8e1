"""Software is an axis of a question: as sold, one class of losses for all, or none."""

import pytest
from studies_for_tests import write_study

import dse
from dse.chips.granularity import GRAIN
from dse.chips.setting import stack_under
from dse.question.find_study import find_case
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.software import split_software, under
from dse.spec.schema.system import StackSpec

LOSSES = ("layer_overhead_s", "collective_overhead_s", "step_overhead_s", "dram_efficiency")


def columns(study, branch):
    return study.branches[branch].fixed


@pytest.fixture
def path(tmp_path):
    return write_study(tmp_path)


def test_equal_software_lays_the_same_losses_on_every_kind_of_chip(path):
    study = dse.load_study(f"{path}@equal")
    chips = [columns(study, b) for b in ("sram-only", "dram-only", "hybrid")]
    for loss in LOSSES:
        assert len({chip[loss] for chip in chips}) == 1, loss
    sold = dse.load_study(str(path))
    assert columns(sold, "sram-only")["layer_overhead_s"] != columns(sold, "dram-only")["layer_overhead_s"]


def test_the_grain_of_the_hardware_stays_the_chips_own_under_equal_software():
    catalog = Catalog.of(None)
    for name in ("static-dataflow", "gpu-serving", "systolic-serving"):
        own = catalog.get(StackSpec, name)
        driven = stack_under("equal", own, catalog, None)
        assert [getattr(driven, n) for n in GRAIN] == [getattr(own, n) for n in GRAIN]
        assert driven.layer_overhead == catalog.get(StackSpec, "equal").layer_overhead


def test_ideal_software_loses_nothing(path):
    for fixed in (b.fixed for b in dse.load_study(f"{path}@ideal").branches.values()):
        assert fixed["layer_overhead_s"] == fixed["collective_overhead_s"] == 0.0
        assert fixed["dram_efficiency"] == fixed["link_efficiency"] == fixed["usable_capacity"] == 1.0


def test_a_branch_and_a_baseline_may_run_on_any_stack(tmp_path):
    path = write_study(tmp_path, stacks={"dram-only": "static-dataflow", "groq-lpu-v1": "gpu-serving"})
    study, plain = dse.load_study(str(path)), dse.load_study(str(write_study(tmp_path, "plain")))
    static = columns(plain, "hybrid")["layer_overhead_s"]
    assert columns(study, "dram-only")["layer_overhead_s"] == static
    assert columns(study, "sram-only")["layer_overhead_s"] == static
    assert study.setting.stack_of("groq-lpu-v1", "static-dataflow", None).name == "gpu-serving"
    assert "stack/gpu-serving" in study.configs


def test_a_stack_for_what_the_study_does_not_have_is_refused_with_its_line(tmp_path):
    path = write_study(tmp_path, stacks={"dram-onl": "static-dataflow", "hybrid": "statc-dataflow"})
    with pytest.raises(dse.SpecError) as error:
        dse.load_study(str(path))
    told = " ".join(str(p) for p in error.value.problems)
    assert "unknown branch or baseline 'dram-onl'; did you mean 'dram-only'" in told
    assert "unknown stack 'statc-dataflow'; did you mean 'static-dataflow'" in told
    assert f"{path}:" in told


def test_a_study_that_names_stacks_and_equal_software_is_refused(tmp_path):
    with pytest.raises(dse.SpecError, match="expected as-sold with stack, got equal"):
        dse.load_study(str(write_study(tmp_path, stack="gpu-serving", software="equal")))


def test_software_of_the_question_lifts_the_stacks_that_its_file_names(tmp_path):
    path = write_study(tmp_path, stack="gpu-serving")
    assert dse.load_study(f"{path}@equal").setting.stack is None


def test_a_question_without_software_keeps_its_digest(path):
    assert "software" not in dse.load_study(str(path)).question["study"]
    assert dse.load_study(f"{path}@equal").question["study"]["software"] == "equal"


def test_cases_under_other_software_have_names_and_folders_of_their_own(tmp_path):
    path = write_study(tmp_path, cases={"small": {"title": "small", "budget": {"trials": 5}}})
    assert find_case(f"{path}@equal") == (path, "@equal")
    found = dse.load_cases(f"{path.parent}@ideal")
    assert [q.slug for q in found] == ["small/@ideal", "small/small@ideal"]
    assert {q.spec.software for q in found} == {"ideal"}
    assert dse.load_study(f"{path.parent}/small@as-sold").spec.budget.trials == 5


def test_a_case_may_differ_by_its_software_alone(tmp_path):
    path = write_study(tmp_path, cases={"bound": {"title": "no losses", "software": "ideal"}})
    as_asked, bound = dse.load_cases(str(path))
    assert (as_asked.spec.software, bound.spec.software) == ("as-sold", "ideal")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a@equal", ("a", "equal")),
        ("a/b@ideal", ("a/b", "ideal")),
        ("a@b", ("a@b", None)),
        ("a", ("a", None)),
    ],
)
def test_a_name_tells_its_software_behind_the_last_mark(name, parts):
    assert split_software(name) == parts


def test_a_name_and_an_option_that_disagree_are_refused():
    assert under("a@equal", "equal") == "a@equal"
    with pytest.raises(dse.SpecError, match="expected equal"):
        under("a@equal", "ideal")


def test_no_losses_are_never_slower_than_any_software_of_the_chip():
    ask = {"weights": "int8", "tp": 8, "pp": 1, "batch": 8}
    speeds = [
        dse.estimate("h100", "llama2-70b", "article", software=s, **ask).metrics["tpot_s"]
        for s in ("ideal", "as-sold", "equal")
    ]
    assert speeds[0] <= min(speeds[1:])
