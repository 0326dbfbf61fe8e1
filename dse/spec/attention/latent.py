"""Keys of multi-head latent attention."""

from pydantic import Field, model_validator

from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Few, Positive, Size
from objectives import api


class LatentAttentionSpec(LayerSpec):
    """Multi-head latent attention (MLA)."""

    heads: Few
    """Heads."""
    latent: Positive
    """Width of the compressed latent of keys and values, which the KV cache stores."""
    rope: Size
    """Width of the rotary part of a key, shared by all heads and stored too; 0 for none."""
    nope: Positive
    """Width of a head's key without positions."""
    value: Positive
    """Width of a head's value."""
    query_latent: Positive | None = None
    """Width of the compressed latent of queries; left out, queries are not compressed."""
    # left out at its default, so that a question stored before the key existed is still the same one
    top_k: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Tokens that a row visits at most, the best by an index; left out, all."""
    window: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Tokens that a row visits at most, the last ones; left out, all."""

    @model_validator(mode="after")
    def _one(self) -> "LatentAttentionSpec":
        """No two keys that say different things."""
        if self.window is not None and self.top_k is not None:
            raise ValueError("expected either window or top_k, got both")
        return self

    def resolve(self) -> api.LatentAttention:
        """The layer as the equations want it."""
        return api.LatentAttention(**self.model_dump())
