"""What a foreign page or another machine may try against `dse view`, and what it gets."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial
from optuna_dashboard import wsgi
from view.asking import ask

from dse.search.storage.read_only_view import ReadOnlyError, ReadOnlyView
from dse.view.dashboard import dashboard
from dse.view.guard import POLICY, guarded, hardened, is_loopback
from dse.view.server import HOST, address, serving

PORT = "8650"


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.mark.parametrize("host", ["localhost:8650", "LOCALHOST:8650", "127.0.0.1:8650", "[::1]:8650"])
def test_names_of_this_machine_are_let_in(host: str) -> None:
    assert is_loopback(host, PORT)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8650",
        "localhost",
        "127.0.0.1",
        "localhost:80",
        "[::1]",
        "localhost:",
        "127.0.0.1.evil.example:8650",
        "localhost.evil.example:8650",
        "127.0.0.2:8650",
        "0.0.0.0:8650",
        "localhost:8650@evil.example",
        "xlocalhost:8650",
        "[::1]:8650:8650",
    ],
)
def test_any_other_host_is_refused(host: str) -> None:
    assert not is_loopback(host, PORT)


def test_a_name_that_was_made_to_point_here_gets_nothing(site: str) -> None:
    """DNS rebinding: the browser believes it talks to evil.example, the socket leads to us."""
    port = site.rpartition(":")[2]
    for path in ("/", "/status.json", "/studies/small", "/api/studies", "/dashboard", "/assets/plotly.js"):
        for host in ("evil.example", f"evil.example:{port}"):
            found = ask(site, path, Host=host)
            assert found.status == 403
            assert b"small" not in found.body
    assert ask(site, "/", Host=f"localhost:{port}").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "MERGE"])
def test_nothing_but_reading_gets_through(site: str, results: Path, method: str) -> None:
    before = content(results)
    for path in ("/", "/studies/small", "/api/studies/0", "/api/studies", "/api/trials/0/tell", "/dashboard"):
        found = ask(site, path, method, Origin="https://evil.example")
        assert found.status == 405 and found.headers["allow"] == "GET, HEAD"
        assert "access-control-allow-origin" not in found.headers
    assert content(results) == before


def raw_dashboard(path: Path) -> Iterator[str]:
    """The dashboard as it ships, on the same storage."""
    shown = wsgi(JournalStorage(JournalFileBackend(str(path))))
    with serving(shown, 0) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield address(server)
        server.shutdown()
        thread.join(10)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two designs: a cheap and fast one that does not fit, and an honest one."""
    path = tmp_path / "small" / "study.journal"
    path.parent.mkdir()
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(path))),
        study_name="small",
        directions=["minimize", "minimize"],
    )
    study.add_trial(create_trial(values=[1.0, 1.0], constraints={"capacity": 5e9}))
    study.add_trial(create_trial(values=[2.0, 2.0], constraints={"capacity": -1.0}))
    study.add_trial(create_trial(state=TrialState.FAIL))
    return path


def test_a_foreign_page_can_delete_a_study_from_the_dashboard_as_it_ships(journal: Path) -> None:
    """Why the wrapper is there; when this fails, look whether it still has to be."""
    for raw in raw_dashboard(journal):
        assert (
            ask(raw, "/api/studies/0", "DELETE", Origin="https://evil.example", Host="evil.example").status
            == 204
        )
    assert JournalStorage(JournalFileBackend(str(journal))).get_all_studies() == []


