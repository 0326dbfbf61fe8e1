"""The page and the pictures of a study of pools: what they show is what its table of pairs holds."""

from dataclasses import replace
from itertools import combinations
from math import log
from typing import Any

import pairs_for_tests as pairs
import pytest
from fronts_for_tests import design
from fronts_for_tests import front as plain
from report.test_study_page import Page

from dse.front.files import Front, load_front
from dse.front.tables import Row, plain_rows, stack
from dse.question.pools.study import PooledStudy
from dse.report.info.card_info import card_of
from dse.report.info.evidence import Evidence, evidence
from dse.report.info.front_info import front_info
from dse.report.info.parallel_info import parallel_info
from dse.report.info.stacked_bars_info import KINDS, rivals_at, stack_info
from dse.report.page.study_report import study_report
from dse.report.pairs.picture import MOST, OTHERS, first_picture, named, other_pictures, standings_of
from dse.report.pairs.sampled import sampled_front
from dse.report.pairs.sections import uncertainty_of_pairs
from dse.report.plots.front_plot import render_front
from dse.report.plots.registry import PlotInputs, knows_pools, plots
from dse.report.words.quantities import shown
from dse.report.words.sentence import answer_sentences
from dse.search.pairs.driver import sweep_pairs

STUDY: dict[str, Any] = {
    **pairs.SMALL,
    "title": "Which <pair>?",
    "llm": "opt-30b",
    "workload": "chat",
    "precision": {"weights": "fp8", "kv": "fp8", "activations": "fp8"},
    "pools": {
        "prefill": {"chips": ["r200", "h100-sxm"], "tp": [1, 4], "pp": [1]},
        "decode": {"chips": ["lp30", "b200-sxm", "h200-sxm"], "tp": [1, 2, 14], "pp": [1, 10]},
        "link": "25 GB/s, 5 us",
    },
    "deployment": {"mode": "solve"},
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "200 ms"},
    "report_at": ["5 ms", "20 ms"],
    "price": {"method": "listed"},
    "settings": {"workload/chat.prefill_load": 0.8},
    "reference_point": {"usd_per_token_per_second": "1000 USD/(token/s)", "tpot": "1 s"},
}
SYSTEMS = ("r200", "lp30")
"""Chips that are at a share of a system's price; the others have prices of their own."""
COST = "usd_per_token_per_s"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> PooledStudy:
    return pairs.load(tmp_path_factory.mktemp("studies"), STUDY)


@pytest.fixture(scope="module")
def front(study: PooledStudy, tmp_path_factory: pytest.TempPathFactory) -> Front:
    out = tmp_path_factory.mktemp("out")
    sweep_pairs(study, out=out)
    return load_front(out)


@pytest.fixture(scope="module")
def found(front: Front, study: PooledStudy) -> Evidence:
    return evidence(front, study)


@pytest.fixture(scope="module")
def page(found: Evidence) -> Page:
    return Page(study_report(found))


def rows_of(front: Front) -> list[Row]:
    return plain_rows(stack([front.frame, front.at_targets]))


def prices(row: Row) -> tuple[bool, bool]:
    """What a pair ranks among: whether each of its chips is at the price of a system."""
    return row["prefill.chip"] in SYSTEMS, row["decode.chip"] in SYSTEMS


def tables(page: Page, section: str) -> list[list[str]]:
    """The cells of each row of the tables of a section."""
    begin = next(i for i, e in enumerate(page.elements) if e[1].get("id") == section)
    end = next(i for i, e in enumerate(page.elements[begin + 1 :], begin + 1) if e[0] == "section")
    lines: list[list[str]] = []
    for tag, _, texts in page.elements[begin:end]:
        if tag == "tr":
            lines.append([])
        elif tag == "td":
            lines[-1].append("".join(texts))
    return [line for line in lines if line]


def test_each_line_of_the_best_is_the_cheapest_pair_of_its_prices_within_its_target(
    page: Page, front: Front
) -> None:
    lines = [line for line in tables(page, "best") if "%" not in "".join(line)]
    rows, seen = rows_of(front), set()
    for limit, name, prefill, decode, *_, tpot, cost in lines:
        barred = "unanchored" in name
        chips = name.removesuffix(" unanchored, not ranked").split(" | ")
        target = float(limit.removesuffix(" ms")) * 1e-3
        group = tuple(chip in SYSTEMS for chip in chips)
        some = [
            r
            for r in rows
            if prices(r) == group and (r["decode.chip"] == "lp30") == barred and r["tpot_s"] <= target
        ]
        best = min(some, key=lambda r: r[COST])
        assert (best["prefill.chip"], best["decode.chip"]) == tuple(chips)
        assert (tpot, cost) == (shown(best["tpot_s"], "s"), shown(best[COST], "USD/(token/s)"))
        assert f"TP {best['prefill.tp']}, PP {best['prefill.pp']}" in prefill
        assert f"batch {best['decode.batch']:,}, TP {best['decode.tp']}" in decode
        assert barred == ("lp30" in chips)
        seen.add((limit, group, barred))
    # every group of prices at every target that one of its pairs meets
    for target in (0.005, 0.02, 0.2):
        for row in rows:
            if row["tpot_s"] <= target:
                assert (shown(target, "s"), prices(row), row["decode.chip"] == "lp30") in seen


