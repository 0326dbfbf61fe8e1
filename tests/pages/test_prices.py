"""A table of several cases tells what its prices are prices of."""

import pytest

from dse.pages.study.prices import price_line

LIST, COST, MAKER = "list and street prices", "unit cost", "cost to the maker"


UNLIKE = "Prices have different bases; chips rank within one basis"


@pytest.mark.parametrize(
    ("cases", "line"),
    [
        ([("one", {"a": COST, "b": COST}), ("two", {"a": COST})], "Prices: unit cost."),
        (
            [("one", {"a": COST}), ("two", {"a": LIST}), ("three", {"b": COST})],
            "Prices: unit cost (one, three); list and street prices (two).",
        ),
        (
            [("one", {"a": LIST, "b": MAKER}), ("two", {"a": LIST})],
            f"{UNLIKE}: list and street prices: a; cost to the maker: b.",
        ),
        (
            [("one", {"a": LIST, "b": MAKER}), ("two", {"a": COST})],
            f"{UNLIKE} of one case. one: list and street prices: a; cost to the maker: b. two: unit cost: a.",
        ),
        (
            [
                ("one", {"a": LIST, "b": MAKER}),
                ("two", {"a": COST}),
                ("three", {"a": COST}),
                ("four", {"a": COST}),
            ],
            f"{UNLIKE} of one case. one: list and street prices: a; cost to the maker: b. "
            "two and 2 more cases: unit cost: a.",
        ),
        ([("old", {})], ""),
    ],
)
def test_bases_are_told_once_where_they_are_alike_and_by_name_where_not(cases, line) -> None:
    assert price_line(cases) == line
