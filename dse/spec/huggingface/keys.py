"""Which keys of a `config.json` may be passed over, and which must not be."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from dse.errors import Problem, nearest
from dse.spec.huggingface.checkpoint.harmless import SEES, harmless
from dse.spec.huggingface.checkpoint.traced import Traced
from dse.text import short

CONTEXTS: Final = (
    "max_position_embeddings",
    "max_position_embedding",
    "model_max_length",
    "max_sequence_length",
    "max_seq_len",
    "seq_length",
    "n_positions",
    "n_ctx",
)
"""Keys for the longest context; where a file has several, the largest counts."""
SECTIONS: Final = ("quantization_config", "compression_config", "quantization")
"""Keys that say how weights are quantised."""
TYPES: Final = ("dtype", "torch_dtype")
"""Keys that say the format of what is not quantised."""
READ: Final = frozenset({"model_type", "architectures", "expert_dtype", *CONTEXTS, *SECTIONS, *TYPES})
"""Keys that are read in every family."""

OTHERS: Final = "not used next to the other keys of this file"
INSIDE: Final = "no size and no format, inside a key that has some"
AGAIN: Final = "said again inside"
TWICE: Final = "another key says it"
SHORTER: Final = "no length, or a shorter one than the longest context"

_AROUND: Final = """
    text_config vision_config audio_config spatial_merge_size vision_feature_layer image_seq_length
    alignment_intermediate_size downsample_factor adapter_layer_norm_eps scale_factor mm_tokens_per_image
    language_config llm_config thinker_config talker_config code2wav_config projector_config
    max_dynamic_patch min_dynamic_patch dynamic_image_size force_image_size select_layer use_backbone_lora
    use_llm_lora global_view_pos candidate_resolutions multimodal_projector_bias image_grid_pinpoints
    vision_feature_select_strategy projector_hidden_act vision_aspect_ratio projector_hidden_size
    projector_bias projector_use_layernorm img_token_compression_config process_image_mode do_image_splitting
    encoder_patch_size max_image_tokens min_image_tokens max_tiles min_tiles tile_size use_thumbnail
    max_pixels_tolerance use_image_special_tokens canvas_length aligner_config gen_aligner_config
    gen_head_config gen_vision_config
"""
WRAPPER: Final = frozenset(_AROUND.split())
"""Keys around a language model inside a larger one; only the language model is imported."""

WINDOWS: Final = frozenset({"sliding_window", "max_window_layers", "use_sliding_window"})
"""Keys that Transformers reads inside where a file has them around the language model as well."""

# `su` is what `longrope` was called at first
ROPES = (
    "default",
    "linear",
    "dynamic",
    "yarn",
    "llama3",
    "longrope",
    "su",
    "mrope",
    "proportional",
    "xdrope",
    "telechat3-yarn",
)
"""Rotary positions that only change angles."""


def key_problems(data: Mapping[str, object], known: Collection[str], where: str) -> Iterator[Problem]:
    """A problem for each key that is neither known nor harmless: it may change a size."""
    for key, value in data.items():
        if key not in known and key not in READ and not harmless(key, value):
            # no nearest key: under another name it would be read as what it is not
            yield Problem(where, f"{key}: expected no unknown key that may change a size, got {short(value)}")


_SIZES: Final = """
    layer layers head heads expert experts hidden intermediate vocab embd embed embedding ffn mlp rank dim
    size width depth window state group groups kv tie tied nextn mtp mamba ssm loop loops recurrent moe
    topk attn attention llm text model lora
"""
_PARTS: Final = frozenset(_SIZES.split())
"""Words in names of keys that may be about the sizes of a language model."""


def may_size(key: str) -> bool:
    """Whether a key of a larger model may be about the sizes of the language model inside, by its words.

    The larger models have many keys of their own, for what they see and hear; none of them reaches the keys
    of the model inside.
    """
    return not _PARTS.isdisjoint(key.lower().split("_"))


def ignored(
    data: Traced, around: Iterable[Traced], read: Collection[str], passed: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Keys that no size was read from, by why not; `around` are the levels of a larger model.

    `read` are keys that a family reads where others call for them, `passed` those that it never does.
    """
    found: dict[str, dict[str, None]] = {}
    for path in data.unused():
        key = path.partition(".")[0]
        why = _elsewhere(key) or (INSIDE if key != path else "")
        if not why and key in read:
            why = OTHERS
        if not why:
            why = "sizes that this family does not use" if key in passed else harmless(key, data.peek(key))
        found.setdefault(why, {})[path] = None
    for level in around:
        for path in level.unused():
            key = path.partition(".")[0]
            why = _elsewhere(key) or (INSIDE if key != path else "") or (SEES if key in WRAPPER else "")
            again = AGAIN if key in data else SEES
            found.setdefault(why or harmless(key, level.peek(key)) or again, {})[path] = None
    return {why: tuple(keys) for why, keys in found.items()}


def _elsewhere(key: str) -> str:
    """Why a key was not read that every family reads; the empty string for any other key."""
    return SHORTER if key in CONTEXTS else TWICE if key in READ else ""


def rope_problems(data: Mapping[str, object], where: str) -> Iterator[Problem]:
    """Kinds of rotary positions that are not known to leave all sizes as they are."""
    for key in ("rope_scaling", "rope_parameters"):
        for kind in _ropes(data.get(key)):
            if kind not in ROPES:
                hint = nearest(str(kind), ROPES)
                yield Problem(where, f"{key}: expected one of {', '.join(ROPES)}, got {short(kind)}. {hint}")


def _ropes(value: object) -> Iterator[object]:
    """Kinds in a `rope_scaling`, or in one for each kind of layer."""
    # some files say false where others leave it out
    if value is None or value is False:
        return
    if not isinstance(value, dict):
        yield value
    elif value and all(isinstance(v, dict) for v in value.values()):
        for inner in value.values():
            yield from _ropes(inner)
    else:
        # older files say `type`, newer ones `rope_type`
        yield value.get("rope_type", value.get("type", "default"))
