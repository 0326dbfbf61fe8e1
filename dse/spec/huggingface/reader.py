"""A Hugging Face `config.json` read key by key: what a family does not declare it cannot read."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from dse.errors import SpecError, spec_error, told
from dse.spec.huggingface.checkpoint.traced import plain
from dse.spec.huggingface.keys import key_problems
from dse.spec.schema.layers import MOST_LAYERS
from dse.text import short

T = TypeVar("T")
Layer = Mapping[str, object]
"""One layer in the language of a block of an LLM YAML, without its count."""

FULL, SLIDING, CHUNKED = "full_attention", "sliding_attention", "chunked_attention"
"""Kinds of attention that Transformers writes in `layer_types`."""
STATE = "linear_attention"
"""The kind of layers with a state: linear attention, and Mamba since Transformers 5."""
_RENAMED = {"mamba": STATE, "attention": FULL, "deepseek_sparse_attention": "indexed_attention"}
"""What older files call some kinds of layer."""

_LARGEST = 10**9
"""Of a size, as in an LLM YAML."""


@dataclass(frozen=True)
class HfConfig:
    """Keys of one config, under the names that its family uses."""

    where: str
    data: Mapping[str, object]
    reads: frozenset[str]
    """Keys that the family declares; reading another one is a bug."""
    defaults: Mapping[str, object]
    """What Transformers fills in for keys that published files leave out."""
    filled: dict[str, object] = field(default_factory=dict, compare=False)
    """What keys meant that were read though the file leaves them out, or has null."""
    inside: str = ""
    """Keys that lead here, each with a dot after it."""

    def get(self, key: str) -> object:
        """The value, or the default where the key is left out; None where it is null or has neither."""
        if key not in self.reads:
            raise KeyError(f"{key} is not declared among the keys that this family reads")
        found = self.data[key] if key in self.data else self.defaults.get(key)
        if key not in self.data or found is None:
            self.filled[self.inside + key] = found
        return found

    def given(self, key: str) -> object:
        """As `get`, refused where the key is left out and has no default: Transformers would guess a size."""
        if key not in self.data and key not in self.defaults:
            raise self.refuse(key, "a number or null")
        return self.get(key)

    def size(self, key: str, otherwise: int | None = None) -> int:
        """A whole number of at least 1; `otherwise` when left out or null."""
        return self._whole(key, otherwise, 1)

    def whole(self, key: str, otherwise: int | None = 0) -> int:
        """A whole number of at least 0; `otherwise` when left out or null, refused where that is None."""
        return self._whole(key, otherwise, 0)

    def flag(self, key: str, otherwise: bool = False) -> bool:
        """True or false; `otherwise` when left out or null."""
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.refuse(key, "true or false")
        # null is false where Transformers asks whether a key is set, and true nowhere
        if value is None and otherwise and key in self.data:
            raise self.refuse(key, "true or false")
        return self._or(key, value, otherwise)

    def items(self, key: str, kind: type[T]) -> tuple[T, ...] | None:
        """A list of values of one `kind`; None when left out or null."""
        value = self.get(key)
        if value is None:
            return None
        # not isinstance, since true and false are ints in Python
        if not isinstance(value, list) or any(type(v) is not kind for v in value):
            raise self.refuse(key, f"a list of {'words' if kind is str else 'whole numbers'}")
        return tuple(value)

    def must(self, key: str, wanted: object, hint: str = "") -> None:
        """Refuses any value but `wanted` of a key that is given: another one needs what a family lacks."""
        value = self.get(key)
        # not `!=` alone, since 0 and false are equal in Python
        if value is not None and (type(value) is not type(wanted) or value != wanted):
            said = json.dumps(wanted) if isinstance(wanted, bool) else str(wanted)
            raise self.refuse(key, said, hint)

    def part(self, key: str, *reads: str) -> "HfConfig":
        """Keys inside a key, such as `linear_attn_config`; an unknown one about a size is refused."""
        value = self.get(key)
        if not isinstance(value, dict):
            raise self.refuse(key, "keys of its own")
        where = f"{self.where}: {key}"
        problems = told(key_problems(value, reads, where))
        if problems:
            raise SpecError(problems)
        return HfConfig(where, value, frozenset(reads), {}, self.filled, f"{self.inside}{key}.")

    def refuse(self, key: str, expected: str, hint: str = "") -> SpecError:
        """The problem with a key: what was expected and what the file says."""
        got = short(plain(self.get(key))) if key in self.data else "no such key"
        return spec_error(self.where, f"{key}: expected {expected}, got {got}{f'. {hint}' if hint else ''}")

    def _whole(self, key: str, otherwise: int | None, least: int) -> int:
        value = self._or(key, self.get(key), otherwise)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:  # True is an int in Python
            raise self.refuse(key, f"a whole number of at least {least}")
        # layers are listed one by one
        most = MOST_LAYERS if key == "num_hidden_layers" else _LARGEST
        if value > most:
            raise self.refuse(key, f"a whole number of at most {most:,}")
        return value

    def _or(self, key: str, value: T | None, otherwise: T) -> T:
        """A value, or what it is where it is null or left out, which is remembered."""
        if value is None:
            self.filled[self.inside + key] = otherwise
        return otherwise if value is None else value


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Layers that draft for a network, which its checkpoint holds next to its own (MTP)."""

    modules: int
    layers: tuple[Layer, ...]
    """Those of one module."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """What a family makes of a config, but for its hidden size and vocabulary."""

    layers: tuple[Layer, ...]
    tied: bool
    learned_positions: int = 0
    notes: tuple[str, ...] = ()
    """What a reader should know that the sizes do not say."""
    lookup: tuple[Layer, ...] = ()
    """Tables besides the embedding, in the language of an LLM YAML."""
    encoder: Layer | None = None
    """What runs once a request, in the language of an LLM YAML."""
    repeats: int = 1
    """Times that all layers run one after the other, with the same weights and a KV cache each (Ouro)."""
    generation: str = ""
    """`diffusion` where blocks of tokens are denoised; left out, it generates token by token."""
    draft: Draft | None = None
    """Layers that draft for it, where the file has some and their shape is known."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One or more `model_type`s that are built alike."""

    network: Callable[[HfConfig], Network]
    reads: frozenset[str]
    architectures: tuple[str, ...]
    """Classes with an LM head; another class of the same type may have another one."""
    aliases: Mapping[str, str]
    """Older or other names of keys to the ones in `reads`."""
    passes: frozenset[str] = frozenset()
    """Keys whose names are about sizes and that change none in this family."""


