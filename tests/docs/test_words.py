"""Sentences that a user sees have no private words: each is listed with what to write instead."""

import functools
import re

import pytest
from docs_words import BANNED, ROOT, UNMENDED, Sentence, private_words, sentences


@functools.cache
def _all_sentences() -> list[Sentence]:
    """Read once, and not when tests are only collected."""
    return list(sentences())


def _waits(path: str) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in UNMENDED)


def test_no_sentence_has_a_private_word() -> None:
    found = [
        f"{s.path}:{s.line}: {', '.join(words)}: {' '.join(s.text.split())[:120]}"
        for s in _all_sentences()
        if not _waits(s.path) and (words := private_words(s.text))
    ]
    assert not found, "\n".join(["", *found])


def test_every_kind_of_sentence_is_looked_at() -> None:
    paths = {s.path for s in _all_sentences()}
    for wanted in ("README.md", "dse/cli/main.py", "dse/errors.py", "configs/workloads/chat.yaml"):
        assert wanted in paths, wanted
    assert any(path.startswith("studies/") and path.endswith("study.yaml") for path in paths)


def test_nothing_waits_that_is_not_there() -> None:
    assert [place for place in UNMENDED if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("words", BANNED)
def test_a_banned_word_is_a_valid_expression_with_advice(words: str) -> None:
    assert re.compile(words)
    assert BANNED[words]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What was told is kept aside.", ["told", "kept aside"]),
        ("The table stands beside it.", ["beside", "stands"]),
        ("A standard of outstanding retelling.", []),
        ("The key `told` is code.", []),
        ("The metric entry_price is a name; the entry price is not.", ["entry price"]),
    ],
)
def test_words_are_found_whole_and_outside_of_code(text: str, found: list[str]) -> None:
    assert sorted(private_words(text)) == sorted(found)
