"""`dse breakeven` of a study of pools: at its price two systems cost the same, freshly estimated."""

import pytest
from decide.test_explained_pairs import STUDY, eligible, load

from dse.decide.pairs.breakeven import assumption_of_pools, breakeven_pairs
from dse.errors import SpecError
from dse.evaluate.pools.estimate import estimate_pools
from dse.front.files import Front
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.search.pairs.driver import sweep_pairs

ONE, OTHER = "h100-sxm | b200-sxm", "h100-sxm | h100-sxm"
AT = {"tpot": 0.05}


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[PooledStudy, Front]:
    folder = tmp_path_factory.mktemp("breakeven")
    study = load(folder)
    return study, sweep_pairs(study, out=folder / "out").front


def solved(swept, x, between=(ONE, OTHER), y=None, limits=AT, points=(5, 3)):
    study, front = swept
    across = assumption_of_pools(study, x, "--x")
    upwards = None if y is None else assumption_of_pools(study, y, "--y")
    return breakeven_pairs(study, front, eligible(study, front), across, upwards, between, limits, points)


def test_at_the_price_that_breaks_even_fresh_estimates_cost_the_same(swept):
    found = solved(swept, "chip/b200-sxm.price=5000 USD..500000 USD")
    (crossing,) = found.boundary
    assert crossing.left == ONE and crossing.right == OTHER and crossing.why == "equal cost"
    costs = []
    for decode in ("b200-sxm", "h100-sxm"):
        # the layouts of the study, one by one: the cheapest that meets the target
        best = min(
            estimate_pools(
                ["prefill=h100-sxm", f"decode={decode},tp={tp},pp={pp},batch={batch},cp=1,ep=1"],
                "opt-30b", "chat", link="25 GB/s, 5 us", weights="fp8", kv="fp8", activations="fp8",
                settings={"prefill_load": "0.8", "decode.price": f"{crossing.x!r} USD"}
                if decode == "b200-sxm" else {"prefill_load": "0.8"},
            ).metrics["usd_per_token_per_s"]
            for tp, pp, batch in [(1, 1, 128), (2, 1, 128), (1, 2, 128), (1, 1, 64)]
        )  # fmt: skip
        costs.append(best)
    # the estimate may choose a layout of prefill that the study does not list, which is hardly cheaper
    assert costs[0] == pytest.approx(costs[1], rel=0.02)
    assert crossing.costs[0] == pytest.approx(crossing.costs[1], rel=1e-3)


def test_a_dearer_chip_never_makes_its_pairs_cheaper(swept):
    found = solved(swept, "chip/b200-sxm.price=5000 USD..500000 USD")
    with_it, without = found.costs[0, :, 0], found.costs[0, :, 1]
    assert (with_it[1:] > with_it[:-1]).all()
    assert (without == without[0]).all()


def test_a_tighter_target_never_makes_a_pair_cheaper(swept):
    found = solved(swept, "tpot=2 ms..200 ms", limits={}, points=(9, 3))
    for side in (0, 1):
        assert (found.costs[0, 1:, side] <= found.costs[0, :-1, side]).all()


def test_a_number_that_both_pools_have_is_turned_in_both(swept):
    found = solved(swept, "chip/h100-sxm.price=5000 USD..500000 USD", between=(OTHER, "h200-sxm | b200-sxm"))
    assert {p.config for p in found.x.places} == {"chip/h100-sxm"}
    # all of the capital of this pair but its ports is in proportion to the price
    costs = found.costs[0, :, 0]
    assert costs[-1] / costs[0] > 20.0