def family(
    network: Callable[[HfConfig], Network],
    reads: frozenset[str],
    *architectures: str,
    aliases: Mapping[str, str] | None = None,
    passes: str = "",
) -> Family:
    """A `Family`, in the short form of a row of a table; `passes` has its keys in one text."""
    return Family(
        network=network,
        reads=reads,
        architectures=architectures,
        aliases=aliases or {},
        passes=words(passes),
    )


def words(text: str) -> frozenset[str]:
    """Keys written in one text."""
    return frozenset(text.split())


def drafting(c: HfConfig, modules: int, *layers: Layer) -> Draft | None:
    """Modules of such layers, behind a matrix that joins the embedding of a token to the row before it.

    Two rows go into the matrix and one comes out: `eh_proj` of DeepSeek-V3, `fc` of Qwen3-Next. None for no
    modules.
    """
    if not modules:
        return None
    hidden, (first, *others) = c.size("hidden_size"), layers
    join = {"inputs": 2 * hidden, "outputs": hidden}
    return Draft(modules=modules, layers=({**first, "matrices": [join]}, *others))


BASE = frozenset(
    {"hidden_size", "vocab_size", "num_hidden_layers", "num_attention_heads", "tie_word_embeddings"}
)
"""Keys that every family reads, under these names or by alias."""


