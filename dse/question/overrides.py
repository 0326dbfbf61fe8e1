"""Numbers that a study replaces: `KIND/NAME.PATH` to a value."""

from collections.abc import Mapping, Sequence

from dse.errors import Problem, SpecError, nearest, unknown
from dse.spec.catalog.lookup import KINDS, Catalog
from dse.spec.overrides.replace import Value, override_texts
from dse.spec.schema.base import Spec
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.workload import WorkloadSpec, served
from dse.traffic.workloads import hold_traffic

FOLDERS = {
    "chip": "chips",
    "llm": "llms",
    "workload": "workloads",
    "stack": "stacks",
    "network": "networks",
    "economy": "economies",
    "technology": "silicon",
}
"""Kind of config to its folder."""


def with_settings(catalog: Catalog, settings: Mapping[str, Value]) -> Catalog:
    """The catalog with the numbers of `settings`; raises `SpecError` with all problems.

    A key is `KIND/NAME.PATH`, such as `chip/groq-lpu-v1.price` or `network/torus-3d.hop_latency`.
    """
    problems: list[Problem] = []
    parts: dict[tuple[str, str], dict[str, Value]] = {}
    for key, text in settings.items():
        try:
            kind, name, path = _place(catalog, key)
        except SpecError as error:
            problems += error.problems
        else:
            # by config, so that each is copied once and its problems come together
            parts.setdefault((kind, name), {})[path] = text
    changed: list[Spec] = []
    for (kind, name), texts in parts.items():
        try:
            found = catalog.get(KINDS[FOLDERS[kind]], name)
            changed.append(override_texts(found, texts))
        except SpecError as error:
            # a file that cannot be read tells its own place
            problems += [p if p.where else Problem("", f"{kind}/{name}.{p.what}") for p in error.problems]
    if problems:
        raise SpecError(problems)
    return catalog.with_overrides(changed)


def _place(catalog: Catalog, key: str) -> tuple[str, str, str]:
    """Kind, name and path; names may hold dots, so the longest that exists is taken."""
    kind, slash, rest = key.partition("/")
    if not slash or kind not in FOLDERS:
        raise SpecError([Problem("", f"expected KIND/NAME.PATH, got {key!r}; {nearest(kind, FOLDERS)}")])
    names = catalog.files(FOLDERS[kind])
    fitting = [name for name in names if rest.startswith(f"{name}.")]
    if not fitting:
        hint = nearest(rest.split(".")[0], names, f"dse catalog {FOLDERS[kind]}")
        raise SpecError([Problem("", f"unknown {kind} in {key!r}; {hint}")])
    name = max(fitting, key=len)
    return kind, name, rest[len(name) + 1 :]


def workload_of(catalog: Catalog, name: str, serving: str | None) -> WorkloadSpec:
    """The workload of that name, under another way of serving where one is given."""
    found = catalog.get(WorkloadSpec, name)
    hold_traffic(found, catalog)
    return found if serving is None else served(found, serving, "serving")


def space_of(catalog: Catalog, name: str, branches: Sequence[str]) -> SpaceSpec:
    """The space of that name, with the branches named alone where some are; raises `SpecError` otherwise."""
    found = catalog.get(SpaceSpec, name)
    odd = [Problem("", unknown("branch", b, found.branches)) for b in branches if b not in found.branches]
    if odd:
        raise SpecError(odd)
    chosen = {b: spec for b, spec in found.branches.items() if b in branches or not branches}
    return found.model_copy(update={"branches": chosen})
