"""Arithmetic in another number format than asked is never silent."""

from dse.report.words.computed_formats import computed_lines, marked, other_formats

ASK = ("--llm", "llama3.1-8b", "--workload", "chat", "--batch", 8, "--tp", 16, "--pp", 8)


def said(dse, *words):
    return " ".join(dse(*words).out.split())


def test_an_estimate_says_what_it_is_computed_in(dse):
    told = said(dse, "estimate", "--chip", "groq", *ASK, "--weights", "fp8")
    assert "activations fp8, computed in fp16;" in told
    assert "fp8 weights and KV cache computed in fp16: groq-lpu-v1 has no fp8 peak" in told
    as_asked = said(dse, "estimate", "--chip", "h100", *ASK, "--weights", "fp8")
    assert "computed in fp8;" in as_asked
    assert "has no" not in as_asked


def test_the_json_of_an_estimate_holds_it_always(dse):
    words = ("--weights", "mxfp4", "--kv", "fp8", "--format", "json")
    assert dse("estimate", "--chip", "h100", *ASK, *words).json["computed_in"] == {
        "matrix": {"asked": "mxfp4", "used": "fp16", "why": "activations are fp16"},
        "attention": {"asked": "fp8", "used": "fp16", "why": "activations are fp16"},
    }


def test_a_peak_that_is_given_is_used(dse):
    told = said(dse, "estimate", "--chip", "groq", *ASK, "--weights", "fp8", "--set", "peak_fp8=2 PFLOP/s")
    assert "computed in fp8;" in told


def test_a_chip_prints_its_peaks_and_what_it_lacks(dse):
    told = said(dse, "chip", "groq")
    assert "Peaks: fp16 188 TFLOP/s, int8 750 TFLOP/s; computes fp8 in fp16, fp4 in fp16." in told


def test_designs_are_marked_only_where_they_differ():
    asked = {"weights": "fp8", "kv": "fp16", "activations": "fp8"}
    wide = {"chip": "lpu-1", "computed_in": "fp16", "attention_computed_in": "fp16"}
    own = {"chip": "gpu-1", "computed_in": "fp8", "attention_computed_in": "fp16"}
    old = {"chip": "old-1"}  # of a front that an older version wrote
    assert other_formats(wide, asked) == "fp8 weights computed in fp16"
    assert [row["mark"] for row in marked([wide, own, old], asked)] == ["*", "", ""]
    assert computed_lines([wide, own, wide, old], asked) == ["* fp8 weights computed in fp16: lpu-1"]
    none = {"chip": "none", "found": False, "computed_in": "none", "attention_computed_in": "none"}
    assert computed_lines([none], asked) == []  # a target that nothing meets
    assert other_formats({"computed_in": "fp4", "attention_computed_in": "bf16"},
                         {"weights": "nvfp4", "kv": "bf16"}) == ""  # fmt: skip
