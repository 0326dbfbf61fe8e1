"""Everything that exists, by name, alias or path: a user's folder is searched before the bundled one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

from dse.errors import Problem, SpecError, nearest, spec_error, told, unknown
from dse.reading import YAML_LIMIT, read_text
from dse.spec.catalog.config_paths import OWN, config_folders
from dse.spec.catalog.names import spelt_chip, spelt_llm
from dse.spec.schema.architecture import ArchitectureSpec
from dse.spec.schema.base import IsoDate, Spec, sourced_values
from dse.spec.schema.buildable import BuildableSpec
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.rents import RentsSpec
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.traffic import TrafficSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import load_spec
from dse.spec.yaml.yaml_lines import parse_yaml, read_yaml
from dse.text import LONGEST, short

KINDS: dict[str, type[Spec]] = {
    "chips": ChipSpec,
    "llms": LlmSpec,
    "workloads": WorkloadSpec,
    "traffic": TrafficSpec,
    "stacks": StackSpec,
    "architectures": ArchitectureSpec,
    "networks": NetworkSpec,
    "economies": EconomySpec,
    "silicon": TechnologySpec,
    "spaces": SpaceSpec,
    "buildable": BuildableSpec,
    "rents": RentsSpec,
}
"""Sub-folder of a configs folder to the spec of the files in it."""

S = TypeVar("S", bound=Spec)


class Source(Spec):
    """Where a number comes from."""

    title: str
    """Author, title, version."""
    url: str | None = None
    """Where it can be read."""
    date: IsoDate
    """When it was published or read."""


class SourcesSpec(Spec):
    """The bibliography: key to source."""

    kind: str
    """`sources`."""
    sources: dict[str, Source]
    """Sources by key."""


@dataclass(frozen=True)
class Catalog:
    """All configs in the given folders."""

    folders: tuple[Path, ...] = field(default_factory=config_folders)
    # a dict has no hash; it counts for equality all the same
    overrides: Mapping[tuple[type[Spec], str], Spec] = field(default_factory=dict, hash=False)
    """Specs that replace those of the files, by type and name, such as those of a "what if" question."""

    def with_overrides(self, specs: Iterable[Spec]) -> "Catalog":
        """The same catalog with some specs replaced by others of their names."""
        new = {(type(spec), str(getattr(spec, "name", ""))): spec for spec in specs}
        return replace(self, overrides={**self.overrides, **new})

    @classmethod
    def of(cls, configs: Path | str | None) -> "Catalog":
        """The bundled catalog, with a user's folder `configs` searched first."""
        # a folder that is missing has no files, so no look-up would report it
        if configs is not None and not (isinstance(configs, str | Path) and Path(configs).is_dir()):
            raise spec_error("--configs", f"expected a folder, got {short(str(configs))}")
        return cls(config_folders(configs))

    def files(self, kind: str) -> dict[str, Path]:
        """Name to file, sorted by name; the first folder that has a name wins."""
        return dict(_first_of(tuple(_listed(folder / kind) for folder in self.folders)))

    def path(self, kind: str, name: str) -> Path:
        """File of the `kind` that goes by `name`: a path to a YAML, a name, an alias, or a spelling."""
        # a suffix always means a path, so that a missing file is reported as one
        label = {"economies": "economy", "silicon": "technology"}.get(kind, kind.removesuffix("s"))
        if name.endswith((".yaml", ".yml")):
            if _there(name):
                return Path(name)
            raise spec_error("", f"{label}: expected a file, got {short(name)}, which does not exist")
        if (found := self.named(kind, name)) is not None:
            return found
        files = self.files(kind)
        aliases = self._aliases(files)
        # most often a new file whose folder was not named
        if _there(str(OWN / kind / f"{name}.yaml")):
            raise spec_error("", f"unknown {label} {name!r}; found in {OWN}: add `--configs {OWN}`")
        raise spec_error("", unknown(label, name, [*files, *aliases], f"dse catalog {kind}"))

    def named(self, kind: str, name: str) -> Path | None:
        """As `path`, of a name, an alias or a spelling; None where there is none."""
        if len(name) > LONGEST:
            return None
        # the name first, then aliases, then spellings: from certain and cheap to guessed and costly
        files = self.files(kind)
        if name.lower() in files:
            return files[name.lower()]
        aliases = self._aliases(files)
        if name.lower() in aliases:
            return aliases[name.lower()]
        spelt = {"chips": spelt_chip, "llms": spelt_llm}.get(kind)
        # of a name and an equal alias, the name wins
        return None if spelt is None else spelt(name, {**aliases, **files})

    def get(self, spec: type[S], name: str) -> S:
        """The spec that goes by `name`; raises `SpecError` with the nearest names."""
        kind = next(k for k, s in KINDS.items() if s is spec)
        # first, because a spec that replaces another need not be in a file
        known = self.overrides.get((spec, str(name)))
        if known is not None:
            return cast(S, known)
        path = self.path(kind, str(name))
        loaded = _load(spec, path)
        hold_name(loaded, path)
        # found by alias or path too: the name inside the file decides
        stand_in = self.overrides.get((spec, str(getattr(loaded, "name", ""))), loaded)
        return cast(S, stand_in)

    def all(self, spec: type[S]) -> dict[str, S]:
        """Every spec of a kind, by name."""
        kind = next(k for k, s in KINDS.items() if s is spec)
        return {name: _load(spec, path) for name, path in self.files(kind).items()}

    def drafting(self) -> list[str]:
        """LLMs whose files have layers that draft."""
        return [name for name, llm in self.all(LlmSpec).items() if llm.draft_layers is not None]

    def sources(self) -> dict[str, Source]:
        """The bibliography of all folders."""
        found: dict[str, Source] = {}
        # the last update wins, so the first folder comes last
        for folder in reversed(self.folders):
            for path in sorted(folder.glob("sources*.yaml")):
                found.update(_load(SourcesSpec, path).sources)
        return found

    def check(self) -> int:
        """Load everything; returns the number of files, raises `SpecError` with all problems at once."""
        problems: list[Problem] = []
        paths = [(spec, path) for kind, spec in KINDS.items() for path in self.files(kind).values()]
        # first, because without them no citation can be checked
        known = self.sources()
        for spec, path in paths:
            try:
                loaded = _load(spec, path)
            except SpecError as error:
                problems += error.problems
                # a file that cannot be read has no names or sources to check
                continue
            problems += told(file_problems(loaded, path, known))
            problems += self._missing(loaded, path)
        if problems:
            raise SpecError(told(problems))
        return len(paths)

    def _missing(self, spec: Spec, path: Path) -> Iterator[Problem]:
        """Names in a chip that the catalog does not have."""
        if isinstance(spec, ChipSpec):
            named: list[tuple[type[Spec], str]] = [(StackSpec, spec.stack), (NetworkSpec, spec.link.network)]
            # not every chip has one
            if spec.architecture is not None:
                named.append((ArchitectureSpec, spec.architecture))
            for other, name in named:
                try:
                    self.get(other, name)
                except SpecError as error:
                    yield Problem(str(path), str(error.problems[0]))

    def _aliases(self, files: dict[str, Path]) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for path in files.values():
            for alias in _aliases_in(path):
                # files come sorted by name, so of two with one alias the same one always wins
                found.setdefault(alias.lower(), path)
        return found


