"""What a plug-in must have besides what it computes: checked when it is made."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint

from dse.plugins.broken import broken, loading

Check = Callable[[object], bool]


def text(value: object) -> bool:
    """Whether it is some text."""
    return isinstance(value, str) and value != ""


def any_text(value: object) -> bool:
    """Whether it is text, which may be empty."""
    return isinstance(value, str)


def flag(value: object) -> bool:
    """Whether it is a truth value."""
    return isinstance(value, bool)


def names(value: object) -> bool:
    """Whether it is a tuple of texts."""
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


def texts(value: object) -> bool:
    """Whether it maps texts to texts."""
    return isinstance(value, Mapping) and all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items()
    )


def one_of(*words: str) -> Check:
    """Whether it is one of some words."""
    return lambda value: isinstance(value, str) and value in words


def require(
    point: EntryPoint, made: object, fields: Mapping[str, tuple[str, Check]], methods: tuple[str, ...]
) -> None:
    """Raise `PluginError` for a plug-in that lacks a field or a method, or has one of another kind.

    `fields` maps the name of each to what is expected of it in words, and its check. A field `name` must also
    be the name of the entry point, by which studies and results find the plug-in again.
    """
    for field, (expected, fits) in fields.items():
        # a property is code of the plug-in, which may raise
        with loading(point):
            if not hasattr(made, field):
                raise broken(point, f"expected {field}, which is {expected}, got none")
            value: object = getattr(made, field)
            if not fits(value):
                raise broken(point, f"{field}: expected {expected}, got {value!r}")
    for method in methods:
        if not callable(getattr(made, method, None)):
            raise broken(point, f"expected a method {method}, got none")
    if "name" in fields and getattr(made, "name", None) != point.name:
        raise broken(point, f"name: expected {point.name!r}, as it is registered, got {made.name!r}")  # type: ignore[attr-defined]
