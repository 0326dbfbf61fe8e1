"""Every value of a config with its unit, source, date and basis, one line each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dse.spec.schema.base import Leaf, Sourced, Spec, unit_in
from dse.spec.yaml.units import pretty

_READABLE = ("B", "B/s", "FLOP/s", "W", "m2", "token", "token/s", "USD")
"""Units that are scaled for people; the others are shown as the file writes them."""


@dataclass(frozen=True)
class Line:
    """One value."""

    path: str
    value: object
    """In SI where it has a unit."""
    unit: str
    written: str
    """As the file writes it."""
    ends: tuple[str, str] = ("", "")
    """Low and high end of its range for people."""
    low: object = None
    high: object = None
    source: str = ""
    date: str = ""
    basis: str = ""
    note: str = ""

    @property
    def shown(self) -> str:
        """For people."""
        return "unknown" if self.value is None else _shown(self.value, self.unit, self.written)


def _shown(value: object, unit: str, written: str) -> str:
    if unit in _READABLE and isinstance(value, int | float):
        return pretty(float(value), unit)
    return written


def lines(spec: object, written: object, path: str = "") -> Iterator[Line]:
    """Every value in `spec`, in its order; `written` is the same thing as plain YAML data."""
    if (in_keys := getattr(spec, "in_keys", None)) is not None:
        written = in_keys(written)
    if isinstance(spec, Sourced):
        yield _sourced(spec, written, path)
    elif isinstance(spec, Spec):
        choices = written if isinstance(written, Mapping) and "choices" in written else None
        for name, field in type(spec).model_fields.items():
            inner = getattr(spec, name)
            key = field.alias or name
            if choices is not None and key not in choices:
                continue  # the range over the indices of choices that are listed
            if inner is not None and inner != ():
                yield from lines(inner, _at(written, key), f"{path}.{key}" if path else key)
    elif isinstance(spec, Mapping):
        for key, inner in spec.items():
            yield from lines(inner, _at(written, key), f"{path}.{key}")
    elif isinstance(spec, tuple) and any(isinstance(inner, Spec) for inner in spec):
        for i, inner in enumerate(spec):
            yield from lines(inner, _at(written, i), f"{path}.{i}")
    else:
        yield Line(path, list(spec) if isinstance(spec, tuple) else spec, "", _text(spec, written))


def _sourced(leaf: Leaf, written: object, path: str) -> Line:
    """The line of a value with a source."""
    unit = unit_in(type(leaf).model_fields["value"].annotation) or ""
    low, high = (
        "" if v is None else _shown(v, unit, _text(v, _at(written, end)))
        for end, v in (("low", leaf.low), ("high", leaf.high))
    )
    return Line(
        path=path,
        value=leaf.value,
        unit=unit,
        ends=(low, high),
        written=_text(leaf.value, _at(written, "value")),
        low=leaf.low,
        high=leaf.high,
        source=leaf.source,
        date=leaf.date or "",
        basis=leaf.basis,
        note=leaf.note or "",
    )


def _at(written: object, key: object) -> object:
    """What plain data hold under a key or an index; None where they lack it."""
    if isinstance(written, Mapping):
        return written.get(key)
    return written[key] if isinstance(written, list) and isinstance(key, int) and key < len(written) else None


def _text(value: object, written: object) -> str:
    given = value if written is None or isinstance(written, dict) else written
    if isinstance(given, list | tuple):
        return ", ".join(str(v) for v in given)
    if isinstance(given, bool):
        return "yes" if given else "no"
    # a text of several lines becomes one
    return " ".join(str(given).split())
