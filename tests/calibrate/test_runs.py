"""The stack of recorded runs is what their rows give; links shift on their network; memory by hand."""

from dataclasses import replace
from functools import cache
from math import prod

import pytest

from dse.calibrate.calibration import Calibration
from dse.calibrate.parameters import PARAMETERS
from dse.calibrate.profile import Profile
from dse.calibrate.runs.fit import MOVED, NAME, ROOM, START, fitted, runs
from dse.chips.architecture import on_network
from dse.chips.resolve import stack_columns
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Lookup, Refusal
from dse.validate.measured.rows import find_table, read_rows

CATALOG = Catalog()
STACK = CATALOG.get(StackSpec, NAME)


@cache
def again() -> tuple[Profile, Calibration]:
    return fitted(cost_model("roofline"), CATALOG)


def test_the_stack_is_what_a_new_fit_gives() -> None:
    profile, _ = again()
    for field in (*PARAMETERS, "reserve"):
        leaf = getattr(STACK, field)
        assert leaf.value == pytest.approx(profile.leaves[field].value, rel=0.03), field
        assert leaf.basis == profile.leaves[field].basis, field
    for network, shifts in profile.network_shifts.items():
        for name, shift in shifts.items():
            mine = STACK.network_shifts[network][name]
            assert mine.value == pytest.approx(shift.value, rel=0.03), name
    assert dict(STACK.interval) == pytest.approx(dict(profile.interval), rel=0.03)
    assert STACK.chips == profile.chips


def test_its_interval_is_no_narrower_than_that_of_the_stack_that_it_leans_on() -> None:
    leant = CATALOG.get(StackSpec, START)
    assert all(STACK.interval[metric] >= factor for metric, factor in leant.interval.items())


def test_links_are_slower_on_the_network_of_the_runs_alone() -> None:
    """Fitted, the odds of the share on that network are those of the other stack times the factor."""
    leant = CATALOG.get(StackSpec, START)
    for name in MOVED:
        assert getattr(STACK, name).value == getattr(leant, name).value
    share, factor = STACK.link_efficiency.value, STACK.network_shifts["pcie-host"]["link_efficiency"].value
    assert share is not None
    assert factor is not None
    odds = factor * share / (1.0 - share)
    there = stack_columns(STACK, True, "pcie-host")["link_efficiency"]
    assert there == pytest.approx(odds / (1.0 + odds), rel=1e-12)
    # collectives that pass through the memory of a host are slower than those of NVLink
    assert there < 0.6 * share
    assert on_network(STACK, "nvswitch-hopper") is STACK


def test_what_is_kept_is_what_the_room_of_the_run_leaves() -> None:
    """Llama-3.1-8B by its published shape, 24 GiB, 0.9 of it; activations are those of a few widths."""
    hidden, ffn, layers, vocabulary, heads = 4096, 14336, 32, 128256, 8
    matrices = 2 * hidden * hidden + 2 * hidden * heads * 128 + 3 * hidden * ffn
    weights = 2 * (layers * matrices + 2 * vocabulary * hidden)
    kv = 41408 * prod((2, layers, heads, 128, 2))
    assert kv == 2588 * 16 * 131072  # blocks of 16 tokens, as the engine reports them
    left = 0.9 * 24 * 2**30 - weights - kv
    kept = STACK.reserve
    assert kept is not None
    assert kept.value is not None
    # the activations of 2,048 rows: more than their residual, less than all of a layer at once
    assert 2048 * hidden * 2 < left - kept.value < 2 * 2048 * (6 * hidden + 4 * ffn)


def test_rows_of_the_runs_are_no_rows_of_the_published_tables() -> None:
    published = {row.source for row in read_rows(find_table("published", CATALOG))}
    assert not published & {c.row.source for c in runs(CATALOG).speeds}


def test_an_engine_of_the_runs_finds_their_stack_and_an_older_one_does_not() -> None:
    lookup, row = Lookup(CATALOG), runs(CATALOG).speeds[0].row
    assert row.metric != ROOM
    for engine, date, name in (
        ("vLLM 0.19.0", "2026-08", NAME),
        ("vLLM 0.18.0", "2026-08", START),
        ("vLLM", "2026-08", START),
        ("vLLM 0.19.0", "2026-03", START),
    ):
        found = lookup.case(replace(row, engine=engine, date=date))
        assert not isinstance(found, Refusal)
        assert found.stack.name == name, engine
