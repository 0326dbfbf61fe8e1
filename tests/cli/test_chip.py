"""`dse chip` and `dse validate silicon` as a stranger runs them."""

import csv
from dataclasses import replace

import pytest

from dse.evaluate.chip_sheet import chip_sheet
from dse.report.plots.chip_plot import LOOKS, bars
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.technology import TechnologySpec
from dse.validate.silicon.errors import left_out, rows_of
from dse.validate.silicon.rows import silicon_rows


def sheet(dse, *words):
    said = dse("chip", *words, "--format", "json")
    assert said.code == 0, said.err
    return said.json


def test_parts_of_a_chip_sum_to_its_totals(dse):
    for name in ("h100", "mi300x", "wse-3"):
        told = sheet(dse, name)
        for total, parts in (
            ("area_m2", "area_parts"),
            ("power_w", "power_parts"),
            ("unit_cost_usd", "unit_cost_parts"),
            ("price_usd", "price_parts"),
        ):
            assert sum(told[parts].values()) == pytest.approx(told[total], rel=1e-12), (name, total)
        for dies in told["dies"]:
            assert sum(dies["parts_m2"].values()) == pytest.approx(dies["area_m2"], rel=1e-12)
            assert 0.0 < dies["harvested_yield"] <= 1.0


def test_a_real_chip_stands_beside_its_published_figures(dse):
    told = {p["quantity"]: p for p in sheet(dse, "h100")["published"]}
    # NVIDIA's die of 814 mm2 and 700 W; Raymond James put it at 3,320 USD
    assert told["die_area"]["value"] == pytest.approx(814e-6)
    assert told["tdp"]["value"] == 700.0
    assert told["unit_cost"]["value"] == 3320.0


def test_a_chip_of_eight_dies_stands_on_four_io_dies(dse):
    dies = {d["kind"]: d for d in sheet(dse, "mi300x")["dies"]}
    assert (dies["compute"]["count"], dies["io"]["count"]) == (8, 4)  # as AMD builds it
    assert dies["io"]["parts_m2"]["core"] == 0.0
    assert dies["compute"]["parts_m2"]["dram_phy"] == 0.0


def test_what_is_exchanged_makes_a_hypothetical_chip(dse):
    told = sheet(dse, "groq", "--node", "5nm", "--set", "sram=512 MB")
    assert told["hypothetical"]
    assert told["published"] == []
    assert told["dies"][0]["process"] == "n5"
    assert told["area_m2"] < sheet(dse, "groq")["area_m2"]  # 14 to 5 nm outweighs twice the SRAM


def test_a_node_goes_by_its_makers_names(dse):
    by_name = [
        sheet(dse, "groq", "--node", text)["dies"][0]["process"] for text in ("4nm", "N5", "6 nm", "n3")
    ]
    assert by_name == ["n5", "n5", "n7", "n3"]
    said = dse("chip", "groq", "--node", "28nm")
    assert said.code == 2
    assert "expected a node that the technology file knows, got '28nm'" in said.err


def test_a_chip_of_a_node_that_is_not_known_says_how_to_go_on(dse):
    unknown = ("--set", "die.process=Samsung SF4X")
    dse("chip", "lp30", *unknown).refused(
        "chips/lp30: die.process:", "got 'Samsung SF4X'", "--node makes it on one of them"
    )
    assert sheet(dse, "lp30", "--node", "n3") == sheet(dse, "lp30", "--set", "die.process=n3")


def test_numbers_go_by_the_names_in_the_files_too(dse):
    by_name = [
        sheet(dse, "h100", "--set", f"{name}=6") for name in ("dram_stacks", "hbm_stacks", "dram.stacks")
    ]
    assert by_name[0]["unit_cost_usd"] == by_name[1]["unit_cost_usd"] == by_name[2]["unit_cost_usd"]
    assert by_name[0]["unit_cost_usd"] > sheet(dse, "h100")["unit_cost_usd"]


def test_a_chip_that_cannot_be_made_is_shown_and_says_why(dse):
    said = dse("chip", "h100", "--set", "peak_fp16=9 PFLOP/s", "--set", "dram_stacks=9")
    assert said.code == 1
    assert "Die plan" in said.out
    assert "exceeds die_area by" in said.err
    assert "dram_stacks by 3" in said.err
    assert "cooling by" in said.err


