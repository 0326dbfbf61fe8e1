"""A serving mode that no file of the package knows: another package brings it by entry point."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import factories as make
import pytest

import dse
from dse import plugins
from dse.bounds.speed_of_light import check, speed_of_light
from dse.errors import PluginError, SpecError
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.serving import registry
from objectives.equations.serving.mode import ServingMode

CODE = '''
"""Prompts of a batch one after the other, then decode to the end."""

from objectives.arrays import maximum, minimum, ones_like
from objectives.equations.serving.mode import ServingResult
from objectives.equations.step.batch_setup import PromptLoad
from objectives.equations.step.prefill_pass import prefill_pass


class OneByOne:
    name = "one-by-one"
    counts_prompts = True
    starts_together = True
    has_pools = False

    def missing(self, work):
        return "" if work.osl > 1 else f"osl: expected more than 1 token, got {work.osl:g}"

    def prompt_load(self, designs, work):
        one = ones_like(designs.deployments.tp)
        return PromptLoad(prompts=one, rows=minimum(one * work.isl, designs.chips.stack.prompt_rows))

    def serve(self, s, steps):
        d, osl, prefill, tpot = s.deployments, s.context.workload.osl, prefill_pass(s), steps.per_token_s()
        ttft = d.batch * prefill.seconds()
        whole = ttft + (osl - 1.0) * tpot
        return ServingResult(
            tpot_s=tpot, ttft_s=ttft, tokens_per_s=d.dp * d.batch * osl / whole,
            prefill=prefill, resources=steps.resources.plus(prefill.resources(s, 1.0)),
            ttft_parts_s={"others": ttft - prefill.seconds()}, prompt_share=ttft / whole,
        )

    def notes(self, work, stages):
        return ("one by one: a batch waits until all of its prompts are prefilled",)
'''


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "their_serving.py").write_text(CODE, encoding="utf-8")
    info = tmp_path / "their_serving-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-serving\nVersion: 0.1\n")
    points = ["[dse.serving_modes]", "one-by-one = their_serving:OneByOne", "broken = their_serving:Missing"]
    (info / "entry_points.txt").write_text("\n".join(points))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    registry.forget()
    plugins.forget()
    yield
    monkeypatch.undo()
    registry.forget()
    plugins.forget()


def test_ours_and_theirs_are_found_side_by_side() -> None:
    assert set(registry.serving_modes()) == {*make.SERVING_MODES, "one-by-one", "broken"}
    mode: ServingMode = registry.serving_mode("one-by-one")
    assert mode.name == "one-by-one"


def test_the_cost_model_serves_by_it_and_physics_holds() -> None:
    free = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, link_bandwidth=1e30)
    design = make.design(free, batch=16, tp=8)
    context = make.context(make.llama2_70b(), isl=1024.0, osl=101.0, serving="one-by-one")
    m = RooflineCostModel().evaluate(design, context, detail=True)
    # by hand: 16 prompts of 2 FLOP a weight and token, the head for the last token, half of a square each
    layers = 80 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672)
    flop = 2 * (1024 * layers + 32000 * 8192) + 80 * 4 * 8192 * 1024 * 1024 / 2
    ttft = 16 * flop / 8 / 989e12
    assert m.ttft_s == pytest.approx(ttft, rel=1e-12)
    assert m.tokens_per_s == pytest.approx(16 * 101 / (ttft + 100 * m.tpot_s), rel=1e-12)
    assert sum(m.ttft_parts.values()) == pytest.approx(ttft, rel=1e-12)
    check(m, speed_of_light(design, context))


def test_an_estimate_asks_for_it_by_name_and_says_what_it_says() -> None:
    names = ("h100-sxm", "llama2-70b", "chat")
    told = dse.estimate(*names, serving="one-by-one", batch=16, tp=8, hold_targets=False)
    alone = dse.estimate(*names, serving="static", batch=1, tp=8, hold_targets=False)
    assert told.serving == "one-by-one"
    assert "one by one: a batch waits until all of its prompts are prefilled" in told.notes
    first = alone.metrics["ttft_s"] - alone.ledgers["ttft_s"].get("request_overhead", 0.0)
    assert told.metrics["ttft_s"] == pytest.approx(16 * first, rel=1e-9)


def test_a_fact_that_it_needs_is_missed_by_name() -> None:
    context = make.context(osl=1.0, serving="one-by-one")
    with pytest.raises(ValueError, match="osl: expected more than 1 token, got 1"):
        RooflineCostModel().evaluate(make.design(make.h100_like()), context)
    with pytest.raises(ValueError, match=r"expected one of aggregated, .*one-by-one.*, got 'two-by-two'"):
        registry.serving_mode("two-by-two")


def test_a_mode_that_does_not_load_is_named_with_its_package() -> None:
    with pytest.raises(PluginError, match=r"'broken' of their-serving 0.1: expected a plug-in that loads"):
        dse.estimate("h100-sxm", "llama2-70b", "chat", serving="broken")


def test_an_unknown_mode_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean 'one-by-one'"):
        dse.estimate("h100-sxm", "llama2-70b", "chat", serving="one-by-on")
