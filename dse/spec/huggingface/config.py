"""A Hugging Face `config.json` to an LLM YAML: what is not understood is refused by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

import yaml

from dse.errors import Problem, SpecError, spec_error, told
from dse.spec.huggingface.checkpoint.context import context_notes, context_problems, longest
from dse.spec.huggingface.checkpoint.counts import Counts, counts
from dse.spec.huggingface.checkpoint.files import beside, config_in
from dse.spec.huggingface.checkpoint.lines import located
from dse.spec.huggingface.checkpoint.nested import TIE, Levels, levels_in, with_head
from dse.spec.huggingface.checkpoint.params_json import as_config, is_params
from dse.spec.huggingface.checkpoint.traced import Traced, plain
from dse.spec.huggingface.encoders.levels import one_level
from dse.spec.huggingface.experts import PREDICTION
from dse.spec.huggingface.families import FAMILIES, INNER_NOTE, OUTER, WRAPPED, defaults, usual_context
from dse.spec.huggingface.json_file import read_json
from dse.spec.huggingface.keys import WINDOWS, WRAPPER, ignored, key_problems, may_size, rope_problems
from dse.spec.huggingface.naming import name_in, nominal, slug, text_of
from dse.spec.huggingface.obstacles import obstacle
from dse.spec.huggingface.quantisation.formats import Formats, formats_of
from dse.spec.huggingface.reader import Draft, Family, HfConfig, Network, blocks
from dse.spec.huggingface.wrappers import WRAPPERS
from dse.spec.schema.llm import LlmSpec
from dse.spec.yaml.loading import build_spec
from dse.text import LONGEST, short
from objectives.equations.llm.parameters import params

SOURCE = "hf-config"
"""Key of the sources that imported numbers cite."""


_TOWERS = (
    "vision_config",
    "visual_config",
    "audio_config",
    "speech_config",
    "projector_config",
    "qformer_config",
)
"""How keys of what sees or hears end."""
_MOST = 10**15
"""Parameters; sizes that add up to more are no LLM."""


@dataclass(frozen=True)
class Imported:
    """An LLM that was read from a `config.json`."""

    spec: LlmSpec
    text: str
    """The same as an LLM YAML."""
    counts: Counts
    """What its sizes add up to."""
    read: tuple[str, ...]
    """Keys that were read: those of the language model, then those of the models around it."""
    filled: Mapping[str, object]
    """What keys meant that were read though the file leaves them out, or has null."""
    ignored: Mapping[str, tuple[str, ...]]
    """Keys that were not read, by why not."""

    @property
    def params(self) -> int:
        """Parameters that its sizes add up to."""
        return self.counts.params


LONE_DRAFT = "without layers that draft: those of this family have experts, and no layer of this file has"


@dataclass(frozen=True)
class _Said:
    """What a file says, under the names that a family uses."""

    config: HfConfig
    network: Network
    formats: Formats
    notes: tuple[str, ...]
    context: int | None


def import_llm(path: Path, name: str | None = None, read_on: date | None = None) -> Imported:
    """The LLM that a `config.json` or `params.json`, or the folder around it, describes.

    `name` is what the LLM is called, else the file, its folder or its own `_name_or_path` say; `read_on` is
    the date that its numbers carry, today when left out. Raises `SpecError` with what is not understood:
    the `model_type`, the class, the kind of a layer, of rotary positions, or a key that may change sizes.
    """
    file = config_in(path)
    try:
        return _import(file, name, (read_on or date.today()).isoformat())
    except SpecError as error:
        raise located(error, file) from None


def _import(file: Path, name: str | None, day: str) -> Imported:
    """The LLM of one file; `day` is the date of its numbers."""
    where = str(file)
    outer = one_level(_read(file), where)
    called = name or name_in(file, outer)
    kind, levels, notes = _language_model(outer, where)
    family = FAMILIES[kind]
    canonical = _canonical(levels[-1], family, where)
    # before any size is read, because an unknown key may change it
    _refuse_unknown(canonical, family, where)
    data = Traced(canonical)
    around = _around(levels)
    config = HfConfig(where, data, family.reads, defaults(kind, inside=len(levels) > 1))
    network = family.network(config)
    _refuse_gate(data, network, where)
    # what is said inside comes first
    sections = [data, *around]
    hidden = config.size("hidden_size")
    formats = formats_of(sections, beside(file), network.layers, hidden, tied=network.tied, where=where)
    context = longest(sections, where) or (usual_context(kind) if around else None)
    said = _Said(config, network, formats, (*notes, *_filled(config, family, network)), context)
    spec, text = _imported(said, called, day)
    for level in sections:
        level.touch("model_type", "architectures")
    own = [key for key in levels[-1] if family.aliases.get(key, key) in data.used]
    names = {key: alias for alias, key in family.aliases.items() if alias in levels[-1]}
    return Imported(
        spec=spec,
        text=text,
        counts=counts(spec.resolve(), spec.context),
        read=tuple(dict.fromkeys((*own, *(key for level in around for key in level if key in level.used)))),
        filled={names.get(key, key): value for key, value in config.filled.items()},
        ignored={
            why: tuple(names.get(key, key) for key in keys)
            for why, keys in ignored(data, around, family.reads, family.passes).items()
        },
    )


def _around(levels: Levels) -> Sequence[Traced]:
    """Keys of the models around the language model, the nearest first, without the model inside each."""
    if len(levels) == 1:
        return []
    at = WRAPPERS[str(levels[0]["model_type"])].at
    # the head was looked up already
    pairs = [
        {key: value for key, value in level.items() if key not in (inside, TIE)}
        for level, inside in zip(levels, at, strict=False)
    ]
    return [Traced(level) for level in reversed(pairs)]


def _imported(said: _Said, called: str, day: str) -> tuple[LlmSpec, str]:
    """The LLM `called` so, and its YAML; `day` is the date of all its numbers."""
    c, network = said.config, said.network
    draft, unlike = (None, (LONE_DRAFT,)) if _drafts_alone(network) else (network.draft, ())
    # layers that draft are not left out where their shape is known
    mine = [text for text in network.notes if network.draft is None or not text.startswith(PREDICTION)]
    note = "; ".join((*mine, *unlike, *said.notes))
    context = said.context
    remarks = [*context_notes(_plain(c.data), network.layers, context), *said.formats.notes]
    origin = {"source": SOURCE, "date": day}
    name = slug(called)
    counted = {"value": "1B", **origin, "basis": "derived", "note": "counted"}  # until its sizes are added up
    data: dict[str, object] = {
        "kind": "llm",
        "name": name,
        "title": called,
        "architecture": {
            "value": "transformer",
            **origin,
            "basis": "published",
            **({"note": note} if note else {}),
        },
        "params": counted,
        "nominal_params": "1B",
        "hidden": c.size("hidden_size"),
        "vocab": c.size("vocab_size"),
        **({"generation": network.generation} if network.generation else {}),
        **({"context": context} if context else {}),
        **({"formats": dict(said.formats.parts)} if said.formats.parts else {}),
        **({"tied_embedding": True} if network.tied else {}),
        **({"learned_positions": network.learned_positions} if network.learned_positions else {}),
        **({"lookup": [dict(table) for table in network.lookup]} if network.lookup else {}),
        **({"encoder": dict(network.encoder)} if network.encoder else {}),
        "blocks": blocks(network.layers, network.repeats),
        **({} if draft is None else {"draft_layers": _draft_layers(draft)}),
        **({"notes": "; ".join(remarks)} if remarks else {}),
    }
    # the first build only counts: `params` must agree with the sizes, and is derived from them
    count = round(params(build_spec(LlmSpec, data, c.where).resolve()))
    if count > _MOST:
        raise spec_error(
            c.where, f"expected sizes that add up to at most {_MOST:,} parameters, got {count:,}"
        )
    data["params"] = counted | {
        "value": text_of(count, 4),
        "note": f"counted from the sizes below: {count:,}",
    }
    data["nominal_params"] = nominal(name, count)
    return build_spec(LlmSpec, data, c.where), _yaml(data)


def _drafts_alone(network: Network) -> bool:
    """Whether only layers that draft have experts: a dense model that is saved as one of experts."""
    drafts = () if network.draft is None else network.draft.layers
    return any("experts" in layer for layer in drafts) and not any("experts" in x for x in network.layers)


def _draft_layers(draft: Draft) -> dict[str, object]:
    """Layers that draft, as an LLM YAML has them."""
    several = {"count": draft.modules} if draft.modules > 1 else {}
    return {**several, "blocks": blocks(draft.layers)}


def _yaml(data: Mapping[str, object]) -> str:
    # PyYAML would sort the keys and fold long notes; the bundled configs have a number a line
    return yaml.safe_dump(
        dict(data), sort_keys=False, default_flow_style=None, allow_unicode=True, width=10_000
    )


def _filled(c: HfConfig, family: Family, network: Network) -> tuple[str, ...]:
    """Sizes that the file leaves to Transformers and that the network needs, for the note."""
    # a default is worth a note only where the network differs without it
    filled = [
        f"{key} ({value})"
        for key, value in c.defaults.items()
        if key not in c.data and value is not None and _without(c, family, key) != network
    ]
    return (f"left out of the file, as Transformers fills it in: {', '.join(filled)}",) if filled else ()


def _plain(data: Mapping[str, object]) -> dict[str, object]:
    return {key: plain(value) for key, value in data.items()}


def _without(c: HfConfig, family: Family, key: str) -> Network | None:
    """The network without one default; None where the family cannot do without it."""
    try:
        # what this reads leaves no trace
        copy = replace(c, data=_plain(c.data), filled={})
        return family.network(replace(copy, defaults={k: v for k, v in c.defaults.items() if k != key}))
    except SpecError:
        return None


def _read(file: Path) -> Mapping[str, object]:
    """Keys of a `config.json`."""
    data = read_json(file)
    if not isinstance(data, dict):
        got = {list: "a list", str: "a text", type(None): "null"}.get(type(data), short(data))
        raise spec_error(f"{file}:1", f"expected the keys of a config.json, got {got}")
    return as_config(data, str(file)) if is_params(data) else data


def _language_model(outer: Mapping[str, object], where: str) -> tuple[str, Levels, tuple[str, ...]]:
    """`model_type` and notes of the language model, and its keys after those of the models around it."""
    kind = outer.get("model_type")
    if not isinstance(kind, str):
        raise spec_error(where, _unknown(kind))
    # Qwen2.5-VL is in both: older files have all keys at the top
    if kind in FAMILIES and not (kind in WRAPPED and WRAPPERS[kind].at[0] in outer):
        _check_class(outer, FAMILIES[kind].architectures, where)
        return kind, (outer,), ()
    if kind not in WRAPPED:
        raise spec_error(where, _unknown(kind))
    _check_class(outer, OUTER[kind], where)
    wrapper = WRAPPERS[kind]
    found = levels_in(outer, wrapper, where)
    inner = found[-1]
    # keys of the towers that see or hear are passed over; all others that may be about a size are checked
    around = chain.from_iterable(
        key_problems(
            {key: value for key, value in _unlike(each, inner).items() if may_size(key)},
            WRAPPER | wrapper.passes | {TIE},
            where,
        )
        for each in found[:-1]
    )
    problems = told(around)
    # the inner model may leave its kind out, which is then the usual one
    said = inner.get("model_type", WRAPPED[kind][0])
    inside = said if isinstance(said, str) else ""
    if inside not in WRAPPED[kind]:
        expected = f"expected {' or '.join(WRAPPED[kind])} inside {kind}"
        at = ".".join(wrapper.at)
        problems.append(Problem(where, f"{at}: model_type: {expected}, got {short(said)}"))
    # raised here, because the check below needs a known kind
    if problems:
        raise SpecError(problems)
    # the class of the larger model may be written inside as well
    _check_class(inner, (*FAMILIES[inside].architectures, *OUTER[kind]), where)
    head = with_head(found, wrapper, where)
    tie = f"{TIE} is {short(head.get(TIE))} as said around it, not {short(inner.get(TIE))} as said inside"
    towers = [
        key
        for level in found[:-1]
        for key, value in level.items()
        if isinstance(value, dict) and key not in wrapper.at and key.endswith(_TOWERS)
    ]
    uncounted = (f"not counted: parameters of {', '.join(towers)}",) if towers else ()
    differs = (tie,) if TIE in inner and head[TIE] != inner[TIE] else ()
    return inside, (*found[:-1], head), (INNER_NOTE, *uncounted, *differs)


def _unlike(outer: Mapping[str, object], inner: Mapping[str, object]) -> dict[str, object]:
    """Keys around a language model that it does not repeat; what both say is read inside.

    Older files of Qwen2.5-VL keep a window at the top that the language model inside does not have.
    """
    return {
        key: value
        for key, value in outer.items()
        if key not in inner or (inner[key] != value and key not in WINDOWS)
    }


def _unknown(kind: object) -> str:
    """What is wrong with a `model_type`, and why it is not supported where that is known."""
    known = types()
    got = "no such key" if kind is None else short(kind)
    expected = f"model_type: expected one of {len(known)} families, got {got}"
    if kind is None:
        return f"{expected}. Without it nothing says how its keys are read. All: `dse import --types`."
    if why := obstacle(str(kind)):
        return f"{expected}. {why[:1].upper()}{why[1:]}."
    close = get_close_matches(kind, known, n=5) if isinstance(kind, str) and len(kind) <= LONGEST else []
    near = f" Names like it: {', '.join(close)}." if close else ""
    # a file under another name would be read with the sizes of another family
    return f"{expected}.{near} Another name in its place would get other sizes. All: `dse import --types`."


def types() -> Sequence[str]:
    """Every `model_type` that is understood, by name."""
    return sorted({*FAMILIES, *WRAPPED})


def _check_class(data: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    given = data.get("architectures")
    if given is None:
        return
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed or any(a not in known for a in listed):
        hint = "A class with another head, or a draft model, has other sizes."
        raise spec_error(where, f"architectures: expected {' or '.join(known)}, got {short(given)}. {hint}")


def _canonical(data: Mapping[str, object], family: Family, where: str) -> dict[str, object]:
    """The keys under the names of the family; two names of one thing must agree."""
    found = {key: value for key, value in data.items() if key not in family.aliases}
    for alias, key in family.aliases.items():
        if alias not in data:
            continue
        # null next to a number says nothing, but for a window, which it switches off
        if key not in WINDOWS and key in found and data[alias] is None:
            continue
        null = key not in WINDOWS and found.get(key) is None
        if key in found and found[key] != data[alias] and not null:
            raise spec_error(
                where, f"{alias}: expected the same as {key} ({short(found[key])}), got {short(data[alias])}"
            )
        found[key] = data[alias]
    return found


_ACTS = ("hidden_act", "hidden_activation", "activation_function", "mlp_hidden_act", "activation")


def _refuse_gate(data: Traced, network: Network, where: str) -> None:
    """An activation with a gate has a third matrix, which a family without one would leave out."""
    parts = [layer[key] for layer in network.layers for key in ("ffn", "experts") if key in layer]
    if all(not isinstance(part, dict) or part.get("gated", True) for part in parts):
        return
    for key in _ACTS:
        value = data.peek(key)
        if isinstance(value, str) and "glu" in value.lower():
            what = "an activation without a gate, as this family has two matrices in an FFN"
            raise spec_error(where, f"{key}: expected {what}, got {short(value)}")


def _refuse_unknown(data: Mapping[str, object], family: Family, where: str) -> None:
    problems = told(
        chain(
            key_problems(data, family.reads | family.passes, where),
            rope_problems(data, where),
            context_problems(data, where),
        )
    )
    if problems:
        raise SpecError(problems)
