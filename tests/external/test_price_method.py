"""A price method of another package prices chips, and is named where a name is wrong."""

import pytest
from external_dse import Dse


def test_a_chip_is_priced_by_an_external_method(dse: Dse) -> None:
    sheet = dse("chip", "h100", "--price-method", "by-area", "--format", "json").json
    assert sheet["price_method"] == "by-area"
    assert sheet["price_usd"] == pytest.approx(5.0 * sheet["area_m2"] * 1e6, rel=1e-12)  # 5 USD/mm2
    assert sheet["price_parts"] == {"silicon": sheet["price_usd"]}


def test_an_estimate_pays_the_price_of_an_external_method(dse: Dse) -> None:
    options = ("--llm", "llama2-70b", "--workload", "chat", "--weights", "int8", "--price-method", "by-area")
    found = dse("estimate", "--chip", "h100", *options, "--format", "json").json
    area = dse("chip", "h100", "--format", "json").json["area_m2"]
    assert found["price_method"] == "by-area"
    assert found["metrics"]["capex_usd"] == pytest.approx(found["metrics"]["chips"] * 5e6 * area, rel=1e-12)


def test_a_wrong_name_is_answered_with_the_nearest_and_with_all(dse: Dse) -> None:
    said = dse("chip", "h100", "--price-method", "by-aera")
    assert said.code == 2
    assert "did you mean 'by-area'?" in said.err
    assert all(name in said.err for name in ("by-area", "compute-ratio", "listed", "margin", "unit-cost"))


def test_the_catalog_lists_an_external_method_with_its_package(dse: Dse) -> None:
    rows = {row["name"]: row for row in dse("catalog", "price-methods", "--format", "json").json}
    assert rows["by-area"]["provided_by"] == "dse-example 0.1"
