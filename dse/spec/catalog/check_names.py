"""Names in a study are looked up even where its keys are wrong, so that all problems are reported at once."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from dse.errors import Problem, SpecError
from dse.plugins import cost_model, objective, sampler_factory
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import Spec
from dse.spec.schema.cases import case_spec
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.study import StudySpec
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import line_number
from dse.spec.yaml.yaml_lines import read_yaml

Place = tuple[str | int, ...]
"""Keys and indices that lead to a value in a file."""

_KINDS: Final[Mapping[str, type[Spec]]] = {
    "llm": LlmSpec,
    "workload": WorkloadSpec,
    "economy": EconomySpec,
    "technology": TechnologySpec,
    "space": SpaceSpec,
    "stack": StackSpec,
    "network": NetworkSpec,
    "baselines": ChipSpec,
    "chips": ChipSpec,
}
_PLUGINS: Final[Mapping[str, Callable[[str], object]]] = {
    "cost_model": cost_model,
    "objectives": objective,
    "sampler": sampler_factory,
}


def checked_spec(path: Path, case: str | None, catalog: Catalog) -> StudySpec:
    """The question at `path`; where its keys are wrong, `SpecError` names the unknown names in it too."""
    try:
        return case_spec(path, case)
    except SpecError as error:
        # in the order of the file, whichever check found them
        every = [*error.problems, *_unknown_names(path, catalog)]
        raise SpecError(sorted(every, key=lambda p: line_number(p.where))) from None


def _unknown_names(path: Path, catalog: Catalog) -> Iterator[Problem]:
    """A problem for each name that the catalog or the plug-ins do not have, at its line."""
    try:
        data, lines = read_yaml(path)
    except SpecError:
        # the other check has reported that the file cannot be read
        return
    for place, name in _names(data):
        key = _kind_of(place)
        try:
            if key in _KINDS:
                catalog.get(_KINDS[key], name)
            else:
                _PLUGINS[key](name)
        except SpecError as error:
            # the line of the item, else that of its key
            where = f"{path}:{lines.get(place, lines.get(place[:1], 1))}"
            said = ".".join(str(p) for p in place[:3]) if place[0] == "pools" else place[0]
            yield from (Problem(where, f"{said}: {problem}") for problem in error.problems)


def _kind_of(place: Place) -> str:
    """The key that says what a name at a place is of."""
    if place[0] == "pools":
        return "network" if place[1] == "link" else str(place[2])
    return str(place[-1] if place[0] == "mix" else place[0])


def _of_pools(pools: dict[object, object]) -> Iterator[tuple[Place, object]]:
    """Names of chips and spaces of every pool, and of the network between them."""
    for role, pool in pools.items():
        if role == "link":
            # a link may be stated by its numbers
            network = pool.get("network") if isinstance(pool, dict) else pool
            if isinstance(network, str) and not network[:1].isdigit():
                yield ("pools", "link"), network
        elif isinstance(pool, dict):
            yield ("pools", str(role), "space"), pool.get("space")
            chips = pool.get("chips")
            yield from (
                (("pools", str(role), "chips", i), chip)
                for i, chip in enumerate(chips if isinstance(chips, list) else ())
            )


def _names(data: object) -> Iterator[tuple[Place, str]]:
    """Every name and where it was written."""
    found: list[tuple[Place, object]] = []
    for key, value in data.items() if isinstance(data, dict) else ():
        if key == "mix" and isinstance(value, list):
            found += [
                ((key, i, inner), part.get(inner))
                for i, part in enumerate(value)
                if isinstance(part, dict)
                for inner in ("llm", "workload")
            ]
        elif key == "pools" and isinstance(value, dict):
            found += _of_pools(value)
        # a sampler may have options, which puts its name one level down
        elif key == "sampler" and isinstance(value, dict):
            found.append(((key, "name"), value.get("name")))
        elif key in _KINDS or key in _PLUGINS:
            several = value if isinstance(value, list) else None
            found += [((key,), value)] if several is None else [((key, i), v) for i, v in enumerate(several)]
    # what is no text is reported by the schema
    yield from ((place, value) for place, value in found if isinstance(value, str))
