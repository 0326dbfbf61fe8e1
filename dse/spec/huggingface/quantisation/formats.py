"""Formats of the parts of the weights, as a checkpoint has them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dse.errors import SpecError, spec_error, told
from dse.spec.huggingface.checkpoint.traced import plain
from dse.spec.huggingface.keys import SECTIONS, TYPES
from dse.spec.huggingface.quantisation.amounts import KEPT, UNKNOWN
from dse.spec.huggingface.quantisation.methods import HEAD, Quantised, quantised
from dse.spec.huggingface.quantisation.modules import leaves
from dse.spec.huggingface.quantisation.typed import type_problems
from dse.spec.huggingface.reader import Layer
from dse.text import short

REST: Final = "rest"
PARTS: Final = ("experts", "shared", "dense", "attention", "head")
"""In the order in which they are written."""
_DTYPES: Final = {
    "bfloat16": "bf16",
    "float16": "fp16",
    "half": "fp16",
    "float32": "fp32",
    "float": "fp32",
    "float8_e4m3fn": "fp8",
}
_USUAL: Final = "bf16"
"""Format of what is not quantised where the file does not say it."""
_SOME: Final = 0.005
"""Of a part: less of it in another format is not worth a remark."""


@dataclass(frozen=True)
class Formats:
    """The format of each part of the weights; what is not named has that of `rest`."""

    parts: Mapping[str, str]
    """Empty where the checkpoint says none."""
    notes: tuple[str, ...] = ()


def formats_of(
    configs: Sequence[Mapping[str, object]],
    beside: Mapping[str, object] | None,
    layers: Sequence[Layer],
    hidden: int,
    *,
    tied: bool,
    where: str,
) -> Formats:
    """Formats of the parts of a network with these layers.

    `configs` are the keys of the language model and of what is around it, `beside` those of
    `hf_quant_config.json`.
    """
    plain, notes = _plain(configs, where)
    section = _section(configs, where) or beside
    _check(beside, f"{where}: hf_quant_config.json")
    if not section:
        return Formats({REST: plain} if plain else {}, notes)
    # DeepSeek-V4 says the format of its experts next to the section
    apart = next((c["expert_dtype"] for c in configs if c.get("expert_dtype") is not None), None)
    said = f"{where}: quantization_config"
    found = quantised({"expert_dtype": apart, **section} if apart is not None else section, said)
    if beside and section is not beside:
        _compare(found, quantised(beside, f"{where}: hf_quant_config.json"), where)
    shares = _shares(found, layers, hidden)
    if not tied:
        shares["head"] = Counter({found.said.of(*HEAD) or KEPT: 1})
    parts, mixed = {}, []
    for part, counted in shares.items():
        most, total = counted.most_common(1)[0][0], counted.total()
        parts[part] = most
        others = {f: n / total for f, n in counted.items() if f != most and n > _SOME * total}
        mixed += [f"{share:.0%} of {part} in {f or plain or _USUAL}" for f, share in others.items()]
    # a format without a name is no other one
    if UNKNOWN in parts.values():
        return Formats({}, (*notes, *found.notes))
    rest = plain or _USUAL
    if mixed:
        notes += (f"counted in the format of the larger share, though the file has {', '.join(mixed)}",)
    notes += () if plain else (f"the file does not say the format of what is not quantised; {rest} assumed",)
    return Formats(_short({p: f or rest for p, f in parts.items()}, rest), (*notes, *found.notes))


def _shares(found: Quantised, layers: Iterable[Layer], hidden: int) -> dict[str, Counter[str]]:
    """Elements of each part by format."""
    shares: dict[str, Counter[str]] = {}
    for number, layer in enumerate(layers):
        for leaf in leaves(layer, hidden):
            form = found.said.of_layer(number, leaf.names)
            shares.setdefault(leaf.part, Counter())[found.usual if form is None else form] += leaf.size
    return shares


def _short(parts: Mapping[str, str], rest: str) -> dict[str, str]:
    """Without the parts that follow another one: experts that every token visits `dense`, others the rest."""
    dense = parts.get("dense", rest)
    named = {p: f for p, f in parts.items() if f != (dense if p == "shared" else rest)}
    return {**{part: named[part] for part in PARTS if part in named}, REST: rest}


def _plain(configs: Iterable[Mapping[str, object]], where: str) -> tuple[str | None, tuple[str, ...]]:
    """The format of what is not quantised, and a note on one that is not known."""
    for config in configs:
        given: dict[str, str] = {}
        for key in TYPES:
            value = config.get(key)
            if value is None or value == "auto":
                continue
            if not isinstance(value, str):
                raise spec_error(where, f"{key}: expected a format in words, got {short(plain(value))}")
            given[key] = value.removeprefix("torch.")
        for key, name in given.items():
            if name not in _DTYPES:
                return None, (f"{key} {short(config[key])} is no format that is known",)
            # the newer name is the one that Transformers 5 writes
            other = next((n for n in given.values() if _DTYPES.get(n) != _DTYPES[name]), None)
            told = () if other is None else (f"{' and '.join(given)} differ ({name}, {other}); {key} counts",)
            return _DTYPES[name], told
    return None, ()


def _compare(found: Quantised, other: Quantised, where: str) -> None:
    """Refuses a file next to a `config.json` that says another format of the same weights."""
    # where parts are quantised one by one, nothing is said of all
    if found.usual != other.usual and not {KEPT, UNKNOWN} & {found.usual, other.usual}:
        what = f"expected what hf_quant_config.json says ({other.usual}), got {found.usual}"
        raise spec_error(where, f"quantization_config: {what}")


def _check(section: object, where: str) -> None:
    if isinstance(section, dict) and (problems := told(type_problems(section, where))):
        raise SpecError(problems)


def _section(configs: Iterable[Mapping[str, object]], where: str) -> Mapping[str, object] | None:
    """The first section that says how the weights are quantised; two next to each other say the same."""
    for config in configs:
        found: dict[str, Mapping[str, object]] = {}
        for key in SECTIONS:
            value = config.get(key)
            if value is not None and not isinstance(value, dict):
                raise spec_error(where, f"{key}: expected keys of its own, got {short(plain(value))}")
            if value:
                found[key] = value
        if found:
            first, *others = found
            if other := next((key for key in others if plain(found[key]) != plain(found[first])), None):
                raise spec_error(
                    where, f"{other}: expected the same as {first}, got {short(plain(found[other]))}"
                )
            _check(plain(found[first]), f"{where}: {first}")
            return found[first]
    return None
