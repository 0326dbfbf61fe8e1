"""Pictures of stacks, lines and bars: right numbers in, whole files out, at any size of front."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from again import minimal, points_of_trials
from optuna import create_study
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, create_trial
from studies_for_tests import write_study

import dse
from dse.front.axis import Axis
from dse.front.files import Front, load_front
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.report.info.curves import Intervals
from dse.report.info.evidence import Evidence, changes, evidence
from dse.report.info.front_info import front_info
from dse.report.info.parallel_info import MOST, parallel_info
from dse.report.info.progress_info import progress_info
from dse.report.info.stacked_bars_info import KINDS, rivals_at, stack_info, winners
from dse.report.page.script_data import listed, rows_data
from dse.report.page.study_report import study_report
from dse.report.plots.front_plot import render_front
from dse.report.plots.importance_plot import parameter_label, render_importance
from dse.report.plots.parallel_plot import render_parallel
from dse.report.plots.progress_plot import render_progress
from dse.report.plots.stacked_bars_plot import render_stack
from dse.search.analysis.importance import LEAST, importance
from dse.search.analysis.progress import Progress, progress
from dse.search.run.runner import RunResult
from dse.search.trials.suggest import suggest

STUDY = Path(__file__).resolve().parents[2] / "studies" / "0001-groq-vs-h100"
SIZES = (0, 1, 1000)


def texts(svg: bytes) -> set[str]:
    return set(re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode()))


@pytest.fixture(scope="module")
def committed() -> Evidence:
    return evidence(load_front(STUDY), load_study(str(STUDY)))


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("pictures")
    study = write_study(folder, budget__trials=30)
    return dse.run(str(study), out=folder / "results")


def of_size(n: int, found: Evidence) -> Evidence:
    """A front of `n` rows, made of the rows of a real one."""
    frame = found.front.frame
    rows = frame.iloc[np.arange(n) % len(frame)].reset_index(drop=True)
    front = Front(
        rows, found.front.baselines.iloc[: 0 if n == 0 else None], found.front.axes, found.front.manifest
    )
    return evidence(front, found.study)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_of_any_front_is_a_whole_picture(kind: str, n: int, committed: Evidence) -> None:
    info = stack_info(of_size(n, committed), kind)
    svg = render_stack(info, ".svg")
    assert svg.rstrip().endswith(b"</svg>") and len(svg) < 1_500_000
    if n == 0:
        assert "no design to draw" in texts(svg)
    else:
        assert info.parts and {name for name, _ in info.parts} <= texts(svg)


@pytest.mark.parametrize("n", SIZES)
def test_parallel_coordinates_of_any_front_are_a_whole_picture(n: int, committed: Evidence) -> None:
    info = parallel_info(of_size(n, committed).front)
    svg = render_parallel(info, ".svg")
    assert svg.rstrip().endswith(b"</svg>") and len(svg) < 3_000_000
    assert sum(len(b.at) for b in info.bundles) == min(n, MOST)
    assert ("no design to draw" in texts(svg)) == (n == 0)


def test_shares_of_what_binds_are_whole_along_the_front(committed: Evidence) -> None:
    info = stack_info(committed, "binds")
    assert sum(values for _, values in info.parts) == pytest.approx(np.full(len(info.bars), 100.0))
    shown = [float(text) for text in info.bars]
    assert shown == sorted(shown)


def test_what_money_stacks_up_to_is_the_objective_itself(committed: Evidence) -> None:
    for kind, column in (("cost", "usd_per_token_per_s"), ("running", "usd_per_million_tokens")):
        info = stack_info(committed, kind)
        rows = [row for _, row, _ in winners(committed)]
        assert sum(values for _, values in info.parts) == pytest.approx(
            [row[column] for row in rows], rel=1e-9
        )


def test_the_best_baseline_at_a_target_is_the_best_of_all_that_meet_it(committed: Evidence) -> None:
    limits = committed.front.manifest["targets"]["tpot"]
    for limit, rival in zip(limits, rivals_at(committed, limits), strict=True):
        meets = [r for r in committed.baselines if r["tpot_s"] <= limit]
        best = min((r["usd_per_token_per_s"] for r in meets), default=None)
        assert (rival["usd_per_token_per_s"] if rival else None) == best


def without_targets(found: Evidence) -> Evidence:
    told = {k: v for k, v in found.front.manifest.items() if k != "targets"}
    return evidence(Front(found.front.frame, found.front.baselines, found.front.axes, told), found.study)


def test_every_target_has_its_bars_even_where_the_chips_are_those_of_the_target_before(
    committed: Evidence,
) -> None:
    heads = dict.fromkeys(bar.split("\n")[0] for bar in stack_info(committed, "cost").bars)
    # no chip meets 1 and 2 ms with the software that is measured
    assert list(heads) == [f"within {ms} ms" for ms in ("5.00", "10.0", "20.0", "50.0")]


def test_a_baseline_that_is_the_best_has_one_bar_and_alike_targets_share_it() -> None:
    frame = pd.DataFrame(
        {"chip": ["a"], "branch": "hybrid", "batch": 1, "tpot_s": [0.004], "usd_per_token_per_s": [5.0]}
    )
    told = {"targets": {"tpot": [0.001, 0.005, 0.01]}}
    same = evidence(Front(frame, frame, (COST, TPOT), told), None)
    assert [label for label, _, _ in winners(same)] == ["within 5.00 ms to 10.0 ms\na\nHybrid"]
    better = evidence(Front(frame, frame.assign(usd_per_token_per_s=9.0), (COST, TPOT), told), None)
    assert [row["usd_per_token_per_s"] for _, row, _ in winners(better)] == [5.0, 9.0]


def test_bars_of_a_study_without_targets_are_called_by_the_words_of_the_objectives(
    committed: Evidence,
) -> None:
    info = stack_info(without_targets(committed), "cost")
    assert [bar.split("\n")[0] for bar in info.bars] == [f"best {a.label}" for a in committed.front.axes]
    assert "best $/(token/s)" in info.bars[0] + info.bars[1]
    assert info.subtitle.endswith(": best design of each objective")


def test_the_page_calls_objectives_by_their_words(committed: Evidence) -> None:
    page = study_report(without_targets(committed))
    assert ">best $/(token/s)<" in page and "best usd_per" not in page


def test_the_page_lists_a_baseline_on_the_front_once_and_still_draws_it(committed: Evidence) -> None:
    both = committed.front.baselines.head(7)
    on_front = Front(both.head(3), both, committed.front.axes, committed.front.manifest)
    found = evidence(on_front, committed.study)
    assert listed(found) == ["f0", "f1", "f2", "b3", "b4", "b5", "b6"]
    assert set(rows_data(found)) == {*listed(found), "b0", "b1", "b2"}
    body = study_report(found).split('id="designs"')[1].split("</table>")[0]
    assert re.findall(r'data-key="(\w+)"', body) == listed(found)
    assert len(listed(committed)) == len(committed.rows) + len(committed.baselines)


COST = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")


def two(intervals: Intervals | None = None, exact: Front | None = None) -> bytes:
    return render_front(front_info(two_front(), intervals=intervals, exact=exact), ".svg")


def two_front(tpot: float = 0.004) -> Front:
    frame = pd.DataFrame(
        {
            "chip": ["a-1", "b-2"],
            "branch": ["sram-only", "hybrid"],
            "role": "search",
            "tpot_s": [0.001, tpot],
            "usd_per_token_per_s": [20.0, 5.0],
        }
    )
    return Front(frame, pd.DataFrame(), (COST, TPOT), {})


def test_error_bars_reach_from_value_over_factor_to_value_times_factor() -> None:
    known = {"a-1": {"tpot": 1.5, "throughput": 2.0}}
    info = front_info(two_front(), intervals=known)
    sram, hybrid = info.series
    assert (sram.within[0].tolist(), sram.within[1].tolist()) == ([1.5], [2.0])
    assert np.isnan(hybrid.within).all()  # nobody knows how far its stack can be trusted
    assert info.has_intervals and not front_info(two_front()).has_intervals
    assert "80 % interval of the stack" in texts(two(known))
    assert "80 % interval of the stack" not in texts(two())


def test_the_exact_front_lies_behind_and_stretches_the_view() -> None:
    exact = two_front(tpot=0.1)
    info = front_info(two_front(), exact=exact)
    assert info.x.limits[1] > 100 > front_info(two_front()).x.limits[1]
    assert "Exact front of the sweep" in texts(two(exact=exact))
    assert not len(front_info(two_front()).exact[0])


def test_a_parallel_axis_puts_its_ends_at_its_ends_and_gaps_nowhere(committed: Evidence) -> None:
    info = parallel_info(committed.front)
    positions = np.concatenate([b.at for b in info.bundles])
    known = positions[np.isfinite(positions)]
    assert known.min() == pytest.approx(0) and known.max() == pytest.approx(1)
    names = [u.quantity.column for u in info.axes]
    for i, name in enumerate(names):
        assert np.isnan(positions[:, i]).sum() == committed.front.frame[name].isna().sum()
    for upright in info.axes:
        assert all(-1e-9 <= at <= 1 + 1e-9 for at, _ in upright.ticks)


def test_progress_ends_at_the_hypervolume_of_every_deployment_of_every_trial(small_run: RunResult) -> None:
    trials = small_run.optuna_study.get_trials(deepcopy=False)
    found = progress(small_run.study, trials)
    assert list(found.trials) == sorted(set(found.trials)) and found.trials[-1] == len(trials)
    assert (np.diff(found.hypervolume) >= 0).all()
    x_worst, y_worst = (small_run.study.reference_point[g.name] for g in small_run.study.objectives)
    volume, last = 0.0, y_worst
    for x, y in minimal(points_of_trials(small_run.study, trials)):
        if x < x_worst and y < last:
            volume += (x_worst - x) * (last - y)
            last = y
    assert found.hypervolume[-1] == pytest.approx(volume, rel=1e-9)


def test_nothing_is_missing_at_the_end_of_a_search_unless_a_sweep_knows_better() -> None:
    found = Progress(np.array([1, 2, 5]), np.array([50.0, 75.0, 75.0]))
    info = progress_info(found, two_front())
    assert (info.trials.tolist(), info.missing.tolist(), info.complete) == ([1], [pytest.approx(100 / 3)], 2)
    assert (info.end, info.event) == (5, "no gain after 2 of 5 trials")
    reference = {"reference_point": {"usd_per_token_per_second": 105.0, "tpot": 1.001}}
    exact = Front(two_front().frame.head(1), pd.DataFrame(), (COST, TPOT), {})  # 85 USD/(token/s) x 1 s
    beside = progress_info(found, Front(two_front().frame, pd.DataFrame(), (COST, TPOT), reference), exact)
    assert beside.missing.tolist() == pytest.approx([100 * (1 - v / 85) for v in (50, 75, 75)])
    assert beside.complete is None and "exact front" in beside.y_label


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0, 3.0], list(np.linspace(1, 5, 200))])
def test_progress_of_any_search_is_a_whole_picture(values: list[float]) -> None:
    found = Progress(np.arange(1, len(values) + 1), np.array(values))
    svg = render_progress(progress_info(found, two_front()), ".svg")
    assert svg.rstrip().endswith(b"</svg>")
    assert ("no feasible design found yet" in texts(svg)) == (not any(values))


def told(
    study: ResolvedStudy, n: int, value: Callable[[float, float], float], feasible: bool = True
) -> list[FrozenTrial]:
    """Trials of a branch whose objectives depend on two parameters as `value` says."""
    asked = create_study(directions=["minimize"] * 2, sampler=RandomSampler(seed=1))
    out = []
    for _ in range(n):
        asked.enqueue_trial({"branch": "hybrid"})
        trial = asked.ask()
        suggest(study, trial)
        cost = float(value(trial.params["hybrid.sram"], trial.params["hybrid.dram_stacks"]))
        made = create_trial(
            values=[cost, cost],
            params=trial.params,
            distributions=trial.distributions,
            constraints={"capacity": -1.0 if feasible else 1.0},
        )
        out.append(made)
    return out


def test_the_parameter_that_decides_has_the_largest_share(committed: Evidence) -> None:
    assert committed.study is not None
    for value, first in ((lambda a, _: a, "sram"), (lambda _, b: b, "dram_stacks")):
        (found,) = importance(committed.study, told(committed.study, 300, value))
        assert found.shares[0][0] == first and found.shares[0][1] > 0.8
        assert sum(share for _, share in found.shares) == pytest.approx(1)


def test_few_or_infeasible_trials_say_nothing_of_importance(committed: Evidence) -> None:
    assert committed.study is not None
    assert importance(committed.study, told(committed.study, LEAST - 1, lambda a, _: a)) == ()
    assert importance(committed.study, told(committed.study, 300, lambda a, _: a, feasible=False)) == ()
    assert any("this analysis needs" in t for t in texts(render_importance((), "s", ".svg")))


def test_parameters_are_called_as_the_field_calls_them() -> None:
    assert parameter_label("tpot_target") == "TPOT target"
    assert parameter_label("peak_flops") == "fp16 peak"
    assert parameter_label("dram_stacks") == "DRAM stacks"


def test_a_front_of_other_configs_says_so(committed: Evidence) -> None:
    assert committed.study is not None and committed.cautions == ()
    digests = {**committed.front.manifest["digests"], "chip/h100-sxm": "other"}
    old = Front(committed.front.frame, committed.front.baselines, committed.front.axes, {"digests": digests})
    (caution,) = changes(old, committed.study)
    assert caution.endswith("chip/h100-sxm")
