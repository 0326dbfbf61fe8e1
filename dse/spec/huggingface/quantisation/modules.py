"""Modules of one layer as checkpoints call them, and patterns that pick some of them by name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import product
from typing import Final

from dse.spec.huggingface.reader import Layer

_PREFIXES: Final = ("model.layers", "model.language_model.layers", "language_model.model.layers")
"""What comes before the number of a layer, where a pattern does not say it itself."""
_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.(.+)$")
_LONGEST: Final = 500
"""Letters of a regular expression."""
_REPEATS: Final = 4
"""Repetitions in one: a match tries every way to share the letters of a name among them."""
_MIXERS: Final = ("self_attn", "attention", "attn", "self_attention", "mixer", "linear_attn", "mamba", "conv")
_FFNS: Final = ("mlp", "feed_forward", "ffn", "mixer")
_MOES: Final = ("mlp", "block_sparse_moe", "mixer", "feed_forward", "ffn", "moe")

_Q: Final = ("q_proj", "qkv_proj", "wq", "wqkv", "query_key_value", "W_pack", "Wqkv", "c_attn")
_K: Final = ("k_proj", *_Q[1:2], "wk", *_Q[3:])
_V: Final = ("v_proj", *_Q[1:2], "wv", *_Q[3:])
_O: Final = ("o_proj", "out_proj", "wo", "dense", "c_proj")
_IN: Final = ("gate_proj", "gate_up_proj", "up_proj", "w1", "dense_h_to_4h", "c_fc", "fc1", "fc_in")
_UP: Final = ("up_proj", "gate_up_proj", "w3")
_OUT: Final = ("down_proj", "w2", "dense_4h_to_h", "c_proj", "fc2", "fc_out")

_IN_STATE: Final = ("in_proj_qkvz", "in_proj")
_OTHERS: Final = {
    "attention",
    "latent_attention",
    "ffn",
    "experts",
    "matrices",
    "parallel",
    "beside",
    "distinct",
}
"""Keys of a layer that are no state."""


@dataclass(frozen=True)
class Leaf:
    """One matrix of a layer."""

    part: str
    size: int
    """Its elements."""
    names: tuple[str, ...]
    """What checkpoints call it inside a layer; each of ours uses one of them."""


def leaves(layer: Layer, hidden: int) -> Iterator[Leaf]:
    """Matrices of one layer that are large enough to have a format of their own."""
    yield from _mixer(layer, hidden)
    yield from _mixer(_part(layer, "beside"), hidden)
    if ffn := _part(layer, "ffn"):
        yield from _ffn("dense", ffn["width"], hidden, bool(ffn.get("gated", True)), _FFNS)
    if experts := _part(layer, "experts"):
        # beside a dense FFN, experts are not inside the module of that
        moes = tuple(m for m in _MOES if not (ffn and m == "mlp"))
        inside = [f"{m}.experts{i}" for m in moes for i in (".0", "")] + ["experts.0", "experts"]
        gated = bool(experts.get("gated", True))
        yield from _ffn("experts", experts["count"] * experts["width"], hidden, gated, inside)
        if shared := experts.get("shared_width", 0):
            said = [f"{m}.{s}" for m in _MOES for s in ("shared_experts", "shared_expert", "shared_mlp")]
            yield from _ffn("shared", shared, hidden, gated, [*said, "share_expert", "shared_mlp"])


def _part(layer: Layer, key: str) -> Mapping[str, int]:
    found = layer.get(key)
    return found if isinstance(found, dict) else {}


def _ffn(part: str, width: int, hidden: int, gated: bool, inside: Iterable[str]) -> Iterator[Leaf]:
    size, inside = width * hidden, tuple(inside)
    yield Leaf(part, size, _names(inside, _IN))
    if gated:
        yield Leaf(part, size, _names(inside, _UP))
    yield Leaf(part, size, _names(inside, _OUT))


def _mixer(layer: Layer, hidden: int) -> Iterator[Leaf]:
    """Projections of attention of any kind, or of a state layer."""
    if a := _part(layer, "attention"):
        one = hidden * a["head_dim"]
        yield Leaf("attention", one * a["heads"] * (2 if a.get("gate") else 1), _names(_MIXERS, _Q))
        yield Leaf("attention", one * a["kv_heads"], _names(_MIXERS, _K))
        yield Leaf("attention", one * a["kv_heads"], _names(_MIXERS, _V))
        yield Leaf("attention", one * a["heads"], _names(_MIXERS, _O))
    if a := _part(layer, "latent_attention"):
        rank = a.get("query_latent") or 0
        queries = a["heads"] * (a["nope"] + a["rope"])
        if rank:
            yield Leaf("attention", hidden * rank, _names(_MIXERS, ("q_a_proj",)))
        yield Leaf(
            "attention", (rank or hidden) * queries, _names(_MIXERS, ("q_b_proj" if rank else "q_proj",))
        )
        down = hidden * (a["latent"] + a["rope"])
        yield Leaf("attention", down, _names(_MIXERS, ("kv_a_proj_with_mqa", "kv_a_proj")))
        yield Leaf(
            "attention", a["latent"] * a["heads"] * (a["nope"] + a["value"]), _names(_MIXERS, ("kv_b_proj",))
        )
        yield Leaf("attention", hidden * a["heads"] * a["value"], _names(_MIXERS, _O))
    for key in set(layer) - _OTHERS:
        yield from _state(_part(layer, key), hidden)


def _state(a: Mapping[str, int], hidden: int) -> Iterator[Leaf]:
    """Projections of a layer with a state: what goes in, its gate, and what goes out."""
    if "taps" in a:
        # a short convolution: two gates and what is convolved, in one matrix
        yield Leaf("attention", 3 * hidden * a["width"], _names(_MIXERS, _IN_STATE))
        yield Leaf("attention", hidden * a["width"], _names(_MIXERS, _O))
        return
    if "step_rank" in a:
        made = a["step_rank"] + 2 * a["state_dim"]
        yield Leaf("attention", a["inner"] * made, _names(_MIXERS, ("x_proj",)))
        yield Leaf("attention", a["inner"] * a["step_rank"], _names(_MIXERS, ("dt_proj",)))
    values = a["heads"] * a["value_dim"] if "value_dim" in a else a.get("inner", hidden)
    keys = 2 * a["key_heads"] * a["key_dim"] if "key_dim" in a else 0
    yield Leaf("attention", hidden * (keys + values), _names(_MIXERS, ("in_proj_qkv", *_IN_STATE, *_Q)))
    yield Leaf("attention", hidden * values, _names(_MIXERS, ("in_proj_z", *_IN_STATE, "g_proj")))
    yield Leaf("attention", hidden * values, _names(_MIXERS, _O))


def _names(inside: Iterable[str], last: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{a}.{b}" for a, b in product(inside, last))


@dataclass(frozen=True)
class Patterns:
    """Names of modules as quantisation lists them, to what each says.

    A plain name means the module and all inside it, wherever it is; `*` for any letters; a name after
    `re:` is a regular expression from the start.
    """

    said: Mapping[str, str]

    def of_layer(self, number: int, names: Iterable[str]) -> str | None:
        """What is said of a module of a layer that has one of these names; None for nothing."""
        if not self.said:
            return None
        for name in names:
            for inside in _and_around(name):
                if (number, inside) in self._exact:
                    return self._exact[number, inside]
            for pattern, what in self._of_one.get(number, ()):
                if _glob(pattern, name):
                    return what
            if (found := self._of_all(number, name)) is not None:
                return found
        return None

    def of(self, *names: str) -> str | None:
        """What is said of a module outside the layers."""
        return next((w for name in names for p, w in self._wide if _fits(p, name)), None)

    def _of_all(self, number: int, name: str) -> str | None:
        full = [f"{prefix}.{number}.{name}" for prefix in _PREFIXES]
        return next((w for p, w in self._wide if any(_fits(p, each) for each in full)), None)

    @cached_property
    def _exact(self) -> Mapping[tuple[int, str], str]:
        """Layer and name inside it; a checkpoint of many experts lists ten thousands."""
        return {(int(m[1]), m[2]): what for m, what in self._split if "*" not in m[2]}

    @cached_property
    def _of_one(self) -> Mapping[int, list[tuple[str, str]]]:
        """Patterns inside one layer."""
        found: dict[int, list[tuple[str, str]]] = {}
        for match, what in self._split:
            if "*" in match[2]:
                found.setdefault(int(match[1]), []).append((match[2], what))
        return found

    @cached_property
    def _split(self) -> list[tuple[re.Match[str], str]]:
        """Patterns that name a layer by its number."""
        return [(m, what) for p, what in self.said.items() if (m := _numbered(p))]

    @cached_property
    def _wide(self) -> tuple[tuple[str, str], ...]:
        """Patterns that may be about several layers, or about all of one."""
        return tuple((p, what) for p, what in self.said.items() if not _numbered(p))


def unsafe(pattern: str) -> bool:
    """Whether a regular expression is wrong, or so repetitive that a match may take hours."""
    if not pattern.startswith("re:"):
        return False
    try:
        re.compile(pattern[3:])
    except (re.error, RecursionError, OverflowError):
        return True
    return (
        len(pattern) > _LONGEST
        or len(re.findall(r"[*+{]", pattern)) > _REPEATS
        or any(again in pattern for again in (")*", ")+", "){"))
    )


def _numbered(pattern: str) -> re.Match[str] | None:
    return None if pattern.startswith("re:") else _LAYER.search(pattern)


def _and_around(name: str) -> Iterator[str]:
    """A module and those that it is in."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _glob(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def _fits(pattern: str, name: str) -> bool:
    """Whether a pattern is about the module of a full name."""
    if pattern.startswith("re:"):
        return re.match(pattern[3:], name) is not None
    if "*" in pattern:
        return _glob(pattern, name) or _glob(f"*.{pattern}", name)
    return f".{pattern}." in f".{name}."
