"""The program as a person meets it: in a folder of its own, its output as text."""

from pathlib import Path

import pytest
import yaml
from said import call
from studies_for_tests import write_study

from dse.spec.catalog.config_paths import bundled


@pytest.fixture(scope="session")
def dse():
    return call


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Relative paths, such as `results`, lie in a folder of the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


PLAIN = ("--no-verdicts", "--no-intervals")


@pytest.fixture
def small_study(tmp_path):
    """A small study of one case, whose run takes a second."""
    return write_study(tmp_path / "studies")


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """Results of the bundled study, without its cases, after a few trials, and what the program said."""
    folder = tmp_path_factory.mktemp("small")
    own = folder / "studies" / "0001-groq-vs-h100" / "study.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(yaml.safe_dump(alone()))
    said = call("run", own, *PLAIN, "--trials", "8", "--out", folder / "results")
    return folder / "results", said


def alone():
    """What the bundled study asks, without its cases."""
    path = bundled("studies") / "0001-groq-vs-h100" / "study.yaml"
    return {k: v for k, v in yaml.safe_load(path.read_text()).items() if k != "cases"}


@pytest.fixture
def study_with(tmp_path):
    """Writes a copy of the bundled study, without its cases, with some keys exchanged."""

    def write(**changes):
        data = {**alone(), "name": "mine", "short": None, **changes}
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
