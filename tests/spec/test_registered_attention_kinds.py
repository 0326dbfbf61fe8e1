"""A kind of attention that is broken is refused by its entry point and its package, wherever it is broken."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dse.bounds.attention.built_in import COMPRESSED, INDEX, LATENT, LINEAR, SOFTMAX
from dse.errors import PluginError
from dse.plugins import ATTENTION_KINDS
from dse.spec.attention import registered
from dse.spec.attention.keys_of_blocks import with_attention
from dse.spec.attention.kind import KindEntry, LayerSpec
from dse.spec.attention.registered import attention_kinds, second_count_of
from dse.spec.schema.base import Spec
from dse.spec.schema.layers import BlockSpec
from objectives.api import Attention

Register = Callable[..., None]


@dataclass(frozen=True)
class Mine:
    """A layer of this file."""

    heads: int = 1


MINE = replace(SOFTMAX, architecture=Mine)
COUNTS = vars(SOFTMAX.counts)
WRONG: dict[str, tuple[object, str]] = {
    "no entry": ("text", "expected a dse.spec.attention.kind.KindEntry, got a str"),
    "no class": (replace(MINE, architecture=Mine()), "architecture: expected a class, got Mine(heads=1)"),
    "no keys": (replace(MINE, spec=Spec), "spec: expected a class derived from LayerSpec"),
    "no way": (replace(MINE, spec=LayerSpec), "spec: expected a class with resolve, got one without"),
    "no function": (replace(MINE, counts=SimpleNamespace(**{**COUNTS, "seen": None})), "none named seen"),
    "no count": (replace(MINE, second_count=object()), "got none named weights, kv_elements, state_bytes,"),
    "known class": (
        replace(MINE, architecture=Attention),
        "class of its own, got that of 'attention'",
    ),
}


class Theirs:
    """The package that registers it."""

    name, version = "their-package", "0.1"


@dataclass(frozen=True, eq=False)
class Point:
    """An entry point that loads what it is given."""

    name: str
    entry: object
    group: str = ATTENTION_KINDS
    dist: object = Theirs

    def load(self) -> object:
        if isinstance(self.entry, Exception):
            raise self.entry
        return self.entry


OURS = (
    Point("attention", SOFTMAX),
    Point("latent_attention", LATENT),
    Point("linear_attention", LINEAR),
    Point("index", INDEX),
    Point("compressed", COMPRESSED),
)


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """Registers kinds behind ours."""

    def points(*others: Point) -> None:
        monkeypatch.setattr(registered, "every_point", lambda group: (*OURS, *others))
        attention_kinds.cache_clear()
        registered._second_counts.cache_clear()

    yield points
    monkeypatch.undo()
    attention_kinds.cache_clear()
    registered._second_counts.cache_clear()


@pytest.mark.parametrize("fault", WRONG)
def test_a_broken_kind_is_refused_by_its_entry_point_and_package(register: Register, fault: str) -> None:
    entry, words = WRONG[fault]
    register(Point("mine", entry))
    with pytest.raises(PluginError) as caught:
        attention_kinds()
    (line,) = caught.value.lines
    assert line.startswith("dse.attention_kinds 'mine' of their-package 0.1: ")
    assert words in line


def test_a_kind_that_does_not_load_is_named(register: Register) -> None:
    register(Point("mine", ImportError("no module named theirs")))
    with pytest.raises(PluginError, match=r"their-package 0\.1: expected a plug-in that loads, got: no"):
        attention_kinds()


def test_an_installation_without_kinds_says_what_to_do(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register()
    monkeypatch.setattr(registered, "every_point", lambda group: ())
    with pytest.raises(PluginError, match="expected the built-in kinds, got none; install dse again"):
        attention_kinds()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("latent_attention", "got 'latent_attention', which another package has registered too"),
        ("My-kind", "expected a key of small letters, digits and _, got 'My-kind'"),
    ],
)
def test_a_key_is_one_that_a_file_can_have_once(register: Register, key: str, words: str) -> None:
    register(Point(key, MINE))
    with pytest.raises(PluginError, match=words):
        attention_kinds()


@pytest.mark.parametrize("key", ["ffn", "count", "resolve"])
def test_a_key_of_a_block_is_not_taken(register: Register, key: str) -> None:
    class Block(BlockSpec.__bases__[0]):  # type: ignore[misc]
        """A block without kinds."""

    register(Point(key, MINE))
    with pytest.raises(PluginError, match=f"got '{key}', which a block has already"):
        with_attention(Block)


def test_a_second_count_belongs_to_one_class(register: Register) -> None:
    class Heir(Mine):
        """As a layer of `Mine`, but for a feature."""

    register(Point("mine", MINE))
    assert second_count_of(Mine()) is MINE.second_count
    with pytest.raises(TypeError, match=r"expected one of Attention, .*, Mine, got Heir"):
        second_count_of(Heir())


def test_ours_are_keys_of_a_block_between_its_count_and_the_rest() -> None:
    keys, kinds = list(BlockSpec.model_fields), list(attention_kinds())
    assert {"attention", "latent_attention", "linear_attention"} <= set(kinds)
    assert keys[: len(kinds) + 3] == ["count", *kinds, "ffn", "experts"]
    assert all(isinstance(entry, KindEntry) for entry in attention_kinds().values())


def test_the_program_ends_with_one_line_for_a_broken_kind(tmp_path: Path) -> None:
    info = tmp_path / "theirs-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 0.1\n", encoding="utf-8")
    points = "[dse.attention_kinds]\nmine = no_such_module:MINE\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        [sys.executable, "-m", "dse", "schema", "llm"],
        env={**os.environ, "PYTHONPATH": paths, "NO_COLOR": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    what = "dse.attention_kinds 'mine' of theirs 0.1: expected a plug-in that loads, got: No module named"
    assert what in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
