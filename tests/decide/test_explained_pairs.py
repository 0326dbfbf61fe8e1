"""`dse explain` of a pair: changes held against fresh estimates and sweeps, elasticities against ledgers."""

import pytest

from dse.decide.pairs.design import costs_of, found_pair
from dse.decide.pairs.explanation import PairExplanation, explain_pair
from dse.errors import SpecError
from dse.evaluate.pools.estimate import estimate_pools
from dse.front.files import Front, load_front
from dse.front.tables import Table, stack
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy, load_question
from dse.search.pairs.driver import sweep_pairs

STUDY = """
kind: study
name: pair
title: LPUs beside GPUs
question: Which chips should prefill, and which should decode?
llm: opt-30b
workload: chat
precision: {weights: fp8, kv: fp8, activations: fp8}
pools:
  prefill: {chips: [h200, h100]}
  decode: {chips: [h100, b200, lp30], tp: [1, 2, 7, 14]}
  link: 25 GB/s, 5 us
deployment: {mode: solve, pp: [1, 2, 6], batch: [1, 16, 64, 128]}
sweep: {objective: tpot, low: 1 ms, high: 200 ms}
report_at: [5 ms, 20 ms]
price: {method: listed}
objectives: [tpot, usd_per_token_per_second]
settings: {workload/chat.prefill_load: 0.8}
tolerance: 0
budget: {trials: 10}
seed: 1
reference_point: {tpot: 1 s, usd_per_token_per_second: 1000 USD/(token/s)}
"""
AT = {"tpot": 0.02}
PAIR = "h100-sxm | b200-sxm"


def load(folder, text=STUDY) -> PooledStudy:
    path = folder / "pair" / "study.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    found = load_question(str(path))
    assert isinstance(found, PooledStudy)
    return found


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[PooledStudy, Front]:
    folder = tmp_path_factory.mktemp("explained")
    study = load(folder)
    return study, sweep_pairs(study, out=folder / "out").front


@pytest.fixture(scope="module")
def explained(swept) -> PairExplanation:
    study, front = swept
    return explain_pair(study, front, PAIR, AT, eligible(study, front))


def rows_in(front: Front) -> Table:
    """Pairs of the front, and those solved again at its targets."""
    return stack([front.frame, front.at_targets])


def eligible(study: PooledStudy, front: Front) -> PairEligibility:
    return PairEligibility.of(front.manifest, list(study.pools))


def test_the_pair_is_the_best_of_its_rows_that_meet_the_target(swept, explained):
    every = rows_in(swept[1])
    rows = every[(every["chip"] == PAIR) & (every["tpot_s"] <= AT["tpot"])]
    assert explained.estimate.metrics["usd_per_token_per_s"] == rows["usd_per_token_per_s"].min()


def test_the_elasticity_of_a_price_is_its_share_of_the_capital(explained):
    ledger = explained.estimate.ledgers["capex_usd"]
    total = sum(ledger.values())
    found = {str(r.fact.place): r.elasticity for r in explained.elasticities}
    # $/(token/s) is proportional to capital, and capital is linear in the price of a chip
    for role, chip in (("prefill", "h100-sxm"), ("decode", "b200-sxm")):
        share = ledger[f"{role}.chips"] / total
        assert found[f"chip/{chip}: price"] == pytest.approx(share, rel=1e-3)


def test_a_number_of_another_chip_has_no_influence(explained):
    assert not any(
        "lp30" in r.fact.place.config or "h200" in r.fact.place.config for r in explained.elasticities
    )


@pytest.mark.parametrize("role", ["prefill", "decode"])
def test_a_change_is_what_a_fresh_estimate_says(explained, role):
    """Another way to the same number: the layouts as arguments of an estimate."""
    own = {of: dict(pool.sizes) for of, pool in explained.pair.items()}
    chips = {of: pool.candidate.label for of, pool in explained.pair.items()}
    base, seen = explained.estimate.metrics["usd_per_token_per_s"], 0
    for n in explained.neighbours:
        if n.role != role or n.change is None:
            continue
        sizes = {of: {k: v for k, v in each.items() if k != "dp"} for of, each in own.items()}
        names = dict(chips)
        if n.what == "chip":
            names[role] = str(n.new)
        else:
            sizes[role][n.what] = int(n.new)
        pools = [
            f"{of}={names[of]}" + "".join(f",{k}={v}" for k, v in each.items()) for of, each in sizes.items()
        ]
        fresh = estimate_pools(
            pools, "opt-30b", "chat", link="25 GB/s, 5 us", weights="fp8", kv="fp8", activations="fp8",
            settings={"prefill_load": "0.8"},
        )  # fmt: skip
        assert fresh.metrics["usd_per_token_per_s"] == pytest.approx(base * (1.0 + n.change), rel=1e-9)
        seen += 1
    assert seen >= 3


