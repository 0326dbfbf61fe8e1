"""Thousands of mutated files and command lines: no traceback, no hang, every message with its place.

`pytest tests/hostile/test_many_mutations.py --mutations 50000 --seed 7` tries more, or others;
`python tests/hostile/fuzz.py --seed 7 --only NUMBER` repeats one that failed.
"""

from pathlib import Path

import pytest
from hostile.doors import peak_gigabytes
from hostile.fuzz import tried

PARTS = 10
"""Tests that share the mutations, so that several processes run them."""


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_inputs_end_in_words(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    before = peak_gigabytes()  # earlier tests of this process may have had more
    seed, count = request.config.getoption("--seed"), request.config.getoption("--mutations")
    faults = [
        f"python tests/hostile/fuzz.py --seed {seed} --only {index}: {door}: {ended.fault}: {ended.words}"
        for index, door, ended in tried(seed, range(part, count, PARTS), tmp_path)
        if ended.fault
    ]
    assert not faults, "\n".join(faults)
    assert peak_gigabytes() <= max(3.0, before)