def attention(c: HfConfig, *, bias: bool, kv_heads: int | None = None) -> dict[str, object]:
    """Softmax attention; one KV head for each query head unless `kv_heads` or the config says otherwise."""
    heads = c.size("num_attention_heads")
    if kv_heads is None:
        # null is one KV head for each query head; a key left out is refused, as it would be a guess
        grouped = "num_key_value_heads" in c.reads and c.given("num_key_value_heads") is not None
        kv_heads = c.size("num_key_value_heads") if grouped else heads
    found: dict[str, object] = {"heads": heads, "kv_heads": kv_heads, "head_dim": _head_dim(c, heads)}
    return {**found, "bias": True} if bias else found


def _head_dim(c: HfConfig, heads: int) -> int:
    # `get` refuses a key that the family does not declare
    if "head_dim" in c.reads and c.get("head_dim") is not None:
        return c.size("head_dim")
    hidden = c.size("hidden_size")
    if hidden % heads:
        raise c.refuse("num_attention_heads", f"a divisor of hidden_size ({hidden})")
    return hidden // heads


def kinds(c: HfConfig, otherwise: Sequence[str]) -> Sequence[str]:
    """Kind of attention of each layer: `layer_types`, or `otherwise` when it is left out."""
    return kinds_of(c, (FULL, SLIDING, CHUNKED), otherwise)


def kinds_of(
    c: HfConfig, known: Sequence[str], otherwise: Sequence[str], key: str = "layer_types"
) -> Sequence[str]:
    """What `key` says of each layer, in words that are `known`, or `otherwise` when it is left out."""
    found = c.items(key, str)
    if found is None:
        return otherwise
    found = tuple(_RENAMED.get(kind, kind) for kind in found)
    strange = sorted(set(found) - set(known))
    if strange:
        *most, last = known
        words = f"only {', '.join(most)} and {last}" if most else f"only {last}"
        raise spec_error(c.where, f"{key}: expected {words}, got {short(strange[0])}")
    # fewer kinds than layers would leave the rest to a guess
    if len(found) != c.size("num_hidden_layers"):
        raise spec_error(
            c.where, f"{key}: expected {c.size('num_hidden_layers')} kinds of layer, got {len(found)}"
        )
    if key == "mlp_layer_types":
        _agree(c, found)
    return found


def _agree(c: HfConfig, found: Sequence[str]) -> None:
    """Refuses a `first_k_dense_replace` that the list contradicts: classes differ in which one counts."""
    key = "first_k_dense_replace"
    if key not in c.reads or c.data.get(key) is None:
        return
    first = next((i for i, kind in enumerate(found) if kind != "dense"), len(found))
    if min(c.whole(key), len(found)) != first:
        raise c.refuse(key, f"{first}, as many layers as are dense first in mlp_layer_types")


def local(c: HfConfig) -> Sequence[str]:
    """`layer_types`; without it, layers slide but for the last of each `sliding_window_pattern`."""
    # the pattern is not read where the list says it, so that nothing is said of it
    listed = c.items("layer_types", str) is not None
    return kinds(c, () if listed else every(c, c.size("sliding_window_pattern")))


def every(c: HfConfig, pattern: int) -> list[str]:
    """Layers that slide, but for the last of each `pattern`."""
    return [SLIDING if (i + 1) % pattern else FULL for i in range(c.size("num_hidden_layers"))]


def reach(c: HfConfig, kind: str) -> dict[str, object]:
    """How far attention of a `kind` sees, as keys of an attention."""
    if kind == FULL:
        return {}
    if kind == SLIDING:
        return {"window": c.size("sliding_window")}
    return {"window": c.size("attention_chunk_size"), "chunked": True}


def blocks(layers: Iterable[Layer], repeats: int = 1) -> list[dict[str, object]]:
    """Equal layers counted together, in the order in which each is first met; all of them `repeats` times."""
    # as text, because mappings are not hashable; a Counter keeps the order of first appearance
    texts = [json.dumps(layer) for layer in layers]
    return [
        {"count": n * repeats, **({"distinct": n} if repeats > 1 else {}), **json.loads(text)}
        for text, n in Counter(texts).items()
    ]
