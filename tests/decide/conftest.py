"""A small study that was run, and the program as a person meets it."""

import pytest
from said import call
from studies_for_tests import write_study

import dse


@pytest.fixture(scope="session")
def dse_verb():
    return call


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Relative paths, such as `results`, lie in a folder of the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


SMALL = {
    "deployment": {
        "mode": "solve",
        "batch": [1, 8, 32, 64, 128, 256],
        "tp": [1, 2, 8, 16],
        "pp": [1, 2, 8, 20, 40, 80],
    },
    "budget": {"trials": 40},
    "report_at": ["5 ms", "50 ms"],
}


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """`study.yaml` of a small study and the folder of its results."""
    folder = tmp_path_factory.mktemp("decide")
    path = write_study(folder, **SMALL)
    dse.run(dse.load_study(str(path)), out=folder / "results")
    return path, folder / "results"


@pytest.fixture(scope="session")
def study(stored):
    return dse.load_study(str(stored[0]))


@pytest.fixture(scope="session")
def front(stored):
    return dse.load_front(stored[1])