def test_murphy_is_the_rival_of_the_negative_binomial(dse):
    plain, rival = (sheet(dse, "h100", *words)["dies"][0] for words in ((), ("--yield", "murphy")))
    assert rival["murphy_yield"] == plain["murphy_yield"]
    assert rival["harvested_yield"] < plain["harvested_yield"]


def test_a_price_by_margin_has_a_one_off_cost_and_a_seller(dse):
    told = sheet(dse, "h100", "--price-method", "margin", "--seller", "nvidia-chip")
    assert set(told["price_parts"]) == {"unit_cost", "nre", "margin"}
    # (price - one-off cost) (1 - 0.86) is the unit cost, and 250 MUSD over 2,000,000 chips are 125 USD each
    assert (told["price_usd"] - 125.0) * 0.14 == pytest.approx(told["unit_cost_usd"])
    said = dse("chip", "h100", "--price-method", "margin", "--seller", "startup")
    assert said.code == 2
    assert "economics.gross_margin.startup" in said.err


@pytest.mark.parametrize(
    ("words", "got"),
    [
        (("chip", "h100"), "without it"),
        (("chip", "h100", "--price-method", "unit-cost"), "with unit-cost"),
        (("estimate", "--chip", "h100", "--llm", "llama2-7b", "--workload", "chat"), "with listed"),
        (("compare", "h100", "--llm", "llama2-7b", "--workload", "chat"), "with listed"),
    ],
)
def test_a_seller_without_a_margin_is_refused(dse, words, got):
    said = dse(*words, "--seller", "nvidia-chip")
    said.refused(f"--seller: applies with --price-method margin only, got 'nvidia-chip' {got}")


def test_an_unknown_chip_is_told_where_it_stands(dse):
    dse("chip", "h1oo").refused("NAME: unknown chip 'h1oo'; did you mean", "names, see `dse catalog chips`")
    ask = ("--llm", "llama2-7b", "--workload", "chat")
    dse("compare", "h100", "gorq", *ask).refused("CHIP: unknown chip 'gorq'; did you mean 'groq'?")
    dse("compare", "h100", *ask, "--targets", "5").refused("--targets: expected a time with its unit")


def test_a_chip_with_dram_of_unknown_price_has_no_unit_cost_and_says_so(dse):
    told = sheet(dse, "rtx-4090")
    assert told["unit_cost_usd"] is None
    assert any("dram.GDDR6X.cost" in note for note in told["notes"])


def test_a_chip_is_drawn(dse, tmp_path):
    for suffix in ("png", "svg", "pdf"):
        said = dse("chip", "b200", "--plot", tmp_path / f"b200.{suffix}")
        assert said.code == 0, said.err
        assert (tmp_path / f"b200.{suffix}").stat().st_size > 5000


def test_areas_and_powers_of_chips_that_set_no_constant_are_as_close_as_stated(dse):
    groups = {
        (g["metric"], g["use"]): g for g in dse("validate", "silicon", "--by", "use", "--format", "json").json
    }
    for use in ("not fitted", "left out"):
        assert groups["die_area", use]["median_abs_error"] <= 0.12
        assert groups["die_area", use]["n"] >= 10
        assert groups["tdp", use]["median_abs_error"] <= 0.25
        assert groups["tdp", use]["n"] >= 10
    # every chip whose power is published, those that their makers cap too, by constants of the others:
    # the 25 % that is asked for holds without capped cards, above; with them it is 25.9 %, as the limits say
    assert groups["tdp_all", "left out"]["median_abs_error"] <= 0.26
    assert groups["tdp_all", "left out"]["n"] == sum(
        groups[name]["n"] for name in (("tdp", "left out"), ("tdp_capped", "not fitted"))
    )
    # inside the published range, or within 12 % of a single figure; left out: package and board by the others
    for use in ("fitted", "not fitted", "left out"):
        assert groups["unit_cost", use]["inside_interval"] == 1.0
    assert groups["unit_cost", "left out"]["n"] >= 8  # of all that are published and can be derived


def test_the_table_of_silicon_has_the_keys_of_the_other_tables(dse):
    told = dse("validate", "silicon", "--format", "json").json
    assert {g["metric"] for g in told} >= {"die_area", "tdp", "unit_cost"}
    keys = {"metric", "n", "median_abs_error", "mean_abs_error", "p90_abs_error", "bias", "inside_interval"}
    assert all(set(g) == keys for g in told)


