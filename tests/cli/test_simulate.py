"""`dse simulate` on the command line."""

import csv

import pytest

CHIP = ("--chip", "h100", "--llm", "llama3.1-8b", "--weights", "fp8")


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "requests.csv"
    rows = [f"{k * 0.2},{100 + 40 * (k % 7)},{20 + k % 30}" for k in range(60)]
    path.write_text("arrival_s,isl,osl\n" + "\n".join(rows) + "\n")
    return path


def test_a_trace_gives_percentiles_in_json(dse, trace):
    found = dse("simulate", *CHIP, "--trace", trace, "--max-batch", 16, "--format", "json").json
    for name in ("ttft_s", "tpot_s", "end_to_end_s"):
        spread = found[name]
        assert set(spread) == {"mean", "p50", "p90", "p95", "p99"}
        assert 0.0 < spread["p50"] <= spread["p90"] <= spread["p95"] <= spread["p99"]
    assert found["requests"] == 60
    assert found["deployment"] == {
        "batch": 16, "tp": 1, "cp": 1, "pp": 1, "ep": 1, "dp": 1, "prefill": 0,
    }  # fmt: skip
    assert found["timeline"]
    assert found["serving"] == "chunked"


def test_times_of_requests_sum_to_the_percentiles(dse, trace, tmp_path):
    out = tmp_path / "served.csv"
    found = dse("simulate", *CHIP, "--trace", trace, "--requests-to", out, "--format", "json").json
    rows = list(csv.DictReader(out.read_text().splitlines()))
    ttft = [float(r["first_token_s"]) - float(r["arrival_s"]) for r in rows]
    assert len(rows) == 60
    assert sum(ttft) / 60 == pytest.approx(found["ttft_s"]["mean"])


def test_the_same_seed_draws_the_same_requests(dse):
    asked = ("simulate", *CHIP, "--isl", "500 p95 1200", "--osl", 60, "--rate", "5 req/s", "--requests", 300)
    one, two, other = (dse(*asked, "--seed", s, "--format", "json").json for s in (1, 1, 2))
    assert one == two
    assert one["ttft_s"] != other["ttft_s"]


@pytest.mark.parametrize("serving", ["aggregated", "decode-only", "static", "chunked"])
def test_every_serving_mode_of_alike_replicas_is_simulated(dse, trace, serving):
    found = dse("simulate", *CHIP, "--trace", trace, "--serving", serving, "--format", "json").json
    assert found["serving"] == serving
    assert found["refused"] == 0


def test_two_pools_have_a_utilisation_each(dse, trace):
    found = dse(
        "simulate", *CHIP, "--trace", trace, "--workload", "long-prompt-disaggregated",
        "--prefill-replicas", 1, "--dp", 2, "--format", "json",
    ).json  # fmt: skip
    assert set(found["pools"]) == {"prefill", "decode"}
    assert found["chips"] == 3


def test_goodput_is_the_share_within_the_targets(dse, trace):
    asked = ("simulate", *CHIP, "--trace", trace, "--format", "json")
    assert dse(*asked, "--tpot", "10 s", "--ttft", "100 s").json["goodput"] == 1.0
    assert dse(*asked, "--tpot", "1 us").json["goodput"] == 0.0
    assert dse(*asked).json["goodput"] is None


def test_a_picture_is_drawn(dse, trace, tmp_path):
    picture = tmp_path / "run.png"
    assert dse("simulate", *CHIP, "--trace", trace, "--plot", picture).code == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--traffic", "azur"), "unknown traffic 'azur'"),
        ((), "expected requests by --traffic, or by --isl and --osl, got none"),
        (("--isl", "100", "--osl", "10"), "expected requests a second such as '4 req/s', got none"),
        (("--isl", "abc", "--osl", "10"), "expected tokens such as 400, or '3000 p95 12000'"),
        (("--isl", "100", "--osl", "10", "--rate", "4"), "requests a second such as '40 req/s', got '4'"),
        (("--isl", "100", "--osl", "10", "--rate", "4 req/s", "--set", "isl=5"), "lengths of their own"),
        (
            ("--isl", "100", "--osl", "10", "--rate", "4 req/s", "--prefill-replicas", "1"),
            "expected replicas that prefill with serving disaggregated",
        ),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_with_what_was_expected(dse, words, said):
    found = dse("simulate", *CHIP, *words)
    assert found.code == 2
    assert said in " ".join(found.err.split())


def test_a_trace_goes_with_no_other_requests(dse, trace):
    found = dse("simulate", *CHIP, "--trace", trace, "--rate", "4 req/s", "--isl", "100")
    assert found.code == 2
    assert "--rate" in found.err
    assert "--isl" in found.err


def test_weights_that_do_not_fit_are_refused(dse, trace):
    found = dse("simulate", "--chip", "l4", "--llm", "llama3.3-70b", "--trace", trace)
    assert found.code == 2
    assert "expected room for the weights of llama3.3-70b" in " ".join(found.err.split())


def test_a_request_beyond_the_longest_context_is_refused(dse):
    found = dse(
        "simulate", "--chip", "h100", "--llm", "apertus-8b", "--isl", 200_000, "--osl", 9, "--rate", "1 req/s"
    )
    found.refused(
        "requests of at most 65,536 tokens, the longest context of apertus-8b", "got one of 200,009"
    )
