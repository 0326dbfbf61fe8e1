"""A plot of another package is drawn by name, listed in help and shown on the page of a study."""

import re
from base64 import b64decode
from pathlib import Path

from external_dse import Dse


def test_dse_plot_draws_an_external_plot(dse: Dse, results: tuple[str, Path], tmp_path: Path) -> None:
    study, out = results
    picture = tmp_path / "energy.svg"
    said = dse("plot", study, "energy", "-o", str(picture), "--out", str(out))
    assert said.code == 0, said.err
    assert "<svg" in picture.read_text(encoding="utf-8")


def test_help_and_errors_name_an_external_plot(dse: Dse, results: tuple[str, Path]) -> None:
    study, out = results
    assert "energy of a token over TPOT" in " ".join(dse("plot", "--help").out.split())
    said = dse("plot", study, "enegry", "-o", "x.svg", "--out", str(out))
    assert said.code == 2
    assert "did you mean 'energy'?" in said.err


def test_the_page_of_a_study_shows_an_external_plot(page: str) -> None:
    (held,) = re.findall(r'id="figure-energy" class="picture" src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert b"<svg" in b64decode(held)
    assert "Energy of a token over its time" in page