def test_an_infeasible_trial_is_best_for_the_dashboard_as_it_ships_and_not_for_ours(journal: Path) -> None:
    for raw in raw_dashboard(journal):
        reported = json.loads(ask(raw, "/api/studies/0").body)
        assert [t["number"] for t in reported["best_trials"]] == [0]
        assert [t["constraints"] for t in reported["trials"]] == [[], [], []]
    mirror = ReadOnlyView({"small": JournalStorage(JournalFileBackend(str(journal)))})
    with serving(guarded(dashboard(mirror)), 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        site = address(server)
        reported = json.loads(ask(site, "/api/studies/0").body)
        assert [t["number"] for t in reported["best_trials"]] == [1]
        assert [t["constraints"] for t in reported["trials"]] == [[5e9], [-1.0], []]
        rest = json.loads(ask(site, "/api/studies/0?after=2").body)
        assert [t["number"] for t in rest["trials"]] == [2]
        assert [t["number"] for t in rest["best_trials"]] == [1]
        assert ask(site, "/api/studies/7").status == 404
        server.shutdown()


def test_one_objective_has_the_best_feasible_trial_or_none(tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    study = optuna.create_study(storage=storage, study_name="one", direction="maximize")
    mirror = ReadOnlyView({"one": storage})
    assert mirror.best(0) == []
    study.add_trial(create_trial(values=[9.0], constraints={"capacity": 1.0}))
    assert mirror.best(0) == []
    study.add_trial(create_trial(values=[3.0], constraints={"capacity": 0.0}))
    study.add_trial(create_trial(values=[2.0], constraints={"capacity": 0.0}))
    assert mirror.best(0) == [1]


def test_a_mirror_refuses_every_way_of_writing(journal: Path) -> None:
    before = journal.read_bytes()
    mirror = ReadOnlyView({"small": JournalStorage(JournalFileBackend(str(journal)))})
    writes = [name for name in dir(mirror) if name.startswith(("set_", "create_", "delete_"))]
    assert len(writes) == 10
    for name in writes:
        with pytest.raises(ReadOnlyError):
            getattr(mirror, name)(0)
    with pytest.raises(ReadOnlyError):
        optuna.load_study(study_name="small", storage=mirror).ask()
    assert journal.read_bytes() == before


def test_trials_of_several_studies_keep_apart_in_one_mirror(tmp_path: Path) -> None:
    sources = {}
    for name, value in (("a", 1.0), ("b", 2.0)):
        sources[name] = JournalStorage(JournalFileBackend(str(tmp_path / name)))
        study = optuna.create_study(storage=sources[name], study_name=name)
        study.add_trial(create_trial(values=[value]))
    mirror = ReadOnlyView(sources)
    assert [(s.study_name, s._study_id) for s in mirror.get_all_studies()] == [("a", 0), ("b", 1)]
    identities = [mirror.get_all_trials(i)[0]._trial_id for i in (0, 1)]
    assert len(set(identities)) == 2
    assert [mirror.get_trial(i).values for i in identities] == [[1.0], [2.0]]
    for wrong in (-1, 2):
        with pytest.raises(KeyError):
            mirror.get_all_trials(wrong)


def test_every_answer_carries_the_headers_that_keep_others_out(site: str) -> None:
    for path in (
        "/",
        "/studies/small",
        "/status.json",
        "/nothing",
        "/assets/report.js",
        "/api/studies",
        "/dashboard",
    ):
        headers = ask(site, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "http" not in policy and "default-src" in policy
    assert ask(site, "/").headers["content-security-policy"] == POLICY
    assert "unsafe-eval" not in POLICY and "script-src 'self';" in POLICY
    shut = hardened([("Access-Control-Allow-Origin", "*"), ("X-Frame-Options", "ALLOW")])
    assert [value for name, value in shut if name == "X-Frame-Options"] == ["DENY"]
    assert not any(name.startswith("Access-Control") for name, _ in shut)


def test_it_listens_on_the_loopback_interface_alone(site: str) -> None:
    assert HOST == "127.0.0.1"
    assert site.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "path",
    [
        "/studies/../../etc/passwd",
        "/studies/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../page.py",
        "/assets/%2fetc%2fpasswd",
        "/studies//etc/passwd",
        "/assets/page.css.bak",
        "/studies/small/study.journal",
        "/studies/%ff%fe",
    ],
)
def test_no_path_leads_out_of_what_is_served(site: str, path: str) -> None:
    found = ask(site, path)
    assert found.status == 404 and b"root:" not in found.body
