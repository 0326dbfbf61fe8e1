"""`dse fleet` on the command line: how many chips serve a load."""

import pytest

ASKED = (
    "--llm", "llama3.1-8b", "--weights", "fp8", "--isl", "600 p95 1500", "--osl", "80",
    "--ttft", "p95 1 s", "--tpot", "p95 40 ms", "--most-tp", "2", "--price", "l4=0.8 USD/h",
)  # fmt: skip


@pytest.fixture(scope="module")
def sizes(dse):
    return {
        load: dse("fleet", "l4", *ASKED, "--load", load, "--format", "json").json
        for load in ("5 req/s", "40 req/s")
    }


def test_a_fleet_meets_its_targets(sizes):
    for found in sizes.values():
        (fleet,) = found["fleets"]
        assert fleet["ttft_s"]["p95"] <= 1.0
        assert fleet["tpot_s"]["p95"] <= 0.04
        assert 0.0 < fleet["utilisation"] < 1.0


def test_rents_add_up(sizes):
    """Rent times chips is all there is to pay; a month is a twelfth of a year."""
    for load, found in sizes.items():
        (fleet,) = found["fleets"]
        dollars, rate = fleet["dollars"], float(load.split()[0])
        assert dollars["per_hour"] == pytest.approx(0.8 * fleet["chips"])
        assert dollars["per_month"] == pytest.approx(0.8 * fleet["chips"] * 365.25 * 24 / 12)
        assert dollars["per_request"] == pytest.approx(0.8 * fleet["chips"] / 3600 / rate)
        # prompts and answers together are the whole bill
        per_request = (
            600.0 * dollars["per_million_input_tokens"] + 80.0 * dollars["per_million_output_tokens"]
        ) / 1e6
        assert per_request == pytest.approx(dollars["per_request"], rel=1e-6)
        assert dollars["blended"] == pytest.approx(dollars["per_request"] / 680.0 * 1e6, rel=1e-6)


def test_more_load_needs_more_chips(sizes):
    few, many = (sizes[load]["fleets"][0]["chips"] for load in ("5 req/s", "40 req/s"))
    assert 4 * few < many <= 8 * few + 2


def test_a_spare_replica_is_paid(dse, sizes):
    found = dse(
        "fleet",
        "l4",
        *ASKED,
        "--load",
        "5 req/s",
        "--spare",
        1,
        "--format",
        "json",
    ).json
    (fleet,), (before,) = found["fleets"], sizes["5 req/s"]["fleets"]
    assert fleet["replicas"] == before["replicas"] + 1
    assert fleet["dollars"]["per_hour"] > before["dollars"]["per_hour"]


def test_tokens_and_users_are_loads_too(dse):
    tokens = dse("fleet", "l4", *ASKED, "--load", "400 token/s", "--format", "json").json
    users = dse("fleet", "l4", *ASKED, "--load", "100 users, 20 s", "--format", "json").json
    assert tokens["rate_per_s"] == pytest.approx(5.0)
    assert users["rate_per_s"] == pytest.approx(5.0)


def test_a_chip_that_is_too_slow_has_no_fleet(dse):
    found = dse("fleet", "l4", *ASKED[:8], *ASKED[-2:], "--tpot", "p95 1 ms", "--load", "5 req/s")
    assert found.code == 1
    assert "p95 TPOT: missed with a single request at a time" in " ".join(found.out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--load", "40", "--tpot", "p95 40 ms"), "expected a load such as '40 req/s'"),
        (
            ("--load", "40 req/s", "--tpot", "40 ms"),
            "expected a statistic (mean, p50, p90, p95, p99) and a time",
        ),
        (("--load", "40 req/s"), "expected a target by --ttft, --tpot or --end-to-end, got none"),
        (
            ("--load", "40 req/s", "--tpot", "p95 1 s", "--utilisation", "50 %"),
            "it follows from the load here",
        ),
    ],
)
def test_wrong_input_is_refused(dse, words, said):
    found = dse("fleet", "l4", "--llm", "llama3.1-8b", "--isl", "100", "--osl", "10", *words)
    assert found.code == 2
    assert said in " ".join(found.err.split())
