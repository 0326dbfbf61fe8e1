"""What stands below tables of a page: what prices are on, and who has no anchor."""

from dse.pages.study.footnotes import with_notes
from dse.report.words.eligibility import Eligibility

STANDS = Eligibility(
    group_of={
        "gpu-a": "list and street prices",
        "pod": "cost to the maker",
        "wafer": "list and street prices",
    },
    group="list and street prices",
    unanchored={"wafer": "No measurement states enough."},
)


def test_a_table_of_unlike_prices_says_which_is_which() -> None:
    told = with_notes("table", STANDS, ["gpu-a", "pod"])
    assert told.startswith("table\n\nPrices have different bases; chips rank within one basis: ")
    assert "list and street prices: gpu-a; cost to the maker: pod." in told


def test_a_table_of_alike_prices_of_anchored_chips_stays_alone() -> None:
    assert with_notes("table", STANDS, ["gpu-a"]) == "table"


def test_a_table_with_an_unanchored_chip_gives_the_reason() -> None:
    told = with_notes("table", STANDS, ["gpu-a", "wafer"])
    assert (
        told
        == "table\n\nwafer is not ranked, because no measurement anchors it: No measurement states enough."
    )
