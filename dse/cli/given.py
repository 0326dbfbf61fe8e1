"""What a command line names: looked up, every mistake told at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def checked(
    configs: Path | None, settings: Sequence[str], *, chips: Sequence[str] = (), **names: str | None
) -> dict[str, str]:
    """`NAME=VALUE` as pairs; raises `SpecError` with every unknown name and wrong setting at once."""
    from dse.spec.problems import SpecError

    problems = [
        *_unknown(configs, names),
        *(p for chip in chips for p in _unknown(configs, {"chip": chip})),
        *_no_settings(settings),
    ]
    if problems:
        raise SpecError(problems)
    pairs = [text.partition("=") for text in settings]
    return {name.strip(): value.strip() for name, _, value in pairs}


def _no_settings(texts: Sequence[str]) -> list[Any]:
    from dse.spec.problems import Problem

    pairs = [text.partition("=") for text in texts]
    return [
        Problem("--set", f"expected NAME=VALUE such as hbm_bandwidth='5 TB/s', got {text!r}")
        for text, (name, equals, value) in zip(texts, pairs, strict=True)
        if not (name.strip() and equals and value.strip())
    ]


def _unknown(configs: Path | None, names: Mapping[str, str | None]) -> list[Any]:
    """A problem for each unknown name, with its option."""
    from dse.spec.catalog import Catalog
    from dse.spec.problems import Problem, SpecError

    catalog = Catalog.of(configs)
    problems: list[Problem] = []
    for option, name in names.items():
        try:
            if name is not None:
                catalog.path(f"{option}s", name)
        except SpecError as error:
            problems += [p if p.where else Problem(f"--{option}", p.what) for p in error.problems]
    return problems
