"""The benchmark measures what it says; how fast this machine is, no test may depend on."""

import json

import pytest

from dse import SpecError, load_study
from dse.evaluate.bench import BRANCH, CHIPS, STUDY, bench
from dse.question.layouts import grid

KEYS = {
    "points_per_second", "points", "seconds", "threads", "backend", "device", "block", "llm", "cost_model",
    "numpy",
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    return bench(seconds=0.2, threads=1)


def test_the_result_is_plain_data_for_programs(found: dict[str, object]) -> None:
    assert set(found) >= KEYS
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_points_per_second_is_points_over_seconds(found: dict[str, object]) -> None:
    points, seconds, rate = (float(str(found[k])) for k in ("points", "seconds", "points_per_second"))
    assert points > 0
    assert seconds >= 0.2
    assert rate == pytest.approx(points / seconds, rel=1e-9)


def test_one_thread_cannot_spend_more_of_a_core_than_there_is(found: dict[str, object]) -> None:
    busy, seconds, rate = (
        float(str(found[k])) for k in ("processor_seconds", "seconds", "points_per_core_second")
    )
    assert 0.0 < busy <= seconds * 1.5 + 0.2  # NumPy may have threads of its own for a moment
    assert rate * busy == pytest.approx(float(str(found["points"])), rel=1e-9)


def test_points_are_whole_blocks_of_chips_by_deployments_of_the_study(found: dict[str, object]) -> None:
    deployment = load_study(STUDY).lists
    # CP is chosen too, where TP leaves KV heads whole; so a block has some layouts more than the other sizes
    least = len(deployment.batch) * len(deployment.tp) * len(deployment.pp)
    layouts = grid(deployment).size
    assert layouts > least
    assert found["block"] == {"chips": CHIPS, "deployments": layouts}
    assert int(str(found["points"])) % (CHIPS * layouts) == 0


def test_it_measures_the_default_cost_model_of_a_study_that_has_the_branch(found: dict[str, object]) -> None:
    study = load_study(STUDY)
    assert found["cost_model"] == "roofline" == study.cost_model.name
    assert BRANCH in study.branches


def test_two_threads_do_the_work_of_whole_blocks_too() -> None:
    found = bench(seconds=0.1, threads=2)
    assert found["threads"] == 2
    assert found["points"] % (CHIPS * found["block"]["deployments"]) == 0


def test_progress_tells_shares_that_grow() -> None:
    shares: list[float] = []
    bench(seconds=0.2, threads=1, progress=shares.append)
    assert shares
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0


def test_a_compiled_backend_counts_whole_blocks_as_well() -> None:
    found = bench(backend="jax", seconds=0.1)
    assert found["backend"] == "jax"
    assert found["points"] % (found["block"]["chips"] * found["block"]["deployments"]) == 0
    assert found["block"]["chips"] > CHIPS


def test_an_unknown_backend_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SpecError, match=r"nunpy.*numpy"):
        bench(backend="nunpy", seconds=0.1)


def test_another_llm_is_measured_in_the_same_layouts_or_refused_with_the_nearest_name() -> None:
    hybrid = bench(seconds=0.1, threads=1, llm="qwen3.5-397b-a17b")
    assert hybrid["llm"] == "qwen3.5-397b-a17b"
    with pytest.raises(SpecError, match=r"qwen3\.5-397b-a17"):
        bench(seconds=0.1, llm="qwen3.5-397b-a17")
