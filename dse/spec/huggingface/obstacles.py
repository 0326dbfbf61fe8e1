"""Why a `model_type` is refused: what an LLM YAML cannot say of it, by name."""

from collections.abc import Mapping
from typing import Final

_OBSTACLES: Final[Mapping[str, str]] = {
    "it is not a decoder that generates text token by token": """
        bert roberta albert electra deberta deberta_v2 distilbert modernbert xlm-roberta big_bird
        bert-generation camembert data2vec-text ernie megatron-bert rembert roberta-prelayernorm roc_bert
        roformer xlm-roberta-xl xmod clip siglip siglip2
        vit dinov2 dinov3_vit esm nomic_bert eurobert
    """,
    "its encoder is of a kind that is not read: with experts, windows around each token, or the layers of "
    "another file": """
        nllb-moe switch_transformers led longt5 moonshine encoder-decoder bigbird_pegasus
        speech_to_text seamless_m4t prophetnet fsmt blenderbot blenderbot-small florence2 pp_formulanet
        mvp plbart trocr udop pix2struct vision-encoder-decoder speech-encoder-decoder canary cohere_asr
        moonshine_streaming pop2piano seamless_m4t_v2 speecht5 pegasus_x blip
    """,
    "its file says nothing of the encoder that its layers attend to": "mllama_text_model",
    "no published file of it was at hand, so that nothing proves which sizes its keys give": """
        llada_moe lladamoe step5 step5_vl
    """,
    "it has recurrent layers of a kind that an LLM YAML has no key for (xLSTM, RG-LRU)": """
        xlstm recurrent_gemma griffin
    """,
    "it has RWKV layers older than RWKV-6, and an LLM YAML has no key for them": "rwkv rwkv5",
    "it has RWKV layers, and no file is known here that says all sizes of them in its keys": """
        rwkv_x070 qwrkv rwkv6qwen2 rwkv_hybrid
    """,
    "layers read latents and choices of earlier layers, and tables of n-grams inside, without keys yet": """
        deepseek_v41 deepseek_v41_text
    """,
    "its second pass over the layers attends to the cache of the first one and to a window of its own": """
        iquestloopcoder
    """,
    "its layers draw on a few banks of experts that they share": "interns2_mobius interns2_mobius_text",
    "its layers attend to an LM of bytes or hashes, not to tokens": "blt canine hnet",
    "a router picks the experts that project its queries, and an LLM YAML has experts in an FFN alone": """
        jetmoe
    """,
    "layers that attend to images, in addition to its own, have keys and values of what was seen": """
        idefics evolla
    """,
    "its output is sound in several codebooks a step, which another decoder or a diffusion head makes": """
        moshi musicgen musicgen_melody kyutai_speech_to_text vibevoice dia csm
    """,
    "its output is actions of a robot that a diffusion head makes": "pi0",
    "it has no KV cache as decoders have it: positions are hashed, permuted or recurrent": """
        reformer xlnet transfo-xl xlm
    """,
    "it drafts tokens for another LLM and is none by itself": """
        gemma4_assistant gemma4_unified_assistant k3_dspark muse_spark_dspark minimax_m3_mtp iquest_q1_mtp
        eagle speculators
    """,
}
"""Why, to the model types."""

_BY_TYPE: Final = {kind: why for why, kinds in _OBSTACLES.items() for kind in kinds.split()}


def obstacle(model_type: str) -> str:
    """Why a `model_type` cannot be imported, where that is known; else the empty string."""
    return _BY_TYPE.get(model_type, "")
