"""How old a value is: dates are years, months or days, ranges of two, or those of several sources."""

from datetime import date

import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.spec.catalog.ages import date_of, last_day, years_since
from dse.spec.catalog.lookup import Source
from dse.spec.schema.base import SourcedUsd

DAYS = st.dates(date(1950, 1, 1), date(2050, 12, 31))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024", date(2024, 12, 31)), ("2024-02", date(2024, 2, 29)), ("2023-02", date(2023, 2, 28)),
        ("2024-06-27", date(2024, 6, 27)), ("2025/2026", date(2026, 12, 31)),
        ("2026-11-23+2023-08", date(2026, 11, 23)),
    ],
)  # fmt: skip
def test_a_period_ends_on_its_last_day_and_of_several_the_latest_counts(text: str, day: date) -> None:
    assert last_day(text) == day


@LAW
@given(DAYS, DAYS)
def test_an_age_is_the_days_between_and_never_negative(then: date, today: date) -> None:
    assert years_since(then.isoformat(), today) == max((today - then).days, 0) / 365.25


def test_a_value_has_its_own_date_before_that_of_its_sources() -> None:
    sources = {"a": Source(title="A", date="2020"), "b": Source(title="B", date="2021-05")}
    both = SourcedUsd(value="1 USD", source="a+b", basis="press")  # type: ignore[arg-type]
    assert date_of(both, sources) == "2020+2021-05"
    assert date_of(both.model_copy(update={"date": "2019"}), sources) == "2019"
