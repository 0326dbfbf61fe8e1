"""The package next to this file, installed in a folder of its own, and `dse` as its user runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from external_dse import Dse, Said
from studies_for_tests import write_study

PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package as pip installs it, without any look at the network."""
    source = tmp_path_factory.mktemp("source") / "package"
    shutil.copytree(PACKAGE, source)
    target = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--no-compile")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)],
        check=True, cwd=source, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )  # fmt: skip
    return target


@pytest.fixture(scope="session")
def python(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Dse:
    """Python in a process that has the package, in an empty folder."""
    folder = tmp_path_factory.mktemp("user")
    paths = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH", ""))))
    env = {**os.environ, "PYTHONPATH": paths, "NO_COLOR": "1", "COLUMNS": "140"}

    def run(*arguments: str) -> Said:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def dse(python: Dse) -> Dse:
    """`dse` in such a process."""
    return lambda *arguments: python("-m", "dse", *arguments)


@pytest.fixture(scope="session")
def results(dse: Dse, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A study that searches for the most tokens per joule, run, and the folder of its results."""
    folder = tmp_path_factory.mktemp("study")
    path = write_study(
        folder,
        objectives=["tokens_per_joule", "tpot"],
        goal="tokens_per_joule",
        reference_point={"tokens_per_joule": "0 token/J", "tpot": "100 ms"},
        budget={"trials": 6},
    )
    out = folder / "out"
    said = dse("run", str(path), "--out", str(out))
    assert said.code == 0, said.err
    return str(path), out


@pytest.fixture(scope="session")
def page(dse: Dse, results: tuple[str, Path]) -> str:
    """The page of that study."""
    study, out = results
    path = out / "page.html"
    said = dse("report", study, "--out", str(out), "-o", str(path))
    assert said.code == 0, said.err
    return path.read_text(encoding="utf-8")
