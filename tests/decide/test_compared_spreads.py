"""A comparison tells how sure it is: the chips are drawn as they were compared."""

import pytest

import dse
from dse.decide.compare.as_study import GOALS, study_of
from dse.decide.uncertainty.quantiles import sample_designs
from dse.evaluate.subject import Subject
from dse.plugins import objective

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


@pytest.mark.parametrize("chip", ["h100", "b200", "a100", "groq"])
@pytest.mark.parametrize("settings", [{}, {"layer_overhead": "40 us", "dram_efficiency": "0.6"}])
def test_drawings_are_around_the_numbers_that_are_compared(chip, settings):
    """The stack of a chip is on its architecture once."""
    given = {"weights": "int8", "price_method": "unit-cost", "settings": settings}
    layout = {"batch": 16, "tp": 4, "pp": 80 if chip == "groq" else 1}
    one = dse.estimate(chip, "llama2-70b", "article", **given, **layout)
    subject = Subject(chip, "llama2-70b", "article", **given)
    study = study_of(subject, subject.catalog)
    row = {"role": "baseline", "chip": subject.chip.name, "trial": 0, **one.deployment}
    drawn = sample_designs(study, [row], [objective(name) for name in GOALS], 2, 1)
    wanted = [one.metrics["usd_per_token_per_s"], one.metrics["tpot_s"]]
    assert drawn.point[0].tolist() == pytest.approx(wanted, rel=1e-12)