def test_pools_of_a_card_add_up_to_the_pair(found: Evidence) -> None:
    for row, seen in zip(found.rows, found.seen, strict=True):
        assert seen is not None
        for what in ("chips", "capex_usd"):
            parts = [seen.pools[role].metrics[what] for role in ("prefill", "decode")]
            assert sum(parts) == pytest.approx(row[what], rel=1e-9)
        card = card_of(row, seen)
        filled = [value for pool in card.pools for ledger in pool.ledgers for _, value in ledger.parts]
        assert sum(filled) == pytest.approx(sum(seen.ledgers["capacity_bytes"].values()), rel=1e-12)
        # no chip holds the bytes of both pools
        assert not any("fills" in ledger.title for ledger in card.ledgers)
        assert [pool.label.partition(":")[0] for pool in card.pools] == ["prefill", "decode"]
        for ledger in card.ledgers:
            if ledger.title.startswith("Where the capital"):
                assert ledger.total == pytest.approx(row["capex_usd"], rel=1e-9)


def test_rows_evaluated_again_are_those_that_were_stored(found: Evidence) -> None:
    for row, seen in zip(found.rows, found.seen, strict=True):
        assert seen is not None
        assert sum(seen.ledgers["tpot_s"].values()) == pytest.approx(row["tpot_s"], rel=1e-9)
        assert sum(seen.ledgers["capex_usd"].values()) == pytest.approx(row["capex_usd"], rel=1e-9)


def test_pictures_by_prices_and_anchors_share_out_the_front(front: Front) -> None:
    whole = standings_of(front)
    assert len(whole) >= 4 and len({standing for standing, _ in whole}) == len(whole)
    assert sorted(i for _, part in whole for i in part.frame.index) == sorted(front.frame.index)
    for _, part in whole:
        rows = plain_rows(part.frame)
        assert len({prices(row) for row in rows}) == 1
        assert len({row["decode.chip"] == "lp30" for row in rows}) == 1
    drawn = [first_picture(front), *(info for _, info in other_pictures(front))]
    assert sum(len(s.x) for info in drawn for s in info.series) == len(front.frame)


def test_where_unanchored_pairs_may_win_they_are_among_the_others(front: Front) -> None:
    shown_all = Front(front.frame, front.baselines, front.axes, {**front.manifest, "with_unanchored": True})
    assert not any(barred for (_, barred), _ in standings_of(shown_all))


def test_a_picture_of_pairs_names_them_and_no_baseline(front: Front) -> None:
    info = first_picture(front)
    said = render_front(info, ".svg").decode()
    assert "h100-sxm | b200-sxm" in said and "baseline" not in said.lower()
    assert "others do not rank among them" in said
    assert "pairs on the front" in said and "designs on the front" not in said


def test_pairs_look_unlike_each_other_and_the_rest_shares_a_name(front: Front) -> None:
    looks = named(front).looks
    assert len({(s.marker, s.colour) for s in looks.values()}) == len(looks)
    many = stack([front.frame.assign(chip=f"h100-sxm | chip{i}-1") for i in range(MOST + 2)])
    crowd = named(Front(many, front.baselines, front.axes, front.manifest))
    assert set(crowd.looks) == set(crowd.front.frame["branch"])
    assert len(crowd.looks) == MOST + 1 and OTHERS in crowd.looks


@pytest.mark.parametrize("kind", KINDS)
def test_bars_of_pairs_are_whole(kind: str, found: Evidence) -> None:
    info = stack_info(found, kind)  # type: ignore[arg-type]
    assert info.bars and info.parts
    sums = sum(values for _, values in info.parts)
    if "[%]" in info.y_label:
        assert sums.tolist() == pytest.approx([100.0] * len(info.bars))


