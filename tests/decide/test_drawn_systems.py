"""A comparison draws systems of pools and single chips alike: one value of a number for all of them."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from pairs_for_tests import SMALL, load

from dse.choose.rule import merged
from dse.decide.compare.as_study import study_of
from dse.decide.compare.chips import compare
from dse.decide.compare.system_draws import _in_sample, _layouts, _pool, drawn_system
from dse.decide.pairs.design import SIZES, PoolDesign
from dse.decide.pairs.sampled import Contender, goals_under, sample_pools
from dse.decide.propose.candidates import Candidate
from dse.decide.uncertainty.sampling import sample_numbers
from dse.evaluate.pools.estimate import Asked, looked_up
from dse.evaluate.subject import Subject
from dse.spec.catalog.config_paths import bundled

LOAD = {"llm": "llama2-70b", "workload": "article", "weights": "int8"}
GIVEN = {**LOAD, "price_method": "unit-cost"}
LAYOUTS = ("prefill=h200,tp=2,pp=1,batch=1", "decode=h100,tp=4,pp=1,batch=16")
LINK = "25 GB/s, 5 us"
COUNT = 8


def _system(texts=LAYOUTS, settings=None, **more):
    return looked_up(list(texts), Asked(**{**GIVEN, "link": LINK, **more}), settings)


def _drawn(system, targets=(1.0,), samples=COUNT):
    best = [system.best(target) for target in targets]
    return drawn_system(system, best, targets, samples, 1, {})


@pytest.mark.parametrize(
    ("texts", "more", "settings"),
    [
        (LAYOUTS, {}, {}),
        (("attention=h200,tp=4,pp=1,batch=16", "ffn=b200,tp=4,pp=1"), {}, {}),
        (
            ("draft=h200,tp=1,pp=1", "verify=b200,tp=4,pp=1,batch=16"),
            {"llm": "llama3.3-70b", "weights": "fp8", "draft_llm": "llama3.2-1b"},
            {"draft_length": "4", "draft_acceptance": "0.7"},
        ),
        (("prefill=h200,tp=2,pp=1", *("attention=h200,tp=4,pp=1,batch=16", "ffn=b200,tp=4,pp=1")), {}, {}),
    ],
)
def test_a_sample_of_the_values_themselves_is_what_is_compared(texts, more, settings):
    system = _system(texts, settings, **more)
    e = system.best(None)
    pools = [_pool(p.role, s, 2, 1) for p, s in zip(system.pools, system.subjects, strict=True)]
    still = [
        replace(pool, studies=[study_of(s, s.catalog)])
        for pool, s in zip(pools, system.subjects, strict=True)
    ]
    layouts = {p.role: _layouts([e], p.role) for p in system.pools}
    value, _, tpot = _in_sample(system, still, layouts, [system.limits(None)], 0)
    wanted = [e.metrics["usd_per_token_per_s"], e.metrics["tpot_s"]]
    assert [value[0], tpot[0]] == pytest.approx(wanted, rel=1e-9)


def test_what_a_chip_and_a_system_share_is_drawn_once():
    system = _system()
    chip = Subject("h100", **GIVEN, serving="disaggregated", settings={"prefill_load": "0.8"})
    mine = sample_numbers(study_of(chip, chip.catalog), COUNT, 1)
    for subject in system.subjects:
        theirs = sample_numbers(study_of(subject, subject.catalog), COUNT, 1)
        both = mine[0].keys() & theirs[0].keys()
        # the error of the stack, the economy and the technology at least
        assert {place.config.partition("/")[0] for place in both} >= {"stack", "economy", "technology"}
        # the same chip has all numbers in common; a stack on another architecture has other ones
        same = subject.chip.name == "h100-sxm"
        common = both if same else {place for place in both if not place.config.startswith("stack/")}
        for a, b in zip(mine, theirs, strict=True):
            assert {p: b[p] for p in common} == pytest.approx({p: a[p] for p in common}, rel=1e-12)
        # longer or shorter in the same samples, by the one error of the stack
        place = next(p for p in both if p.config == "stack/gpu-serving" and p.path == "layer_overhead")
        assert np.array_equal(*(np.argsort([v[place] for v in each]) for each in (mine, theirs)))


def test_a_pool_of_the_chip_moves_with_the_chip():
    """TPOT of prefill | decode is that of the chips that decode, next to KV cache that takes no time."""
    system = _system(("prefill=h100,tp=4,pp=1,batch=1", LAYOUTS[1]), link="1000000 GB/s, 1 ns")
    ((_, _, tpot),) = _drawn(system)
    found = compare(["h100"], **GIVEN, targets=[1.0], batch=16, tp=4, pp=1, samples=COUNT)
    spread = found.spreads[0]["h100-sxm"]
    wanted = [spread.tpot_s_p10, spread.tpot_s_p50, spread.tpot_s_p90]
    assert np.percentile(tpot, [10, 50, 90]) == pytest.approx(wanted, rel=1e-3)


def test_a_study_of_the_same_pair_draws_the_same(tmp_path):
    """Pairs of a study are sampled by another program, with one study for both pools."""
    settings = {"prefill_load": "0.7"}
    system = _system(settings=settings)
    ((value, meets, _),) = _drawn(system)
    sizes = {"batch": [1], "tp": [1], "cp": [1], "pp": [1], "ep": [1]}
    pools = {"prefill": {"chips": ["h200"]}, "decode": {"chips": ["h100"]}, "link": LINK}
    reference = {"usd_per_token_per_second": "1e9 USD/(token/s)", "tpot": "1e9 s"}
    keys = {**SMALL, "pools": pools, "deployment": {"mode": "search", **sizes}, "reference_point": reference}
    study = load(tmp_path, {k: v for k, v in keys.items() if k != "targets"})
    e = system.best(1.0)
    pair = {
        p.role: PoolDesign(
            candidate=Candidate(label=p.chip, kind=""), sizes={n: p.deployment[n] for n in SIZES}
        )
        for p in e.pools
    }
    limits = merged(study.limits, ((study.first.bounded("tpot"), 1.0),))
    drawn = sample_pools(study, COUNT, 1)
    (other,) = goals_under(study, [([Contender.of(pair)], limits)], drawn, 1, fixed=True)
    assert meets.all()
    assert value == pytest.approx(other.drawn.cost[:, 0], rel=1e-9)


def test_a_wider_price_never_narrows_the_interval(tmp_path):
    folder = tmp_path / "configs" / "chips"
    folder.mkdir(parents=True)
    plain = yaml.safe_load((bundled("configs") / "chips" / "h100-sxm.yaml").read_text())
    widths = []
    for share in (0.0, 0.1, 0.5):
        ends = {"low": f"{20 * (1 - share)} kUSD", "high": f"{20 * (1 + share)} kUSD"}
        price = {"value": "20 kUSD", "source": plain["price"]["source"], "basis": "assumption", **ends}
        text = yaml.safe_dump({**plain, "name": "own", "aliases": [], "price": price})
        (folder / "own.yaml").write_text(text)
        texts = ("prefill=own,tp=2,pp=1", "decode=own,tp=4,pp=1,batch=16")
        system = _system(texts, price_method="listed", configs=tmp_path / "configs")
        ((value, _, _),) = _drawn(system, samples=32)
        low, high = np.percentile(value, [10, 90])
        widths.append(high / low)
    assert widths == sorted(widths) and widths[-1] > 1.2 * widths[0]


@pytest.fixture(scope="module")
def found():
    asked = {"llm": "opt-30b", "workload": "chat", "weights": "fp8", "serving": "aggregated"}
    pools = ["prefill=r200", "decode=lp30", "decode=r200"]
    return [
        compare(["r200"], **asked, targets=[30e-3], pools=pools, samples=COUNT, with_unanchored=shown)
        for shown in (False, True)
    ]


def test_an_unanchored_system_takes_no_sample_from_others(found):
    (barred,), (shown,) = (c.spreads for c in found)
    assert np.isnan(barred["r200 | lp30"].probability_best)
    assert found[0].spread(0, "r200 | lp30")["probability_best"] is None
    assert shown["r200 | lp30"].probability_best >= 0.0
    for spreads, names in ((barred, ("r200", "r200 | r200")), (shown, tuple(shown))):
        chances = [spreads[name].probability_best for name in names]
        some = max(spreads[name].probability_meets_target for name in names)
        assert some <= sum(chances) + 1e-12 <= 1.0 + 1e-9
    # but for the chance its numbers are the same
    assert barred["r200 | lp30"].p50 == shown["r200 | lp30"].p50


def test_json_has_the_drawings_of_systems_in_the_keys_of_chips(found):
    told = found[0].as_dict()
    (chip,) = told["chips"]
    names = set(chip["best"][0]) & set(found[0].spread(0, "r200"))
    assert names == set(found[0].spread(0, "r200"))
    for system in told["systems"]:
        best = system["best"][0]
        assert best["p10"] <= best["metrics"]["usd_per_token_per_s"] <= best["p90"]
        assert names <= set(best) and best["p10"] <= best["p50"] <= best["p90"]
        assert best["p_met"].keys() == {"tpot", "ttft"}
