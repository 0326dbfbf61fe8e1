"""LLMs of equal layers: softmax attention, then an FFN or experts. A few options make the difference."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dse.spec.huggingface.dense import GQA, OUTPUT_BIAS, uniform
from dse.spec.huggingface.reader import FULL, SLIDING, HfConfig, Network, attention, kinds_of, reach

BIASES = "biases of the FFN are not counted"
HEAD_BIAS = "the bias of the LM head is not counted"
BLOCKS_PICKED = (
    "attention may pick blocks of a long context: all of it is counted as read, and the means of keys that "
    "pick are not counted"
)
"""Note on InfLLM, whose sparse attention has no weights of its own."""


def all_full(c: HfConfig) -> Sequence[str]:
    """Every layer sees the whole context; a `layer_types` that says otherwise is refused."""
    full = uniform(c, FULL)
    return kinds_of(c, (FULL,), full) if "layer_types" in c.reads else full


def every_nth(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or the last layer of each `sliding_window_pattern` full and the others sliding."""
    if c.get("sliding_window") is None:
        return kinds_of(c, (FULL,), uniform(c, FULL))
    if c.items("layer_types", str) is not None:
        return kinds_of(c, (FULL, SLIDING), ())
    pattern, count = c.get("sliding_window_pattern"), c.size("num_hidden_layers")
    if isinstance(pattern, str):
        # one letter a layer, again and again: local or global
        if not pattern or set(pattern) - set("LG"):
            raise c.refuse("sliding_window_pattern", "a text of L and G")
        return [SLIDING if pattern[i % len(pattern)] == "L" else FULL for i in range(count)]
    every = c.size("sliding_window_pattern")
    return [SLIDING if (i + 1) % every else FULL for i in range(count)]


def all_or_none(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or a window in every layer where `sliding_window` has a number."""
    usual = uniform(c, FULL if c.get("sliding_window") is None else SLIDING)
    return kinds_of(c, (FULL, SLIDING), usual) if "layer_types" in c.reads else usual


@dataclass(frozen=True, kw_only=True)
class Plain:
    """What a family of equal layers is like."""

    which: Callable[[HfConfig], Sequence[str]] = all_full
    """Kind of attention of each layer."""
    bias: str | bool = "attention_bias"
    """Key that says whether queries, keys and values have a bias, or the answer where no key says it."""
    output_bias: bool = True
    """Whether the output projection has one too where they do; it is noted and not counted."""
    gated: bool = True
    """Whether the FFN has three matrices."""
    width: str = "intermediate_size"
    tied: bool = False
    """Whether embedding and LM head are one matrix where the file does not say."""
    parallel: str | bool = False
    """Whether attention and FFN read the same input, or the key that says so."""
    only: Mapping[str, object] = field(default_factory=dict)
    """Keys that must have this value where they are given."""
    notes: tuple[str, ...] = ()

    @property
    def reads(self) -> frozenset[str]:
        """Keys that every family of this form reads."""
        flags = {key for key in (self.bias, self.parallel) if isinstance(key, str)}
        return GQA | {self.width, *flags, *self.only}


def plain(shape: Plain) -> Callable[[HfConfig], Network]:
    """Equal layers with an FFN, in the form of `shape`."""

    def network(c: HfConfig) -> Network:
        required(c, shape)
        bias, notes = biases(c, shape)
        heads = attention(c, bias=bias)
        layer = {
            "ffn": {"width": c.size(shape.width), "gated": shape.gated},
            **({"parallel": True} if _said(c, shape.parallel) else {}),
        }
        return Network(
            layers=tuple({"attention": {**heads, **reach(c, kind)}, **layer} for kind in shape.which(c)),
            tied=c.flag("tie_word_embeddings", shape.tied),
            notes=(*shape.notes, *notes),
        )

    return network


def required(c: HfConfig, shape: Plain) -> None:
    """Refuses a value that the form of the family has no place for."""
    for key, wanted in shape.only.items():
        c.must(key, wanted)


def biases(c: HfConfig, shape: Plain) -> tuple[bool, tuple[str, ...]]:
    """Whether queries, keys and values have a bias, and notes on biases that are not counted."""
    bias = _said(c, shape.bias)
    notes = [OUTPUT_BIAS] if bias and shape.output_bias else []
    if "mlp_bias" in c.reads and c.flag("mlp_bias"):
        notes.append(BIASES)
    if "lm_head_bias" in c.reads and c.flag("lm_head_bias"):
        notes.append(HEAD_BIAS)
    return bias, tuple(notes)


def _said(c: HfConfig, answer: str | bool) -> bool:
    return answer if isinstance(answer, bool) else c.flag(answer)
