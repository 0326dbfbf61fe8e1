"""Pairs under samples: a number of both pools is drawn once, and an interval is what its numbers make it."""

from pathlib import Path
from typing import Any

import numpy as np
import pairs_for_tests as pairs
import pytest

from dse.decide.pairs.design import pair_of_row, rows_of
from dse.decide.pairs.proposal import propose_pair
from dse.decide.pairs.sampled import Contender, goals_under, joint, sample_pools, sampled_at, sampled_pairs
from dse.decide.pairs.varied import varied_pools
from dse.decide.uncertainty.sampling import uncertain_numbers
from dse.front.files import Front
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.question.variation import Place
from dse.report.pairs.sampled import sampled_front
from dse.search.pairs.driver import sweep_pairs

SMALL: dict[str, Any] = {
    **pairs.SMALL,
    "precision": {"weights": "fp8", "kv": "fp8", "activations": "fp8"},
    "price": {"method": "listed"},
    "pools": {
        "prefill": {"chips": ["h100-sxm"], "tp": [1, 8], "pp": [1], "batch": [4096]},
        "decode": {"chips": ["h100-sxm", "h200-sxm"], "tp": [8], "pp": [1], "batch": [1, 16, 64]},
        "link": {"bandwidth": "25 GB/s", "latency": "5 us", "price": "100 USD"},
    },
    "deployment": {"mode": "solve"},
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "200 ms"},
    "report_at": ["50 ms", "100 ms"],
    "targets": {},
    "reference_point": {"usd_per_token_per_second": "100000 USD/(token/s)", "tpot": "1 s"},
}
PRICE = Place("chip/h100-sxm", "price")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[PooledStudy, Front]:
    folder = tmp_path_factory.mktemp("sampled")
    study = pairs.load(folder, SMALL)
    return study, sweep_pairs(study, out=folder / "out").front


def row_of(front: Front, chip: str) -> Any:
    return next(row for row in rows_of(front) if row["chip"] == chip)


def test_a_number_of_both_pools_is_drawn_once(swept: tuple[PooledStudy, Front]) -> None:
    study, front = swept
    drawn = sample_pools(study, 8, 1)
    of_each = [{u.fact.place for u in uncertain_numbers(own)} for own in study.pools.values()]
    assert PRICE in of_each[0] & of_each[1]
    assert of_each[0] | of_each[1] == {u.fact.place for u in uncertain_numbers(joint(study))}
    pair = pair_of_row(study, row_of(front, "h100-sxm | h100-sxm"))
    for values in drawn:
        assert set(values) >= of_each[0] | of_each[1]
        changed = varied_pools(study, values, [pair])
        prices = {
            role: float(own.setting.catalog.get(type(own.baselines["h100-sxm"]), "h100-sxm").price.value)
            for role, own in changed.pools.items()
        }
        assert prices == dict.fromkeys(study.pools, values[PRICE])


@pytest.mark.parametrize(("chip", "roles"), [("h100-sxm | h100-sxm", 2), ("h100-sxm | h200-sxm", 1)])
def test_an_uncertain_price_moves_the_goal_by_its_share_of_the_capital(
    swept: tuple[PooledStudy, Front], chip: str, roles: int
) -> None:
    """By hand: dollars of the chips over all dollars, at prices that one sample in ten is below, or above."""
    study, front = swept
    row = row_of(front, chip)
    (known,) = (u for u in uncertain_numbers(joint(study)) if u.fact.place == PRICE)
    names = [role for role in study.pools if row[f"{role}.chip"] == "h100-sxm"]
    assert len(names) == roles and known.low < known.fact.value < known.high
    bought = sum(float(row[f"{role}.chips"]) for role in names)
    drawn = [{PRICE: values[PRICE]} for values in sample_pools(study, 1000, 1)]
    contender = Contender.of(pair_of_row(study, row))
    found = goals_under(study, [([contender], study.limits)], drawn, 1, fixed=True)[0]

    def at(price: float) -> float:
        share = bought * (price - known.fact.value) / float(row["capex_usd"])
        return float(row["usd_per_token_per_s"]) * (1.0 + share)

    every = found.drawn.cost[:, 0]
    np.testing.assert_allclose(every, [at(values[PRICE]) for values in drawn], rtol=1e-9)
    low, median, high = found.interval(0)
    assert low == pytest.approx(at(known.low), rel=2e-3)
    assert median == pytest.approx(float(row["usd_per_token_per_s"]), rel=2e-3)
    assert high == pytest.approx(at(known.high), rel=2e-3)


def test_of_an_uncertain_price_the_pair_with_fewer_of_these_chips_wins_where_it_is_high(
    swept: tuple[PooledStudy, Front],
) -> None:
    """Two pairs whose dollars are lines over a price: the better one changes where the lines cross."""
    study, front = swept
    both = [row_of(front, name) for name in ("h100-sxm | h100-sxm", "h100-sxm | h200-sxm")]
    drawn = [{PRICE: price} for price in np.linspace(5e3, 2e5, 40)]
    contenders = [Contender.of(pair_of_row(study, row)) for row in both]
    found = goals_under(study, [(contenders, study.limits)], drawn, 1, fixed=True)[0]
    ahead = found.drawn.cost[:, 0] < found.drawn.cost[:, 1]
    assert found.drawn.wins.tolist() == [ahead.mean(), 1.0 - ahead.mean()]
    # a line crosses another one at most once
    assert np.count_nonzero(np.diff(ahead.astype(int))) <= 1
    least = found.drawn.cost.min(axis=1)
    assert found.regret(0) == pytest.approx(float(np.mean(found.drawn.cost[:, 0] / least - 1.0)))


