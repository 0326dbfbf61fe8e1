"""`dse validate` and `dse bench`."""

import csv
import io

import pytest

from dse.spec.catalog.config_paths import bundled


def stated():
    with (bundled("configs") / "measurements" / "article.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_claim_of_the_article_is_met_by_napkin_within_its_rounding(dse):
    said = dse("validate", "article", "--format", "json")
    claims = {row["id"]: row for row in stated()}
    assert said.code == 0
    assert [row["id"] for row in said.json] == list(claims)
    for row in said.json:
        assert row["article"] == float(claims[row["id"]]["article_value"])
        assert abs(row["napkin"] / row["article"] - 1) <= float(claims[row["id"]]["rounding"]) + 1e-9


def test_csv_and_table_have_a_row_for_every_claim(dse):
    said = dse("validate", "article", "--format", "csv")
    assert [row["id"] for row in csv.DictReader(io.StringIO(said.out))] == [row["id"] for row in stated()]
    table = dse("validate", "article").out
    for row in stated():
        assert any(line.startswith(row["id"]) for line in table.splitlines())
    assert max(map(len, table.splitlines())) <= 100


def test_a_claim_that_napkin_misses_gives_exit_code_1_by_name(dse, tmp_path):
    own = tmp_path / "my" / "measurements" / "article.csv"
    own.parent.mkdir(parents=True)
    text = (bundled("configs") / "measurements" / "article.csv").read_text()
    row = next(line for line in text.splitlines() if line.startswith("C04,"))
    own.write_text(text.replace(row, row.replace(",305,", ",350,", 1)))
    said = dse("validate", "article", "--configs", "my")
    assert said.code == 1
    assert "missed C04" in said.err


def test_an_unknown_table_is_refused(dse):
    dse("validate", "artcle").refused("TABLE", "unknown table 'artcle'; did you mean 'article'?")


@pytest.mark.parametrize(
    ("table", "options"),
    [
        ("article", ("--out", "--plot", "--by", "--stack", "--quality")),
        ("silicon", ("--stack", "--quality")),
    ],
)  # fmt: skip
def test_an_option_that_a_table_has_no_use_for_is_refused(dse, table, options):
    for option in options:
        said = dse("validate", table, option, "x.png")
        said.refused(f"{option}: applies to", f"got 'x.png' with {table}")
        assert not said.out
    every = [word for option in options for word in (option, "AB")]
    dse("validate", table, *every).refused(*options)


def test_bench_counts_points_per_second(dse):
    found = dse("bench", "--seconds", "0.2", "--threads", "1", "--format", "json").json
    assert found["threads"] == 1
    assert found["points_per_second"] == pytest.approx(found["points"] / found["seconds"], rel=0.05)
    assert "points per second" in dse("bench", "--seconds", "0.1").out


def test_bench_refuses_another_backend_and_a_time_that_is_none(dse):
    dse("bench", "--backend", "nmpy").refused("--backend", "did you mean 'numpy'?")
    dse("bench", "--seconds", "3 GB").refused("--seconds", "'3 GB'")
    dse("bench", "--seconds", "-1").refused("--seconds", "at least 0 s", "'-1'")
