"""Numbers of the command line, `--set NAME=VALUE`, in the place of those of the files."""

from collections.abc import Mapping
from typing import TypeVar

from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.overrides.replace import Value, override, override_texts
from dse.spec.overrides.short_names import CHIP, ECONOMY, NETWORK, STACK, WORKLOAD, by_short_name, names
from dse.spec.schema.base import Spec
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.units import plain_number
from dse.text import short

S = TypeVar("S", bound=Spec)
OPTION = "--set"
OF_CHIP = "chip/"
"""Before the name of a chip, where a number is set for one of several."""


def apply_settings(
    settings: Mapping[str, str],
    chip: ChipSpec,
    stack: StackSpec,
    network: NetworkSpec,
    workload: WorkloadSpec,
) -> tuple[ChipSpec, StackSpec, NetworkSpec, WorkloadSpec]:
    """The four specs with the numbers of `settings`; raises `SpecError` with every problem at once."""
    settings = by_short_name(settings)
    problems = _unknown(settings, names())
    # problems are collected, not raised, so that those of all four specs are reported together
    changed_chip = _collected(chip, CHIP, settings, problems)
    changed = (
        _collected(stack, STACK, settings, problems),
        _collected(network, NETWORK, settings, problems),
        _collected(workload, WORKLOAD, settings, problems),
    )
    if problems:
        raise SpecError(problems)
    return _with_its_cache(chip, changed_chip, settings), *changed


def chip_with(settings: Mapping[str, str], chip: ChipSpec) -> ChipSpec:
    """The chip alone with the numbers of `settings`; raises `SpecError` with every problem at once."""
    settings = by_short_name(settings)
    # of a chip alone: its stack, network and workload are chosen elsewhere
    problems = _unknown(settings, tuple(CHIP))
    changed = _collected(chip, CHIP, settings, problems)
    if problems:
        raise SpecError(problems)
    return _with_its_cache(chip, changed, settings)


def economy_with(settings: Mapping[str, str], economy: EconomySpec) -> EconomySpec:
    """The economy with the numbers of `settings`; raises `SpecError` with every problem of its own names."""
    problems: list[Problem] = []
    changed = _collected(economy, ECONOMY, by_short_name(settings), problems)
    if problems:
        raise SpecError(problems)
    return changed


def of_one_chip(settings: Mapping[str, str], chip: str | None) -> dict[str, str]:
    """Settings without those of other chips: `chip/NAME.price` is the price of the chip NAME alone."""
    found: dict[str, str] = {}
    for key, text in settings.items():
        name, _, own = key.removeprefix(OF_CHIP).rpartition(".")
        if not key.startswith(OF_CHIP):
            found[key] = text
        elif name == chip:
            found[own] = text
    return found


def checked_values(settings: Mapping[str, str] | None) -> dict[str, str]:
    """Settings from Python; raises `SpecError` for what is no mapping of names to numbers or texts."""
    if not isinstance(settings, Mapping | None):
        what = f"expected a mapping such as {{'hbm_bandwidth': '5 TB/s'}}, got {short(settings)}"
        raise spec_error(OPTION, what)
    given = dict(settings or {})
    problems = [
        Problem(
            OPTION,
            f"{name}: expected a number with its unit, such as '5 TB/s', got {short(value)}",
            key=str(name),
        )
        for name, value in given.items()
        if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, str | int | float)
    ]
    if problems:
        raise SpecError(problems)
    return given


def hold_names(settings: Mapping[str, str]) -> None:
    """Raise `SpecError` for every name of `settings` that cannot be set, or that is set twice."""
    problems = _unknown(by_short_name(settings), names())
    if problems:
        raise SpecError(problems)


def _unknown(settings: Mapping[str, str], known: tuple[str, ...]) -> list[Problem]:
    """A problem for each name that cannot be set."""
    wrong = (name for name in settings if name not in known)
    return [Problem(OPTION, f"unknown name {n!r}; {_hint(n, known)}", key=n) for n in wrong]


def _hint(name: str, known: tuple[str, ...]) -> str:
    """The nearest names; `dse compare` writes `CHIP.NAME`, so else those like the part after the dot."""
    whole = nearest(name, known)
    return whole if whole.startswith("did you mean") else nearest(name.rpartition(".")[2], known)


def _collected(spec: S, table: Mapping[str, str], settings: Mapping[str, str], problems: list[Problem]) -> S:
    """The spec with the settings that `table` names; adds what is wrong with them to `problems`."""
    # problems are reported under the name that the user wrote
    paths = {table[name]: name for name in settings if name in table}
    texts = {path: _number(settings[name]) for path, name in paths.items()}
    try:
        return override_texts(
            spec, texts, OPTION, names=paths, source="command-line", note="given with --set"
        )
    except SpecError as error:
        problems += error.problems
        return spec


def _with_its_cache(before: ChipSpec, after: ChipSpec, settings: Mapping[str, str]) -> ChipSpec:
    """The chip whose last level grew by as many bytes as its SRAM.

    A larger cache is a larger last level: the caches of the cores belong to the cores, whose number stays.
    """
    # a last level that the user sets is taken at its word
    if "sram" not in settings or "last_level" in settings or after.sram.last_level is None:
        return after
    level, old, new = after.sram.last_level.value, before.sram.capacity.value, after.sram.capacity.value
    if level is None or old is None or new is None:
        return after
    # SRAM that shrinks by more than the last level leaves none
    return override(after, "sram.last_level", max(level + new - old, 0.0), "as much larger as the SRAM")


def _number(text: str) -> Value:
    """A plain number, whole where it is written so, else the text with its unit."""
    number = plain_number(text)
    return text if number is None else number
