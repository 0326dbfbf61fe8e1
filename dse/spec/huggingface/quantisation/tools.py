"""What other quantisers write: Quark, torchao, HQQ, ExLlama, Quanto, BitNet."""

from collections.abc import Callable, Mapping
from typing import Final

from dse.spec.huggingface.quantisation.amounts import KEPT, SCALE, UNKNOWN, Remarks, integers, nearest
from dse.text import short

Said = tuple[str, dict[str, str]]
"""Format of all matrices, and of those that have one of their own, by their names."""

_QUARK: Final = {
    **{"fp8_e4m3": "fp8", "fp4": "mxfp4", "mxfp4": "mxfp4"},
    **{"int8": "int8", "uint8": "int8", "int4": "int4", "uint4": "int4"},
}
_TORCHAO: Final = (
    # the first word that is in a name counts: `Int8DynamicActivationInt4WeightConfig` has weights of 4 bits
    ("int4weight", "int4"),
    ("float8weight", "fp8"),
    ("int8weight", "int8"),
    ("nvfp4", "nvfp4"),
    ("mxfp4", "mxfp4"),
    ("float8", "fp8"),
    ("int4", "int4"),
    ("int8", "int8"),
)
_QUANTO: Final = {"float8": "fp8", "int8": "int8", "int4": "int4"}


def _quark(section: Mapping[str, object], notes: Remarks) -> Said:
    """AMD Quark: a format for all layers, and for some by name or class."""
    usual = _quark_format(section.get("global_quant_config"), notes)
    named: dict[str, str] = {}
    layers = section.get("layer_quant_config")
    for name, config in layers.items() if isinstance(layers, dict) else ():
        named[name] = _quark_format(config, notes)
    classes = section.get("layer_type_quant_config")
    if isinstance(classes, dict) and classes:
        notes.add(f"formats of classes of layers (layer_type_quant_config: {short(classes)}) are not read")
    return usual, named


def _quark_format(config: object, notes: Remarks) -> str:
    """The format of the weights in one set of settings; without any they stay as they were."""
    if config is None:
        return KEPT
    weight = config.get("weight") if isinstance(config, dict) else None
    if isinstance(config, dict) and "weight" in config and weight is None:
        return KEPT
    # weights that are rounded twice are stored in the last format
    last = weight[-1] if isinstance(weight, list) and weight else weight
    kind = last.get("dtype") if isinstance(last, dict) else None
    if kind == "mx" and isinstance(last, dict):
        kind = {"fp4": "mxfp4"}.get(str(last.get("mx_element_dtype")), last.get("mx_element_dtype"))
    found = _QUARK.get(str(kind), UNKNOWN)
    if found == UNKNOWN:
        notes.add(f"it is quantised to {short(kind)} (quark), for which there is no format")
    return found


def _torchao(section: Mapping[str, object], notes: Remarks) -> Said:
    """torchao: a word, or a class with its settings; or one for each module."""
    said = section.get("quant_type")
    if isinstance(said, dict) and len(said) == 1 and "default" in said:
        said = said["default"]
    if isinstance(said, dict) and str(said.get("_type")) in ("ModuleFqnToConfig", "FqnToConfig"):
        return _by_name(said, notes)
    found = _torchao_format(said, section.get("quant_type_kwargs"), notes)
    if section.get("include_input_output_embeddings") is True:
        notes.add("its embeddings are quantised as well, which is not counted")
    return found, {}


def _by_name(said: Mapping[str, object], notes: Remarks) -> Said:
    data = said.get("_data")
    inside = next((v for v in data.values() if isinstance(v, dict)), {}) if isinstance(data, dict) else {}
    named = {n: KEPT if c is None else _torchao_format(c, None, notes) for n, c in inside.items()}
    return named.pop("_default", KEPT), named


def _torchao_format(said: object, settings: object, notes: Remarks) -> str:
    """The format that a word or a class of torchao means, with its groups."""
    name, data = said, settings
    if isinstance(said, dict):
        name, data = said.get("_type"), said.get("_data")
    plain = str(name).replace("_", "").lower()
    found = next((form for word, form in _TORCHAO if word in plain), UNKNOWN)
    if not isinstance(name, str) or found == UNKNOWN:
        notes.add(f"it is quantised by torchao ({short(said)}), for which there is no format")
        return UNKNOWN
    group = data.get("group_size") if isinstance(data, dict) else None
    # a scale and an offset, of 16 bits each
    return integers(4, group, notes, 2 * SCALE) if found == "int4" and group is not None else found


def _hqq(section: Mapping[str, object], notes: Remarks) -> Said:
    """HQQ keeps bits and groups in a part of a part; single modules may have their own."""
    config = section.get("quant_config")
    whole = _hqq_format(config if isinstance(config, dict) else section, notes)
    named = {
        name: _hqq_format(what, notes)
        for name, what in (config.items() if isinstance(config, dict) else ())
        if isinstance(what, dict) and name not in ("weight_quant_params", "scale_quant_params")
        if "weight_quant_params" in what
    }
    skipped = section.get("skip_modules")
    kept = skipped if isinstance(skipped, list) else []
    return (KEPT if named and whole == UNKNOWN else whole), {
        **named,
        **{name: KEPT for name in kept if isinstance(name, str)},
    }


def _hqq_format(config: Mapping[str, object], notes: Remarks) -> str:
    weight = config.get("weight_quant_params")
    inside = weight if isinstance(weight, dict) else config
    return integers(inside.get("nbits", inside.get("bits")), inside.get("group_size"), notes, 2 * SCALE)


def _exllama(section: Mapping[str, object], notes: Remarks) -> Said:
    """ExLlamaV2 and V3: an average of bits, which may have a fraction, and bits of the head."""
    named = {"lm_head": form} if (form := _bits(section.get("head_bits"), notes)) else {}
    return _bits(section.get("bits"), notes) or UNKNOWN, named


def _bits(value: object, notes: Remarks) -> str:
    if value is None:
        return KEPT
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 16:
        notes.add(f"it is quantised to {short(value)} bits, which is not understood")
        return UNKNOWN
    return nearest(f"{value:g} bits", value / 8, notes, any_bits=True)


def _quanto(section: Mapping[str, object], notes: Remarks) -> Said:
    kind = section.get("weights")
    found = _QUANTO.get(str(kind), UNKNOWN)
    if found == UNKNOWN:
        notes.add(f"it is quantised to {short(kind)} (quanto), for which there is no format")
    return found, {}


def _bitnet(_section: Mapping[str, object], notes: Remarks) -> Said:
    """Three values in 2 bits, of which the file says no more."""
    notes.add("it is quantised by bitnet to 2 bits, for which there is no format")
    return UNKNOWN, {}


TOOLS: Final[Mapping[str, Callable[[Mapping[str, object], Remarks], Said]]] = {
    "quark": _quark,
    "torchao": _torchao,
    "hqq": _hqq,
    "exl2": _exllama,
    "exl3": _exllama,
    "quanto": _quanto,
    "bitnet": _bitnet,
}
"""`quant_method` to what reads its section."""
