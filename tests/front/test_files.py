"""The results folder: exact, byte-stable, all or nothing, and plain about what is wrong with it."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import ResultsError
from dse.front.axis import Axis
from dse.front.files import Front, load_front, write_front
from dse.front.tables import from_csv, kinds, to_csv

AXES = (
    Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize"),
    Axis("tpot", "tpot_s", "TPOT", "s", "minimize"),
)
MANIFEST = {
    "study": "groq-vs-h100",
    "question": "Who wins, and when? $/(token/s) für alle",
    "seed": 7,
    "targets": {"tpot": 0.01},
}


def example(n: int = 3) -> Front:
    rng = np.random.default_rng(n)
    frame = pd.DataFrame(
        {
            "tpot_s": rng.lognormal(size=n),
            "usd_per_token_per_s": np.exp(rng.normal(size=n) * 20),
            "trial": np.arange(n),
            "chip": [f'chip, "{i}"' for i in range(n)],
            "branch": ["none", "NA", "hybrid"] * (n // 3) + ["nan"] * (n % 3),
            "role": "search",
            "param_dram_stacks": np.where(np.arange(n) % 2, 4.0, np.nan),
        }
    )
    return Front(frame, frame.iloc[:1].assign(role="baseline"), AXES, MANIFEST)


def test_a_front_is_read_back_exactly(tmp_path: Path) -> None:
    front = example()
    write_front(tmp_path, front)
    back = load_front(tmp_path)
    assert back.axes == AXES and back.manifest == MANIFEST
    for stored, frame in ((back.frame, front.frame), (back.baselines, front.baselines)):
        pd.testing.assert_frame_equal(stored[list(frame.columns)], frame, check_exact=True)


@given(st.lists(st.floats(allow_infinity=True), max_size=20))
def test_every_float_survives_the_text(values: list[float]) -> None:
    frame = pd.DataFrame({"tpot_s": np.array(values, dtype=float)})
    back = from_csv(to_csv(frame), kinds(frame))
    np.testing.assert_array_equal(
        back["tpot_s"].to_numpy().view("u8"), _one_nan(frame["tpot_s"].to_numpy()).view("u8")
    )


def _one_nan(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), np.nan, values)  # a gap has one representation


def test_writing_what_was_read_gives_the_same_bytes(tmp_path: Path) -> None:
    write_front(tmp_path / "a", example(30))
    write_front(tmp_path / "b", load_front(tmp_path / "a"))
    for name in ("front.csv", "baselines.csv", "manifest.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert b"\r" not in (tmp_path / "a" / "front.csv").read_bytes()


def test_the_bytes_do_not_depend_on_the_order_of_columns(tmp_path: Path) -> None:
    front = example()
    turned = front.frame[list(front.frame.columns)[::-1]]
    assert to_csv(turned) == to_csv(front.frame)
    assert to_csv(turned).startswith("trial,chip,branch,role,param_dram_stacks,tpot_s,usd_per_token_per_s\n")


@pytest.mark.parametrize("columns", [[], ["tpot_s", "usd_per_token_per_s", "chip"]])
def test_an_empty_front_is_a_front(tmp_path: Path, columns: list[str]) -> None:
    write_front(tmp_path, Front(pd.DataFrame(columns=columns), pd.DataFrame(), AXES, {}))
    assert load_front(tmp_path).frame.empty
    assert {"tpot_s", "usd_per_token_per_s"} <= set(load_front(tmp_path).frame.columns)


def test_numbers_of_numpy_are_plain_numbers_in_a_manifest(tmp_path: Path) -> None:
    front = example()
    write_front(
        tmp_path,
        Front(front.frame, front.baselines, AXES, {"hypervolume": np.float64(1.5), "n": np.int64(2)}),
    )
    assert load_front(tmp_path).manifest == {"hypervolume": 1.5, "n": 2}


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_failing_move_leaves_no_half_result_that_reads_as_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    write_front(tmp_path, example(3))
    moves: list[str] = []
    real = os.replace

    def failing(source: Path, target: Path) -> None:
        moves.append(target.name)
        if len(moves) == fails_at:
            raise OSError(28, "No space left on device", str(target))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        with pytest.raises(ResultsError, match="No space left on device"):
            write_front(tmp_path, example(6))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["baselines.csv", "front.csv", "manifest.json"]
    if fails_at == 1:
        assert len(load_front(tmp_path).frame) == 3
    else:
        with pytest.raises(ResultsError, match="interrupted"):
            load_front(tmp_path)
    write_front(tmp_path, example(6))
    assert len(load_front(tmp_path).frame) == 6


def test_a_full_disk_before_the_first_move_leaves_the_old_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_front(tmp_path, example(3))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ResultsError, match=r"front\.csv.*No space left on device"):
            write_front(tmp_path, example(6))
    assert len(load_front(tmp_path).frame) == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_an_interruption_leaves_the_old_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_front(tmp_path, example(3))

    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_front(tmp_path, example(6))
    assert len(load_front(tmp_path).frame) == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    place = tmp_path / "results"
    place.write_text("mine")
    with pytest.raises(ResultsError, match=r"results: expected a folder that can be written to, got: "):
        write_front(place, example())
    with pytest.raises(ResultsError, match=r"manifest\.json: cannot be read: Not a directory"):
        load_front(place)
    assert place.read_text() == "mine"


def test_a_folder_without_results_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"got no such file\. Start with `dse run`"):
        load_front(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "got no JSON text"),
        ("[]", "got None"),
        ('{"name": "a web page"}', "got None"),
        ('{"format": "dse-front-0"}', "got 'dse-front-0'"),
        ('{"format": "dse-front-1"}', "damaged"),
        ('{"format": "dse-front-1", "axes": [{"name": "tpot"}], "files": {}}', "damaged"),
        ('{"format": "dse-front-1", "axes": 3, "files": {}}', "damaged"),
    ],
)
def test_a_foreign_or_damaged_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ResultsError, match=message) as caught:
        load_front(tmp_path)
    assert str(tmp_path / "manifest.json") in str(caught.value)


def test_a_table_that_was_edited_is_noticed(tmp_path: Path) -> None:
    write_front(tmp_path, example())
    table = tmp_path / "front.csv"
    table.write_text(table.read_text().replace("hybrid", "hybrib"))
    with pytest.raises(ResultsError, match=r"front\.csv: expected the table that manifest\.json describes"):
        load_front(tmp_path)


def test_other_line_ends_are_no_edit(tmp_path: Path) -> None:
    write_front(tmp_path, example())
    table = tmp_path / "front.csv"
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    pd.testing.assert_frame_equal(load_front(tmp_path).frame[["chip"]], example().frame[["chip"]])


def test_a_manifest_that_is_no_data_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    front = example()
    for bad in ({"hypervolume": float("nan")}, {"study": object()}, {"format": "mine"}):
        with pytest.raises(ResultsError, match="expected a manifest"):
            write_front(tmp_path / "new", Front(front.frame, front.baselines, AXES, bad))
    assert not (tmp_path / "new").exists()


def test_the_manifest_tells_rows_and_columns_of_its_tables(tmp_path: Path) -> None:
    write_front(tmp_path, example())
    files = json.loads((tmp_path / "manifest.json").read_text())["files"]
    assert files["front.csv"]["rows"] == 3 and files["baselines.csv"]["rows"] == 1
    assert files["front.csv"]["columns"]["trial"] == "int"
    assert files["front.csv"]["columns"]["branch"] == "text"
