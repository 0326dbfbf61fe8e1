"""A number as its config or the study writes it, which is how its readers know it."""

from dse.cli.terminal.quantity import format_quantity
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Fact
from dse.spec.catalog.lookup import KINDS, Catalog
from dse.spec.schema.base import sourced_values
from dse.spec.yaml.yaml_lines import read_yaml


def written(study: ResolvedStudy, fact: Fact) -> str:
    """Text of the value of a `dse.question.variation.Fact` in the settings or the file that it comes from."""
    # a setting of the study takes the place of what the file says
    stated = (study.spec.settings or {}).get(f"{fact.place.config}.{fact.place.path}")
    if stated is not None:
        return stated if isinstance(stated, str) else f"{stated:g}"
    spec = study.configs[fact.place.config]
    kind = next(k for k, s in KINDS.items() if isinstance(spec, s))
    # the spec holds SI floats; only the file has the spelling
    data = read_yaml(study.setting.catalog.path(kind, str(getattr(spec, "name", ""))))[0]
    for part in fact.place.path.split("."):
        data = data.get(part) if isinstance(data, dict) else None
    value = data.get("value") if isinstance(data, dict) else None
    # a study may set it under a short name or a pattern, which is no key of the above
    stored = Catalog(study.setting.catalog.folders).get(type(spec), str(getattr(spec, "name", "")))
    leaf = dict(sourced_values(stored)).get(fact.place.path)
    same = leaf is not None and leaf.value == fact.value
    return str(value) if same and value is not None else format_quantity(fact.value, fact.unit)
