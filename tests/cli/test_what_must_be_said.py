"""What a person must say in full, because the program would else have to guess."""

from pathlib import Path

import pytest
from said import call


@pytest.mark.parametrize(
    "verb", [("propose", "groq-vs-h100", "--tpot"), ("explain", "groq-vs-h100", "1", "--tpot")]
)
def test_a_latency_without_its_unit_is_refused(verb: tuple[str, ...]) -> None:
    """A bare 5 was once 5 seconds, where everybody means milliseconds."""
    call(*verb, "5").refused("--tpot", "expected a time with its unit, such as '5 ms'")


def test_targets_without_a_unit_are_refused() -> None:
    said = call("compare", "h100", "--llm", "llama2-70b", "--workload", "chat", "--targets", "5,20")
    said.refused("expected a time with its unit, such as '5 ms'")


def test_a_folder_of_results_that_is_not_there_is_told(tmp_path: Path) -> None:
    call("view", "--results", tmp_path / "missing").refused("--results", "expected a folder of results")


def test_a_chip_that_loads_weights_for_nothing_says_so() -> None:
    """LP30: nobody has published how fast weights enter its matrix units."""
    ask = ("estimate", "--chip", "lp30", "--llm", "llama2-7b", "--workload", "chat", "--weights", "fp8")
    silent = call(*ask, "--set", "process=n5")
    assert "they enter for nothing" in " ".join(silent.out.split())
    said = call(*ask, "--set", "process=n5", "--set", "weight_load=40 TB/s")
    assert "they enter for nothing" not in " ".join(said.out.split())
    free = call(*ask, "--set", "process=n5", "--set", "weight_load=0")
    free.refused("sram.weight_load: expected more than 0, got 0")
