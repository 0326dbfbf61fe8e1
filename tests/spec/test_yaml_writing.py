"""What is written as YAML reads back as the same thing, a number a line and no longer than it must be."""

from pathlib import Path

import pytest
import yaml
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import SpecError
from dse.spec.catalog.lookup import KINDS, Catalog
from dse.spec.schema.base import Sourced
from dse.spec.yaml.loading import build_spec
from dse.spec.yaml.units import parse
from dse.spec.yaml.writing import exact, yaml_of
from dse.spec.yaml.yaml_lines import parse_yaml, read_yaml

UNITS = ("B", "B/s", "FLOP/s", "W", "s", "token/s", "J", "m2", "USD", "USD/B", "token", "")


@pytest.mark.parametrize("kind", ["stacks", "networks", "economies", "silicon"])
def test_every_config_of_sourced_numbers_survives_being_written(kind: str) -> None:
    """Chips are written by the tests of proposals."""
    for name, spec in Catalog().all(KINDS[kind]).items():
        assert build_spec(KINDS[kind], yaml.safe_load(yaml_of(spec)), name) == spec


@LAW
@given(st.floats(1e-15, 1e21), st.sampled_from(UNITS))
def test_every_number_survives_being_written_with_its_unit(value: float, unit: str) -> None:
    # 15 significant digits are what the reader keeps
    assert parse(exact(value, unit), unit) == float(f"{value:.15g}")


@LAW
@given(st.integers(1, 9999), st.integers(0, 4), st.sampled_from(("B", "KiB", "MiB", "GiB", "TiB")))
def test_whole_binary_sizes_are_written_in_whole_numbers(count: int, shift: int, name: str) -> None:
    power = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}[name]
    value = float(count * 2 ** min(power + 10 * shift, 40))
    number, _, _ = exact(value, "B").partition(" ")
    assert "e" not in number
    assert len(exact(value, "B")) <= len(f"{value:.0f} B")


@LAW
@given(
    st.integers(1, 99_999),
    st.sampled_from((("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12))),
    st.sampled_from(("B/s", "FLOP/s", "W", "token/s")),
)
def test_no_text_is_longer_than_the_one_it_was_read_from(
    count: int, prefix: tuple[str, int], unit: str
) -> None:
    text = f"{count} {prefix[0]}{unit}"
    assert len(exact(parse(text, unit), unit)) <= len(text)


def test_a_comment_comes_first_and_is_no_part_of_the_file() -> None:
    spec = Catalog().get(KINDS["networks"], "torus-3d")
    plain, remarked = yaml_of(spec), yaml_of(spec, "One line.\nAnd another.")
    assert remarked == "# One line.\n# And another.\n" + plain


def test_what_is_at_its_default_is_not_written_and_every_sourced_number_is() -> None:
    chip = Catalog().get(KINDS["chips"], "groq-lpu-v1")
    written = yaml.safe_load(yaml_of(chip))
    for name, field in type(chip).model_fields.items():
        value = getattr(chip, name)
        plain = not isinstance(value, Sourced)
        usual = not field.is_required() and value == field.get_default(call_default_factory=True)
        assert ((field.alias or name) in written) is not (plain and usual), name
    unknown = Catalog().get(KINDS["chips"], "lpu-hbm")
    assert unknown.price.value is None
    assert yaml.safe_load(yaml_of(unknown))["price"]["value"] is None


@pytest.mark.parametrize("word", ["null", "true", "False", "yes", "No", "on", "OFF", "12", "1e3", "a: b", ""])
def test_a_text_that_yaml_would_read_as_something_else_stays_text(word: str) -> None:
    spec = Catalog().get(KINDS["networks"], "torus-3d").model_copy(update={"title": word})
    assert yaml.safe_load(yaml_of(spec))["title"] == word


# --- lines


@st.composite
def documents(draw: st.DrawFn) -> dict[str, object]:
    """Nested mappings and lists in which every key and every item occurs once in the whole document."""
    numbers = iter(range(10**6))

    def one(depth: int) -> object:
        kind = draw(st.sampled_from(("leaf", "map", "list"))) if depth < 3 else "leaf"
        size = draw(st.integers(1, 3))
        if kind == "map":
            return {f"k{next(numbers)}": one(depth + 1) for _ in range(size)}
        if kind == "list":
            return [one(depth + 1) for _ in range(size)]
        return f"v{next(numbers)}"

    return {f"k{next(numbers)}": one(0) for _ in range(draw(st.integers(1, 4)))}


def _leaves(data: object, path: tuple[object, ...] = ()) -> list[tuple[tuple[object, ...], str]]:
    """Every path whose own text can be looked for: keys by their name, items of lists by their value."""
    found: list[tuple[tuple[object, ...], str]] = []
    if isinstance(data, dict):
        for key, value in data.items():
            found += [((*path, key), f"{key}:"), *_leaves(value, (*path, key))]
    elif isinstance(data, list):
        for i, value in enumerate(data):
            if isinstance(value, str):
                found.append(((*path, i), value))
            found += _leaves(value, (*path, i))
    return found


@LAW
@given(documents(), st.integers(0, 5), st.booleans())
def test_every_key_and_every_item_knows_its_line(data: dict[str, object], above: int, flow: bool) -> None:
    text = "# remark\n" * above + yaml.safe_dump(data, default_flow_style=flow, sort_keys=False)
    read, lines = parse_yaml(text, "x.yaml")
    assert read == data
    rows = text.splitlines()
    for path, words in _leaves(data):
        at = next(i for i, row in enumerate(rows, start=1) if words in _words(row))
        assert lines[path] == at, path


def _words(row: str) -> list[str]:
    """The words of a line of YAML, brackets and commas taken away."""
    return (
        row.replace("{", " ").replace("}", " ").replace("[", " ").replace("]", " ").replace(",", " ").split()
    )


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is written twice"),
        ("a:\n  b: 1\n  c: 1\n  b: 2\n", 4, "the key 'b' is written twice"),
        ("a: 1\n[b, c]: 2\n", 2, "expected a plain key, got a list or a mapping"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "expected YAML, got "),
        ("a: 1\n\tb: 2\n", 2, "expected YAML, got "),
    ],
)
def test_what_is_wrong_with_the_text_is_reported_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_yaml(text, "x.yaml")
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"x.yaml:{line}: {what}")


def test_the_same_key_may_occur_in_two_places() -> None:
    read, lines = parse_yaml("a:\n  x: 1\nb:\n  x: 2\n", "x.yaml")
    assert read == {"a": {"x": 1}, "b": {"x": 2}}
    assert (lines["a", "x"], lines["b", "x"]) == (2, 4)


def test_an_empty_file_is_nothing_and_starts_at_line_one() -> None:
    assert parse_yaml("# only a remark\n", "x.yaml") == (None, {(): 1})


def test_text_that_is_deeply_nested_is_refused_and_text_of_some_levels_is_read() -> None:
    read, _ = parse_yaml("[" * 90 + "]" * 90, "x.yaml")
    depth = 0
    while read:
        read, depth = read[0], depth + 1
    assert depth == 89  # the innermost list is empty
    for deep in ("[" * 150 + "]" * 150, "[" * 900, "- " * 50_000):
        with pytest.raises(SpecError, match=r"x\.yaml:1: expected at most 100 levels of nesting"):
            parse_yaml(deep, "x.yaml")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file or directory"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: K\u00fche\n".encode("latin-1"))
    with pytest.raises(SpecError, match="cannot be read: it is not UTF-8 text"):
        read_yaml(tmp_path / "latin.yaml")