def test_every_row_says_which_constants_it_set(dse, tmp_path):
    said = dse("validate", "silicon", "--out", tmp_path / "rows.csv", "--plot", tmp_path / "rows.png")
    assert said.code == 0, said.err
    with (tmp_path / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert any(r["metric"] == "tdp_capped" for r in rows)
    fitted = {r["chip"]: r["fitted"] for r in rows if r["metric"] == "die_area" and r["fitted"]}
    assert set(fitted) == {"a100-sxm-80gb", "h100-sxm", "l40s", "groq-lpu-v1"}
    assert (tmp_path / "rows.png").stat().st_size > 5000


def test_what_is_capped_follows_from_the_power_of_the_same_die_elsewhere():
    catalog = Catalog()
    rows, _ = silicon_rows(catalog, catalog.get(TechnologySpec, "technology-2026"))
    powers = {r.chip: r for r in rows if r.metric.startswith("tdp")}
    # 350 W of an H100 PCIe against 700 W of the SXM module; 300 W of a 5070 Ti against 360 W of a 5080
    assert powers["h100-pcie"].metric == "tdp_capped"
    assert "the die of h100-sxm, +100%" in powers["h100-pcie"].note
    assert powers["rtx-5070-ti"].metric == "tdp"
    assert "the die of rtx-5080, +20%" in powers["rtx-5070-ti"].note
    assert powers["mi250x"].metric == "tdp"  # 250 W a die against the 300 W of an MI210
    # the chip that shows a die at its most is never capped itself
    assert not {r.chip for r in rows if r.metric == "tdp_capped"} & {
        "h100-sxm",
        "gb300",
        "mi325x",
        "rtx-4090",
    }


def test_a_chip_left_out_does_not_tell_its_own_figure():
    catalog = Catalog()
    rows, _ = silicon_rows(catalog, catalog.get(TechnologySpec, "technology-2026"))
    for metric in ("die_area", "tdp", "unit_cost"):
        mine = rows_of(rows, metric)
        (one,) = [r for r in mine if r.chip == "h200-sxm" or (metric == "die_area" and r.chip == "h100-sxm")]
        # another figure for the chip itself moves the prediction of every other chip, never its own
        twice = [replace(r, published=2 * r.published) if r is one else r for r in mine]
        before, after = ({o.row.chip: o.predicted for o in left_out(some)} for some in (mine, twice))
        assert after[one.chip] == before[one.chip]
        assert any(after[chip] != before[chip] for chip in before)


def test_a_published_cost_that_cannot_be_derived_says_why(dse):
    said = dse("validate", "silicon")
    assert "Not derived: tpu-v7 unit_cost: expected a known sram.capacity, got null" in said.out


def test_the_power_of_capped_chips_is_told_with_the_rest_and_apart(dse):
    said = dse("validate", "silicon")
    assert "TDP, capped ones too" in said.out
    assert "chips whose die another chip sells at 25% more power or above" in said.out
    counts = {g["metric"]: g["n"] for g in dse("validate", "silicon", "--format", "json").json}
    assert counts["tdp_all"] == counts["tdp"] + counts["tdp_capped"]


def test_pictures_of_silicon_have_plain_numbers_and_what_is_published(dse, tmp_path):
    drawn = tmp_path / "rows.svg"
    assert dse("validate", "silicon", "--plot", drawn).code == 0
    text = drawn.read_text()
    assert "mathdefault" not in text
    assert ">1,000<" in text
    assert "capped by the manufacturer" in text
    chip = tmp_path / "b200.svg"
    assert dse("chip", "b200", "--plot", chip).code == 0
    text = chip.read_text()
    # 759 mm2, and for fp4 another 0.05 of 1.10 of the 382 mm2 of matrix units; their 261 W likewise
    assert "2 compute dies of 776 mm2 on n5" in text
    assert "published TDP 1.00 kW, predicted +18%" in text


def test_a_part_looks_alike_in_every_picture(dse, tmp_path):
    for name in ("h100", "groq", "mi300x", "wse-3"):
        for bar in bars(chip_sheet(name, price_method="margin", seller="amd-chip")):
            looks = [LOOKS[part] for part, value in bar[2].items() if value > 0.0]
            assert len(set(looks)) == len(looks), (name, bar[0])


def test_an_exchanged_wafer_is_cooled_as_a_wafer(dse):
    told = sheet(dse, "wse-3", "--set", "sram=60 GB")
    assert told["violations"]["cooling"] < 0.0
    assert told["packaging"] == "whole wafer"
    said = dse("chip", "wse-3", "--set", "sram=60 GB", "--set", "sram_bandwidth=80 PB/s")
    assert said.code == 1
    assert "cooling by" in said.err
    assert "W" in said.err.rpartition("cooling by")[2]


def test_the_die_plan_and_the_bill_of_a_b200_stand_beside_what_is_published(dse):
    told = sheet(dse, "b200")
    (dies,) = told["dies"]
    assert (dies["count"], dies["process"]) == (2, "n5")
    assert dies["area_m2"] == pytest.approx(800e-6, rel=0.12)  # "about 800 mm2"
    assert told["packaging"] == "2.5D, interposer with bridges"  # CoWoS-L
    cost = told["unit_cost_parts"]
    # Epoch AI by line [USD]; 15 % from the nearer end, as little as analysts agree with each other
    for part, low, high in (
        ("compute_dies", 720, 1200),
        ("dram", 2800, 3100),
        ("package", 1000, 1200),
        ("assembly_loss", 1000, 1100),
    ):
        assert 0.85 * low <= cost[part] <= 1.15 * high, part
    assert 5700 <= told["unit_cost_usd"] <= 7300


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("dies=0", "expected a die.count of at least 1, got 0"),
        (
            "dram_stacks=0",
            "expected a dram.capacity in as many dram.stacks as hold it, got 85.5 GB of it in 0",
        ),
        ("dram=0 GB", "expected a dram.capacity in as many dram.stacks as hold it, got 0 B of it in 5"),
        ("cooling=water", "expected a class of cooling that the technology file knows, got 'water'"),
    ],
)
def test_a_chip_that_contradicts_itself_is_refused_by_name(dse, given, told):
    said = dse("chip", "h100", "--set", given)
    assert said.code == 2
    assert told in said.err


