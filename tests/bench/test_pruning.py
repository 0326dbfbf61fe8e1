"""Pruning settles hundreds of billions of designs in the time of few, whatever the machine."""

import time
from pathlib import Path

import pytest

from dse.evaluate.bench import bench
from dse.search.sweep.driver import sweep

AFFORDED = 300e6
"""Half of the designs that a minute of one core evaluates at 10 million a second."""


def rate() -> float:
    """Designs that plain evaluation manages in a second of a core."""
    return float(bench(seconds=1.0, threads=1)["points_per_core_second"])


@pytest.mark.slow
def test_the_front_of_an_open_space_costs_less_than_half_a_minute_of_plain_evaluation(tmp_path: Path) -> None:
    before = rate()
    start = time.process_time()
    result = sweep("what-chip-would-beat-both", prune=True, out=tmp_path / "exact")
    seconds = time.process_time() - start
    assert result.grid.size > 3e11
    assert seconds * (before + rate()) / 2.0 < AFFORDED
