"""A study with every name looked up, or all of its problems at once."""

from pathlib import Path
from typing import Any

import pytest
from studies_for_tests import LINES, write_study

from dse.chips.granularity import with_grain
from dse.chips.resolve import stack_columns
from dse.errors import SpecError
from dse.question.find_study import find_study, list_studies
from dse.question.layouts import triples
from dse.question.resolved_study import digest, load_study
from dse.spec.catalog.config_paths import bundled
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.system import StackSpec

ROOT = Path(__file__).resolve().parents[2]


def problems(folder: Path, configs: Path | None = None, **changes: Any) -> list[str]:
    """What is told about a small study with some changes, each as `LINE: text`."""
    path = write_study(folder, **changes)
    with pytest.raises(SpecError) as error:
        load_study(str(path), configs)
    return [str(p).removeprefix(f"{path}:") for p in error.value.problems]


def line(key: str) -> int:
    """Line of a top-level key of the small study."""
    return LINES.index(key) + 1


def test_a_small_study_resolves(tmp_path: Path) -> None:
    study = load_study(str(write_study(tmp_path, targets={"ttft": "2 s"})))
    assert study.slug == "small"
    assert set(study.branches) == {"sram-only", "dram-only", "hybrid"}
    assert set(study.baselines) == {"groq-lpu-v1", "h100-sxm"}
    assert [(t.objective.name, t.limit) for t in study.targets] == [("ttft", 2.0)]
    assert study.reference_point == {"usd_per_token_per_second": 1000.0, "tpot": 0.1}
    assert study.swept is not None
    assert study.swept.name == "tpot"


def test_a_study_searches_the_branches_that_it_names(tmp_path: Path) -> None:
    every, few = (
        load_study(str(write_study(tmp_path / n, **more)))
        for n, more in (("a", {}), ("b", {"branches": ["hybrid", "sram-only"]}))
    )
    assert set(few.branches) == {"sram-only", "hybrid"}
    # another question, which does not depend on what it leaves out; without the key it is the one of before
    assert few.problem != every.problem and "branches" not in every.question["study"]
    space = few.configs["space/lpu-or-hbm"]
    assert isinstance(space, SpaceSpec) and set(space.branches) == set(few.branches)
    (told,) = problems(tmp_path / "c", branches=["hybird"])
    assert told == (
        f"{line('space')}: space: unknown branch 'hybird'; did you mean 'hybrid'? "
        "Known: dram-only, hybrid, sram-only"
    )
    (told,) = problems(tmp_path / "d", branches=["hybrid"], space=None)
    assert "branches: expected a space with branches of it, got none" in told


def test_a_study_may_serve_its_workload_in_another_way(tmp_path: Path) -> None:
    said, chunked = (
        load_study(str(write_study(tmp_path / n, workload="chat", **more)))
        for n, more in (("a", {}), ("b", {"serving": "chunked"}))
    )
    assert said.context.workload.serving == "aggregated"
    assert chunked.context.workload.serving == "chunked"
    assert said.problem != chunked.problem
    (told,) = problems(tmp_path / "c", workload="chat", serving="disaggregated")
    assert "prefill_load: expected a share above 0 and below 1, got none" in told


def test_all_problems_of_a_study_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        llm="llama2-80b",
        workload="artcle",
        cost_model="rooflin",
        space="lpu-or-hbn",
        objectives=["usd_per_token_per_second", "tpot", "latency"],
        sampler={"name": "tpee"},
        baselines=["h1000", "groq"],
        targets={"ttft": "2 GB"},
        reference_point={"usd_per_token_per_second": "1 USD/(token/s)", "tpot": "1 s", "latency": "1 s"},
    )
    expected = {
        "llm": "unknown llm 'llama2-80b'; did you mean 'llama2-",
        "workload": "unknown workload 'artcle'; did you mean 'article'",
        "cost_model": "unknown cost model 'rooflin'; did you mean 'roofline'",
        "space": "unknown space 'lpu-or-hbn'; did you mean 'lpu-or-hbm'",
        "objectives": "unknown objective 'latency'",
        "sampler": "unknown sampler 'tpee'; did you mean 'tpe'",
        "baselines": "unknown chip 'h1000'; did you mean 'h100'",
    }
    for key, told in expected.items():
        assert any(p.startswith(f"{line(key)}: {key}") and told in p for p in found), (key, found)
    assert any("targets.ttft: expected a number with a unit such as '1 s', got '2 GB'" in p for p in found)
    assert any(p.startswith(f"{line('reference_point')}: reference_point.latency: ") for p in found)


