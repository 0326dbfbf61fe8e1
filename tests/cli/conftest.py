"""The program as a person meets it: in a folder of its own, its output as text."""

from pathlib import Path

import pytest
import yaml
from said import call

from dse.spec.places import bundled


@pytest.fixture(scope="session")
def dse():
    return call


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Relative paths, such as `results`, lie in a folder of the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """Results of the bundled study after a few trials, and what the program said."""
    out = tmp_path_factory.mktemp("small") / "results"
    few = ("--no-verdicts", "--no-intervals", "--trials", "8")
    return out, call("run", "groq-vs-h100", *few, "--out", out)


@pytest.fixture
def study_with(tmp_path):
    """Writes a copy of the bundled study, without its cases, with some keys exchanged."""

    def write(**changes):
        path = bundled("studies") / "0001-groq-vs-h100" / "study.yaml"
        asked = yaml.safe_load(path.read_text())
        alone = {k: v for k, v in asked.items() if k not in ("cases", "short")}
        data = {**alone, "name": "mine", **changes}
        own = tmp_path / "studies" / "mine" / "study.yaml"
        own.parent.mkdir(parents=True)
        own.write_text(yaml.safe_dump(data))
        return own

    return write


@pytest.fixture
def config_with(tmp_path):
    """Writes a copy of a bundled config, as `my/KIND/NAME.yaml`, with some of its text exchanged."""

    def write(kind, name, *changes):
        text = (bundled("configs") / kind / f"{name}.yaml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        own = tmp_path / "my" / kind / f"{name}.yaml"
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(text)
        return Path(own)

    return write
