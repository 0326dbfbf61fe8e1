"""Why a `model_type` is refused: what an LLM YAML cannot say of it, by name."""

from collections.abc import Mapping
from typing import Final

_OBSTACLES: Final[Mapping[str, str]] = {
    "it is not a decoder that generates text token by token": """
        bert roberta albert electra deberta deberta_v2 distilbert modernbert xlm-roberta clip siglip siglip2
        vit dinov2 dinov3_vit esm nomic_bert eurobert
    """,
    "it has an encoder whose output the decoder attends to, and an LLM YAML has no cross attention": """
        t5 mt5 umt5 byt5 bart mbart pegasus marian m2m_100 nllb-moe whisper t5gemma t5gemma2 mllama
        mllama_text_model led longt5 switch_transformers moonshine encoder-decoder
    """,
    "its tokens are denoised in blocks and not generated one by one, which no serving mode does": """
        llada llada_moe dream sdar sdar_moe diffusion_gemma LLaDAModelLM Dream
    """,
    "it has recurrent layers of a kind that an LLM YAML has no key for (xLSTM, RG-LRU)": """
        xlstm recurrent_gemma griffin
    """,
    "it has RWKV layers, and an LLM YAML has no key for them": "rwkv rwkv5 rwkv6 rwkv7 rwkv_x070 qwrkv",
    "an index picks the tokens that its attention visits, for which there are no keys yet": """
        mistral_large4 mistral_large4_text qwen4_exp axk2 glm5_next
    """,
    "its later layers read the KV cache of earlier ones next to a state, for which there is no key yet": """
        phi4flash
    """,
    "layers read latents and choices of earlier layers, and tables of n-grams inside, without keys yet": """
        deepseek_v41 deepseek_v41_text
    """,
    "its second pass over the layers attends to the cache of the first one and to a window of its own": """
        iquestloopcoder
    """,
    "its layers draw on a few banks of experts that they share": "interns2_mobius interns2_mobius_text",
    "its layers share weights and add a few of their own": "zamba zamba2",
    "its layers attend to an LM of bytes or hashes, not to tokens": "blt canine hnet",
}
"""Why, to the model types."""

_BY_TYPE: Final = {kind: why for why, kinds in _OBSTACLES.items() for kind in kinds.split()}


def obstacle(model_type: str) -> str:
    """Why a `model_type` cannot be imported, where that is known; else the empty string."""
    return _BY_TYPE.get(model_type, "")
