"""Small studies in a folder of results, and a server of ours on a free port."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from studies_for_tests import write_study

import dse
from dse.view.app import View
from dse.view.live import LiveStudy
from dse.view.server import address, serving
from dse.view.studies import Studies


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with the study `small` in it; its study lies beside."""
    folder = tmp_path_factory.mktemp("view")
    study = write_study(folder / "studies", budget__trials=25)
    dse.run(str(study), out=folder / "results" / "small")
    return folder / "results"


@pytest.fixture
def studies(results: Path) -> Studies:
    found = Studies(results)
    name = str(results.parent / "studies" / "small" / "study.yaml")
    found.add(LiveStudy("small", results / "small", None, name))
    return found


@pytest.fixture
def site(studies: Studies) -> Iterator[str]:
    """Address of a server of these results."""
    with serving(View(studies).app, 0) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield address(server)
        server.shutdown()
        thread.join(10)
