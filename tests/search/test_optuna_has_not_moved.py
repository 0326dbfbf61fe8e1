"""A canary: the installed Optuna is still what `dse.search.storage.optuna_private` takes it for."""

import ast
import inspect
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import SimpleNamespace

import optuna
import optuna_canary as canary
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileSymlinkLock

import dse
from dse.search.storage import optuna_private

PRIVATE = Path(optuna_private.__file__)
PACKAGE = Path(dse.__file__).parent


def test_optuna_is_still_what_we_take_it_for() -> None:
    moved = canary.moved()
    assert not moved, "\n".join(
        ["Optuna has moved; dse/search/storage/optuna_private.py is the one file to change:", *moved]
    )


@pytest.mark.parametrize("name", canary.NAMES, ids=lambda n: n.path)
def test_a_name_that_is_gone_is_named(name: canary.Name) -> None:
    lost = replace(name, path=f"{name.path}_is_gone")
    assert list(canary.names_moved((lost,))) == [
        f"Optuna {optuna.__version__} has no {name.module}.{name.path}_is_gone."
    ]


def test_a_module_that_is_gone_is_named() -> None:
    lost = canary.Name("optuna.storages._gone", "Thing")
    assert list(canary.names_moved((lost,))) == [
        f"Optuna {optuna.__version__} has no optuna.storages._gone.Thing."
    ]


def test_a_method_that_is_taken_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(optuna.storages.RDBStorage, "_create_new_trial")
    assert canary.moved() == [
        f"Optuna {optuna.__version__} has no optuna.storages.RDBStorage._create_new_trial."
    ]


def test_another_signature_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optuna.storages.GrpcStorageProxy, "_setup", lambda self, credentials: None)
    assert list(canary.names_moved()) == [
        "optuna.storages.GrpcStorageProxy._setup takes (self, credentials), expected (self)."
    ]


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [(kind, attribute) for kind, (_, held) in canary.ATTRIBUTES.items() for attribute in held],
)
def test_an_attribute_that_is_gone_is_named(kind: str, attribute: str) -> None:
    held = canary.ATTRIBUTES[kind][1]
    without = SimpleNamespace(**{name: None for name in held if name != attribute})
    assert list(canary.attributes_moved({kind: (lambda: without, held)})) == [
        f"{kind} has no attribute {attribute}."
    ]


@pytest.mark.parametrize("table", canary.COLUMNS)
def test_a_table_with_other_columns_is_named(table: str) -> None:
    def columns(names: set[str]) -> SimpleNamespace:
        return SimpleNamespace(columns=[SimpleNamespace(name=name) for name in names])

    tables = SimpleNamespace(**{name: columns(held) for name, held in canary.COLUMNS.items()})
    assert list(canary.tables_moved(tables)) == []
    gone = min(canary.COLUMNS[table])
    setattr(tables, table, columns(canary.COLUMNS[table] - {gone} | {"tenant"}))
    assert list(canary.tables_moved(tables)) == [
        f"Optuna's table of {table} lacks the columns ['{gone}'] and has new ones, ['tenant']."
    ]


def test_a_key_that_optuna_adds_to_a_journal_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    write = JournalStorage._write_log

    def with_tenant(self: JournalStorage, op_code: int, fields: dict[str, object]) -> None:
        write(self, op_code, {**fields, "tenant": 1} if op_code == 4 else fields)

    monkeypatch.setattr(JournalStorage, "_write_log", with_tenant)
    assert list(canary.lines_moved()) == [
        "A journal line of operation 4 differs from that of Optuna in tenant."
    ]


def test_enqueued_parameters_elsewhere_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optuna_private, "FIXED_PARAMS", "queued")
    assert list(canary.habits_moved()) == [
        "An enqueued trial holds its parameters in ['fixed_params'], expected in fixed_params."
    ]


def test_a_lock_that_fails_otherwise_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JournalFileSymlinkLock, "release", lambda self: None)
    assert list(canary.habits_moved()) == ["A lock that is gone is released without a RuntimeError."]


def test_the_canary_knows_every_private_name_of_the_file() -> None:
    """Every underscore after a dot and every private module is in the lists of the canary."""
    tree = ast.parse(PRIVATE.read_text(encoding="utf-8"))
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr.startswith("_")}
    used -= {"_insert_whole", "__init__", "__context__"}  # ours and Python's
    used |= {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and "._" in node.module
        for alias in node.names
    }
    known = {part for name in canary.NAMES for part in name.path.split(".")}
    known |= {attribute for _, held in canary.ATTRIBUTES.values() for attribute in held}
    whole = {f"{name.module}.{name.path.split('.')[0]}" for name in canary.NAMES}
    whole |= {name.module for name in canary.NAMES}
    assert {name for name in used - known if name not in whole} == set()


def _modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PRIVATE]


@pytest.mark.parametrize("path", [p for p in _modules() if "optuna" in p.read_text(encoding="utf-8")])
def test_no_other_file_uses_private_parts_of_optuna(path: Path) -> None:
    """No import of a private module, and no underscore after a dot but behind `self` and `cls`."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("optuna"):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            found += [name for name in names if name.startswith("_")]
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id in ("self", "cls")):
                found.append(f"line {node.lineno}: {node.attr}")
    assert found == [], path


def test_no_other_class_overrides_a_private_method_of_optuna() -> None:
    for module in walk_packages([str(PACKAGE / "search")], "dse.search."):
        import_module(module.name)
    found = []
    for name, module in sorted(sys.modules.items()):
        if not name.startswith("dse.") or module is optuna_private:
            continue
        for _, made in inspect.getmembers(module, inspect.isclass):
            bases = [b for b in made.__mro__ if b.__module__.startswith("optuna")]
            own = [n for n in vars(made) if n.startswith("_") and not n.startswith("__")]
            own = own if made.__module__ == name else []
            # what abc itself puts into every class is no method
            found += [(made, n) for n in own for b in bases if n in vars(b) and not n.startswith("_abc")]
    assert found == []
