"""A spec back to YAML in the style of the bundled configs: a number a line, units that read back."""

import json
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from dse.spec.schema.base import Leaf, Sourced, unit_in
from dse.spec.yaml.units import parse

_BINARY = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_DECIMAL = (
    ("P", 1e15),
    ("T", 1e12),
    ("G", 1e9),
    ("M", 1e6),
    ("k", 1e3),
    ("", 1.0),
    ("m", 1e-3),
    ("u", 1e-6),
    ("n", 1e-9),
    ("p", 1e-12),
)
_PREFIXED = ("B", "B/s", "FLOP/s", "W", "s", "token/s", "J")
_SMALL = {"m2": (("mm2", 1e-6),)}


def exact(value: float, unit: str) -> str:
    """The shortest text with a unit that reads back as `value` to the last digit: `724 MiB`, `51.2 TB/s`.

    >>> exact(2.0**29, "B")
    '512 MiB'
    >>> exact(3.35e12, "B/s")
    '3.35 TB/s'
    """
    # 15 digits: what a float and the text of its decimal digits agree on
    found = [t for t in _texts(value, unit) if parse(t, unit) == float(f"{value:.15g}")]
    return min(found, key=len) if found else f"{value!r} {unit}".strip()


def _texts(value: float, unit: str) -> Iterator[str]:
    """The value in every scale of its unit that gives a plain number, with few to many digits."""
    scales: list[tuple[str, float]] = list(_SMALL.get(unit, ()))
    if unit in _PREFIXED:
        scales += [(prefix + unit, scale) for prefix, scale in _DECIMAL]
    # capacities of memories are often powers of two: 512 MiB, not 536.870912 MB
    if unit == "B":
        scales += list(_BINARY)
    for name, scale in scales or [(unit, 1.0)]:
        number = value / scale
        # other numbers hide their size behind zeros; a unit with a single scale has no choice
        if 1.0 <= abs(number) < 1e5 or value == 0 or len(scales) < 2:
            # 17 digits distinguish any two floats; the fewest that read back are chosen, see `exact`
            for digits in (3, 6, 9, 12, 15, 17):
                text = f"{number:.{digits}g}"
                if "e" not in text:
                    yield f"{text} {name}".strip()


def yaml_of(spec: BaseModel, comment: str = "") -> str:
    """The file of a spec; what is at its default is left out, but unknown numbers are shown as such."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + "".join(f"{line}\n" for line in _lines(spec, ""))


def _lines(spec: BaseModel, indent: str) -> Iterator[str]:
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        key = field.alias or name
        known = not isinstance(value, Sourced)  # a reader of a proposal sees what it leaves open
        if known and not field.is_required() and value == field.get_default(call_default_factory=True):
            continue
        yield from _entry(key, value, field.annotation, indent)


def _entry(key: str, value: object, annotation: object, indent: str) -> Iterator[str]:
    """Lines of one key and what is below it."""
    # before `BaseModel`, which a number with its source is too
    if isinstance(value, Sourced):
        yield f"{indent}{key}: {_flow(_leaf(value))}"
    elif isinstance(value, BaseModel):
        yield f"{indent}{key}:"
        yield from _lines(value, indent + "  ")
    elif isinstance(value, Mapping) and any(isinstance(v, BaseModel | Mapping) for v in value.values()):
        yield f"{indent}{key}:"
        for inner, item in value.items():
            yield from _entry(str(inner), item, None, indent + "  ")
    elif isinstance(value, tuple) and any(isinstance(v, BaseModel) for v in value):
        yield f"{indent}{key}:"
        for item in value:
            first, *rest = _lines(item, indent + "    ")
            yield f"{indent}  - {first.lstrip()}"
            yield from rest
    elif isinstance(value, float) and (unit := unit_in(annotation)) is not None:
        yield f"{indent}{key}: {_scalar(exact(value, unit))}"
    else:
        yield f"{indent}{key}: {_scalar(value)}"


def _leaf(leaf: Leaf) -> dict[str, object]:
    unit = unit_in(type(leaf).model_fields["value"].annotation)
    out: dict[str, object] = {"value": _number(leaf.value, unit), "source": leaf.source}
    for name in ("date", "basis", "low", "high", "note"):
        value = getattr(leaf, name)
        if value is not None:
            out[name] = _number(value, unit) if name in ("low", "high") else value
    return out


def _number(value: object, unit: str | None) -> object:
    return exact(value, unit) if isinstance(value, float) and unit else value


def _flow(data: Mapping[str, object]) -> str:
    return f"{{{', '.join(f'{k}: {_scalar(v)}' for k, v in data.items())}}}"


def _scalar(value: object) -> str:
    """JSON is YAML; plain words need no quotes."""
    if isinstance(value, str) and _plain(value):
        return value
    if isinstance(value, Mapping):
        return _flow(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_scalar(v) for v in value)}]"
    # letters beyond ASCII stay readable
    return json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> bool:
    """Whether YAML reads `text` back as the same text without quotes."""
    # a digit or another sign could make it a number, a date or a mapping
    letters = text.replace("-", "").replace("_", "").replace(" ", "")
    # words that YAML 1.1 reads as null or as booleans
    return letters.isalpha() and text.lower() not in ("null", "true", "false", "yes", "no", "on", "off")
