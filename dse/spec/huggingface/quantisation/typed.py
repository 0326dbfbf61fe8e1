"""Types of the keys of a `quantization_config`: a value of another type would be read as another format."""

from collections.abc import Iterator, Mapping
from typing import Final

from dse.errors import Problem
from dse.text import short

_TEXT: Final = "a word"
_KEYS: Final = "keys of its own"
_WHOLE: Final = "a whole number"
_FLAG: Final = "true or false"
_NAMES: Final = "a list of names"
_SCHEME: Final = "keys of its own or a word"

_TOP: Final[Mapping[str, str]] = {
    **dict.fromkeys(("quant_method", "quant_algo"), _TEXT),
    **dict.fromkeys(("quantization", "config_groups", "quantized_layers", "extra_config", "dynamic"), _KEYS),
    **dict.fromkeys(("global_quant_config", "layer_quant_config"), _KEYS),
    **dict.fromkeys(("group_size", "q_group_size"), _WHOLE),
    **dict.fromkeys(("load_in_8bit", "_load_in_8bit", "bnb_4bit_use_double_quant"), _FLAG),
    **dict.fromkeys(
        ("modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules", "exclude"), _NAMES
    ),
    "llm_int8_skip_modules": _NAMES,
    "kv_cache_scheme": _SCHEME,
}
_GROUP: Final = {"weights": _KEYS, "targets": _NAMES}
_WEIGHTS: Final = {"type": _TEXT, "num_bits": _WHOLE, "group_size": _WHOLE}


def type_problems(section: Mapping[str, object], where: str) -> Iterator[Problem]:
    """A problem for each key of a section, and of its groups, that has a value of another type."""
    yield from _problems(section, _TOP, where)
    groups = section.get("config_groups")
    for name, group in groups.items() if isinstance(groups, dict) else ():
        if not isinstance(group, dict):
            yield Problem(where, f"config_groups: {name}: expected {_KEYS}, got {short(group)}")
            continue
        yield from _problems(group, _GROUP, f"{where}: config_groups: {name}")
        if isinstance(weights := group.get("weights"), dict):
            yield from _problems(weights, _WEIGHTS, f"{where}: config_groups: {name}: weights")


def _problems(data: Mapping[str, object], kinds: Mapping[str, str], where: str) -> Iterator[Problem]:
    for key, kind in kinds.items():
        value = data.get(key)
        if value is not None and not _is(value, kind):
            yield Problem(where, f"{key}: expected {kind}, got {short(value)}")


def _is(value: object, kind: str) -> bool:
    if kind == _NAMES:
        return isinstance(value, list) and all(isinstance(name, str) for name in value)
    if kind == _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == _SCHEME:
        return isinstance(value, dict | str)
    return isinstance(value, {_TEXT: str, _KEYS: dict, _FLAG: bool}[kind])