def test_layouts_that_are_chosen_again_are_never_worse_than_held_ones(
    swept: tuple[PooledStudy, Front],
) -> None:
    study, front = swept
    contenders = [
        Contender.of(pair_of_row(study, row_of(front, n)))
        for n in ("h100-sxm | h100-sxm", "h100-sxm | h200-sxm")
    ]
    free = sampled_pairs(study, contenders, study.limits, 12, 3)
    held = sampled_at(study, [(contenders, study.limits)], 12, 3, fixed=True)[0]
    assert held.fixed and not free.fixed
    assert (free.drawn.cost <= held.drawn.cost * (1.0 + study.spec.tolerance + 1e-9)).all()


def test_the_same_seed_draws_the_same_and_another_one_does_not(swept: tuple[PooledStudy, Front]) -> None:
    study, front = swept
    contenders = [Contender.of(pair_of_row(study, row_of(front, "h100-sxm | h200-sxm")))]
    one, again, other = (sampled_pairs(study, contenders, study.limits, 6, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.drawn.cost, again.drawn.cost)
    assert (one.drawn.cost != other.drawn.cost).any()


def front_cost(front: Front, within: float | None) -> float:
    """The least $/(token/s) of a front at a target."""
    rows = front.frame[front.frame["tpot_s"] <= within]
    return float(rows["usd_per_token_per_s"].min())


def test_the_best_pairs_of_a_front_are_compared_at_each_target(swept: tuple[PooledStudy, Front]) -> None:
    study, front = swept
    found = sampled_front(study, front, 8)
    assert [at.target for at in found] == [0.05, 0.1]
    for at in found:
        told = at.as_dict()
        assert told["samples"] == 8 and told["layouts"] == "chosen again"
        of_pairs = told["pairs"]
        assert isinstance(of_pairs, list)
        keys = {"pair", "p10", "p50", "p90", "probability_best", "probability_meets_target", "mean_regret"}
        assert all(set(each) == keys for each in of_pairs)
        assert 0.0 < sum(each["probability_best"] for each in of_pairs) <= 1.0
        # layouts are chosen again, so that the number of the table is no better than all samples
        assert of_pairs[0]["p10"] <= front_cost(front, at.target) <= of_pairs[0]["p90"]


def designed(folder: Path, **changes: Any) -> tuple[PooledStudy, Front]:
    pools = {
        "prefill": {"chips": ["h100-sxm"], "space": "lpu-or-hbm", "tp": [8], "pp": [1], "batch": [4096]},
        "decode": {"space": "lpu-or-hbm", "tp": [8], "pp": [1, 10], "batch": [1, 64]},
        "link": "25 GB/s, 5 us",
    }
    study = pairs.load(folder, {**SMALL, "price": {"method": "unit-cost"}, "pools": pools, **changes})
    names = ("sram", "peak_flops", "dram_stacks", "link_bandwidth", "sram_bandwidth_per_byte")
    counts = {f"{role}.{name}": 2 for role in study.pools for name in names}
    return study, sweep_pairs(study, counts=counts, out=folder / "out").front


def test_the_pair_proposed_by_its_median_has_the_best_of_those_compared(tmp_path: Path) -> None:
    study, front = designed(tmp_path)
    eligible = PairEligibility.of(front.manifest, list(study.pools), shown=True)
    plain = propose_pair(study, front, {"tpot": 0.05}, eligible)
    assert plain.odds is None and plain.as_dict()["odds"] is None
    found = propose_pair(study, front, {"tpot": 0.05}, eligible, samples=8, robust=True)
    told = found.as_dict()
    assert told["robust"] is True
    assert found.odds is not None and found.odds.names[0] == "the pair proposed"
    # the chip of either pool in both is put to it as well
    assert any(name.endswith("in both pools") for name in found.odds.names)
    wins = found.odds.drawn.wins
    assert wins.sum() == pytest.approx(1.0)
    again = propose_pair(study, front, {"tpot": 0.05}, eligible, samples=8, robust=True)
    assert again.as_dict()["odds"] == told["odds"]


def test_attention_and_ffns_keep_their_layouts(tmp_path: Path) -> None:
    pools = {
        "attention": {"chips": ["h100-sxm", "h200-sxm"], "tp": [8], "pp": [1], "batch": [16]},
        "ffn": {"chips": ["h100-sxm"], "tp": [8], "pp": [1]},
        "link": "100 GB/s, 2 us",
    }
    changes = {"pools": pools, "deployment": {"mode": "search"}, "sweep": None, "settings": None}
    data = {k: v for k, v in {**SMALL, **changes}.items() if v is not None}
    data = {k: v for k, v in data.items() if k != "report_at"} | {"goal": "usd_per_token_per_second"}
    study = pairs.load(tmp_path, data)
    front = sweep_pairs(study, out=tmp_path / "out").front
    (at,) = sampled_front(study, front, 6)
    assert at.found.fixed and at.target is None and at.found.drawn.wins.sum() == pytest.approx(1.0)
    contenders = [Contender.of(pair_of_row(study, row)) for row in rows_of(front)]
    assert sampled_pairs(study, contenders, study.limits, 4, 1).fixed