def test_names_are_looked_up_where_keys_are_wrong_as_well(tmp_path: Path) -> None:
    wrong_part = {"llm": "llama2-70b", "workload": "artcle", "weight": -1}
    found = problems(
        tmp_path,
        sed=1,
        baselines=["h1000"],
        sampler={"name": "tpee"},
        llm=None,
        workload=None,
        mix=[wrong_part, {"llm": "llama2-7b", "workload": "chat", "weight": 1}],
    )
    told = "\n".join(found)
    for words in (
        "sed: unknown key; did you mean 'seed'?",
        "mix.0.weight: expected a number greater than 0, got -1",
        "unknown workload 'artcle'; did you mean 'article'",
        "did you mean 'h100'",
        "did you mean 'tpe'",
    ):
        assert words in told
    assert len(found) == 5


def test_all_wrong_ways_to_split_are_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, deployment={"mode": "solve", "batch": [1], "tp": [1, 3, 7], "pp": [1, 81, 99]})
    assert all(p.startswith(f"{line('deployment')}: deployment: ") for p in found)
    told = "\n".join(found)
    assert (
        "tp: expected a divisor or a multiple of the 64 heads of llama2-70b (1, 2, 4, 8, 16, 32, 64" in told
    )
    assert "got 3" in told
    assert "got 7" in told
    assert "pp: expected at most the 80 layers of llama2-70b, got 99" in told


@pytest.mark.parametrize(
    ("tp", "ep", "told"),
    [
        ([4], [3, 4], "ep: expected a divisor or a multiple of TP 4, got 3"),
        ([4, 8], [2, 32], "ep: expected at most the 8 experts of mixtral-8x7b, got 32"),
        ([2, 32], [6], "ep: expected a divisor or a multiple of TP 32 as well, got none"),
        ([2, 1], [2, 4], ""),
        ([4, 8, 1], [8], ""),
        ([8, 16], [1, 2], ""),
    ],
)
def test_experts_are_spread_only_as_they_can_be(
    tmp_path: Path, tp: list[int], ep: list[int], told: str
) -> None:
    layout = {"mode": "solve", "batch": [1], "tp": tp, "pp": [1], "ep": ep}
    path = write_study(tmp_path, llm="mixtral-8x7b", deployment=layout)
    if not told:
        study = load_study(str(path))
        found = [(t, e) for t, c, e in triples(study.lists) if c == 1]
        assert found == [(t, e) for t in tp for e in ep if t % e == 0 or e % t == 0]
        return
    with pytest.raises(SpecError) as error:
        load_study(str(path))
    assert any(told in str(p) for p in error.value.problems)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"deployment__batch": []}, "deployment.batch: "),
        ({"deployment__batch": [0]}, "deployment.batch.0: "),
        ({"deployment__tp": [-8]}, "deployment.tp.0: "),
        ({"objectives": []}, "objectives: "),
        ({"budget__trials": 0}, "budget.trials: "),
        ({"budget": {"trials": 3, "timeout": "-1 s"}}, "budget.timeout: expected at least 0 s, got '-1 s'"),
        ({"budget": {"trials": 3, "timeout": 60}}, "expected a unit such as '60 s', got the bare number 60"),
        ({"sweep": None}, "sweep: expected a swept target for the deployment mode solve, got none"),
        ({"sweep__low": "0 s"}, "sweep: expected 0 < low <= high, got 0 s and 0.1 s"),
        ({"reference_point": {"tpot": "1 s"}}, "reference_point: expected every objective, missing usd_per"),
        ({"precision__kv": "int9"}, "precision.kv: unknown number format 'int9'; did you mean 'int8'"),
        ({"price": {"method": "compute-ratio"}}, "expected a reference chip for the method compute-ratio"),
        (
            {"price": {"method": "list"}},
            "price.method: unknown price method 'list'; did you mean 'listed'? Known: compute-ratio, ",
        ),
        ({"deployment__mode": "sole"}, "did you mean 'solve'?"),
        ({"seed": "one"}, "seed: "),
        ({"nonsense": 1}, "nonsense: unknown key"),
        ({"question": None}, "question: missing key"),
        ({"name": "Small Study"}, "name: "),
    ],
)
def test_a_mistake_in_a_study_is_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    changes.setdefault("name", "small")
    path = write_study(tmp_path, **changes)
    with pytest.raises(SpecError) as error:
        load_study(str(path))
    found = [str(p) for p in error.value.problems]
    assert any(told in p and p.startswith(f"{path}:") for p in found), found


