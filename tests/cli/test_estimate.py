"""`dse estimate`: totals that are the sums of their parts, and input that is refused in one sentence."""

import csv
import io

import pytest

H100 = ("estimate", "--chip", "h100", "--llm", "llama2-70b", "--workload", "chat")
LPU = (
    "estimate",
    "--chip",
    "groq-lpu-v1",
    "--llm",
    "llama2-70b",
    "--workload",
    "article",
    "--weights",
    "int8",
)


def test_every_ledger_sums_to_its_total(dse):
    found = dse(*H100, "--weights", "fp8", "--format", "json").json
    for name in ("tpot_s", "ttft_s", "capex_usd", "usd_per_million_tokens"):
        assert sum(found["ledgers"][name].values()) == pytest.approx(found["metrics"][name], rel=1e-9)
    assert sum(found["ledgers"]["bound_s"].values()) == pytest.approx(found["metrics"]["tpot_s"], rel=1e-9)


def test_the_chosen_deployment_meets_the_targets_of_the_workload(dse):
    said = dse(*H100, "--weights", "fp8", "--format", "json")
    found = said.json
    assert (said.code, found["feasible"], found["solved"]) == (0, True, True)
    assert found["targets"]
    for name, limit in found["targets"].items():
        assert found["metrics"][f"{name}_s"] <= limit


def test_a_given_deployment_is_the_one_estimated(dse):
    found = dse(*H100, "--tp", 8, "--pp", 2, "--batch", 32, "--dp", 3, "--format", "json").json
    assert found["deployment"] == {"batch": 32, "tp": 8, "cp": 1, "pp": 2, "ep": 1, "dp": 3}
    assert found["metrics"]["chips"] == 48
    assert not found["solved"]


def test_tables_show_the_headline_the_parts_and_the_binding_resource(dse):
    said = dse(*H100, "--weights", "fp8")
    assert said.code == 0
    for words in (
        "$/(token/s)",
        "Where a TPOT of",
        "What fills the fullest chip",
        "KV cache",
        "Bound by",
        "met",
    ):
        assert words in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    assert "\x1b" not in said.out


def test_csv_is_one_row_that_agrees_with_the_json(dse):
    found = dse(*H100, "--tp", 8, "--format", "json").json
    (row,) = csv.DictReader(io.StringIO(dse(*H100, "--tp", 8, "--format", "csv").out))
    assert float(row["tpot_s"]) == found["metrics"]["tpot_s"]
    assert float(row["tpot_s.ffn"]) == found["ledgers"]["tpot_s"]["ffn"]
    assert int(row["tp"]) == 8


def test_more_hbm_bandwidth_by_set_is_faster(dse):
    fixed = (*H100, "--tp", 8, "--pp", 1, "--batch", 1, "--format", "json")
    before, after = dse(*fixed).json, dse(*fixed, "--set", "hbm_bandwidth=5 TB/s").json
    assert after["metrics"]["tpot_s"] < before["metrics"]["tpot_s"]


def test_a_path_to_a_yaml_works_where_a_name_does(dse, config_with):
    twice = ('"26000 USD"', '"52000 USD"'), ('high: "30000 USD"', 'high: "60000 USD"')
    path = config_with("chips", "h100-sxm", *twice)
    fixed = ("--tp", 8, "--batch", 8, "--pp", 1, "--format", "json")
    listed, dearer = dse(*H100, *fixed).json, dse(*H100[:2], path, *H100[3:], *fixed).json
    assert dearer["metrics"]["capex_usd"] == pytest.approx(2 * listed["metrics"]["capex_usd"], rel=1e-12)


def test_an_llm_that_does_not_fit_is_shown_all_the_same_with_exit_code_1(dse):
    said = dse(*LPU, "--tp", 8, "--pp", 1, "--batch", 1)
    assert said.code == 1
    assert "Infeasible: capacity exceeded by" in said.out
    assert "groq-lpu-v1: expected a design that fits" in said.err
    assert "--tp, --pp" in said.err
    found = dse(*LPU, "--tp", 8, "--pp", 1, "--batch", 1, "--format", "json").json
    # 70B parameters in one byte on eight chips of 230 MB: each lacks about 8.6 GB - 0.23 GB
    assert found["violations"]["capacity"] == pytest.approx(68.98e9 / 8 - 0.23e9, rel=0.02)


