"""A comparison tells how sure it is: the chips are drawn as they were compared."""

import pytest

import dse

ASK = ("llama3.1-70b", "chat")
GIVEN = {"targets": [20e-3, 50e-3], "weights": "fp8", "batch": 64, "tp": 8, "pp": 1}


@pytest.fixture(scope="module")
def found():
    return dse.compare(["h100", "h200"], *ASK, **GIVEN, samples=16, settings={"h100.price": "25 kUSD"})


def test_a_chip_at_the_values_lies_inside_its_own_drawings(found):
    for c in found.chips:
        for i, e in enumerate(c.best):
            if e is not None:
                s = found.spreads[i][c.chip]
                assert s.p10 <= e.metrics["usd_per_token_per_s"] <= s.p90
                assert s.tpot_s_p10 <= e.metrics["tpot_s"] <= s.tpot_s_p90
                assert s.tpot_s_p10 < s.tpot_s_p50 < s.tpot_s_p90
                assert 0.0 <= s.probability_best <= s.probability_meets_target <= 1.0


def test_the_json_names_them_and_without_drawings_they_are_gaps(found):
    names = (
        "p10",
        "p50",
        "p90",
        "probability_best",
        "probability_meets_target",
        "tpot_s_p10",
        "tpot_s_p50",
        "tpot_s_p90",
    )
    told = [e for c in found.as_dict()["chips"] for e in c["best"] if e is not None]
    assert told and all(e[n] is not None for e in told for n in names)
    bare = dse.compare(["h100"], *ASK, **GIVEN).as_dict()
    assert all(e[n] is None for c in bare["chips"] for e in c["best"] if e is not None for n in names)
