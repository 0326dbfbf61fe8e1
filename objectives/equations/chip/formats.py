"""Bytes of a stored number, its scales included, and the formats it is multiplied in."""

from types import MappingProxyType
from typing import Final

from objectives.api import Precision

FORMATS: Final = MappingProxyType(
    {
        "fp32": 4.0,
        "fp16": 2.0,
        "bf16": 2.0,
        "fp8": 1.0,
        "int8": 1.0,
        "int4": 0.5 + 2 / 128,
        "nvfp4": 0.5 + 1 / 16,
        "mxfp4": 0.5 + 1 / 32,
        "q4_0": 4.5 / 8,
        "q4_k_m": 4.85 / 8,
        "q5_k_m": 5.7 / 8,
        "q6_k": 6.56 / 8,
        "q8_0": 8.5 / 8,
        "exl2-3.6": 3.6 / 8,
    }
)
"""Format to bytes per element [B].

int4 carries one fp16 scale per group of 128 (AWQ, Lin et al. 2023, arXiv 2306.00978; GPTQ, Frantar et al.
2022, arXiv 2210.17323, use the same group); nvfp4 one fp8 scale per 16 and mxfp4 one 8-bit exponent per 32
elements (OCP Microscaling Formats specification v1.0, 2023, section 5.2); q4_k_m is llama.cpp's mixture of
4- and 6-bit blocks at 4.85 bits a weight; its other blocks have 4.5 to 8.5 bits (llama.cpp,
tools/quantize), exl2-3.6 ExLlamaV2's 3.6 bits.
fp8 and int8 scales are per tensor or per channel and below 0.1 %.
"""

SCALE_BLOCKS: Final = MappingProxyType(
    {
        "fp8": 128,
        "int4": 128,
        "nvfp4": 16,
        "mxfp4": 32,
        "q4_0": 32,
        "q8_0": 32,
        "q4_k_m": 256,
        "q5_k_m": 256,
        "q6_k": 256,
    }
)
"""Format to the elements of a row that share a scale in published checkpoints [1].

fp8: blocks of 128 x 128 (DeepSeek-V3, arXiv 2412.19437, section 3.3.2, and the checkpoints after it; those
with a scale for each tensor or channel have no blocks); int4: groups of 128 (AWQ, arXiv 2306.00978; GPTQ,
arXiv 2210.17323); nvfp4: 16, mxfp4: 32 (OCP Microscaling Formats specification v1.0, 2023, section 5.2);
q4_0 and q8_0: 32, K-quants: super-blocks of 256 (llama.cpp, ggml-common.h).
"""

_HELD_BY: Final = MappingProxyType(
    {
        "fp32": ("fp32",),
        "fp16": ("fp16", "fp32"),
        "bf16": ("fp16", "fp32"),
        "fp8": ("fp8", "fp16", "fp32"),
        "int8": ("int8", "fp16", "fp32"),
        "int4": ("int8", "fp8", "fp16", "fp32"),
        **dict.fromkeys(("q4_0", "q4_k_m", "q5_k_m", "q6_k", "q8_0"), ("int8", "fp16", "fp32")),
        "exl2-3.6": ("fp16", "fp32"),
        "nvfp4": ("fp4", "fp8", "fp16", "fp32"),
        "mxfp4": ("fp4", "fp8", "fp16", "fp32"),
    }
)
"""Stored format to the matrix formats that hold each of its numbers exactly, the narrowest first.

An e4m3 number has four significant bits: it holds every fp4 (e2m1) and int4 number, no int8. An fp16 number
has eleven and holds int8. No integer holds a floating-point format (OCP 8-bit Floating Point Specification,
2023; OCP Microscaling Formats specification v1.0, 2023).
"""

SUMS_BYTES: Final = 2.0
"""Bytes of the narrowest format that sums are kept in [B]."""


def residual_bytes(precision: Precision) -> float:
    """Bytes of an element of the residual stream [B]: 16 bits at least, as sums over layers need them.

    max(bytes of activations, 2): narrower activations are cast on their way into a matrix, and its results
    leave it wide.

    Args:
        precision: formats of the network.

    Returns:
        Bytes [B].

    Domain:
        Engines that reduce in 16 bits, as TensorRT-LLM and vLLM do.

    Limits:
        The format of activations from 16 bits on.

    Source:
        NVIDIA Transformer Engine documentation (2022).

    Examples:
        By hand: fp8 activations are summed in 16 bits.

        >>> residual_bytes(Precision(weight_bytes=1.0, kv_bytes=1.0, activation_bytes=1.0))
        2.0
    """
    return max(precision.activation_bytes, SUMS_BYTES)


def arithmetic(weights: str, activations: str) -> tuple[str, ...]:
    """Matrix formats that can multiply weights by activations, the narrowest first.

    The formats that hold the numbers of both exactly. int4 weights with fp16 activations are widened on the
    way into the matrix unit (weight-only quantisation); fp8 with int8 needs fp16.

    Args:
        weights: stored format of the weights, of `FORMATS`.
        activations: stored format of the activations, of `FORMATS`.

    Returns:
        Names of matrix formats.

    Domain:
        Block scales are applied to sums, so they need no matrix unit. bf16 counts as fp16.

    Limits:
        Never empty, since fp32 holds every format here.

    Source:
        OCP 8-bit Floating Point Specification (2023); OCP Microscaling Formats v1.0 (2023).

    Examples:
        Published: W4A16 multiplies in fp16 (AWQ, Lin et al. 2023, arXiv 2306.00978, section 2).

        >>> arithmetic("int4", "fp16")
        ('fp16', 'fp32')
    """
    # a matrix unit takes both operands in one format, so only formats that hold both are left
    other = _HELD_BY[activations]
    return tuple(name for name in _HELD_BY[weights] if name in other)


def native(stored: str) -> str:
    """Narrowest matrix format that multiplies numbers of a stored format.

    Args:
        stored: a name of `FORMATS`.

    Returns:
        The first of its matrix formats.

    Domain:
        Both operands are stored alike.

    Limits:
        The format itself where matrix units have it.

    Source:
        As `arithmetic`.

    Examples:
        By hand: 4-bit blocks of llama.cpp are int8 products.

        >>> native("nvfp4"), native("q4_k_m")
        ('fp4', 'int8')
    """
    return _HELD_BY[stored][0]
