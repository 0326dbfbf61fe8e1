"""Numbers that a question sets itself stand in for those of the catalog, everywhere in that question."""

from pathlib import Path

import pytest
from studies_for_tests import write_study

from dse.chips.resolve import chip_columns
from dse.errors import SpecError
from dse.question.resolved_study import load_study

LISTED = {"space": None, "sweep": {"objective": "tpot", "low": "1 ms", "high": "9 ms"}}


def columns(folder: Path, settings: dict[str, object]):
    study = load_study(str(write_study(folder, **LISTED, price={"method": "listed"}, settings=settings)))
    return chip_columns(study.baselines["groq-lpu-v1"], study.setting)


def test_a_price_and_a_latency_are_those_of_the_question(tmp_path: Path) -> None:
    asked = {"chip/groq-lpu-v1.price": "6000 USD", "network/groq-dragonfly.hop_latency": "1 us"}
    found = columns(tmp_path, asked)
    assert (found["price_usd"], found["link_latency"]) == (6000.0, 1e-6)


def test_a_number_of_another_chip_moves_nothing(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert columns(one, {"chip/h100-sxm.price": "1 USD"}) == columns(other, {})


def test_the_digest_of_a_config_tells_that_a_number_was_set(tmp_path: Path) -> None:
    plain = load_study(str(write_study(tmp_path / "plain"))).digests()
    own = {"llm/llama2-70b.params": "69B"}
    told = load_study(str(write_study(tmp_path / "own", settings=own))).digests()
    assert {key for key in plain if plain[key] != told[key]} == {"study", "llm/llama2-70b"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("chip/grok.price", "1 USD", "unknown chip"),
        ("chp/groq-lpu-v1.price", "1 USD", "did you mean 'chip'"),
        ("chip/groq-lpu-v1.prise", "1 USD", "did you mean 'price'"),
        ("chip/groq-lpu-v1.price", "1 m", "expected a number with a unit such as '1 USD'"),
        ("chip/groq-lpu-v1.price_basis", "new", "expected one of list, street"),
        ("chip/groq-lpu-v1.die", "1", "expected a number with a source"),
        ("llm/llama2-70b.blocks.0.attention", 1, "expected a number with a source"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_its_line(
    tmp_path: Path, key: str, value: str, words: str
) -> None:
    path = write_study(tmp_path, settings={key: value})
    line = 1 + [text.partition(":")[0] for text in path.read_text().splitlines()].index("settings")
    with pytest.raises(SpecError) as error:
        load_study(str(path))
    assert words in str(error.value)
    assert f"{path}:{line}: settings" in str(error.value)