def own_space(tmp_path: Path, old: str, new: str) -> Path:
    """A folder of configs with a copy of the bundled space in which a text is exchanged."""
    text = (bundled("configs") / "spaces" / "lpu-or-hbm.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "own" / "spaces").mkdir(parents=True)
    (tmp_path / "own" / "spaces" / "lpu-or-hbm.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return tmp_path / "own"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("low: 32 MiB, high: 1024 MiB", "low: 1024 MiB, high: 32 MiB", "expected low <= high, got an empty"),
        ("low: 32 MiB", "low: 0 B", "expected low > 0 on a log scale, got 0"),
        ("low: 32 MiB", "low: 32 ms", "sram.low: expected a number with a unit such as '1 B', got '32 ms'"),
        ("sram: {", "srm: {", "unknown parameter 'srm'; did you mean 'sram'"),
        ("steps: 11", "steps: 1", "steps: "),
        ("    dram_generation: HBM3e\n", "", "expected a dram_generation with dram_stacks, got none"),
        ("template: lpu-template", "template: lpu-templato", "unknown chip 'lpu-templato'; did you"),
        ("process: n5", "process: n4", "branches.sram-only: expected a node that the technology file knows"),
        ("network: groq-dragonfly", "network: groq-dragonfl", "unknown network 'groq-dragonfl'; did you"),
        ("HBM3e", "HBM9", "expected a dram generation that the technology file knows, got 'HBM9'"),
    ],
)
def test_a_mistake_in_the_space_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    found = problems(tmp_path, own_space(tmp_path, old, new))
    assert any(told in p for p in found), found


def test_hypothetical_chips_have_no_listed_price(tmp_path: Path) -> None:
    found = problems(tmp_path, price={"method": "listed"})
    assert (
        f"{line('space')}: space: price.method: expected compute-ratio, margin, searched or "
        "unit-cost for the hypothetical " in ("\n".join(found))
    )


def test_nulls_that_the_price_of_the_system_needs_are_named(tmp_path: Path) -> None:
    found = problems(tmp_path, price={"method": "unit-cost", "system": "with-host-and-network"})
    told = "\n".join(found)
    assert (
        f"{line('baselines')}: baselines: chips/groq-lpu-v1: host: expected a known value, got null" in told
    )
    assert "chips/h100-sxm: host" not in told  # somebody published that


def test_nulls_that_the_unit_cost_needs_are_named(tmp_path: Path) -> None:
    found = problems(tmp_path, baselines=["rtx-4090", "catapult-ddr4"])
    told = "\n".join(found)
    assert (
        "chips/rtx-4090: silicon: expected a known dram.GDDR6X.cost in the technology file, got null" in told
    )
    assert "chips/catapult-ddr4: silicon: expected a node that the technology file knows, got '28 nm'" in told


def test_nulls_that_the_cost_model_needs_are_named(tmp_path: Path) -> None:
    found = problems(tmp_path, cost_model="napkin", baselines=["a100-sxm-80gb"])
    assert any(
        "chips/a100-sxm-80gb: claimed_user_speed: expected a known value, got null" in p for p in found
    )


def test_a_reference_without_a_price_is_refused_for_a_compute_ratio(tmp_path: Path) -> None:
    found = problems(tmp_path, price={"method": "compute-ratio", "reference": "lpu-hbm"})
    assert any("lpu-hbm: price: expected a known value, got null" in p for p in found)


