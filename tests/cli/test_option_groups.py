"""A dataclass among the parameters of a verb becomes the options that are its fields."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from dse.cli.input.search_options import AnswerOptions, repeated
from dse.cli.terminal.option_groups import with_groups


@dataclass(frozen=True, kw_only=True)
class Size:
    """Two options, one of them required."""

    width: Annotated[int, typer.Option(help="How wide.")]
    height: Annotated[int, typer.Option(help="How high.")] = 3


def run(*words: str) -> tuple[int, str, list[object]]:
    seen: list[object] = []

    def draw(name: str, size: Size, deep: int = 1) -> None:
        seen.extend([name, size, deep])

    app = typer.Typer(rich_markup_mode=None)
    app.command()(with_groups(draw))
    said = CliRunner().invoke(app, words)
    return said.exit_code, said.output, seen


def test_a_verb_receives_its_group() -> None:
    assert run("box", "--width", "2", "--deep", "5") == (0, "", ["box", Size(width=2), 5])
    assert run("box", "--height", "4", "--width", "2")[2] == ["box", Size(width=2, height=4), 1]


def test_a_field_without_a_default_is_required() -> None:
    code, said, seen = run("box")
    assert (code, seen) == (2, [])
    assert "--width" in said


def test_the_help_has_the_fields_where_the_group_stands() -> None:
    text = run("--help")[1]
    assert [word for word in text.split() if word.startswith("--")][:3] == ["--width", "--height", "--deep"]


def test_the_command_that_continues_gives_the_same_answer() -> None:
    options = AnswerOptions(no_targets=True, with_unanchored=True, samples=7, out=Path("r"))
    assert repeated("run", "mine", options, trials=9, seed=None) == (
        "dse run mine --trials 9 --samples 7 --out r --no-targets --with-unanchored"
    )
    assert repeated("sweep", "mine", AnswerOptions(no_intervals=True)) == "dse sweep mine --no-intervals"
