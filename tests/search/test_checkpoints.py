"""The file of a sweep's state: what is committed is there, what fails leaves the state as it was."""

import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import SpecError
from dse.search.sweep.checkpoint import SqliteStore
from dse.search.sweep.local_front import Local

FLOATS = st.floats(allow_nan=False, width=64)


def front(costs: list[list[float]], points: list[int]) -> Local:
    return Local(np.asarray(costs, dtype=float).reshape(len(points), -1), np.asarray(points, dtype=np.int64))


def state(store: SqliteStore) -> tuple[dict[int, int], list[list[float]], list[int]]:
    blocks, local = store.load(2)
    return blocks, local.costs.tolist(), local.points.tolist()


def test_a_new_file_holds_nothing(tmp_path: Path) -> None:
    assert state(SqliteStore(tmp_path / "state")) == ({}, [], [])
    assert SqliteStore(tmp_path / "state").load(3)[1].costs.shape == (0, 3)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=5), st.integers(0, 2**62))
def test_costs_and_points_come_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, costs: list[tuple[float, float]], first: int
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("store") / "state")
    points = [first + i for i in range(len(costs))]
    store.commit({0: 7}, front([list(c) for c in costs], points))
    _, found, numbers = state(SqliteStore(store.path))
    assert numbers == points
    for read, written in zip(found, costs, strict=True):
        assert read == list(written)
        # equality alone does not distinguish 0.0 from -0.0
        assert [math.copysign(1.0, v) for v in read] == [math.copysign(1.0, v) for v in written]


def test_blocks_are_added_and_the_front_is_replaced(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.commit({0: 10, 2: 30}, front([[1.0, 5.0], [2.0, 4.0]], [3, 8]))
    store.commit({1: 20}, front([[1.0, 1.0]], [5]))
    assert state(store) == ({0: 10, 1: 20, 2: 30}, [[1.0, 1.0]], [5])


def test_a_block_that_is_committed_twice_counts_as_it_did_first(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.commit({0: 10}, front([[1.0, 1.0]], [5]))
    store.commit({0: 11, 1: 4}, front([[1.0, 1.0]], [5]))
    blocks, _, _ = state(store)
    assert blocks == {0: 10, 1: 4}


def test_points_are_read_in_ascending_order_however_they_were_written(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.commit({}, front([[1.0, 9.0], [2.0, 8.0], [3.0, 7.0]], [40, 10, 20]))
    assert state(store)[1:] == ([[2.0, 8.0], [3.0, 7.0], [1.0, 9.0]], [10, 20, 40])


def test_a_commit_that_fails_changes_neither_blocks_nor_front(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.commit({0: 10}, front([[1.0, 1.0]], [5]))
    before = state(store)
    with pytest.raises(sqlite3.IntegrityError):  # two points of one number
        store.commit({1: 20}, front([[2.0, 0.5], [3.0, 0.4]], [6, 6]))
    assert state(store) == before


def test_two_readers_of_one_file_see_the_same(tmp_path: Path) -> None:
    one, two = SqliteStore(tmp_path / "state"), SqliteStore(tmp_path / "state")
    one.commit({4: 1}, front([[1.0, 2.0]], [9]))
    assert state(two) == state(one) == ({4: 1}, [[1.0, 2.0]], [9])


def test_the_same_question_is_settled_again_and_another_is_refused_with_every_field(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    question = {"llm": {"name": "a", "layers": [1, 2]}, "seed": 1, "gone": True}
    store.settle(question)
    SqliteStore(store.path).settle({"seed": 1, "gone": True, "llm": {"layers": (1, 2), "name": "a"}})
    with pytest.raises(SpecError) as caught:
        store.settle({"llm": {"name": "b", "layers": [1, 2, 3]}, "seed": 1, "new": 2.5})
    text = str(caught.value)
    for line in (
        "llm.name: stored a, now b",
        "llm.layers: stored [1, 2], now [1, 2, 3]",
        "gone: stored true, now nothing",
        "new: stored nothing, now 2.5",
    ):
        assert line in text
    assert "seed" not in text
    store.settle(question)  # what was refused was not written


def test_a_file_of_something_else_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"this is a letter, no database" * 100)
    with pytest.raises(SpecError, match="expected the checkpoint of a sweep") as caught:
        SqliteStore(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes().startswith(b"this is a letter")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update front set costs = '[1.0]'", "no 2 numbers in row 1 of the table front"),
        ("update front set costs = '[1.0, \"x\"]'", "no 2 numbers in row 1 of the table front"),
        ("update front set costs = '[1.0, true]'", "no 2 numbers in row 1 of the table front"),
        ("update front set costs = x'00ff'", "other text in row 1 of the table front"),
        ("update front set costs = replace(hex(zeroblob(40000)), '0', '[')", "other text in row 1"),
        (
            "update block set evaluated = 'many' where number = 2",
            "no whole numbers in row 2 of the table block",
        ),
        ("update block set evaluated = -1 where number = 0", "no whole numbers in row 1 of the table block"),
        ("drop table front", "no such table: front"),
        ("update question set text = '[]'", "other text in row 1 of the table question"),
        ("update question set text = '{'", "other text in row 1 of the table question"),
    ],
)
def test_a_state_that_somebody_changed_is_refused_with_its_place(
    tmp_path: Path, statement: str, said: str
) -> None:
    store = SqliteStore(tmp_path / "state")
    store.settle({"llm": "llama2-70b"})
    store.commit({0: 10, 2: 30}, front([[1.0, 5.0], [2.0, 4.0]], [3, 8]))
    with sqlite3.connect(store.path) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(SpecError) as caught:
        store.settle({"llm": "llama2-70b"})
        store.load(2)
    assert said in str(caught.value)
    assert str(store.path) in str(caught.value)
    assert "--fresh" in str(caught.value)


@pytest.mark.parametrize(
    ("blocks", "local"),
    [
        ({4: 1}, front([[1.0, 1.0]], [0])),
        ({3: 1}, front([[1.0, 1.0]], [100])),
        ({0: 1}, front([[1.0, math.inf]], [0])),
    ],
)
def test_a_state_of_another_grid_is_refused(tmp_path: Path, blocks: dict[int, int], local: Local) -> None:
    store = SqliteStore(tmp_path / "state")
    store.within({3: 1}, front([[1.0, 1.0]], [99]), 4, 100)
    with pytest.raises(SpecError, match="expected the checkpoint of a sweep, got: a"):
        store.within(blocks, local, 4, 100)
