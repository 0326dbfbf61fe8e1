"""How sure the time of a token is: of proposals the deployment is held, of sweeps it is told by itself."""

import numpy as np
import pytest
from studies_for_tests import write_study

from dse.decide.propose.candidates import from_rows
from dse.decide.scenario.scenario_batch import tpots_of_variants
from dse.decide.uncertainty.quantiles import design_key, sample_designs
from dse.decide.uncertainty.sampling import sample_numbers, studies_of
from dse.front.tables import records
from dse.plugins import objective

SIZES = ("batch", "tp", "pp", "ep")


@pytest.fixture(scope="module")
def row(front):
    return next(r for r in records(front.frame) if r["role"] == "search")


def test_a_proposal_and_a_front_tell_the_same_spread_of_the_same_deployment(study, row):
    layout = ({name: int(row[name]) for name in SIZES},)
    (candidate,) = from_rows(study, [row])
    own = tpots_of_variants(
        studies_of(study, sample_numbers(study, 24, 1), [candidate]), candidate, layout, {}
    )
    sampled = sample_designs(study, [row], [objective("tpot")], 24, 1)
    assert sampled.keys == (design_key(study, row),)
    np.testing.assert_allclose(own, sampled.values[:, 0, 0], rtol=1e-12)
    assert own.min() < row["tpot_s"] < own.max()


def test_a_sweep_tells_how_sure_its_winners_are_unless_asked_not_to(dse_verb, tmp_path):
    path = write_study(tmp_path)
    grid = "peak_flops=2,sram=2,sram_bandwidth_per_byte=2,link_bandwidth=2,dram_stacks=2"
    asked = ("sweep", path, "--out", tmp_path / "out", "--grid", grid)
    said = dse_verb(*asked, "--samples", "16")
    assert said.code == 0, said.err
    for title in ("Uncertainty of $/(token/s)", "Uncertainty of TPOT"):
        assert title in said.out
    assert "Uncertainty" not in dse_verb(*asked, "--no-intervals").out
