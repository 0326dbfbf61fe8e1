"""Every tutorial works from its first line to its last, in an empty folder."""

from pathlib import Path

import pytest
from worked_pages import ROOT, examples_of, follow

TUTORIALS = sorted((ROOT / "dse" / "docs" / "tutorial").glob("*.md"))


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_reader_can_follow_the_tutorial(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    examples = examples_of(page)
    assert len(examples) > 3
    for example in examples:
        follow(example, tmp_path)
