"""The built-in kinds of attention, registered under `dse.attention_kinds` as those of another package are."""

from typing import Final

from dse.bounds.attention import compressed as second_compressed
from dse.bounds.attention import cross_attention as second_cross
from dse.bounds.attention import index as second_index
from dse.bounds.attention import latent as second_latent
from dse.bounds.attention import linear as second_linear
from dse.bounds.attention import mamba as second_mamba
from dse.bounds.attention import rwkv as second_rwkv
from dse.bounds.attention import short_convolution as second_short_convolution
from dse.bounds.attention import softmax as second_softmax
from dse.spec.attention.cross_attention import CrossAttentionSpec
from dse.spec.attention.index import CompressedAttentionSpec, IndexSpec
from dse.spec.attention.kind import KindEntry
from dse.spec.attention.latent import LatentAttentionSpec
from dse.spec.attention.linear import LinearAttentionSpec
from dse.spec.attention.mamba import MambaSpec
from dse.spec.attention.rwkv import RwkvSpec
from dse.spec.attention.short_convolution import ShortConvolutionSpec
from dse.spec.attention.softmax import AttentionSpec
from objectives.api import (
    Attention,
    CompressedAttention,
    CrossAttention,
    Index,
    LatentAttention,
    LinearAttention,
    Mamba,
    Rwkv,
    ShortConvolution,
)
from objectives.equations.llm.attention import (
    compressed,
    cross_attention,
    index,
    latent,
    linear,
    mamba,
    rwkv,
    short_convolution,
    softmax,
)

SOFTMAX: Final = KindEntry(
    architecture=Attention,
    spec=AttentionSpec,
    counts=softmax,
    second_count=second_softmax,
    description="Softmax attention (MHA, GQA or MQA).",
)
LATENT: Final = KindEntry(
    architecture=LatentAttention, spec=LatentAttentionSpec, counts=latent, second_count=second_latent
)
LINEAR: Final = KindEntry(
    architecture=LinearAttention, spec=LinearAttentionSpec, counts=linear, second_count=second_linear
)
INDEX: Final = KindEntry(
    architecture=Index,
    spec=IndexSpec,
    counts=index,
    second_count=second_index,
    description="Only under `beside`: what picks the tokens that attention visits.",
)
COMPRESSED: Final = KindEntry(
    architecture=CompressedAttention,
    spec=CompressedAttentionSpec,
    counts=compressed,
    second_count=second_compressed,
    description="Only under `beside`: entries of several tokens, for the queries of the attention.",
)
SHORT_CONVOLUTION: Final = KindEntry(
    architecture=ShortConvolution,
    spec=ShortConvolutionSpec,
    counts=short_convolution,
    second_count=second_short_convolution,
    description="Instead of `attention`: a convolution over a few tokens between two gates.",
)
MAMBA: Final = KindEntry(architecture=Mamba, spec=MambaSpec, counts=mamba, second_count=second_mamba)
RWKV: Final = KindEntry(architecture=Rwkv, spec=RwkvSpec, counts=rwkv, second_count=second_rwkv)
CROSS: Final = KindEntry(
    architecture=CrossAttention,
    spec=CrossAttentionSpec,
    counts=cross_attention,
    second_count=second_cross,
    description="Attention to the rows of the `encoder`; a block of its own, after one with self attention.",
)