@pytest.mark.parametrize(
    ("x", "between", "words"),
    [
        (
            "batch",
            (ONE, OTHER),
            "expected a number of a file, such as chip/lp30.price, or a target, for pools",
        ),
        ("chip/b2000.price", (ONE, OTHER), "unknown assumption"),
        ("tpot", (ONE, "h100-sxm | b20"), "did you mean"),
        ("tpot", (ONE, "h100-sxm | lp30"), "expected sides whose prices rank among each other"),
    ],
)
def test_a_wrong_name_is_a_sentence(swept, x, between, words):
    with pytest.raises(SpecError) as error:
        solved(swept, x, between)
    assert words in str(error.value)


def test_an_unanchored_pair_takes_part_where_it_is_named_or_may_win(tmp_path):
    study = load(tmp_path, STUDY.replace("method: listed", "method: unit-cost"))
    front = sweep_pairs(study, out=tmp_path / "out").front
    x = assumption_of_pools(study, "tpot=2 ms..200 ms", "--x")

    def of(between, *, shown=False):
        own = PairEligibility.of(front.manifest, list(study.pools), shown=shown)
        return breakeven_pairs(study, front, own, x, None, between, {}, (4, 3))

    named, barred, shown = of(("h100-sxm | lp30", ONE)), of(None), of(None, shown=True)
    pairs = len(study.known_pairs)
    # the other pairs with LP30 stay out
    lpus = sum("lp30" in chips for chips in study.known_pairs)
    counts = [found.tried for found in (named, barred, shown)]
    assert counts == [pairs - lpus + 1, pairs - lpus, pairs]
    assert not any("lp30" in str(best) for best in barred.best_chips.reshape(-1))
    assert {str(best) for best in named.best_chips[..., 0].reshape(-1)} >= {"h100-sxm | lp30"}


def test_pairs_of_unanchored_chips_alone_are_a_sentence(tmp_path):
    text = STUDY.replace("method: listed", "method: unit-cost").replace("[h100, b200, lp30]", "[lp30]")
    study = load(tmp_path, text)
    front = sweep_pairs(study, out=tmp_path / "out").front
    x = assumption_of_pools(study, "tpot=2 ms..200 ms", "--x")
    with pytest.raises(SpecError, match="expected pairs that a measurement anchors, got none"):
        breakeven_pairs(study, front, eligible(study, front), x, None, None, {}, (4, 3))


def test_the_verb_prints_csv_and_draws(dse_verb, tmp_path):
    path, out = load(tmp_path, STUDY).path, tmp_path / "out"
    assert dse_verb("sweep", path, "--out", out).code == 0
    asked = (
        "breakeven",
        path,
        "--x",
        "chip/b200-sxm.price=5000 USD..500000 USD",
        "--between",
        f"{ONE},{OTHER}",
    )
    said = dse_verb(*asked, "--tpot", "50 ms", "--points", "4", "--out", out, "--plot", tmp_path / "a.png")
    assert said.code == 0, said.err
    assert "pairs looked at" in said.out and "no measured row" in said.out
    words = " ".join(said.out.split())
    assert "batches and EP between them were not tried" in words
    told = dse_verb(*asked, "--tpot", "50 ms", "--points", "4", "--out", out, "--format", "json").json[
        "notes"
    ]
    assert any(note.startswith("unanchored: decode.lp30") for note in told)
    lpu = ("breakeven", path, "--x", "tpot", "--points", "3", "--out", out, "--between")
    said = dse_verb(*lpu, "h100-sxm | lp30,others")
    assert said.code == 2 and "--with-unanchored adds pairs of unanchored chips" in " ".join(said.err.split())
    words = " ".join(dse_verb(*lpu, "h100-sxm | lp30,h200-sxm | lp30").out.split())
    assert "h100-sxm | lp30 is unanchored, and takes part because --between names it" in words
    assert (tmp_path / "a.png").stat().st_size > 10_000
    rows = dse_verb(
        *asked, "--tpot", "50 ms", "--points", "4", "--out", out, "--format", "csv"
    ).out.splitlines()
    assert len(rows) == 5
    dse_verb(*asked, "--software", "ideal", "--out", out).refused("--software: expected none")
