"""Parameters of every LLM: counted from its layers, and as published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from objectives import api
from objectives.equations.llm.attention.kinds import kind_of, of_encoder
from objectives.equations.llm.parameters import active_params, params

TOTAL_WITHIN: Final = 0.01
"""Of counted and published parameters; publishers round."""
ACTIVE_WITHIN: Final = 0.03
"""Of counted and published active parameters, which publishers count in several ways and round."""


@dataclass(frozen=True, kw_only=True)
class LlmSize:
    """One LLM: its parameters, those that a token visits, and what a token leaves in the KV cache."""

    llm: str
    params: float
    """Counted [1]."""
    published: float | None
    """None where nothing is published [1]."""
    active: float
    """Counted, by the convention of the publisher [1]."""
    published_active: float | None
    """None where no publisher's number is known, or where every token visits all."""
    kv_elements: float
    """Elements of KV cache that a token leaves in all layers, before a window drops any [1]."""
    source: str

    @property
    def error(self) -> float | None:
        """Counted over published, less 1; None where nothing is published."""
        return None if self.published is None else self.params / self.published - 1.0

    @property
    def active_error(self) -> float | None:
        """The same of active parameters."""
        return None if self.published_active is None else self.active / self.published_active - 1.0

    @property
    def holds(self) -> bool:
        """Whether both agree with what is published."""
        return abs(self.error or 0.0) <= TOTAL_WITHIN and abs(self.active_error or 0.0) <= ACTIVE_WITHIN

    def remarks(self) -> dict[str, str]:
        """What contradicts the layers, a sentence without a full stop for each key of the file."""
        found = {}
        counts = (
            ("params", self.error, self.params, self.published, TOTAL_WITHIN),
            ("active_params", self.active_error, self.active, self.published_active, ACTIVE_WITHIN),
        )
        for key, error, counted, published, within in counts:
            if error is not None and published is not None and abs(error) > within:
                wanted = f"expected {counted:,.0f} within {within:.0%}, which the layers count"
                found[key] = f"{wanted}, got {published:,.0f}"
        return found

    def as_dict(self) -> dict[str, object]:
        """Flat, as `--format json` and CSV give it."""
        return {
            "llm": self.llm,
            "params": self.params,
            "published_params": self.published,
            "error": self.error,
            "active_params": self.active,
            "published_active_params": self.published_active,
            "active_error": self.active_error,
            "kv_elements_per_token": self.kv_elements,
            "holds": self.holds,
            "source": self.source,
        }


def llm_sizes(catalog: Catalog) -> Sequence[LlmSize]:
    """Every LLM of the catalog, by name."""
    return [llm_size(spec) for _, spec in sorted(catalog.all(LlmSpec).items())]


def llm_size(spec: LlmSpec) -> LlmSize:
    """One LLM, counted and as published."""
    llm = spec.resolve()
    published = spec.active_params
    return LlmSize(
        llm=spec.name,
        params=params(llm),
        published=spec.params.value,
        active=_active(llm, spec.active_of or "all"),
        published_active=None if published is None else published.value,
        kv_elements=kv_elements(llm),
        source=spec.params.source,
    )


def _active(llm: api.Llm, counted: str) -> float:
    """Active parameters as the publisher counts them."""
    table = llm.vocab * llm.hidden
    # a tied table is the head, which a token is multiplied by: it counts unless only layers do
    apart = 0 if llm.tied_embedding else table
    left_out = {"all": 0, "no-embedding": apart, "layers": table + apart}
    return active_params(llm) - left_out[counted]


def kv_elements(llm: api.Llm) -> float:
    """Elements of KV cache that one token leaves in all layers together [1]."""
    # rows of an encoder leave entries too, whatever the tokens
    layers = [(b.count, a) for b in llm.blocks for a in b.mixers if of_encoder(a) is None]
    return float(sum(n * kind_of(a).kv_elements(a, 1.0) for n, a in layers))
