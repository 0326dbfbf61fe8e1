"""Some hundred mutated inputs of each kind, and that the same number is the same input."""

import random
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hostile.command_lines import command_line
from hostile.doors import Ended, Hang, alarm, ends_in_words
from hostile.fuzz import CONFIGS, DOORS, door_of, texts, tried
from hostile.mutations import mutated_data, mutated_text


def test_two_hundred_mutated_inputs_end_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = list(tried(0, range(200), tmp_path))
    assert not [f"{index} {door}: {one.fault}: {one.words}" for index, door, one in ended if one.fault]
    # they reach beyond the parsers
    assert len({one.code for _, _, one in ended}) > 1


def test_every_hundred_tries_each_door_by_its_share() -> None:
    found = Counter(door_of(index)[0] for index in range(100))
    assert found == {name: share for name, share, _ in DOORS}


def test_the_same_seed_and_number_are_the_same_input(tmp_path: Path) -> None:
    def made() -> list[object]:
        draw = random.Random("1:2")
        config = {**CONFIGS[0]}
        return [
            mutated_text(draw, texts("yaml")[0], texts("yaml")),
            mutated_data(draw, config),
            command_line(draw, tmp_path),
        ]

    assert repr(made()) == repr(made())


def test_inputs_are_sound_before_they_are_mutated(tmp_path: Path) -> None:
    assert len({yaml.safe_load(text)["kind"] for text in texts("yaml")}) >= 10
    for i, text in enumerate(texts("json")):
        file = tmp_path / f"{i}.json"
        file.write_text(text)
        assert ends_in_words("import", file) == Ended(("import", str(file)), "", 0, pytest.approx(0, abs=5))
    file = tmp_path / "rows.csv"
    file.write_text(texts("csv")[0])
    assert ends_in_words("validate", file).code == 0


def test_what_hangs_breaks_or_says_nothing_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(Hang), alarm(0.05):
        while True:
            pass

    def broken(*_words: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("hostile.doors.call", broken)
    assert ends_in_words("check").fault.startswith("KeyError: 'x'")
