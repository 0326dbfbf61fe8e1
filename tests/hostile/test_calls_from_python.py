"""Arguments of calls from Python that are of another type: a sentence, never a traceback from within."""

from pathlib import Path
from typing import Any

import pytest

import dse
from dse.errors import ResultsError, SpecError

ASKED = ("llama2-70b", "article")


@pytest.mark.parametrize("targets", [[None], ["5 ms"], "5 ms", [0.0], [-1], [float("nan")], [True], None, 5])
def test_targets_that_are_no_durations_are_refused(targets: Any) -> None:
    with pytest.raises(SpecError, match="--targets: expected"):
        dse.compare(["h100"], *ASKED, targets=targets)


@pytest.mark.parametrize(
    "batch", [10**5_000, -(10**5_000), 1.5, "8", True], ids=["long", "low", "half", "text", "true"]
)
def test_sizes_that_are_none_are_refused_in_a_short_sentence(batch: Any) -> None:
    for ask in (
        lambda: dse.compare(["h100"], *ASKED, batch=batch),
        lambda: dse.estimate("h100", *ASKED, batch=batch),
    ):
        with pytest.raises(SpecError, match="--batch: expected a whole number") as told:
            ask()
        assert len(str(told.value)) < 200


@pytest.mark.parametrize("folder", ["text", Path("text"), "a\0b", None, 5])
def test_what_is_no_results_folder_is_refused(folder: Any) -> None:
    with pytest.raises(ResultsError, match=r"expected the (results|path)"):
        dse.load_front(folder)
