"""Who wins, how often, and where that turns: rules on made-up costs, worked out by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.decide.compare.result import ComparedChip, Comparison
from dse.decide.propose.validity import at_space_boundary, beyond_known_silicon
from dse.decide.scenario.assumptions import Assumption
from dse.decide.scenario.scenario import Scenario
from dse.decide.uncertainty.monte_carlo import MonteCarlo, Swing
from dse.decide.verdict.by_software import (
    LOOKS,
    POINTS,
    Verdict,
    Verdicts,
    dependence,
    flip_of,
    kept,
    verdicts_from,
    within,
)
from dse.spec.schema.space import BranchSpec, ParameterSpec

# --- Monte Carlo

COST = st.sampled_from((1.0, 2.0, 5.0, float("inf")))


@LAW
@given(st.lists(st.lists(COST, min_size=3, max_size=3), min_size=1, max_size=10))
def test_a_candidate_wins_the_samples_in_which_it_costs_least(cost: list[list[float]]) -> None:
    made = MonteCarlo(samples=len(cost), seed=1, numbers=2, cost=np.array(cost))
    wins = [sum(min(row) < np.inf and row.index(min(row)) == i for row in cost) / len(cost) for i in range(3)]
    assert made.wins.tolist() == pytest.approx(wins)
    for i in range(3):
        known = sorted(row[i] for row in cost if np.isfinite(row[i]))
        assert made.feasible[i] == pytest.approx(len(known) / len(cost))
        low, median, high = made.interval(i)
        if known:
            assert known[0] <= low <= median <= high <= known[-1]
            assert median == pytest.approx(float(np.median(known)))
        else:
            assert (low, median, high) == (np.inf, np.inf, np.inf)


@pytest.mark.parametrize(
    ("low", "high", "width"), [(8.0, 13.0, 0.3), (7.0, 11.0, 0.3), (10.0, 10.0, 0.0), (None, 10.0, np.inf)]
)
def test_a_swing_is_as_wide_as_its_farther_end(low: float | None, high: float, width: float) -> None:
    made = Swing(fact=None, low=1.0, high=2.0, cost_low=low, cost_high=high)  # type: ignore[arg-type]
    assert made.width(10.0) == pytest.approx(width)


# --- where a winner turns


@LAW
@given(st.floats(0.05, 0.95), st.floats(0.5, 5.0))
def test_two_lines_turn_where_they_cross_to_the_width_of_the_last_look(at: float, top: float) -> None:
    def costs(times: np.ndarray) -> np.ndarray:
        return np.stack([times, np.full_like(times, at * top)], axis=1)

    found = flip_of(costs, ["steep", "flat"], top)
    assert found is not None
    assert (found.below, found.above) == ("steep", "flat")
    assert abs(found.layer_s - at * top) <= 0.5 * top / (POINTS - 1) ** LOOKS * (1 + 1e-9)


def test_of_several_turns_the_first_is_found_and_none_where_none_is() -> None:
    def steps(times: np.ndarray) -> np.ndarray:
        first = np.where(times < 0.3, 1.0, np.where(times < 0.6, 3.0, 1.0))
        return np.stack([first, np.full_like(times, 2.0)], axis=1)

    found = flip_of(steps, ["a", "b"], 1.0)
    assert found is not None
    assert found.layer_s == pytest.approx(0.3, abs=2e-4)
    assert flip_of(lambda t: np.stack([t + 1.0, t + 2.0], axis=1), ["a", "b"], 1.0) is None
    gone = flip_of(lambda t: np.where(t < 0.5, 1.0, np.inf)[:, None], ["a"], 1.0)
    assert gone is not None
    assert (gone.below, gone.above) == ("a", None)


@pytest.mark.parametrize(
    ("winners", "holds"),
    [
        ([("a", None)] * 3, True), ([("a", None), ("a", None), ("b", None)], False),
        ([("a", None), ("a", "b"), ("a", None)], False), ([(None, None)] * 3, False),
        ([("a", None), (None, None), ("a", None)], False),
    ],
)  # fmt: skip
def test_a_verdict_holds_where_one_wins_alone_under_all_three(winners: list[Any], holds: bool) -> None:
    flip = SimpleNamespace(layer_s=1e-6, below="a", above="b")
    found = dependence(0.01, "list", winners, flip, 1e-5)  # type: ignore[arg-type]
    assert found.holds is holds
    assert found.flips_at_layer_s == (None if holds else 1e-6)
    for name in {w for w, _ in winners if w}:
        assert name in found.sentence


def verdict(**changes: Any) -> Verdict:
    usual = {"target": 0.01, "software": "equal", "winner": "a", "kind": "hybrid", "value": 2.0, "low": 1.0,
             "high": 4.0, "basis": "list"}  # fmt: skip
    return Verdict(**{**usual, **changes})


def test_verdicts_survive_a_manifest_and_are_kept_only_for_the_same_results() -> None:
    made = Verdicts(verdicts=(verdict(), verdict(winner=None, value=None)),
                    dependence=(dependence(0.01, "list", [("a", None)] * 3, None, 1e-5),))  # fmt: skip
    manifest = {"problem": "p", "trials": 5, "sampler": "s", "seed": 1, "hypervolume": 2.0, "targets": {},
                **made.as_dict()}  # fmt: skip
    assert verdicts_from(manifest) == made
    assert verdicts_from({}) is None
    assert verdicts_from({**manifest, "verdicts": [{"nonsense": 1}]}) is None
    assert kept(manifest, {**manifest, "title": "another"}) == made
    for name in ("problem", "trials", "sampler", "seed", "hypervolume", "targets", "tolerance"):
        assert kept(manifest, {**manifest, name: "other"}) is None, name


def test_an_interval_is_a_factor_up_and_down() -> None:
    assert within(6.0, {"throughput": 1.5, "tpot": 3.0}) == (4.0, 9.0)
    assert within(6.0, {"throughput": 1.5, "tpot": 3.0}, "tpot") == (2.0, 18.0)
    assert within(6.0, {}) == (None, None)


# --- a comparison


def chip(name: str, costs: list[float | None], **more: Any) -> ComparedChip:
    best = tuple(
        None if c is None else SimpleNamespace(metrics={"usd_per_token_per_s": c}, as_dict=lambda: {})
        for c in costs
    )
    usual = {"title": name, "kind": "dram-only", "hypothetical": False, "hardware": {}, "basis": "list",
             "unanchored": None, "curve": pd.DataFrame()}  # fmt: skip
    return ComparedChip(chip=name, best=best, **{**usual, **more})  # type: ignore[arg-type]


def comparison(chips: list[ComparedChip], **more: Any) -> Comparison:
    return Comparison(
        llm="l", workload="w", software="as-sold", targets=(0.005, 0.05), chips=tuple(chips),
        verdicts=Verdicts(verdicts=(), dependence=()), **more,
    )  # fmt: skip


CHIPS = [
    chip("a", [None, 3.0]), chip("b", [9.0, 2.0]), chip("c", [1.0, 1.0], unanchored="why"),
    chip("d", [0.1, 0.1], basis="system"), chip("e", [None, None]), chip("f", [None, None], gap="price"),
    chip("g", [4.0, 4.0], basis="street"),
]  # fmt: skip


def test_the_winner_is_the_cheapest_that_is_anchored_within_a_group_of_prices() -> None:
    made = comparison(CHIPS)
    first, second = made.groups
    assert [made.winner(i, first) for i in (0, 1)] == ["g", "b"]  # list and street prices rank together
    assert [c.chip for c, _ in made.ranked(1, first)] == ["b", "a", "g"]
    assert [made.winner(i, second) for i in (0, 1)] == ["d", "d"]
    with pytest.raises(ValueError, match="expected one of"):
        made.winner(0)
    free = comparison(CHIPS, with_unanchored=True)
    assert [free.winner(i, first) for i in (0, 1)] == ["c", "c"]


def test_the_group_of_the_most_chips_comes_first_and_gaps_do_not_count() -> None:
    few = [
        chip("a", [1.0, 1.0]),
        chip("b", [1.0, 1.0], basis="system"),
        chip("c", [1.0, 1.0], basis="system"),
    ]
    first, _ = comparison(few).groups
    assert comparison(few).winner(0, first) in ("b", "c")
    gone = [few[0], *(chip(c.chip, [None, None], basis="system", gap="x") for c in few[1:])]
    assert comparison(gone).winner(0) == "a"


def test_json_of_a_comparison_names_the_winner_of_each_group_at_each_target() -> None:
    made = comparison(CHIPS)
    found = made.as_dict()
    assert found["targets_tpot_s"] == [0.005, 0.05]
    assert found["winners"] == [{g: made.winner(i, g) for g in made.groups} for i in (0, 1)]
    rows = {c["chip"]: c for c in found["chips"]}
    assert [rows[n]["best"] == [None, None] for n in "abcdefg"] == [n in "ef" for n in "abcdefg"]
    assert rows["c"]["unanchored"] is True
    assert rows["a"]["unanchored"] is False
    assert rows["f"]["gap"] == "price"


def test_a_picture_of_a_comparison_holds_the_chips_of_the_first_group_that_lack_nothing() -> None:
    def curve(*points: tuple[float, float]) -> pd.DataFrame:
        return pd.DataFrame(points, columns=["tpot_s", "usd_per_token_per_s"]).assign(chip="x", trial=0)

    made = comparison([
        chip("a", [1.0, 1.0], curve=curve((0.01, 5.0), (0.05, 2.0))),
        chip("b", [1.0, 1.0], curve=curve((0.02, 4.0), (0.06, 3.0))),
        chip("c", [1.0, 1.0], unanchored="why", curve=curve((0.001, 0.1))),
        chip("d", [1.0, 1.0], basis="system", curve=curve((0.001, 0.1))),
        chip("f", [None, None], gap="price", curve=curve((0.001, 0.1))),
    ]).front()  # fmt: skip
    assert made.manifest["compared"] == ["a", "b", "c"]
    assert made.manifest["targets"] == {"tpot": [0.005, 0.05]}
    assert len(made.baselines) == 5
    points = made.frame[["tpot_s", "usd_per_token_per_s"]].to_numpy().tolist()
    assert sorted(points) == [
        [0.01, 5.0],
        [0.02, 4.0],
        [0.05, 2.0],
    ]  # c may not win, and 3.0 at 60 ms is beaten


# --- assumptions


def assumption(kind: str = "limits", **more: Any) -> Assumption:
    usual = {"name": "n", "label": "n", "unit": "", "low": 1.0, "high": 16.0, "log": True, "whole": False,
             "now": None, "key": "tpot", "group": "sram-only"}  # fmt: skip
    return Assumption(kind=kind, **{**usual, **more})  # type: ignore[arg-type]


def test_values_of_an_assumption_are_evenly_spread_on_its_scale_and_whole_where_it_is() -> None:
    assert assumption().values(5).tolist() == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0])
    assert assumption(log=False).values(4).tolist() == pytest.approx([1.0, 6.0, 11.0, 16.0])
    assert assumption(whole=True).values(40).tolist() == [float(v) for v in (1, *range(2, 17)) if v in
                                                          set(np.round(np.geomspace(1, 16, 40)))]  # fmt: skip
    pair = np.array([2.0]), np.array([8.0])
    assert assumption().between(*pair).tolist() == [4.0]
    assert assumption(log=False).between(*pair).tolist() == [5.0]
    assert assumption(whole=True, log=False).between(np.array([2.0]), np.array([9.0])).tolist() == [6.0]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("sizes", "sizes", {"tpot": 3}), ("limits", "limits", {"tpot": 2.7}),
        ("parameters", "parameters", {("sram-only", "tpot"): 2.7}), ("prices", "prices", {"sram-only": 2.7}),
        ("margins", "margins", {"sram-only": 2.7}), ("places", "places", {"p": 2.7, "q": 2.7}),
    ],
)  # fmt: skip
def test_an_assumption_changes_its_own_number_of_a_scenario_and_no_other(
    kind: str, field: str, value: dict[Any, Any]
) -> None:
    fields = ("places", "sizes", "parameters", "limits", "prices", "margins")
    kept_ = {name: {"kept": 1.0} for name in fields}
    before = Scenario(study=None, **kept_)  # type: ignore[arg-type]
    after = assumption(kind, places=("p", "q")).applied(before, 2.7)
    for name in fields:
        assert getattr(after, name) == {"kept": 1.0, **(value if name == field else {})}, name
        assert getattr(before, name) == {"kept": 1.0}


# --- warnings


def test_a_value_at_a_bound_of_the_space_is_warned_of_where_there_is_more_beyond_it() -> None:
    parameters = {
        "sram": ParameterSpec(low=1e6, high=1e9, scale="log", steps=4),
        "dram_stacks": ParameterSpec(low=0.0, high=8.0, steps=9),
        "link_bandwidth": ParameterSpec(low=1e11, high=1e12),
        "process": ParameterSpec(low=0.0, high=1.0, steps=2, choices=("n7", "n5"), numbers=(0.0, 1.0)),
        "peak_flops": ParameterSpec(low=1e15, high=1e15),
    }
    spec = BranchSpec.model_construct(parameters=parameters)

    def told(**values: float) -> list[str]:
        return at_space_boundary(SimpleNamespace(values=values), spec)  # type: ignore[arg-type]

    middle = {"sram": 1e7, "dram_stacks": 4.0, "link_bandwidth": 5e11, "process": 1.0, "peak_flops": 1e15}
    assert told(**middle) == []
    assert len(told(**{**middle, "sram": 1e9})) == 1
    assert "largest" in told(**{**middle, "sram": 1e9})[0]
    assert "smallest" in told(**{**middle, "link_bandwidth": 1e11})[0]
    assert told(**{**middle, "dram_stacks": 0.0}) == []  # there is nothing below none
    assert len(told(**{**middle, "dram_stacks": 8.0, "sram": 1e6})) == 2


def test_sram_faster_than_any_that_exists_is_warned_of() -> None:
    rules = SimpleNamespace(sram_bandwidth_known=SimpleNamespace(value=400e9))  # per MiB
    for speed, warned in ((399e9, False), (400e9, False), (401e9, True)):
        chip_ = SimpleNamespace(values={"sram_bandwidth_per_byte": speed / 2**20})
        assert bool(beyond_known_silicon(chip_, rules)) is warned  # type: ignore[arg-type]
    assert beyond_known_silicon(SimpleNamespace(values={}), rules) == []  # type: ignore[arg-type]
