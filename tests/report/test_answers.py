"""What a front answers: the best at each target, looked for again among its rows, and who may be the best."""

from typing import Any

import pytest
from factories import LAW
from fronts_for_tests import COST, RATE, TPOT, design, front, table
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.report.words.answer import (
    answer,
    baselines_of,
    best_label,
    contenders,
    goal_of,
    ranked,
    searched_of,
    tolerance_of,
)
from dse.report.words.computed_formats import MARK, computed_lines, marked, other_formats
from dse.report.words.eligibility import eligibility_of, with_unanchored
from dse.report.words.listed_grid import OF_A_MIX, OF_TRIALS, listed_grid
from dse.report.words.violations import failures

TARGETS = {"tpot": [0.002, 0.020, 0.2]}
TIME = st.sampled_from((0.001, 0.004, 0.03, 0.5))
PRICE = st.sampled_from((1.0, 2.0, 5.0))
ROWS = st.lists(st.tuples(TIME, PRICE, st.integers(1, 64)), min_size=1, max_size=8)


def designs(rows: list[tuple[float, float, int]], **more: Any) -> list[dict[str, Any]]:
    return [design(t, p, chips=n, **more) for t, p, n in rows]


# --- the best at each target


@settings(LAW, max_examples=12)
@given(ROWS, ROWS)
def test_the_best_at_a_target_is_the_cheapest_that_meets_it_and_of_equal_ones_the_faster(
    rows: list[tuple[float, float, int]], real: list[tuple[float, float, int]]
) -> None:
    found = answer(front(designs(rows), designs(real, chip="h100"), targets=TARGETS))
    assert [row["target_tpot_s"] for row in found.best] == sorted(TARGETS["tpot"])
    for given_, best in ((rows, found.best), (real, found.rivals["h100"])):
        for row in best:
            meets = [(p, t) for t, p, _ in given_ if t <= row["target_tpot_s"]]
            assert row["found"] is bool(meets)
            if meets:
                assert (row["usd_per_token_per_s"], row["tpot_s"]) == min(meets)
            else:
                assert row["usd_per_token_per_s"] is None
    assert found.baselines["h100"] == tuple(row["usd_per_token_per_s"] for row in found.rivals["h100"])


def test_of_systems_of_one_chip_within_the_tolerance_the_smallest_is_the_best() -> None:
    rows = [design(0.001, 1.000, chip="a", chips=64), design(0.001, 1.009, chip="a", chips=8),
            design(0.001, 1.005, chip="b", chips=1), design(0.001, 1.020, chip="a", chips=1)]  # fmt: skip
    near = answer(front(rows, targets={"tpot": [0.02]}, tolerance=0.01)).best[0]
    assert (near["chip"], near["chips"]) == ("a", 8)
    exact = answer(front(rows, targets={"tpot": [0.02]}))
    assert exact.best[0]["chips"] == 64
    assert tolerance_of(front(rows, tolerance=0.01)) == 0.01
    assert tolerance_of(front(rows)) == 0.0


def test_without_targets_the_best_of_each_objective_is_shown_and_called_by_it() -> None:
    rows = [design(0.002, 8.0, tokens_per_s=10.0), design(0.004, 3.0, tokens_per_s=70.0),
            design(0.030, 5.0, tokens_per_s=90.0)]  # fmt: skip
    whole = front(rows, axes=(COST, TPOT, RATE))
    found = answer(whole)
    assert found.target is None
    assert found.objective.name == COST.name
    assert [(row["best_for"], row["chip"]) for row in found.best] == [
        ("usd_per_token_per_second", "sram-only-1"),
        ("tpot", "sram-only-0"),
        ("tokens_per_second", "sram-only-2"),
    ]
    assert [best_label(whole, row) for row in found.best] == [
        "best $/(token/s)",
        "best TPOT",
        "best throughput",
    ]


def test_the_goal_is_the_named_one_else_the_first_that_is_not_the_axis_of_the_targets() -> None:
    rows = [design(0.002, 8.0, tokens_per_s=10.0)]
    axes = (TPOT, COST, RATE)
    assert goal_of(front(rows, axes=axes), "tpot").name == COST.name
    assert goal_of(front(rows, axes=axes), COST.name).name == "tpot"
    assert goal_of(front(rows, axes=axes, goal=RATE.name), "tpot").name == RATE.name
    assert goal_of(front(rows, axes=(TPOT,)), "tpot").name == "tpot"


def test_the_objective_with_the_most_targets_is_reported_at_them() -> None:
    rows = [design(0.002, 8.0)]
    two = {"usd_per_token_per_second": [1.0], "tpot": [0.01, 0.1]}
    assert answer(front(rows, targets=two)).target.name == "tpot"
    assert (
        answer(front(rows, targets={"tpot": 0.01})).best[0]["target_tpot_s"] == 0.01
    )  # one number is a list of one
    assert answer(front(rows, targets={"tpot": []})).target is None


