"""The article's claims: each answered, each reproduced its own way within its own rounding."""

import csv
from math import ceil

import pytest

from dse.spec.catalog.config_paths import bundled
from dse.validate.article.claims import DIFFERS, HOLDS, Claim, check_article, verdict

TABLE = bundled("configs") / "measurements" / "article.csv"


def stated() -> dict[str, dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def claims() -> dict[str, Claim]:
    return {claim.id: claim for claim in check_article()}


def test_every_claim_is_answered_in_the_articles_order(claims: dict[str, Claim]) -> None:
    assert list(claims) == list(stated())
    assert len(claims) == 29
    for name, row in stated().items():
        claim = claims[name]
        assert (claim.article, claim.unit) == (float(row["article_value"]), row["unit"])
        assert claim.rounding == float(row["rounding"])
        assert claim.why
        assert claim.roofline > 0.0


def test_the_articles_arithmetic_is_met_within_its_own_rounding(claims: dict[str, Claim]) -> None:
    for name, row in stated().items():
        value, article = claims[name].napkin, float(row["article_value"])
        # the table gives a rounding with three digits
        assert abs(value / article - 1.0) <= float(row["rounding"]) + 1e-5, name
        assert claims[name].napkin_ok


def test_no_rounding_is_wider_than_the_digits_the_article_writes() -> None:
    for name, row in stated().items():
        assert 0.0 <= float(row["rounding"]) <= 0.125, name  # half a unit of one significant digit: 1/400
        assert "rounding: " in row["note"], name


GIB, GB = 2**30, 1e9
KV = 2 * 80 * 8 * 128 * 4096  # two tensors, 80 layers, 8 KV heads of 128, 4,096 tokens of a byte
HAND = {
    "C01": 0.230 / 96,
    "C02": 80 / 3.35,
    "C03": 188 / 989,
    "C04": ceil(70 / 0.230),  # 304.3
    "C05": 30_000 * 188 / 989,
    "C06": 305 * 6000,
    "C07": KV / GIB,
    "C08": KV * 8 / GIB,
    "C09": 305 * 6000 / 500,
    "C10": 8 * 30_000 / (8 * 425),
    "C11": (305 * 6000 / 500) / (30_000 / 425),
    "C12": 128 * KV / GIB,
    "C13": ceil((70 + 80) / 0.230),  # 652.2; GB and GiB summed as the article does
    "C14": 653 * 6000,
    "C15": 128 * 500,
    "C16": 653 * 6000 / (128 * 500),
    "C17": ceil(0.625 / 0.230),
    "C18": 3 * 6000 / 500,
    "C19": 653 * 1000 / (128 * 500),
    "C20": 2000 / 425,
    "C23": ceil(1800 / 0.230),
    "C25": 1 / 500,
    "C26": 1000 * 6000,
}


@pytest.mark.parametrize("name", sorted(HAND))
def test_the_articles_arithmetic_by_hand(claims: dict[str, Claim], name: str) -> None:
    assert claims[name].napkin == pytest.approx(HAND[name], rel=1e-12)


def test_the_hand_arithmetic_is_that_of_the_article() -> None:
    assert (KV / GIB, 128 * KV / GIB) == (0.625, 80.0)
    assert (HAND["C04"], HAND["C17"]) == (305, 3)


def test_roofline_answers_what_it_can_by_the_architecture(claims: dict[str, Claim]) -> None:
    assert claims["C07"].roofline == pytest.approx(0.625, rel=1e-12)
    assert claims["C12"].roofline == pytest.approx(80.0, rel=1e-12)
    # the weights of LLaMA-2 70B are 68.98e9, not 70e9: 299.9 chips of 0.230 GB
    assert claims["C04"].roofline == ceil(68.98e9 / 0.230e9)
    # 652 chips hold 150 GB only where GB and GiB are the same; whole layers and heads need more
    assert claims["C13"].roofline > 652
    assert claims["C16"].roofline > claims["C16"].article


def test_the_deviation_and_the_verdict_follow_from_the_numbers(claims: dict[str, Claim]) -> None:
    for claim in claims.values():
        assert claim.deviation == pytest.approx(claim.roofline / claim.article - 1.0, rel=1e-12, abs=1e-15)
        off = max(claim.roofline / claim.article, claim.article / claim.roofline)
        allowed = max(HOLDS, claim.rounding)
        if abs(claim.deviation) <= allowed:
            assert claim.verdict == "holds"
        else:
            assert claim.verdict == ("differs" if off <= 1.0 + DIFFERS else "refuted")
    assert {c.verdict for c in claims.values()} == {"holds", "differs", "refuted"}


@pytest.mark.parametrize(
    ("deviation", "rounding", "expected"),
    [
        (0.0, 0.0, "holds"),
        (0.10, 0.0, "holds"),
        (-0.10, 0.0, "holds"),
        (0.11, 0.0, "differs"),
        (-0.11, 0.0, "differs"),
        (0.12, 0.125, "holds"),  # its own rounding explains it
        (0.99, 0.0, "differs"),
        (1.01, 0.0, "refuted"),  # more than twice
        (-0.49, 0.0, "differs"),
        (-0.51, 0.0, "refuted"),  # less than half
    ],
)
def test_the_thresholds_of_a_verdict(deviation: float, rounding: float, expected: str) -> None:
    assert verdict(deviation, rounding) == expected
