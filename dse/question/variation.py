"""A resolved study with some of its numbers replaced: the same question under other assumptions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from dse.errors import nearest, spec_error
from dse.question.resolved_study import ResolvedStudy, resolve_study
from dse.spec.overrides.replace import override_all
from dse.spec.overrides.short_names import CHIP, ECONOMY, NETWORK, STACK, TECHNOLOGY, WORKLOAD
from dse.spec.schema.base import Leaf, SourcedRatio, SourcedShare, Spec, sourced_values, unit_in
from dse.spec.schema.chip import ChipSpec

SHORT: dict[str, Mapping[str, str]] = {
    "chip": CHIP,
    "stack": STACK,
    "network": NETWORK,
    "technology": TECHNOLOGY,
    "workload": WORKLOAD,
    "economy": ECONOMY,
}
"""Kind of config to the short names of its numbers."""


@dataclass(frozen=True)
class Place:
    """Where one number of a study is written."""

    config: str
    """`kind/name`, a key of `ResolvedStudy.configs`."""
    path: str
    """Dotted path in it."""

    def __str__(self) -> str:
        return f"{self.config}: {self.path}"


@dataclass(frozen=True, eq=False)
class Fact:
    """One sourced number that a study rests on."""

    place: Place
    leaf: Leaf
    unit: str
    """SI unit; the empty string for a plain number."""

    @property
    def value(self) -> float:
        """In SI."""
        value = self.leaf.value
        return float(value or 0.0)

    @property
    def most(self) -> float:
        """The largest that it can be: 1 for a share, else infinite."""
        return 1.0 if isinstance(self.leaf, SourcedRatio | SourcedShare) else float("inf")

    @property
    def counted(self) -> bool:
        """Whether it is a whole number."""
        return isinstance(self.leaf.value, int)


def facts(study: ResolvedStudy, kinds: Iterable[str] = tuple(SHORT)) -> Iterator[Fact]:
    """Every known number with a source in the configs of the given kinds.

    Of the technology those of nodes and of kinds of DRAM that no chip of the study uses are left out.
    """
    used = _used_parts(study)
    for key, spec in study.configs.items():
        if spec_kind(key) not in kinds:
            continue
        for path, leaf in sourced_values(spec):
            section, _, rest = path.partition(".")
            # the part of a technology path behind its section: a node or a kind of DRAM
            part = rest.partition(".")[0]
            if spec_kind(key) == "technology" and section in used and part not in used[section]:
                continue
            # bool is an int in Python
            if isinstance(leaf.value, (int, float)) and not isinstance(leaf.value, bool):
                yield Fact(Place(key, path), leaf, unit_of_leaf(leaf))


def unit_of_leaf(leaf: Leaf | type[Leaf]) -> str:
    """SI unit of a sourced number; the empty string for a plain one."""
    kind = leaf if isinstance(leaf, type) else type(leaf)
    return unit_in(kind.model_fields["value"].annotation) or ""


def spec_kind(key: str) -> str:
    """The kind in a key `kind/name`."""
    return key.partition("/")[0]


def _used_parts(study: ResolvedStudy) -> dict[str, set[str]]:
    """Nodes and kinds of DRAM that the chips of a study are made of."""
    chips = [s for s in study.configs.values() if isinstance(s, ChipSpec)]
    searched = _searched_parts(study)
    nodes = searched["nodes"] | {str(c.die.process.value) for c in chips}
    return {"nodes": nodes, "dram": searched["dram"] | {c.dram.generation for c in chips if c.dram}}


def _searched_parts(study: ResolvedStudy) -> dict[str, set[str]]:
    """Nodes and kinds of DRAM of the search space."""
    branches = [b.spec for b in study.branches.values()]
    return {
        "nodes": {node for b in branches for node in b.nodes},
        "dram": {generation for b in branches for generation in b.generations},
    }


def places_of(study: ResolvedStudy, text: str) -> tuple[Place, ...]:
    """Places that a name means: a short name such as `wafer cost`, or `KIND[/NAME].PATH` with `*`.

    A short name of the technology means the nodes and the DRAM of the search space, not those of baselines.
    Raises `SpecError` with the nearest name.
    """
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    for kind, table in SHORT.items():
        # a short name such as `price` does not say of which chip, so chips need KIND/NAME.PATH
        if name in table and kind != "chip":
            return tuple(_matching(study, kind, "*", table[name], searched_only=True))
    section, name_of_config, path = _dotted(study, text.strip())
    if section is not None:
        found = tuple(_matching(study, section, name_of_config, SHORT[section].get(path, path)))
        if found:
            return found
    known = [*(n for kind, table in SHORT.items() if kind != "chip" for n in table)]
    raise spec_error("", f"unknown name {text!r}; {nearest(name, known)}")


def _dotted(study: ResolvedStudy, text: str) -> tuple[str | None, str, str]:
    """Kind, name (`*` when left out) and path of `KIND.PATH` or `KIND/NAME.PATH`; names may hold dots."""
    # longest first: names may hold dots, so one may begin as another does
    for key in sorted(study.configs, key=len, reverse=True):
        if text.startswith(f"{key}."):
            return spec_kind(key), key.partition("/")[2], text[len(key) + 1 :]
    kind, _, path = text.partition(".")
    return (kind, "*", path) if kind in SHORT and path else (None, "", "")


def _matching(
    study: ResolvedStudy, kind: str, name: str, pattern: str, *, searched_only: bool = False
) -> Iterator[Place]:
    """Places in configs of a kind whose path fits `pattern`, but for parts that no chip uses."""
    used = _used_parts(study)
    if searched_only:
        used = _searched_parts(study)
    for key, spec in study.configs.items():
        if spec_kind(key) != kind or not fnmatchcase(key.partition("/")[2], name):
            continue
        # most files leave the context out, and it can be set all the same
        known = {path for path, _ in sourced_values(spec)} | (
            {pattern} if _optional(kind, pattern) else set()
        )
        for path in sorted(known):
            section, _, rest = path.partition(".")
            # a pattern means what the study uses; a path without one is taken at its word
            outside = section in used and rest.partition(".")[0] not in used[section]
            if fnmatchcase(path, pattern) and not (kind == "technology" and "*" in pattern and outside):
                yield Place(key, path)


def _optional(kind: str, path: str) -> bool:
    return (kind, path) == ("workload", "context")


def leaf_at(study: ResolvedStudy, place: Place) -> Leaf | None:
    """The sourced number at a place; None where the file leaves it out."""
    return dict(sourced_values(study.configs[place.config])).get(place.path)


def _is_whole(spec: object, path: str) -> bool:
    """Whether the number at a dotted path is a whole one."""
    for name in path.split("."):
        spec = spec.get(name) if isinstance(spec, dict) else getattr(spec, name, None)
    return isinstance(getattr(spec, "value", None), int)


def vary(
    study: ResolvedStudy, values: Mapping[Place, float | str], baselines: Iterable[str] | None = None
) -> ResolvedStudy:
    """The study with numbers replaced, in SI, and everything that follows from them computed again.

    `baselines` are those that are wanted, all when None: each costs about a millisecond.
    Raises `SpecError` where the study cannot do with the new numbers.
    """
    changed: dict[str, Spec] = dict(study.configs)  # those that stay are not looked for on disk again
    given: dict[str, dict[str, float | str]] = {}
    for place, value in values.items():
        # varied numbers are floats, which the fields of whole numbers refuse
        whole = isinstance(value, float) and _is_whole(changed[place.config], place.path)
        given.setdefault(place.config, {})[place.path] = round(float(value)) if whole else value
    for config, numbers in given.items():
        changed[config] = override_all(changed[config], numbers, "what if")
    catalog = study.setting.catalog.with_overrides(changed.values())
    # the catalog holds the settings already
    spec = study.spec.model_copy(update={"settings": None})
    if baselines is not None:
        wanted = set(baselines)
        # a stack of a baseline that is left out would be an unknown name
        left = {name for name in study.baselines if name not in wanted}
        spec = spec.model_copy(
            update={
                "baselines": tuple(n for n in study.baselines if n in wanted),
                "stacks": {name: stack for name, stack in spec.stacks.items() if name not in left},
            }
        )
    found = resolve_study(spec, study.path, catalog, study.case)
    if found.setting.stacks == study.setting.stacks:
        return found
    # a baseline that is looked up later keeps the stack that the study gives it
    return replace(found, setting=replace(found.setting, stacks=study.setting.stacks))