def test_an_unknown_reference_chip_is_told_once_and_where_it_is_written(tmp_path: Path) -> None:
    found = problems(tmp_path, baselines=[], price={"method": "compute-ratio", "reference": "h1000"})
    assert [p.partition(";")[0] for p in found] == [f"{line('price')}: price.reference: unknown chip 'h1000'"]


def test_a_swept_objective_that_is_no_time_is_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, sweep={"objective": "tokens_per_second", "low": "1 ms", "high": "2 ms"})
    assert any("sweep" in p for p in found)


def test_an_objective_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    assert any("objectives" in p for p in problems(tmp_path, objectives=["tpot", "tpot"]))


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    assert any(p.startswith(f"{line('seed')}: seed: ") for p in problems(tmp_path, seed=-1))


def test_a_study_is_found_by_folder_slug_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_study(tmp_path / "studies", "0007-mine")
    monkeypatch.chdir(tmp_path)
    for name in (str(path), str(path.parent), "0007-mine", "mine"):
        assert find_study(name).resolve() == path.resolve()
    assert find_study("groq-vs-h100").parent.name == "0001-groq-vs-h100"
    assert {"0007-mine", "0001-groq-vs-h100"} <= set(list_studies())
    with pytest.raises(SpecError, match="unknown study 'grok-vs-h100'; did you mean 'groq-vs-h100'"):
        find_study("grok-vs-h100")


def test_the_budget_is_no_part_of_the_question_and_everything_else_is(tmp_path: Path) -> None:
    base = load_study(str(write_study(tmp_path)))
    longer = load_study(str(write_study(tmp_path, budget={"trials": 99, "timeout": "9 s"})))
    assert longer.question == base.question
    assert longer.digests() == base.digests()
    other = load_study(str(write_study(tmp_path, seed=2)))
    changed = {k for k, v in other.digests().items() if v != base.digests()[k]}
    assert changed == {"study"}


def test_a_number_in_a_config_changes_its_digest_only(tmp_path: Path) -> None:
    path = str(write_study(tmp_path))
    folder = own_space(tmp_path, "low: 32 MiB", "low: 33 MiB")
    before, after = load_study(path).digests(), load_study(path, folder).digests()
    assert {k for k in before if before[k] != after[k]} == {"space/lpu-or-hbm"}


def test_every_config_that_the_answer_depends_on_has_a_digest(tmp_path: Path) -> None:
    study = load_study(str(write_study(tmp_path)))
    assert set(study.digests()) == {
        "study",
        "llm/llama2-70b",
        "workload/article",
        "economy/datacentre-2026",
        "technology/technology-2026",
        "space/lpu-or-hbm",
        "chip/groq-lpu-v1",
        "chip/h100-sxm",
        "chip/lpu-template",
        "stack/static-dataflow",
        "stack/groq-dataflow",
        "stack/gpu-serving",
        "architecture/hopper",
        "network/groq-dragonfly",
        "network/nvswitch-hopper",
    }


def test_a_digest_is_that_of_canonical_json() -> None:
    # printf '{"a":1,"b":[2.5]}' | sha256sum
    assert digest({"b": [2.5], "a": 1}) == "1d97f1c6350e2d952e3db713f3d5e3b3992bc269e1e2351d30c1b917ee185bde"


def test_a_chip_that_reads_weights_from_dram_runs_as_many_rows_of_prompts_as_gpus_do() -> None:
    # under the same stack a chip without DRAM streams its prompts; each keeps that under equal software
    catalog = Catalog.of(None)
    own = catalog.get(StackSpec, "static-dataflow")
    for stack in (own, with_grain(catalog.get(StackSpec, "equal"), own)):
        with_dram, without = stack_columns(stack, True), stack_columns(stack, False)
        assert with_dram["prompt_rows"] == catalog.get(StackSpec, "gpu-serving").prompt_rows.value
        assert without["prompt_rows"] == own.prompt_rows.value == 64
        assert with_dram["held_rows"] == with_dram["prompt_rows"]
