"""A Hugging Face `config.json` to an LLM YAML: what is not understood is refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from pathlib import Path

import yaml

from dse.errors import Problem, SpecError, spec_error, told
from dse.spec.huggingface.checkpoint.context import context_notes, longest
from dse.spec.huggingface.checkpoint.counts import Counts, counts
from dse.spec.huggingface.checkpoint.files import beside, config_in
from dse.spec.huggingface.checkpoint.formats import Formats, formats_of
from dse.spec.huggingface.checkpoint.nested import TIE, Levels, levels_in, with_head
from dse.spec.huggingface.checkpoint.params_json import as_config, is_params
from dse.spec.huggingface.families import FAMILIES, INNER_NOTE, OUTER, WRAPPED, defaults
from dse.spec.huggingface.json_file import read_json
from dse.spec.huggingface.keys import READ, WRAPPER, ignored, key_problems, rope_problems
from dse.spec.huggingface.naming import name_in, nominal, slug, text_of
from dse.spec.huggingface.obstacles import obstacle
from dse.spec.huggingface.reader import Family, HfConfig, Network, blocks
from dse.spec.huggingface.wrappers import WRAPPERS
from dse.spec.schema.llm import LlmSpec
from dse.spec.yaml.loading import build_spec
from dse.text import short
from objectives.equations.llm.parameters import params

SOURCE = "hf-config"
"""Key of the sources that imported numbers cite."""


@dataclass(frozen=True)
class Imported:
    """An LLM that was read from a `config.json`."""

    spec: LlmSpec
    text: str
    """The same as an LLM YAML."""
    counts: Counts
    """What its sizes add up to."""
    read: tuple[str, ...]
    """Keys of the language model that were read."""
    ignored: Mapping[str, tuple[str, ...]]
    """Keys that were not, by why not."""

    @property
    def params(self) -> int:
        """Parameters that its sizes add up to."""
        return self.counts.params


@dataclass(frozen=True)
class _Said:
    """What a file says, under the names that a family uses."""

    config: HfConfig
    network: Network
    formats: Formats
    notes: tuple[str, ...]


def import_llm(path: Path, name: str | None = None, read_on: date | None = None) -> Imported:
    """The LLM that a `config.json` or `params.json`, or the folder around it, describes.

    `name` is what the LLM is called, else the file, its folder or its own `_name_or_path` say; `read_on` is
    the date that its numbers carry, today when left out. Raises `SpecError` with what is not understood:
    the `model_type`, the class, the kind of a layer, of rotary positions, or a key that may change sizes.
    """
    file = config_in(path)
    where = str(file)
    outer = _read(file)
    called = name or name_in(file, outer)
    kind, levels, notes = _language_model(outer, where)
    family = FAMILIES[kind]
    data = _canonical(levels[-1], family, where)
    # before any size is read, because an unknown key may change it
    _refuse_unknown(data, family, where)
    config = HfConfig(where, data, family.reads, defaults(kind, inside=len(levels) > 1))
    network = family.network(config)
    # what is said inside comes first
    sections = [data, *reversed(levels[:-1])]
    hidden = config.size("hidden_size")
    formats = formats_of(sections, beside(file), network.layers, hidden, tied=network.tied)
    said = _Said(config, network, formats, (*notes, *_filled(config, family, network)))
    spec, text = _imported(said, called, (read_on or date.today()).isoformat())
    return Imported(
        spec=spec,
        text=text,
        counts=counts(spec.resolve(), spec.context),
        read=tuple(key for key in data if key in family.reads or key in READ),
        ignored=ignored(data, family.reads, family.passes),
    )


def _imported(said: _Said, called: str, day: str) -> tuple[LlmSpec, str]:
    """The LLM `called` so, and its YAML; `day` is the date of all its numbers."""
    c, network = said.config, said.network
    note = "; ".join((*network.notes, *said.notes))
    context = longest(c.data)
    remarks = [*context_notes(c.data, network.layers, context), *said.formats.notes]
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
        **({"context": context} if context else {}),
        **({"formats": dict(said.formats.parts)} if said.formats.parts else {}),
        **({"tied_embedding": True} if network.tied else {}),
        **({"learned_positions": network.learned_positions} if network.learned_positions else {}),
        **({"lookup": [dict(table) for table in network.lookup]} if network.lookup else {}),
        "blocks": blocks(network.layers, network.repeats),
        **({"notes": "; ".join(remarks)} if remarks else {}),
    }
    # the first build only counts: `params` must agree with the sizes, and is derived from them
    count = round(params(build_spec(LlmSpec, data, c.where).resolve()))
    data["params"] = counted | {
        "value": text_of(count, 4),
        "note": f"counted from the sizes below: {count:,}",
    }
    data["nominal_params"] = nominal(name, count)
    return build_spec(LlmSpec, data, c.where), _yaml(data)


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


def _without(c: HfConfig, family: Family, key: str) -> Network | None:
    """The network without one default; None where the family cannot do without it."""
    try:
        return family.network(replace(c, defaults={k: v for k, v in c.defaults.items() if k != key}))
    except SpecError:
        return None


def _read(file: Path) -> Mapping[str, object]:
    """Keys of a `config.json`."""
    data = read_json(file)
    if not isinstance(data, dict):
        raise spec_error(f"{file}:1", f"expected the keys of a config.json, got a {type(data).__name__}")
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
    # keys of the towers that see or hear are passed over; all others are checked
    around = chain.from_iterable(
        key_problems(_unlike(each, inner), WRAPPER | wrapper.passes | {TIE}, where) for each in found[:-1]
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
    return inside, (*found[:-1], with_head(found, wrapper, where)), (INNER_NOTE,)


def _unlike(outer: Mapping[str, object], inner: Mapping[str, object]) -> dict[str, object]:
    """Keys around a language model that it does not repeat; what both say is read inside."""
    return {key: value for key, value in outer.items() if key not in inner or inner[key] != value}


def _unknown(kind: object) -> str:
    """What is wrong with a `model_type`, and why it is not supported where that is known."""
    known = sorted({*FAMILIES, *WRAPPED})
    got = "no such key" if kind is None else short(kind)
    why = obstacle(str(kind))
    # no nearest name: a file under another name would be read with the sizes of another family
    hint = f"{why[:1].upper()}{why[1:]}." if why else "Another name in its place would get other sizes."
    return (
        f"model_type: expected one of {len(known)} families, got {got}. {hint} They are {', '.join(known)}."
    )


def _check_class(data: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    given = data.get("architectures")
    if given is None:
        return
    strange = given if not isinstance(given, list) else [a for a in given if a not in known]
    if strange or not given:
        hint = "A class with another head, or a draft model, has other sizes."
        raise spec_error(where, f"architectures: expected {' or '.join(known)}, got {short(given)}. {hint}")


def _canonical(data: Mapping[str, object], family: Family, where: str) -> dict[str, object]:
    """The keys under the names of the family; two names of one thing must agree."""
    found = {key: value for key, value in data.items() if key not in family.aliases}
    for alias, key in family.aliases.items():
        if alias not in data:
            continue
        if key in found and found[key] != data[alias]:
            raise spec_error(
                where, f"{alias}: expected the same as {key} ({short(found[key])}), got {short(data[alias])}"
            )
        found[key] = data[alias]
    return found


def _refuse_unknown(data: Mapping[str, object], family: Family, where: str) -> None:
    problems = told(
        chain(key_problems(data, family.reads | family.passes, where), rope_problems(data, where))
    )
    if problems:
        raise SpecError(problems)
