"""Formats of parts of the weights: words and mappings of files, refusals, and estimates by part."""

import pytest

from dse.chips.formats import precision_named
from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.question.layouts import layout_remarks
from dse.report.words.computed_formats import other_formats
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.formats import parts_of, weights_named
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import PrecisionSpec
from dse.spec.yaml.loading import build_spec
from objectives.equations.chip.formats import FORMATS

LONG = "experts=mxfp4,rest=bf16"


@pytest.mark.parametrize("name", FORMATS)
def test_a_long_form_of_one_format_is_the_short_one(name: str) -> None:
    assert weights_named({"experts": name, "head": name, "rest": name}) == name
    assert weights_named(f"attention={name},rest={name}") == name
    assert weights_named(name) == name


def test_a_mapping_and_a_word_say_the_same() -> None:
    data = {"weights": {"rest": "bf16", "experts": "mxfp4"}, "kv": "bf16", "activations": "bf16"}
    assert build_spec(PrecisionSpec, data, "here").weights == LONG
    assert build_spec(PrecisionSpec, {**data, "weights": LONG}, "here").model_dump()["weights"] == LONG


def test_shared_experts_follow_dense_parts_and_these_the_rest() -> None:
    parts = parts_of(weights_named({"dense": "fp8", "rest": "bf16"}))
    assert (parts["shared"], parts["dense"], parts["router"], parts["rest"]) == ("fp8", "fp8", "bf16", "bf16")
    assert weights_named({"dense": "fp8", "shared": "bf16", "rest": "bf16"}) == (
        "dense=fp8,shared=bf16,rest=bf16"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"expert": "fp8", "rest": "bf16"}, "did you mean 'experts'"),
        ({"experts": "fp9", "rest": "bf16"}, "experts: unknown number format 'fp9'"),
        ({"experts": "fp8"}, "expected rest"),
        ("experts=fp8", "expected rest"),
        ("rest=fp8,rest=bf16", "rest twice"),
        ("fp9", "unknown number format"),
        ("published", "write the `formats` of the LLM here"),
        (8, "number format"),
        (None, "number format"),
    ],
)
def test_what_is_wrong_is_named(given: object, said: str) -> None:
    data = {"weights": given, "kv": "bf16", "activations": "bf16"}
    with pytest.raises(SpecError, match="weights") as found:
        build_spec(PrecisionSpec, data, "here")
    assert said in str(found.value)


def test_activations_and_kv_follow_the_rest() -> None:
    found = precision_named(LONG, None, None)
    assert (found.kv, found.activations) == ("bf16", "bf16")


def test_an_estimate_shows_bytes_by_part_that_sum_to_the_total() -> None:
    found = estimate("h100", "gpt-oss-20b", "chat", weights=LONG, tp=1, pp=1, ep=1, batch=4)
    held = found.ledgers["capacity_bytes"]
    # 24 layers of 32 experts of three matrices of 2,880 x 2,880 at 4.25 bits
    assert held["experts_weights"] == pytest.approx(24 * 32 * 3 * 2880 * 2880 * 4.25 / 8)
    assert held["embedding_weights"] == held["head_weights"] == pytest.approx(201_088 * 2880 * 2)
    assert sum(v for k, v in held.items() if k.endswith("_weights")) == pytest.approx(13.76e9, rel=0.03)
    short = estimate("h100", "gpt-oss-20b", "chat", weights="bf16", tp=1, pp=1, ep=1, batch=4)
    others = held["attention_weights"] + held["router_weights"] + held["embedding_weights"] * 2
    wide = others + held["experts_weights"] * 16 / 4.25
    assert short.ledgers["capacity_bytes"]["weights"] == pytest.approx(wide)
    assert found.metrics["tpot_s"] < short.metrics["tpot_s"]


def test_the_long_form_of_one_format_estimates_the_same_to_the_byte() -> None:
    one, other = (
        estimate("h100", "gpt-oss-20b", "chat", weights=text, tp=1, pp=1, ep=1, batch=4).as_dict()
        for text in ("mxfp4", "experts=mxfp4,attention=mxfp4,rest=mxfp4")
    )
    assert one == other


def test_published_is_what_the_file_of_the_llm_says() -> None:
    spec = Catalog.of(None).get(LlmSpec, "gpt-oss-20b")
    data = {**spec.model_dump(mode="json"), "formats": {"experts": "mxfp4", "rest": "bf16"}}
    own = build_spec(LlmSpec, data, "here")
    assert precision_named("published", None, None, own).weights == LONG
    silent = spec.model_copy(update={"formats": None})
    with pytest.raises(SpecError, match="got none for gpt-oss-20b"):
        precision_named("published", None, None, silent)


def test_a_cost_model_that_reads_one_format_refuses_several() -> None:
    with pytest.raises(SpecError, match="cost model napkin: expected weights of one format"):
        estimate("groq-lpu", "gpt-oss-20b", "chat", weights=LONG, cost_model="napkin")


def test_remarks_name_the_part_that_is_computed_in_another_format() -> None:
    found = estimate("h100", "gpt-oss-20b", "chat", weights=LONG, tp=1, pp=1, ep=1, batch=4)
    assert any(note.startswith("mxfp4 experts computed in fp16") for note in found.notes)
    stored = {"weights": LONG, "kv": "bf16", "activations": "bf16"}
    assert other_formats({"computed_in": "bf16"}, stored) == "mxfp4 experts computed in bf16"
    assert other_formats({"computed_in": "experts=fp4,rest=bf16"}, stored) == ""


def test_only_parts_with_scales_for_blocks_must_fit_them() -> None:
    llm = Catalog.of(None).get(LlmSpec, "gpt-oss-20b").resolve()
    # 2,880 / 4 = 720 is no multiple of 32
    assert "720 a chip are no multiple of 32" in layout_remarks(llm, LONG, 4, 1, 1)[0]
    assert not layout_remarks(llm, "dense=mxfp4,rest=bf16", 4, 1, 1)
