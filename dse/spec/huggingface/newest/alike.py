"""LLMs of equal layers that Transformers 5 knows: nanochat, CWM, Granite with windows, Mellum, Flint."""

from collections.abc import Sequence

from dse.spec.huggingface.dense import NORMS
from dse.spec.huggingface.reader import FULL, SLIDING, Family, HfConfig, family, kinds_of
from dse.spec.huggingface.recent.mixtures import Mixture, everywhere, mixture
from dse.spec.huggingface.recent.plain import Plain, every_nth, plain

_WINDOWS = "layer_types sliding_window"


def first_of_four(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or the first of every four layers full and the others sliding."""
    usual = [SLIDING if i % 4 else FULL for i in range(c.size("num_hidden_layers"))]
    return kinds_of(c, (FULL, SLIDING), usual)


def listed(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or all layers full."""
    return kinds_of(c, (FULL, SLIDING), [FULL] * c.size("num_hidden_layers"))


def _fifth(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or the last of every five layers full."""
    usual = [SLIDING if (i + 1) % 5 else FULL for i in range(c.size("num_hidden_layers"))]
    return kinds_of(c, (FULL, SLIDING), usual)


def _flint(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or the second of every four layers full, and the first and the last of all."""
    last = c.size("num_hidden_layers") - 1
    usual = [FULL if i < 2 or i % 4 == 1 or i == last else SLIDING for i in range(last + 1)]
    return kinds_of(c, (FULL, SLIDING), usual)


def _sixth(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or the last of every six layers full, and the last of all."""
    last = c.size("num_hidden_layers") - 1
    usual = [FULL if i == last or (i + 1) % 6 == 0 else SLIDING for i in range(last + 1)]
    return kinds_of(c, (FULL, SLIDING), usual)


def _but_three(c: HfConfig) -> Sequence[bool]:
    """Experts where `mlp_layer_types` says so; without it, in all layers but the first three."""
    usual = ["dense" if i < 3 else "sparse" for i in range(c.size("num_hidden_layers"))]
    return [kind == "sparse" for kind in kinds_of(c, ("dense", "sparse"), usual, "mlp_layer_types")]


def _sparse_listed(c: HfConfig) -> Sequence[bool]:
    """Experts where `mlp_layer_types` says so; without it, everywhere."""
    usual = ["sparse"] * c.size("num_hidden_layers")
    return [kind == "sparse" for kind in kinds_of(c, ("dense", "sparse"), usual, "mlp_layer_types")]


def _but_dense(c: HfConfig) -> Sequence[bool]:
    """Experts in every `decoder_sparse_step`th layer but those of `mlp_only_layers`, else the first two."""
    dense, step = c.items("mlp_only_layers", int), c.size("decoder_sparse_step")
    found = {0, 1} if dense is None else set(dense)
    return [i not in found and (i + 1) % step == 0 for i in range(c.size("num_hidden_layers"))]


def _shared(c: HfConfig) -> int:
    return c.whole("shared_expert_intermediate_size", None)


def _shared_granite(c: HfConfig) -> int:
    return c.whole("shared_intermediate_size")


def _shared_aria(c: HfConfig) -> int:
    return c.whole("moe_num_shared_experts", None) * c.size("intermediate_size")


def _row(shape: Plain, *classes: str, more: str = "", passes: str = "", **aliases: str) -> Family:
    """A row of the table: the keys are those of the shape and `more`."""
    return family(plain(shape), shape.reads | set(more.split()), *classes, aliases=aliases, passes=passes)


def _mixed(shape: Mixture, *classes: str, more: str = "", passes: str = "", **aliases: str) -> Family:
    """A row with experts."""
    keys = shape.reads | {"num_experts", "num_experts_per_tok", shape.expert_width} | set(more.split())
    names = {"num_local_experts": "num_experts", **aliases}
    return family(mixture(shape), keys, *classes, aliases=names, passes=passes)


_SINKS = "sinks of attention, a number a head, are not counted"
_MTP = "mtp_layer_types mtp_mlp_layer_types"

ALIKE = {
    "vaultgemma": _row(
        Plain(tied=True, which=every_nth),
        "VaultGemmaForCausalLM",
        more=f"{_WINDOWS} sliding_window_pattern",
    ),
    "nanochat": _row(Plain(gated=False), "NanoChatForCausalLM"),
    "cwm": _row(Plain(bias=False, which=first_of_four), "CwmForCausalLM", more=f"{_WINDOWS} mlp_bias"),
    "iquestcoder": _row(Plain(), "LlamaForCausalLM", "IQuestCoderForCausalLM", more="mlp_bias"),
    "granite_swa": _row(
        Plain(which=first_of_four, tied=True, notes=(_SINKS,)),
        "GraniteSWAForCausalLM",
        more=f"{_WINDOWS} mlp_bias",
        passes="layer_rope_theta",
    ),
    "hyperclovax": _row(
        Plain(notes=(NORMS,)), "HyperCLOVAXForCausalLM", more="mlp_bias", passes="use_post_norm"
    ),
    "apertus1p5_text": _row(
        Plain(gated=False, only={"mlp_bias": False, "output_vocab_size": None}),
        "Apertus1p5TextForCausalLM",
        "Apertus1p5ForConditionalGeneration",
    ),
    "cohere_compass_text": _row(
        Plain(parallel=True, tied=True, which=listed, only={"pooling": None}),
        "CohereCompassForCausalLM",
        "CohereCompassForConditionalGeneration",
        more=_WINDOWS,
    ),
    "emu3_text_model": _row(
        Plain(only={"mlp_bias": False}), "Emu3ForCausalLM", "Emu3ForConditionalGeneration"
    ),
    "mellum": _mixed(
        Mixture(which=listed, sparse=_sparse_listed),
        "MellumForCausalLM",
        more=f"{_WINDOWS} mlp_layer_types num_nextn_predict_layers",
        passes=f"{_MTP} use_sliding_window",
        num_mtp_layers="num_nextn_predict_layers",
    ),
    "beam": _mixed(
        Mixture(which=_sixth, sparse=_but_three, gate=True),
        "BeamForCausalLM",
        more=f"{_WINDOWS} mlp_layer_types",
    ),
    "kolibri1": _mixed(
        Mixture(bias=False, which=_fifth, shared=_shared, sparse=everywhere),
        "Kolibri1ForCausalLM",
        more=f"{_WINDOWS} shared_expert_intermediate_size",
    ),
    "flint": _mixed(
        Mixture(which=_flint, shared=_shared, sparse=_but_dense),
        "FlintForCausalLM",
        more=f"{_WINDOWS} shared_expert_intermediate_size mlp_only_layers decoder_sparse_step",
    ),
    "granitemoe_swa": _mixed(
        Mixture(
            which=first_of_four,
            expert_width="intermediate_size",
            shared=_shared_granite,
            sparse=everywhere,
            notes=(_SINKS,),
        ),
        "GraniteMoeSWAForCausalLM",
        more=f"{_WINDOWS} shared_intermediate_size",
        passes="layer_rope_theta",
    ),
    "aria_text": _mixed(
        Mixture(expert_width="intermediate_size", shared=_shared_aria, sparse=everywhere),
        "AriaTextForCausalLM",
        "AriaForConditionalGeneration",
        more="moe_num_shared_experts mlp_bias",
        moe_num_experts="num_experts",
        moe_topk="num_experts_per_tok",
    ),
}
"""`model_type` to its family."""