def test_every_unknown_name_is_told_at_once_each_with_its_option(dse):
    said = dse("estimate", "--chip", "h10", "--llm", "lama2-70b", "--workload", "chatt", "--stack", "gpuu",
               "--set", "hbm")  # fmt: skip
    said.refused(
        "--chip: unknown chip 'h10'; did you mean", "--llm: unknown llm 'lama2-70b'; did you mean",
        "--workload: unknown workload 'chatt'", "--stack: unknown stack 'gpuu'",
        "--set: expected NAME=VALUE such as hbm_bandwidth='5 TB/s', got 'hbm'",
    )  # fmt: skip
    assert len(said.err.splitlines()) == 5


def test_tensor_parallel_ways_that_split_no_heads_are_refused(dse):
    dse(*H100, "--tp", 3).refused("--tp: expected a divisor or a multiple of the 64 heads", "got 3")


@pytest.mark.parametrize("option", ["--tp", "--pp", "--batch", "--dp"])
@pytest.mark.parametrize("value", ["0", "-4", "two", "1.5"])
def test_counts_that_are_none_are_refused(dse, option, value):
    dse(*H100, f"{option}={value}").refused(option, "expected a whole number of at least 1", f"got '{value}'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hbm_bandwidth=5 GB", ("hbm_bandwidth", "'5 GB'", "B/s")),
        ("hbm_bandwidth=-5 TB/s", ("hbm_bandwidth", "at least 0 B/s", "'-5 TB/s'")),
        ("hbm_bandwith=5 TB/s", ("unknown name 'hbm_bandwith'", "did you mean 'hbm_bandwidth'")),
    ],
)
def test_a_wrong_setting_is_refused(dse, text, words):
    dse(*H100, "--set", text).refused("--set", *words)


def test_a_misspelt_setting_behind_the_name_of_a_chip_gets_the_nearest(dse):
    dse(*H100, "--set", "h100-sxm.prcie=1 USD").refused("unknown name 'h100-sxm.prcie'; did you mean 'price'")


def test_a_stack_is_refused_where_software_is_one_for_all(dse):
    dse(*H100, "--stack", "vllm-2025", "--software", "equal").refused(
        "--stack: applies with --software as-sold only", "'vllm-2025' with equal"
    )


def test_a_price_is_refused_where_prices_follow_from_silicon(dse):
    dse(*H100, "--set", "price=9 kUSD", "--price-method", "unit-cost").refused(
        "--set: price: applies with --price-method listed only", "unit-cost"
    )


def test_a_chip_without_power_is_refused(dse):
    dse(*H100, "--set", "power=0 W").refused("power: expected more than 0")


def test_a_wrong_number_format_is_refused_with_the_nearest(dse):
    dse(*H100, "--weights", "fp17").refused("--weights", "'fp17'", "did you mean")


def test_a_cost_model_that_nobody_registered_is_refused(dse):
    dse(*H100, "--cost-model", "rofline").refused("unknown cost model 'rofline'", "did you mean 'roofline'?")


def test_a_missing_option_is_refused_by_name(dse):
    dse("estimate", "--chip", "h100").refused("--llm")


def test_a_number_that_is_set_twice_is_refused(dse):
    dse(*H100, "--set", "price=20 kUSD", "--set", "price=25 kUSD").refused(
        "--set: price: expected once, got 2 times"
    )
    dse(*H100, "--set", "hbm=1 TB", "--set", "dram=2 TB").refused(
        "expected either hbm or dram, which are the same"
    )


def test_mistakes_of_options_and_of_names_are_reported_together(dse):
    wrong = ("estimate", "--chip", "h100", "--llm", "nope", "--workload", "chat", "--seller", "x")
    dse(*wrong).refused("--seller: applies with --price-method margin only", "--llm: unknown llm 'nope'")
