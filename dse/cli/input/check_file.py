"""Checks of single files: their kind, their values, and the names they use."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path

from dse.errors import Problem, SpecError, nearest, told, unknown
from dse.question.layouts import layout_remarks
from dse.question.pools.study import PooledStudy, checked_question
from dse.question.resolved_study import ResolvedStudy
from dse.spec.catalog.check_names import checked_spec
from dse.spec.catalog.kinds import SPECS
from dse.spec.catalog.lookup import KINDS, Catalog, Source, SourcesSpec, file_problems
from dse.spec.huggingface.naming import text_of
from dse.spec.schema.architecture import ArchitectureSpec
from dse.spec.schema.base import Spec
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.rents import RentsSpec
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.study import StudySpec
from dse.spec.schema.system import NetworkSpec, StackSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.traffic import TrafficSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import build_spec
from dse.spec.yaml.yaml_lines import Lines, read_yaml
from dse.text import is_count
from dse.traffic.checks import traffic_problems
from dse.traffic.workloads import hold_traffic
from dse.validate.llms.sizes import ACTIVE_WITHIN, TOTAL_WITHIN, llm_size

_ENDINGS = (".yaml", ".yml")


def files_in(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """YAML files at and below `paths`, hidden ones left out, and what is wrong with the paths."""
    # a mapping keeps the order and drops a file that is named twice
    found: dict[Path, None] = {}
    problems = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            # sorted, because the order of `rglob` is that of the file system
            inside = sorted(p for p in path.rglob("*") if p.suffix in _ENDINGS and not _hidden(p, path))
            if not inside:
                problems.append(Problem(str(path), "expected YAML files in this folder, got none"))
        elif not path.exists():
            problems.append(Problem(str(path), "expected a file or a folder, got a path that does not exist"))
            inside = []
        found |= dict.fromkeys(inside)
    return list(found), problems


def _hidden(path: Path, root: Path) -> bool:
    # only below the root: the folder that the user names may be hidden itself
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def check_files(paths: Sequence[Path], configs: Path | None = None) -> list[Problem]:
    """All problems in all files, in the order of the files."""
    catalog = _catalog(paths, configs)
    try:
        # sources among the files count too, also where their folder is no folder of configs
        known = {**catalog.sources(), **_own_sources(paths)}
    except SpecError:
        known = _own_sources(paths)  # a broken sources file among `paths` is reported by itself
    # several files may report the same problem; it is printed once
    found: dict[Problem, None] = {}
    for path in paths:
        try:
            # a list at once: the problems of a generator show only when it is read
            problems = told(_check(path, catalog, known))
        except SpecError as error:
            problems = list(error.problems)
        found |= dict.fromkeys(problems)
    return list(found)


def remarks_on(paths: Sequence[Path], configs: Path | None = None) -> list[str]:
    """What to mend in valid files, with file and line.

    Layouts of studies that engines may refuse, and parameters of LLMs that their layers do not add up to.
    """
    catalog, found = _catalog(paths, configs), dict[str, None]()
    for path in paths:
        data, lines = read_yaml(path)
        if isinstance(data, dict) and data.get("kind") == "llm":
            found |= dict.fromkeys(_of_sizes(path, build_spec(LlmSpec, data, str(path), lines), lines))
        if isinstance(data, dict) and data.get("kind") == "study":
            for case in (None, *checked_spec(path, None, catalog).cases):
                found |= dict.fromkeys(_of_layouts(path, checked_question(path, case, catalog), lines))
    return list(found)


def _of_sizes(path: Path, spec: LlmSpec, lines: Lines) -> Iterator[str]:
    """Remarks on stated parameters that the layers do not add up to."""
    size = llm_size(spec)
    stated = {
        "params": (size.published, size.params, size.error, TOTAL_WITHIN),
        "active_params": (size.published_active, size.active, size.active_error, ACTIVE_WITHIN),
    }
    for key, (published, counted, error, within) in stated.items():
        if published is not None and error is not None and abs(error) > within:
            yield (
                f"{path}:{lines.get((key,), 1)}: {key}: expected within {within:.0%} of the "
                f"{text_of(counted, 4)} that the layers add up to, got {text_of(published, 4)}"
            )


def _of_layouts(path: Path, study: ResolvedStudy | PooledStudy, lines: Lines) -> Iterator[str]:
    """Remarks on the TP and EP that a study lists, each by itself."""
    contexts = [m.context for m in getattr(study, "members", ())]
    contexts = contexts or ([study.context] if isinstance(study, ResolvedStudy) else [])
    listed, stored = study.spec.deployment, study.spec.precision.weights
    for llm in (context.llm for context in contexts):
        layouts = [("tp", tp, 1) for tp in listed.tp or ()] + [("ep", 1, ep) for ep in listed.ep or ()]
        for key, tp, ep in layouts:
            line = lines.get(("deployment", key), lines.get(("deployment",), 1))
            for text in layout_remarks(llm, stored, tp, 1, ep):
                yield f"{path}:{line}: deployment.{key}: {max(tp, ep)}: {text}"


def _catalog(paths: Iterable[Path], configs: Path | None) -> Catalog:
    """The catalog with every folder of configs that the files lie in, so that they see each other."""
    # a file in a folder named after a kind belongs to the folder of configs above it
    roots = dict.fromkeys(p.parent.parent for p in paths if p.parent.name in KINDS)
    # the checked folders first, so that their files hide others of the same names
    return Catalog((*roots, *Catalog.of(configs).folders))


def _own_sources(paths: Iterable[Path]) -> dict[str, Source]:
    """Sources that the checked files define themselves."""
    found: dict[str, Source] = {}
    for path in paths:
        try:
            data, lines = read_yaml(path)
            if isinstance(data, dict) and data.get("kind") == "sources":
                found |= build_spec(SourcesSpec, data, str(path), lines).sources
        except SpecError:
            # what is wrong with a file is reported when it is checked itself
            continue
    return found


def _check(path: Path, catalog: Catalog, known: dict[str, Source]) -> Iterator[Problem]:
    """Problems of one file, by the kind that it names."""
    data, lines = read_yaml(path)
    kind = data.get("kind") if isinstance(data, dict) else None
    # line 1 where the key is absent, so that an editor can still jump to the file
    if not isinstance(kind, str) or kind not in SPECS:
        line = lines.get(("kind",), 1)
        yield Problem(f"{path}:{line}", f"kind: {_no_kind(data, kind)}")
        return
    if SPECS[kind] is StudySpec:
        # each case is a question of its own, whose keys may be wrong where those of the study are not
        for case in (None, *checked_spec(path, None, catalog).cases):
            checked_question(path, case, catalog)
        return
    spec = build_spec(SPECS[kind], data, str(path), lines)
    if not isinstance(spec, SourcesSpec):
        for problem in (
            *file_problems(spec, path, known),
            *_names(spec, path, catalog),
            *_technologies(spec, path, catalog, data),
            *_traffic(spec, path, catalog),
        ):
            yield _with_line(problem, path, lines)


def _no_kind(data: object, kind: object) -> str:
    """What is wrong with a file that names no kind, or an unknown one."""
    if kind is not None:
        return unknown("kind", kind, SPECS)
    got = "no such key" if isinstance(data, dict) else f"a {type(data).__name__} instead of keys"
    return f"expected one of {', '.join(SPECS)}, got {'nothing' if data is None else got}"


def _names(spec: Spec, path: Path, catalog: Catalog) -> Iterator[Problem]:
    """Names that a chip or a space uses and the catalog does not have."""
    used: list[tuple[str, type[Spec], str]] = []
    if isinstance(spec, ChipSpec):
        used = [("stack", StackSpec, spec.stack), ("link.network", NetworkSpec, spec.link.network)]
        if spec.architecture is not None:
            used.append(("architecture", ArchitectureSpec, spec.architecture))
    elif isinstance(spec, RentsSpec):
        used = [(f"chips.{name}", ChipSpec, name) for name in spec.chips]
    elif isinstance(spec, SpaceSpec):
        for name, branch in spec.branches.items():
            used += [
                (f"branches.{name}.template", ChipSpec, branch.template),
                (f"branches.{name}.stack", StackSpec, branch.stack),
                (f"branches.{name}.network", NetworkSpec, branch.network),
            ]
    for where, kind, name in used:
        try:
            catalog.get(kind, name)
        except SpecError as error:
            first = error.problems[0]  # a file elsewhere that is wrong tells its own place
            yield first if first.where else Problem(str(path), f"{where}: {first.what}", key=where)


def _traffic(spec: Spec, path: Path, catalog: Catalog) -> Iterator[Problem]:
    """Traffic that is not as stated, and workloads whose lengths are not those of their traffic."""
    if isinstance(spec, TrafficSpec):
        yield from traffic_problems(spec, path)
    elif isinstance(spec, WorkloadSpec):
        try:
            hold_traffic(spec, catalog)
        except SpecError as error:
            yield from (p if p.where else Problem(str(path), p.what, key=p.key) for p in error.problems)


def _technologies(spec: Spec, path: Path, catalog: Catalog, data: object) -> Iterator[Problem]:
    """Nodes, kinds of DRAM and devices of a hypothetical chip that no technology has."""
    # a chip that exists may be made on a node of which nothing is published
    if not isinstance(spec, ChipSpec) or not spec.hypothetical:
        return
    try:
        known = list(catalog.all(TechnologySpec).values())
    except SpecError:  # a technology that is wrong is reported when it is checked itself
        return
    nodes = {node for t in known for node in t.nodes}
    drams = {name for t in known for name in t.dram}
    devices = drams | {name for t in known for name in t.memories}
    io, dram = spec.die.io, spec.dram
    written = spec.places(data) if isinstance(data, dict) else {}
    used: list[tuple[tuple[Hashable, ...], str, object, set[str]]] = [
        (("die", "process"), "a node", spec.die.process.value, nodes),
        (("die", "io", "process"), "a node", None if io is None else io.process.value, nodes),
        (
            ("dram", "generation"),
            "a kind of DRAM",
            None if dram is None else dram.generation,
            drams,
        ),
        *((("memories", i, "device"), "a device", m.device, devices) for i, m in enumerate(spec.memories)),
    ]
    for place, what, name, names in used:
        if name is None or name in names:
            continue
        # as the file has it, where `memories` lists sram and dram as well
        moved = next(
            (old + place[len(new) :] for new, old in written.items() if place[: len(new)] == new), place
        )
        key = ".".join(map(str, moved))
        text = f"{key}: expected {what} that a technology has, got {str(name)!r}; {nearest(str(name), names)}"
        yield Problem(str(path), text, key=key)


def _with_line(problem: Problem, path: Path, lines: Lines) -> Problem:
    """The line of the key that the problem is about."""
    # it has its line already, or is about another file
    if problem.where != str(path):
        return problem
    # the deepest key that has a line: a key that is absent has none
    parts: tuple[int | str, ...] = tuple(int(p) if is_count(p) else p for p in problem.key.split("."))
    while parts and parts not in lines:
        parts = parts[:-1]
    return Problem(f"{path}:{lines.get(parts, 1)}", problem.what)