# a flow list, or a block list of one item a line
_ALIASES = re.compile(r"^aliases: *(\[[^\]]{0,4000}\]|\n(?: *- .*\n){1,200})", re.MULTILINE)


def _aliases_in(path: Path) -> list[str]:
    """Aliases that a file gives, read without the rest of it, so that a look-up costs no catalog of chips.

    Problems of a file are reported by `check`, and when the file itself is loaded.
    """
    return _aliases_at(path, _stamp(path))


@lru_cache(maxsize=1024)
def _aliases_at(path: Path, stamp: tuple[int, int]) -> list[str]:  # noqa: ARG001 - the cache key
    try:
        found = _ALIASES.search(read_text(path, YAML_LIMIT))
        # what was matched is YAML by itself
        data, _ = parse_yaml("" if found is None else found[0], str(path))
    except SpecError:
        return []
    aliases = data.get("aliases") if isinstance(data, dict) else None
    return [a for a in aliases or () if isinstance(a, str)]


def name_problem(spec: Spec, path: Path) -> str:
    """What is wrong with the name in a file; the empty string for that of the file, or for none."""
    name = getattr(spec, "name", path.stem)
    return "" if name == path.stem else f"name: expected {path.stem!r} as the file is called, got {name!r}"


def hold_name(spec: Spec, path: Path) -> None:
    """Raise `SpecError` for a name that is not that of the file: it may be one that stacks were fitted to."""
    if why := name_problem(spec, path):
        _, lines = read_yaml(path)
        raise SpecError([Problem(f"{path}:{lines.get(('name',), 1)}", why)])


def file_problems(spec: Spec, path: Path, known: dict[str, Source]) -> Iterator[Problem]:
    """Problems that a spec alone does not show: the name of its file, unknown sources."""
    if why := name_problem(spec, path):
        yield Problem(str(path), why, key="name")
    # keys joined by + are all cited
    for where, leaf in sourced_values(spec):
        for key in leaf.source.split("+"):
            if key not in known:
                what = f"{where}: unknown source {key!r}; {nearest(key, known)}"
                yield Problem(str(path), what, key=where)


def _there(path: str) -> bool:
    """Whether there is such a file; a name that no file can have, such as one of a page, is none."""
    try:
        return Path(path).exists() and not Path(path).is_dir()
    except (OSError, ValueError):
        return False


def _listed(folder: Path) -> tuple[Path, ...]:
    """YAML files of a folder, sorted; read again where one was added or removed."""
    try:
        return _listed_at(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=256)
def _listed_at(folder: Path, stamp: int) -> tuple[Path, ...]:  # noqa: ARG001 - the cache key
    return tuple(sorted(folder.glob("*.yaml")))


@lru_cache(maxsize=256)
def _first_of(listed: tuple[tuple[Path, ...], ...]) -> dict[str, Path]:
    """Name to file of the first folder that has one, sorted by name."""
    found: dict[str, Path] = {}
    for path in (path for folder in listed for path in folder):
        found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


# cached by the stamp of the file too: `dse view` runs for hours and must see edits
@lru_cache(maxsize=1024)
def _load_at(spec: type[Spec], path: Path, stamp: tuple[int, int]) -> Spec:  # noqa: ARG001 - the cache key
    return load_spec(spec, path)


def _load(spec: type[S], path: Path) -> S:
    return cast(S, _load_at(spec, path, _stamp(path)))


def _stamp(path: Path) -> tuple[int, int]:
    """Changes whenever the file is written: time of change and size."""
    try:
        status = path.stat()
    except OSError:
        # a file that is missing is reported by name when it is read
        return (0, 0)
    # the size too: two writes may fall into one tick of the file system's clock
    return (status.st_mtime_ns, status.st_size)