def test_a_larger_cache_makes_a_larger_die(dse):
    plain, larger = sheet(dse, "h100"), sheet(dse, "h100", "--set", "sram=90 MB")
    # 6.2 MB more at 1.9 mm2 for each MiB of the 5 nm node, and what joins it
    grown = 6.2e6 / 2**20 * 1.9e-6
    assert larger["area_parts"]["cache"] - plain["area_parts"]["cache"] == pytest.approx(grown, rel=1e-6)
    assert larger["unit_cost_parts"]["compute_dies"] > plain["unit_cost_parts"]["compute_dies"]


def test_no_hbm_costs_no_hbm_and_no_interposer(dse):
    none = ("dram_stacks=0", "dram=0 GB", "dram_bandwidth=0 GB/s")
    told = sheet(dse, "h100", *(word for given in none for word in ("--set", given)))
    assert (
        told["unit_cost_parts"]["dram"] == told["area_parts"]["dram_phy"] == told["power_parts"]["dram"] == 0
    )
    assert told["packaging"] == "monolithic, organic substrate"


def test_prices_say_when_by_whom_and_on_what_basis(dse):
    notes = " ".join(sheet(dse, "h100")["notes"])
    assert "listed at 26,000 USD of 2025/2026 (derived, ep_nv): 22,000 to 30,000 USD" in notes
    assert "HBM3 at 14.4 USD/GiB (2024-02/2026-11-23)" in notes
    changed = " ".join(sheet(dse, "groq", "--set", "sram=231 MB")["notes"])
    assert "board and cooling are bought for 215 W: the 215 W of groq-lpu-v1 as it is sold" in changed


@pytest.mark.parametrize(("chip", "name", "unit", "sold"), [
    ("groq", "sram", "MB", 230.0), ("h100", "dram_stacks", "", 5.0), ("h100", "sram", "MB", 83.8),
    ("a100", "link_bandwidth", "GB/s", 300.0),
])  # fmt: skip
def test_a_little_more_of_anything_never_costs_less_than_the_chip_as_it_is_sold(dse, chip, name, unit, sold):
    costs = []
    for factor in (0.6, 1.0, 1.2):
        given = f"{name}={sold * factor:g} {unit}".strip()
        costs.append(sheet(dse, chip, "--set", given)["unit_cost_usd"])
    assert costs == sorted(costs)
    assert costs[1] == pytest.approx(sheet(dse, chip)["unit_cost_usd"], rel=0.01)


def test_a_number_exchanged_for_itself_leaves_the_chip_as_it_is_sold(dse):
    plain, same = sheet(dse, "groq"), sheet(dse, "groq", "--node", "14nm", "--set", "dies=1")
    assert same["unit_cost_usd"] == plain["unit_cost_usd"]
    assert same["published"] == plain["published"]
    assert not same["hypothetical"]
