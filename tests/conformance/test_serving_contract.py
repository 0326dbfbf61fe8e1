"""Every registered serving mode keeps its contract, and the kit catches one that does not."""

from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import cast

import numpy as np
import pytest

from dse.errors import BeatsPhysics
from dse.testing.checks import ContractBroken
from dse.testing.serving_contract import ServingModeContract
from objectives.api import Designs, Workload
from objectives.arrays import Array
from objectives.equations.serving.mode import ServingMode, ServingResult
from objectives.equations.serving.registry import serving_mode
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps

POINTS = sorted(entry_points(group="dse.serving_modes"), key=lambda point: point.name)


class TestEveryServingMode(ServingModeContract):
    @pytest.fixture(params=POINTS, ids=lambda point: point.name)
    def subject(self, request: pytest.FixtureRequest) -> ServingMode:
        point: EntryPoint = request.param
        return cast(ServingMode, point.load()())


class Cheat:
    """Static batches that change one thing which they must not."""

    name = "static"
    counts_prompts = True
    starts_together = True
    has_pools = False

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.honest = serving_mode("static")

    def missing(self, work: Workload) -> str:
        return "more tokens, please" if self.fault == "missing" else ""

    def prompt_load(self, designs: Designs, work: Workload) -> PromptLoad:
        return self.honest.prompt_load(designs, work)

    def serve(self, s: Setup, steps: DecodeSteps) -> ServingResult:
        found = self.honest.serve(s, steps)
        changes: dict[str, dict[str, Array]] = {
            "fast": {"tokens_per_s": 1e6 * found.tokens_per_s},
            "parts": {"ttft_s": 2.0 * found.ttft_s},
            "endless": {"tokens_per_s": np.inf * found.tokens_per_s},
            "neighbours": {"tokens_per_s": found.tokens_per_s / np.size(found.tokens_per_s)},
        }
        return replace(found, **changes.get(self.fault, {}))

    def notes(self, work: Workload, stages: float) -> tuple[str, ...]:
        return ("",) if self.fault == "notes" else ()


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("missing", ServingModeContract.test_what_it_lacks_is_one_sentence),
        ("missing", ServingModeContract.test_it_serves_the_samples),
        ("notes", ServingModeContract.test_notes_are_sentences),
        ("endless", ServingModeContract.test_every_number_is_finite_and_not_negative),
        ("parts", ServingModeContract.test_parts_sum_to_totals),
        ("fast", ServingModeContract.test_nothing_beats_the_speed_of_light),
        ("neighbours", ServingModeContract.test_a_batch_equals_its_rows),
    ],
)
def test_the_kit_catches_a_mode_that_breaks_its_promise(
    fault: str, law: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheat = Cheat(fault)
    monkeypatch.setattr("objectives.costmodels.roofline.serving_mode", lambda name: cheat)
    with pytest.raises((ContractBroken, BeatsPhysics), match=r"expected .*, got"):
        law(ServingModeContract(), cheat)  # type: ignore[operator]


def test_the_kit_catches_a_mode_that_is_not_registered() -> None:
    cheat = Cheat("")
    cheat.name = "unheard-of"
    with pytest.raises(ContractBroken, match="one of the entry points"):
        ServingModeContract().test_it_looks_like_a_serving_mode(cheat)
