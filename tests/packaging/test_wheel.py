"""What a stranger installs is the wheel, so the wheel is what is tested here, away from the checkout."""

import json
import os
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from email import message_from_string
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network: hatchling comes with the test extra."""
    out = tmp_path_factory.mktemp("wheel")
    _python(["-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)], cwd=out)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds nothing but what the wheel brings."""
    target = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--quiet"]
    _python(["-m", "pip", "install", *options, "--target", str(target), str(wheel)], cwd=target)
    return target


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path


def _python(arguments: list[str], cwd: Path, path: Path | None = None) -> str:
    env = {**os.environ, "NO_COLOR": "1", **({"PYTHONPATH": str(path)} if path else {})}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def _told(wheel: Path, name: str) -> str:
    with ZipFile(wheel) as archive:
        (found,) = [n for n in archive.namelist() if n.endswith(f".dist-info/{name}")]
        return archive.read(found).decode()


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    return message_from_string(_told(wheel, "METADATA"))


def test_the_metadata_names_licence_extras_and_python(metadata: Message, wheel: Path) -> None:
    assert metadata["Name"] == "dse"
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra") or []) == set(PROJECT["optional-dependencies"])
    assert "Apache License" in _told(wheel, "licenses/LICENSE")


def test_every_dependency_is_in_the_metadata(metadata: Message) -> None:
    required = [r.partition(";")[0] for r in metadata.get_all("Requires-Dist") or []]
    extras = sum(len(extra) for extra in PROJECT["optional-dependencies"].values())
    assert len(required) == len(PROJECT["dependencies"]) + extras


def test_what_pages_are_made_of_is_shipped(wheel: Path) -> None:
    assets = {p.name for p in (ROOT / "dse" / "report" / "assets").iterdir()}
    assert {"page.css", "report.js"} <= assets
    assert {f"dse/report/assets/{name}" for name in assets} <= _names(wheel)


def test_only_the_two_packages_are_shipped_and_no_tests(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in _names(wheel)}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"dse", "objectives"}
    assert len(tops) == 3
    assert not [n for n in _names(wheel) if n.rpartition("/")[2].startswith(("test_", "conftest"))]


def test_every_config_study_and_page_of_documentation_is_shipped(wheel: Path) -> None:
    names = _names(wheel)
    shipped = {"configs": "dse/_bundled/configs", "studies": "dse/_bundled/studies", "dse/docs": "dse/docs"}
    wanted = [
        f"{place}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, place in shipped.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".yaml", ".csv", ".md")
    ]
    assert any(name.endswith("study.yaml") for name in wanted)
    assert sorted(set(wanted) - names) == []


def test_what_writes_our_own_pages_and_site_is_not_shipped(wheel: Path) -> None:
    assert [name for name in _names(wheel) if name.startswith(("dse/pages/", "dse/docs/generate/"))] == []


def test_an_installed_wheel_writes_new_files_and_their_schemas(installed: Path, elsewhere: Path) -> None:
    _python(["-m", "dse", "new", "chip", "from-wheel"], elsewhere, installed)
    assert "1 file" in _python(
        ["-m", "dse", "check", "my-configs/chips/from-wheel.yaml"], elsewhere, installed
    )
    schema = json.loads((elsewhere / "my-configs" / "schemas" / "chip.json").read_text(encoding="utf-8"))
    assert schema["title"] == "dse chip"


def test_every_entry_point_is_shipped_and_loads(wheel: Path, installed: Path, elsewhere: Path) -> None:
    parser = ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(_told(wheel, "entry_points.txt"))
    assert parser["console_scripts"]["dse"] == PROJECT["scripts"]["dse"]
    for group, points in PROJECT["entry-points"].items():
        assert dict(parser[group]) == points
    names = sorted(f"{group}:{name}" for group in PROJECT["entry-points"] for name in parser[group])
    told = _python(["-c", _LOAD], elsewhere, installed)
    assert json.loads(told) == names


_LOAD = """
import json
from importlib.metadata import distribution
points = [p for p in distribution("dse").entry_points if p.group.startswith("dse.") and p.load()]
print(json.dumps(sorted(f"{p.group}:{p.name}" for p in points)))
"""


def test_what_runs_is_the_installed_wheel_and_not_the_checkout(installed: Path, elsewhere: Path) -> None:
    told = _python(
        ["-c", "import dse, objectives; print(dse.__file__, objectives.__file__)"], elsewhere, installed
    )
    assert [Path(p).is_relative_to(installed) for p in told.split()] == [True, True]


def test_the_bundled_chips_are_found_from_any_directory(installed: Path, elsewhere: Path) -> None:
    rows = json.loads(_python(["-m", "dse", "catalog", "chips", "--format", "json"], elsewhere, installed))
    names = {row["name"] for row in rows}
    assert names == {path.stem for path in (ROOT / "configs" / "chips").glob("*.yaml")}


def test_the_bundled_study_runs_from_any_directory(installed: Path, elsewhere: Path) -> None:
    out = elsewhere / "answer"
    few = ["--trials", "8", "--no-verdicts", "--no-intervals"]
    _python(["-m", "dse", "run", "groq-vs-h100", *few, "--out", str(out)], elsewhere, installed)
    told = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert told["study"] == "0001-groq-vs-h100"
    assert told["trials"] == 8
    assert told["versions"]["dse"] == PROJECT["version"]
    assert len((out / "front.csv").read_text(encoding="utf-8").splitlines()) > 1
    assert (out / "front.png").read_bytes().startswith(b"\x89PNG")


def test_the_readme_has_exactly_two_commands_to_install_and_ci_runs_the_second() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    first, second = "pip install . && dse run groq-vs-h100", "pip install '.[test]' && pytest"
    assert [line for line in lines if line.startswith("pip ")] == [first, second]
    assert second in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