def test_what_was_solved_again_at_targets_counts_and_is_listed_once() -> None:
    rows, real = [design(0.002, 8.0)], [design(0.003, 6.0, chip="h100")]
    again = [
        design(0.0019, 7.5, chip="sram-only-0", batch=2),
        design(0.0018, 6.5, chip="h100", role="baseline", batch=4),
        design(0.002, 8.0, chip="sram-only-0"),
    ]
    whole = front(rows, real, targets={"tpot": [0.01]})
    solved = type(whole)(whole.frame, whole.baselines, whole.axes, whole.manifest, table(again))
    assert len(contenders(solved)) == 4
    assert searched_of(solved)["usd_per_token_per_s"].tolist() == [
        8.0,
        7.5,
    ]  # the same design is not listed twice
    assert baselines_of(solved)["usd_per_token_per_s"].tolist() == [6.0, 6.5]
    assert answer(solved).best[0]["usd_per_token_per_s"] == 6.5
    assert answer(whole).best[0]["usd_per_token_per_s"] == 8.0  # baselines are not on the front


# --- who may be the best

BASES = {"sram-only": "unit-cost", "dram-only": "unit-cost", "h100": "list", "tpu": "street", "wse": "system"}


def test_the_prices_of_the_most_families_that_may_win_are_ranked() -> None:
    whole = front([design(0.002, 8.0)], price_bases=BASES)
    found = eligibility_of(whole)
    assert [found.ranks(n) for n in BASES] == [True, True, False, False, False]
    # two are left of either once one is barred, and the first that has as many is taken
    barred = eligibility_of(front([design(0.002, 8.0)], price_bases=BASES, unanchored={"dram-only": "why"}))
    assert [barred.ranks(n) for n in BASES] == [False, False, True, True, False]
    asked = eligibility_of(
        with_unanchored(front([design(0.002, 8.0)], price_bases=BASES, unanchored={"dram-only": "why"}), True)
    )
    assert [asked.ranks(n) for n in BASES] == [True, True, False, False, False]


def test_results_that_say_nothing_of_prices_bar_only_who_is_not_anchored() -> None:
    found = eligibility_of(front([design(0.002, 8.0)], unanchored={"dram-only": "why"}))
    assert found.ranks("sram-only")
    assert not found.ranks("dram-only")
    assert found.others() == {}


def test_every_family_that_wins_nothing_is_listed_below_the_tables() -> None:
    found = eligibility_of(
        front([design(0.002, 8.0)], price_bases=BASES, unanchored={"sram-only": "nothing was measured"},
              assumed={"h100": "a figure"})
    )  # fmt: skip
    text = "\n".join(found.lines())
    for name, group in found.group_of.items():
        assert found.ranks(name) or (name in text and (group in text or name in found.unanchored))
    assert "nothing was measured" in text
    assert "a figure" in text
    assert sorted(n for names in found.others().values() for n in names) == sorted(
        n for n, g in found.group_of.items() if g != found.group
    )


def test_what_a_barred_chip_kept_off_the_front_comes_back() -> None:
    rows = [design(0.002, 1.0, branch="sram-only"), design(0.004, 3.0, branch="dram-only")]
    whole = front(
        rows, [design(0.003, 2.0, chip="h100")], unanchored={"sram-only": "why"}, targets={"tpot": [0.01]}
    )
    assert ranked(whole)["usd_per_token_per_s"].tolist() == [3.0, 2.0]
    assert answer(whole).best[0]["chip"] == "h100"
    assert answer(with_unanchored(whole, True)).best[0]["usd_per_token_per_s"] == 1.0


# --- formats, grids, violations


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("fp16", "fp16"), "fp8 weights and KV cache computed in fp16"),
        (("fp8", "fp16"), "fp8 KV cache computed in fp16"),
        (("fp8", "fp8"), ""),
        ((None, None), ""),
    ],
)
def test_a_design_that_computes_in_another_format_is_marked_and_explained(
    row: tuple[str | None, str | None], told: str
) -> None:
    precision = {"weights": "fp8", "kv": "fp8"}
    made = dict(zip(("computed_in", "attention_computed_in"), row, strict=True))
    assert other_formats(made, precision) == told
    assert marked([made], precision)[0]["mark"] == (MARK if told else "")
    assert other_formats({**made, "found": False}, precision) == ""  # nothing was found there


def test_chips_that_compute_alike_share_a_line_of_at_most_six_names() -> None:
    precision = {"weights": "fp8", "kv": "fp8"}
    rows = [{"chip": f"c{i}", "computed_in": "fp16", "attention_computed_in": "fp16"} for i in range(8)]
    rows += [{"chip": "d", "computed_in": "fp16", "attention_computed_in": "fp8"}, rows[0]]
    first, second = computed_lines(rows, precision)
    assert first.endswith("c0, c1, c2, c3, c4, c5 and 2 more")
    assert second.endswith(": d")


def test_answers_of_a_listed_grid_say_so() -> None:
    assert listed_grid({"mix": [1], "deployment": "search"}) == OF_A_MIX
    assert listed_grid({"deployment": "search"}) == OF_TRIALS
    assert listed_grid({"deployment": "solve"}) is None


@LAW
@given(
    st.lists(
        st.dictionaries(st.sampled_from(("capacity", "cooling", "tpot")), st.floats(-5.0, 5.0), max_size=3),
        max_size=8,
    )
)
def test_failures_are_counted_over_trials_with_the_least_excess_of_each(
    trials: list[dict[str, float]],
) -> None:
    found = {f.name: (f.trials, f.least) for f in failures(trials)}
    for name in ("capacity", "cooling", "tpot"):
        over = [t[name] for t in trials if name in t and t[name] > 0.0]
        assert found.get(name) == ((len(over), min(over)) if over else None)
    counts = [f.trials for f in failures(trials)]
    assert counts == sorted(counts, reverse=True)
