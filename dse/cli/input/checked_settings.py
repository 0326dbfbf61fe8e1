"""Names and settings of a command line; all mistakes are reported at once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from dse.chips.price_method import price_methods
from dse.errors import Problem, SpecError, spec_error
from dse.spec.catalog.lookup import Catalog


def parse_settings(
    configs: Path | None,
    settings: Sequence[str],
    *,
    chips: Sequence[str] = (),
    argument: str = "",
    **names: str | None,
) -> dict[str, str]:
    """`NAME=VALUE` as pairs; raises `SpecError` with every unknown name and wrong setting at once.

    `names` are values of options; `chips` are those of `argument`, which has a place instead of an option.
    """
    problems = [
        # the option --llm names a config of the kind llms
        *(p for option, name in names.items() for p in _unknown(configs, f"{option}s", name, f"--{option}")),
        *(p for chip in chips for p in _unknown(configs, "chips", chip, argument)),
        *_no_settings(settings),
    ]
    if problems:
        raise SpecError(problems)
    pairs = [text.partition("=") for text in settings]
    # at the first sign: a value may hold more of them
    return {name.strip(): value.strip() for name, _, value in pairs}


def _no_settings(texts: Sequence[str]) -> list[Problem]:
    """What is no setting, and names that are set twice, of which the last would win in silence."""
    pairs = [text.partition("=") for text in texts]
    # an incomplete setting is a problem of its own below
    counts = Counter(
        name.strip() for name, equals, value in pairs if name.strip() and equals and value.strip()
    )
    twice = [Problem("--set", f"{name}: expected once, got {n} times") for name, n in counts.items() if n > 1]
    return twice + [
        Problem("--set", f"expected NAME=VALUE such as hbm_bandwidth='5 TB/s', got {text!r}")
        for text, (name, equals, value) in zip(texts, pairs, strict=True)
        if not (name.strip() and equals and value.strip())
    ]


def _unknown(configs: Path | None, kind: str, name: str | None, where: str) -> list[Problem]:
    """The problems of a name that the catalog does not have, placed at `where`."""
    try:
        if name is not None:
            # for its problem alone: the file is read where it is used
            Catalog.of(configs).path(kind, name)
    except SpecError as error:
        # a file that is found and wrong has its own place; an unknown name has that of the option
        return [p if p.where else Problem(where, p.what) for p in error.problems]
    return []


def check_stack(stack: str | None, software: str | None) -> None:
    """Raise `SpecError` for a stack where the software is one for all chips."""
    # without --software the stacks are as sold
    if stack is not None and software not in (None, "as-sold"):
        what = f"applies with --software as-sold only, got {stack!r} with {software}"
        raise spec_error("--stack", what)


def check_price_settings(settings: Iterable[str], method: str) -> None:
    """Raise `SpecError` for a price that is set where prices follow from something else."""
    found = price_methods().get(method)
    # an unknown method is refused, with the nearest names, where it is looked up
    if found is None or "listed price" in found.needs(None):
        return
    what = f"applies with --price-method listed only, got it with {method}"
    # the last part of a dotted name: `h100.price` sets a price as `price` does
    problems = [Problem("--set", f"{n}: {what}") for n in settings if n.rpartition(".")[2] == "price"]
    if problems:
        raise SpecError(problems)
