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
    "it has an encoder whose output the decoder attends to, and an LLM YAML has no cross attention": """
        t5 mt5 umt5 byt5 bart mbart pegasus marian m2m_100 nllb-moe whisper t5gemma t5gemma2 mllama
        mllama_text_model led longt5 switch_transformers moonshine encoder-decoder florence2 pp_formulanet
        bigbird_pegasus blenderbot blenderbot-small mvp plbart prophetnet trocr udop pix2struct
        vision-encoder-decoder speech-encoder-decoder canary cohere_asr moonshine_streaming pop2piano
        seamless_m4t seamless_m4t_v2 speech_to_text speecht5 fsmt pegasus_x blip
    """,
    "its tokens are denoised in blocks and not generated one by one, which no serving mode does": """
        llada llada_moe dream sdar sdar_moe diffusion_gemma LLaDAModelLM Dream
    """,
    "it has recurrent layers of a kind that an LLM YAML has no key for (xLSTM, RG-LRU)": """
        xlstm recurrent_gemma griffin
    """,
    "it has RWKV layers, and an LLM YAML has no key for them": "rwkv rwkv5 rwkv6 rwkv7 rwkv_x070 qwrkv",
    "its later layers read the KV cache of earlier ones next to a state, for which there is no key yet": """
        phi4flash
    """,
    "its layers share weights and add a few of their own": "zamba zamba2",
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
    "it drafts tokens for another LLM and is none by itself": "gemma4_assistant gemma4_unified_assistant",
}
"""Why, to the model types."""

_BY_TYPE: Final = {kind: why for why, kinds in _OBSTACLES.items() for kind in kinds.split()}


def obstacle(model_type: str) -> str:
    """Why a `model_type` cannot be imported, where that is known; else the empty string."""
    return _BY_TYPE.get(model_type, "")
