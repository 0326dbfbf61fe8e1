"""Numbers and names in words: read back, they are the numbers of the row; figures of registered plots."""

from math import inf, nan
from types import SimpleNamespace
from typing import Any

import pytest
from fronts_for_tests import design, front

from dse.errors import SpecError
from dse.plugins import GROUPS, metrics, objective, registered
from dse.report.info.evidence import evidence
from dse.report.page.table import cell
from dse.report.plots.registry import PlotInputs, plot_named, plots
from dse.report.study_plots.searched_study import searched_study
from dse.report.words.part_names import counted, word
from dse.report.words.quantities import chosen, designs, is_of_member, quantity, shown, written
from dse.report.words.violations import failures, pretty_violation
from dse.spec.yaml.units import parse

# --- columns


@pytest.mark.parametrize(
    ("column", "si", "number", "title"),
    [
        ("tpot_s", 0.025, 25.0, "TPOT [ms]"),
        ("param_sram", 3 * 2.0**20, 3.0, "SRAM [MiB]"),
        ("param_peak_flops", 989e12, 989.0, "fp16 peak [TFLOP/s]"),
        # 50 GB/s for each MiB
        ("param_sram_bandwidth_per_byte", 50e9 / 2**20, 50.0, "SRAM bandwidth per MiB [GB/s]"),
        ("param_link_bandwidth", 4.5e11, 450.0, "links, one way [GB/s]"),
        ("dram_bytes", 80e9, 80.0, "dram bytes [GB]"),
        ("die_m2", 814e-6, 814.0, "die m2 [mm2]"),
        ("batch", 8.0, 8.0, "batch"),
        ("param_new_thing", 2.0, 2.0, "new thing"),
    ],
)
def test_a_column_is_shown_in_the_unit_of_its_heading(
    column: str, si: float, number: float, title: str
) -> None:
    found = quantity(column)
    assert found.title == title
    assert si * found.factor == pytest.approx(number, rel=1e-12)
    assert cell(si, found).key == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.column)
def test_the_heading_of_a_metric_has_its_label_and_a_unit_that_is_its_si_unit_scaled(metric: Any) -> None:
    found = quantity(metric.column)
    assert found.label == metric.label
    if found.unit and not metric.unit.startswith("USD"):
        # so many of the unit shown are one of the SI unit
        assert parse(f"1 {found.unit}", metric.unit) * found.factor == pytest.approx(1.0, rel=1e-12)


def test_a_column_of_a_member_of_a_mix_names_the_member_and_keeps_the_unit() -> None:
    own, whole = quantity("llama.chat.tpot_s"), quantity("tpot_s")
    assert (own.label, own.unit, own.factor) == ("llama.chat: TPOT", whole.unit, whole.factor)
    assert is_of_member("llama.chat.tpot_s")
    assert not any(is_of_member(c) for c in ("tpot_s", "param_a.b", "violation_a.b"))


@pytest.mark.parametrize(
    ("column", "wanted"),
    [("param_process", "n5"), ("param_sram", None), ("process", None), ("param_x", None)],
)
def test_a_parameter_of_names_is_shown_by_the_name_that_was_chosen(column: str, wanted: str | None) -> None:
    assert chosen({"process": "n5", "param_process": 1.0, "sram": 4.0}, column) == wanted


# --- numbers


@pytest.mark.parametrize(
    "number", [0.0, 0.016671, 1.5, 3.14159, 320.0, 999.94, 1000.0, 571_893.2, -12.5, 1e-7]
)
def test_a_written_number_reads_back_to_four_digits(number: float) -> None:
    text = written(number)
    tolerance = 0.5 if abs(number) >= 1000 else 0.0051 * abs(number) if "e" in text else 0.0006 * abs(number)
    assert float(text.replace(",", "")) == pytest.approx(number, abs=tolerance)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "-"),
        (nan, "s", "-"),
        (inf, "USD", "-"),
        (1234.0, "USD", "$1,234"),
        (2.5, "USD/(token/s)", "2.50"),
        (0.0025, "s", "2.50 ms"),
        (8, "", "8.00"),
    ],
)
def test_a_gap_is_a_dash_and_dollars_have_their_sign(value: Any, unit: str, text: str) -> None:
    assert shown(value, unit) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (0.0008, "<0.01"), (1.0, "1"), (1280.0, "1,280"), (2.5, "2.50"), (1000.25, "1,000.25")],
)
def test_chips_are_counted_and_fractions_of_a_fleet_have_two_decimals(number: float, text: str) -> None:
    assert counted(number) == text


