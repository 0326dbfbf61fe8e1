"""Which tests are slow, and what the tests of faults survived, told at the end."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dse

HERE = Path(__file__).parent
# the generators of our own pages are not in the wheel that tests import, but in the checkout
dse.__path__.append(str(HERE.parent / "dse"))
SLOW = (
    "faults", "workers", "view", "browser", "packaging", "decide", "external", "simulation", "calibrate",
    "hostile/test_results_folders.py", "search/test_reworded.py",
    "properties/test_batches.py", "properties/test_compiled.py", "properties/test_expert_parallelism.py",
    "properties/test_littles_law.py", "properties/test_namespaces.py", "properties/test_pools_and_chunks.py",
    "properties/test_serving_modes.py", "equations/fabrication/test_silicon_any_technology.py",
    "search/test_bounds.py", "search/test_interrupted.py", "search/test_killed.py", "search/test_mix.py",
    "search/test_pareto.py", "search/test_refused.py", "search/test_replay.py", "search/test_runner.py",
    "search/test_sweep.py", "search/test_one_memory.py", "search/test_proofs_within_limits.py",
    "spec/test_names.py", "bench/test_bench_runs.py", "design/test_open_chip.py",
    "evaluate/test_one_answer.py", "validate/test_speed_of_light.py", "pages/test_page.py",
    "pages/test_committed_tables.py", "cli/test_new.py", "design/test_ideal_is_a_bound.py",
    "report/test_front_plot.py", "report/test_pictures.py", "report/test_words_in_pictures.py",
    "cli/test_assumed.py", "cli/test_run.py", "cli/test_run_cases.py", "cli/test_with_unanchored.py",
    "cli/test_front.py", "cli/test_pages_and_pictures.py", "cli/test_catalog.py", "cli/test_check.py",
    "hostile/test_broken_plug_ins.py",
    "hostile/test_plug_ins_that_stop.py",
    "cli/test_chip.py", "cli/test_process.py", "cli/test_sweep.py", "studies/test_committed_fronts.py",
    "cli/test_passwords.py", "search/test_damaged_trials.py", "search/test_clocked_bounds.py",
    "systems/test_pool_laws.py", "systems/test_pool_namespaces.py", "systems/test_kv_under_prefill.py",
    "systems/test_draft_verify.py", "search/test_pruned_pairs.py", "equations/step/test_prefix_memory.py",
    "search/test_pruned_turns.py", "search/test_gap_of_turns.py", "cli/test_proofs_of_turns.py",
    "equations/chip/test_tiers.py",
    "properties/test_further_memories.py",
    "hostile/test_many_mutations.py", "hostile/test_streams.py", "hostile/test_files.py",
)  # fmt: skip
"""What starts processes, servers, searches or fits, compiles, draws, or tries many random designs, besides
single tests that are marked: without them (`pytest -m "not slow"`) the rest takes a minute on two cores."""

FAST = (
    "calibrate/test_fit_laws.py",
    "calibrate/test_left_out.py",
    "decide/test_boundaries.py",
    "decide/test_elasticities.py",
    "decide/test_overturning_numbers.py",
    "decide/test_proposed_files.py",
    "decide/test_quantiles.py",
    "decide/test_rounding.py",
    "decide/test_rules.py",
    "decide/test_steps.py",
    "faults/test_tables_of_others.py",
    "view/test_guard_of_pages.py",
    "view/test_requests.py",
)
"""Files of slow folders that are arithmetic or calls in process alone."""

REAL = (
    "faults", "workers", "view", "browser", "search/test_killed.py", "search/test_proofs_within_limits.py",
    "cli/test_process.py", "hostile/test_plug_ins_that_stop.py", "hostile/test_streams.py",
)  # fmt: skip
"""What races real processes against each other, kills them, or drives a browser: on a machine that others use
too, such a test may fail for them. It is tried once more, and the summary tells which were (`-rR`)."""


@pytest.fixture(autouse=True)
def _no_passwords_of_other_tests() -> Iterator[None]:
    """Addresses that a test opened are none of the next: what they hold would be masked there."""
    yield
    # many tests never import the program
    if "dse.masks" in sys.modules:
        sys.modules["dse.masks"].forget()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server (`servers.Postgres`) for a whole process; each test takes its own database."""
    from servers import postgres  # with all of Optuna, which most tests do not need

    with postgres() as running:
        yield running


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many mutated inputs are tried, and of which seed."""
    parser.addoption("--mutations", type=int, default=5_000, help="mutated inputs of tests/hostile")
    parser.addoption("--seed", type=int, default=1, help="seed of the mutated inputs of tests/hostile")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than cores: slow tests wait for servers and browsers, the fast ones only compute."""
    only_fast = config.getoption("markexpr") == "not slow"
    return (os.cpu_count() or 1) + (0 if only_fast else 1)


def pytest_configure() -> None:
    """Let programs that tests start be interrupted, where a shell began the suite in the background.

    Such a shell ignores Ctrl-C for all that it starts, and what is ignored is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow folders and files, and those that are tried twice."""
    for item in items:
        place = item.path.relative_to(HERE).as_posix()
        if _lies_in(place, SLOW) and not _lies_in(place, FAST):
            item.add_marker(pytest.mark.slow)
        if _lies_in(place, REAL) and not _lies_in(place, FAST):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=5))


def _lies_in(place: str, names: tuple[str, ...]) -> bool:
    return any(place == name or place.startswith(f"{name}/") for name in names)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line: faults survived of those tried."""

    def of_faults(outcome: str) -> int:
        reports = terminalreporter.stats.get(outcome, [])
        return sum("tests/faults/" in r.nodeid and getattr(r, "when", "call") == "call" for r in reports)

    survived = of_faults("passed")
    tried = survived + of_faults("failed") + of_faults("xfailed")
    if tried:
        terminalreporter.write_line(f"faults: {survived} of {tried} survived")