def test_bytes_are_drawn_for_each_pool_by_itself(found: Evidence) -> None:
    bars = stack_info(found, "bytes").bars
    assert len(bars) % 2 == 0
    assert [bar.split("\n")[1] for bar in bars] == ["prefill", "decode"] * (len(bars) // 2)


def test_the_other_pair_at_a_target_is_the_best_of_other_chips_at_the_same_prices(found: Evidence) -> None:
    limits = [float(row["target_tpot_s"]) for row in found.answer.best]
    for limit, best, other in zip(limits, found.answer.best, rivals_at(found, limits), strict=True):
        ranked = [
            r
            for r in rows_of(found.front)
            if r["tpot_s"] <= limit and prices(r) == prices(best) and r["decode.chip"] != "lp30"
        ]
        assert min(r[COST] for r in ranked) == best[COST]
        others = [r for r in ranked if r["chip"] != best["chip"]]
        assert (other is None) == (not others)
        if other is not None:
            assert other[COST] == min(r[COST] for r in others)


def test_a_sentence_names_the_pair_and_how_many_chips_of_each(found: Evidence) -> None:
    said = " ".join(answer_sentences(found))
    assert "of the pair h100-sxm | b200-sxm" in said
    assert "design" not in said and "baseline" not in said


def test_axes_of_pools_have_their_role(front: Front) -> None:
    pairs_of = named(front)
    info = parallel_info(pairs_of.front, pairs_of.looks)
    titles = [u.quantity.title for u in info.axes]
    assert "decode: batch" in titles and "decode: TP" in titles
    # what every pair has alike is no axis
    assert "prefill: PP" not in titles
    assert sum(len(b.at) for b in info.bundles) == len(front.frame)


def test_every_pair_that_can_be_pressed_has_a_card_and_is_listed_once(page: Page, found: Evidence) -> None:
    ids = {given.get("id") for given, _ in page.of("template")}
    assert {f"card-{key}" for key in page.values("data-card")} <= ids
    keys = page.values("data-key")
    assert len(keys) == len(set(keys)) == len(found.rows)
    words = " ".join(text for _, text in page.of("p"))
    assert "Pairs are fleets in their real ratio" in words
    assert "No measured row is of a system of unlike chips" in words
    assert page.of("h1")[0][1] == "Which <pair>?"
    assert page.data()["what"] == "pairs"


def test_a_page_without_its_study_still_shows_the_pairs(front: Front) -> None:
    page = Page(study_report(evidence(front, None, "its study has gone")))
    assert len(tables(page, "best")) >= 4
    assert "prices mean different things" in " ".join(text.lower() for _, text in page.of("p"))


def test_samples_are_on_the_page_as_they_were_drawn(
    found: Evidence, study: PooledStudy, front: Front
) -> None:
    drawn = sampled_front(study, front, 4)
    page = Page(uncertainty_of_pairs(replace(found, sampled_pairs=drawn)))
    names = [name for at in drawn for name in at.found.names]
    cells = [text for _, text in page.of("td")]
    width = len(page.of("th"))
    assert [cells[i + 2] for i in range(0, len(cells), width)] == names
    assert "4 samples of" in page.of("p")[0][1]


def test_rows_of_another_study_are_told_and_not_evaluated(front: Front, study: PooledStudy) -> None:
    other = front.frame.assign(**{"decode.chip": "h1000"})
    found = evidence(Front(other, front.baselines, front.axes, front.manifest), study)
    assert any("cannot be evaluated again" in caution for caution in found.cautions)
    lost = front.frame.drop(columns=["decode.chip"])
    gone = evidence(Front(lost, front.baselines, front.axes, {**front.manifest, "pools": None}), study)
    assert any("expected the column decode.chip of every pair" in c for c in gone.cautions)


def test_every_plot_of_ours_is_of_pairs_too(found: Evidence) -> None:
    ours = [plot for plot in plots() if plot.name not in ("importance", "progress", "energy")]
    assert len(ours) == 8 and all(knows_pools(plot) for plot in ours)
    for plot in ours:
        assert plot.draw(PlotInputs(found=found), ".svg").startswith(b"<?xml")


def test_names_of_targets_in_one_row_are_apart_whatever_the_targets_are() -> None:
    rows = [design(0.002, 8.0), design(0.2, 1.0)]
    for few in ([5, 7, 8, 9, 10, 11, 12, 20, 50], [10, 10.1, 10.2, 10.3], [5], [5, 50], [6, 7, 8]):
        info = front_info(plain(rows, targets={"tpot": [1e-3 * t for t in few]}))
        low, high = info.x.limits
        at = {t.value: log(t.value / low) / log(high / low) for t in info.targets}
        for a, b in combinations(info.targets, 2):
            assert a.row != b.row or abs(at[a.value] - at[b.value]) >= 0.075
        # no row is left empty
        assert {t.row for t in info.targets} == set(range(1 + max(t.row for t in info.targets)))