@pytest.mark.parametrize(("n", "text"), [(0, "0 designs"), (1, "1 design"), (1000, "1,000 designs")])
def test_designs_are_counted_in_singular_and_plural(n: int, text: str) -> None:
    assert designs(n) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("head", "LM head"),
        ("kv_cache", "KV cache"),
        ("sram_bandwidth", "SRAM bandwidth"),
        ("nre", "one-off cost"),
        ("io_dies", "I/O dies"),
        ("tpot_target", "TPOT target"),
        ("collectives", "collectives"),
    ],
)
def test_parts_are_called_by_the_words_of_the_field(name: str, text: str) -> None:
    assert word(name) == text


# --- violations


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("capacity", 2e9, "2.00 GB"),
        ("die_area", 5e-6, "5.00 mm2"),
        ("cooling", 120.0, "120 W"),
        ("network_domain", 8.0, "8.00 chip"),
        ("tpot_target", 0.003, "3.00 ms"),
        ("of_a_plug_in", 0.25, "0.250"),
    ],
)
def test_a_violation_has_the_unit_of_its_constraint(name: str, value: float, text: str) -> None:
    assert pretty_violation(name, value) == text


@pytest.mark.parametrize("name", registered(GROUPS["objectives"]))
def test_a_missed_target_has_the_unit_of_its_objective(name: str) -> None:
    unit = objective(name).unit
    text = pretty_violation(f"{name}_target", 2.0)
    assert text.startswith("2.00")
    assert parse(text, unit) == 2.0


def test_constraints_come_by_how_many_trials_violate_them_then_by_name() -> None:
    trials = [{"b": 2.0, "a": 3.0, "c": 0.0}, {"b": 1.0, "a": 1.5, "d": 9.0}, {"d": -1.0}, {"d": 4.0}]
    found = [(f.name, f.trials, f.least) for f in failures(trials)]
    assert found == [("a", 2, 1.5), ("b", 2, 1.0), ("d", 2, 4.0)]
    assert failures([]) == failures([{"a": 0.0}]) == []


# --- figures of plots


def inputs(rows: list[dict[str, Any]], study: Any = None, trials: Any = (), caution: str = "") -> PlotInputs:
    given = evidence(front(rows), None, caution)
    found = SimpleNamespace(front=given.front, study=study, cautions=given.cautions)
    return PlotInputs(found=found if study or caution else given, trials=trials)  # type: ignore[arg-type]


ROWS = [design(0.002, 8.0, param_sram=2.0**20), design(0.004, 3.0, param_sram=2.0**22)]


def test_plots_are_in_the_order_of_their_ranks_and_each_is_found_by_its_name() -> None:
    every = plots()
    assert [(p.rank, p.name) for p in every] == sorted((p.rank, p.name) for p in every)
    assert {p.name for p in every} == set(registered(GROUPS["plots"]))
    for plot in every:
        assert plot_named(plot.name).summary == plot.summary


@pytest.mark.parametrize("name", registered(GROUPS["plots"]))
def test_a_front_without_designs_has_no_figure(name: str) -> None:
    assert plot_named(name).figure(inputs([])) is None


def test_the_parallel_figure_has_a_line_for_each_design_of_the_front() -> None:
    figure = plot_named("parallel").figure(inputs(ROWS))
    assert figure is not None and figure.script == "parallel" and figure.wide
    assert figure.data is not None
    lines = [line for bundle in figure.data["bundles"] for line in bundle["lines"]]
    assert sorted(line["key"] for line in lines) == ["f0", "f1"]


@pytest.mark.parametrize("name", ["importance", "progress"])
def test_a_plot_of_trials_has_no_figure_without_them_and_says_what_is_missing(name: str) -> None:
    plot = plot_named(name)
    assert plot.needs_trials
    assert plot.figure(inputs(ROWS)) is None
    with pytest.raises(SpecError, match=r"expected the trials of a search \(study.journal\), got none"):
        plot.draw(inputs(ROWS, study=SimpleNamespace(slug="mine")), ".svg")


def test_the_study_of_a_plot_is_the_one_that_was_searched_or_why_there_is_none() -> None:
    study = SimpleNamespace(slug="mine")
    assert searched_study(inputs(ROWS, study, trials=("a trial",))) is study
    with pytest.raises(SpecError, match="its file has gone"):
        searched_study(inputs(ROWS, caution="its file has gone"))
