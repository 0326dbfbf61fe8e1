"""Text with a unit to SI and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import UnitError
from dse.spec.yaml.units import parse, pretty


@pytest.mark.parametrize(
    ("text", "unit", "si"),
    [
        ("3.35 TB/s", "B/s", 3.35e12),
        ("80 GB", "B", 80 * 10**9),
        ("16 GiB", "B", 16 * 2**30),
        ("230 MB", "B", 230_000_000),
        ("220 MiB", "B", 220 * 1024 * 1024),
        ("900 Gbit/s", "B/s", 112.5e9),  # 900 / 8
        ("25 kUSD", "USD", 25_000),
        ("188 TFLOP/s", "FLOP/s", 188e12),
        ("0.9 us", "s", 0.9e-6),
        ("814 mm2", "m2", 814e-6),
        ("0.07 / cm2", "1/m2", 700),  # 0.07 x 1e4
        ("0.36 USD/kWh", "USD/J", 1e-7),  # 0.36 / 3.6e6
        ("2 hour", "s", 7200),
        ("1 PB/s/GB", "1/s", 1e6),
        ("500 token/s", "token/s", 500),
        ("50 %", "", 0.5),
        ("6", "", 6),
    ],
)
def test_text_with_a_unit_becomes_si(text: str, unit: str, si: float) -> None:
    assert parse(text, unit) == pytest.approx(si, rel=1e-14)


def test_a_decimal_prefix_is_not_a_binary_one() -> None:
    assert parse("1 GiB", "B") - parse("1 GB", "B") == 2**30 - 10**9


def test_a_decimal_text_is_the_decimal_number() -> None:
    assert parse("3.35 TB/s", "B/s") == 3.35e12  # not 3.3500000000000003e12


@pytest.mark.parametrize(
    ("text", "unit", "why"),
    [
        ("3.35 TB", "B/s", "Cannot convert"),
        ("188 TFLOP/s", "token/s", "Cannot convert"),
        ("26000", "USD", "Cannot convert"),
        ("80 G", "B", "'G' is not defined"),
        ("80 gb", "B", "'gb' is not defined"),
        ("", "B", "no number"),
        ("fast", "B/s", "no number"),
        ("nan B", "B", "no number"),
        ("inf B", "B", "no number"),
        ("1e999 B", "B", "not finite"),
        ("1 +", "B", "expected a number"),
        ("GB", "B", "no number"),
        ("mm2", "m2", "no number"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(text: str, unit: str, why: str) -> None:
    with pytest.raises(UnitError, match=why) as error:
        parse(text, unit)
    assert f"'1 {unit}'" in str(error.value)
    assert repr(text) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_plain_number_is_asked_for_plainly() -> None:
    with pytest.raises(UnitError, match="expected a plain number, got '4 GB'"):
        parse("4 GB", "")


@given(
    st.decimals(min_value="0.001", max_value="1e6", places=3),
    st.sampled_from(("B", "B/s", "FLOP/s", "s", "W", "token/s")),
    st.sampled_from((("k", 3), ("M", 6), ("G", 9), ("T", 12), ("m", -3), ("u", -6))),
)
def test_a_prefix_is_a_power_of_ten(number: object, unit: str, prefix: tuple[str, int]) -> None:
    symbol, power = prefix
    # both sides round to 15 digits, so they may differ in the last bit
    assert parse(f"{number} {symbol}{unit}", unit) == pytest.approx(float(f"{number}e{power}"), rel=1e-14)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.35e12, "B/s", "3.35 TB/s"),
        (80e9, "B", "80.0 GB"),
        (999.4e9, "B", "999 GB"),
        (8.14e-4, "m2", "814 mm2"),
        (0.0021, "s", "2.10 ms"),
        (-0.0025, "s", "-2.50 ms"),
        (0.9e-6, "s", "900 ns"),
        (0.0, "s", "0 s"),
        (26000.0, "USD", "26,000 USD"),
        (2.43, "USD/(token/s)", "2.43 USD/(token/s)"),
    ],
)
def test_si_is_written_for_people(value: float, unit: str, text: str) -> None:
    assert pretty(value, unit) == text


@given(st.floats(1e-9, 1e17), st.sampled_from(("B", "B/s", "FLOP/s", "s", "W")))
def test_what_is_written_for_people_reads_back_to_its_digits(value: float, unit: str) -> None:
    # three digits: half a unit of the last is at most 0.5 % of the value; more below the smallest prefix
    smallest = {"s": 1e-9}.get(unit, 1.0)
    tolerance = 0.0051 * max(value, smallest * 0.01)
    assert parse(pretty(value, unit), unit) == pytest.approx(value, abs=tolerance)