def test_changed_chips_have_the_best_layouts_of_a_sweep_of_them_alone(explained, tmp_path):
    base = explained.estimate.metrics["usd_per_token_per_s"]
    changed = [n for n in explained.neighbours if n.what == "chip" and n.resolved_change is not None]
    assert {n.role for n in changed} == {"prefill", "decode"}
    for n in changed:
        chips = {of: pool.candidate.label for of, pool in explained.pair.items()} | {n.role: n.new}
        text = STUDY.replace("[h200, h100]", f"[{chips['prefill']}]")
        text = text.replace("[h100, b200, lp30]", f"[{chips['decode']}]")
        frame = rows_in(sweep_pairs(load(tmp_path / str(n.new), text), out=tmp_path / f"{n.new}-out").front)
        best = frame[frame["tpot_s"] <= AT["tpot"]]["usd_per_token_per_s"].min()
        assert base * (1.0 + n.resolved_change) == pytest.approx(best, rel=1e-9)


def test_a_chip_with_other_prices_or_without_an_anchor_improves_nothing(explained):
    unlike = [n for n in explained.neighbours if n.new == "lp30"]
    assert unlike and not unlike[0].ranks and unlike[0].gain == 0.0
    alike = [n for n in explained.neighbours if n.new in ("h200-sxm", "h100-sxm")]
    assert alike and all(n.ranks for n in alike)


def test_a_worse_row_has_a_better_neighbour(swept):
    """Of a pair that is held at a tight target's layout, the loose target has better neighbours."""
    study, front = swept
    rows = front.frame.sort_values("usd_per_token_per_s", ascending=False)
    row = int(rows.index[0]) + 1
    found = explain_pair(study, front, f"row:{row}", {"tpot": 0.2}, eligible(study, front))
    assert found.improvements
    best = found.improvements[0]
    pair, _ = found_pair(study, front, f"row:{row}", {"tpot": 0.2})
    assert costs_of(study, [pair])[0] == found.estimate.metrics["usd_per_token_per_s"]
    assert best.gain > study.spec.tolerance


@pytest.mark.parametrize(
    ("trial", "limits", "words"),
    [
        ("row:0", {}, "expected a row from row:1 to row:"),
        ("h100-sxm | b200", {}, "did you mean 'h100-sxm | b200-sxm'"),
        (PAIR, {"tpot": 1e-6}, "expected a pair that meets TPOT 1.00 us"),
    ],
)
def test_a_wrong_name_is_a_sentence(swept, trial, limits, words):
    study, front = swept
    with pytest.raises(SpecError) as error:
        explain_pair(study, front, trial, limits, eligible(study, front))
    assert words in str(error.value)


def test_an_unanchored_chip_of_like_price_improves_a_pair_where_it_may_win(tmp_path):
    study = load(tmp_path, STUDY.replace("method: listed", "method: unit-cost"))
    front = sweep_pairs(study, out=tmp_path / "out").front
    for shown in (False, True):
        own = PairEligibility.of(front.manifest, list(study.pools), shown=shown)
        found = explain_pair(study, front, PAIR, AT, own)
        (lpu,) = [n for n in found.neighbours if n.new == "lp30"]
        assert lpu.ranks == shown
        assert lpu.gain == (max(0.0, -(lpu.resolved_change or 0.0)) if shown else 0.0)


def test_the_verb_prints_it_and_ends_by_whether_a_neighbour_is_better(dse_verb, tmp_path):
    path, out = load(tmp_path).path, tmp_path / "out"
    assert dse_verb("sweep", path, "--out", out).code == 0
    said = dse_verb("explain", path, PAIR, "--tpot", "20 ms", "--out", out)
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    for part in ("chip of decode", "(unlike)", "No single change improves the pair", "no measured row"):
        assert part in words
    data = dse_verb("explain", path, PAIR, "--tpot", "20 ms", "--out", out, "--format", "json").json
    assert data["locally_optimal"] and data["chip"] == PAIR and data["rests_on"]
    every = rows_in(load_front(out))
    assert data["estimate"]["metrics"]["usd_per_token_per_s"] in set(every["usd_per_token_per_s"])
    assert dse_verb("explain", path, PAIR, "--tpot", "200 ms", "--out", out).code in (0, 1)
    shown = dse_verb("explain", path, PAIR, "--tpot", "20 ms", "--out", out, "--with-unanchored")
    # prices of LP30 mean something else, whoever may win
    assert "(unlike)" in shown.out and "--with-unanchored ranks" not in " ".join(shown.out.split())
    dse_verb("explain", path, PAIR, "--storage", "sqlite:///a.db", "--out", out).refused(
        "--storage: expected none"
    )
