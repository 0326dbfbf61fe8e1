"""Which `model_type`s are understood, what may be around a language model, and why others are refused."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from dse.spec.catalog.config_paths import bundled
from dse.spec.huggingface.dense import DENSE, VISION
from dse.spec.huggingface.encoders.senses import SENSES
from dse.spec.huggingface.encoders.texts import TEXTS
from dse.spec.huggingface.experts import EXPERTS
from dse.spec.huggingface.keys import CONTEXTS
from dse.spec.huggingface.linear import HYBRID
from dse.spec.huggingface.newest.alike import ALIKE
from dse.spec.huggingface.newest.diffusions import DIFFUSIONS
from dse.spec.huggingface.newest.inklings import INKLINGS
from dse.spec.huggingface.newest.mixed import MIXED
from dse.spec.huggingface.newest.odd import ODD
from dse.spec.huggingface.newest.older import BEFORE
from dse.spec.huggingface.newest.picked import PICKED
from dse.spec.huggingface.newest.seen import SEEN
from dse.spec.huggingface.older import OLDER
from dse.spec.huggingface.reader import Family
from dse.spec.huggingface.recent.compressed import COMPRESSED
from dse.spec.huggingface.recent.gemmas import GEMMAS
from dse.spec.huggingface.recent.grouped import GROUPED
from dse.spec.huggingface.recent.indexed import INDEXED
from dse.spec.huggingface.recent.latents import LATENTS
from dse.spec.huggingface.recent.mambas import MAMBAS
from dse.spec.huggingface.recent.mixtures import MIXTURES
from dse.spec.huggingface.recent.searched import SEARCHED
from dse.spec.huggingface.recent.states import STATES
from dse.spec.huggingface.recent.unlike import UNLIKE
from dse.spec.huggingface.recent.widths import WIDTHS
from dse.spec.huggingface.remote.around import REMOTE_AROUND
from dse.spec.huggingface.remote.hybrids import REMOTE_HYBRIDS
from dse.spec.huggingface.remote.mixtures import REMOTE_MIXED
from dse.spec.huggingface.remote.plain import REMOTE_PLAIN
from dse.spec.huggingface.stateful.convolutions import CONVOLUTIONS
from dse.spec.huggingface.stateful.rwkvs import RWKVS
from dse.spec.huggingface.stateful.selective import SELECTIVE
from dse.spec.huggingface.stateful.shared_blocks import SHARED_BLOCKS
from dse.spec.huggingface.wrappers import WRAPPERS

TABLES = (
    DENSE,
    EXPERTS,
    HYBRID,
    OLDER,
    GROUPED,
    MIXTURES,
    STATES,
    LATENTS,
    UNLIKE,
    SEARCHED,
    MAMBAS,
    GEMMAS,
    WIDTHS,
    INDEXED,
    COMPRESSED,
    CONVOLUTIONS,
    SELECTIVE,
    SHARED_BLOCKS,
    RWKVS,
    REMOTE_PLAIN,
    REMOTE_AROUND,
    REMOTE_MIXED,
    REMOTE_HYBRIDS,
    ALIKE,
    BEFORE,
    PICKED,
    MIXED,
    INKLINGS,
    ODD,
    SEEN,
    DIFFUSIONS,
    TEXTS,
    SENSES,
)
"""Families by what their layers have in common; each `model_type` is in one of them."""

FAMILIES: Mapping[str, Family] = {kind: found for table in TABLES for kind, found in table.items()}
"""`model_type` to its family."""

WRAPPED: Mapping[str, tuple[str, ...]] = {kind: w.inside for kind, w in WRAPPERS.items()}
"""`model_type` of a larger model to those that the language model in its `text_config` may have."""

OUTER: Mapping[str, tuple[str, ...]] = {kind: w.classes for kind, w in WRAPPERS.items()}
"""Classes of the larger models."""

INNER_NOTE = VISION


@lru_cache(maxsize=1)
def _file() -> Mapping[str, Mapping[str, Mapping[str, object]]]:
    path = bundled("configs") / "hf-config-defaults.json"
    found: Mapping[str, Mapping[str, Mapping[str, object]]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def defaults(model_type: str, *, inside: bool = False) -> Mapping[str, object]:
    """Values of the keys that files of a `model_type` leave out.

    Transformers saves of the model inside a larger one what differs from its class alone, of any other model
    all sizes. So a file of its own without its main sizes, those of `WRITTEN`, is not whole.
    """
    file = _file()
    found, said = file["classes"].get(model_type, {}), file["defaults"].get(model_type, {})
    if inside:
        return {**found, **file["inside"].get(model_type, {}), **said}
    return {**{key: value for key, value in found.items() if key not in WRITTEN}, **said}


def usual_context(model_type: str) -> int | None:
    """Longest context of a model inside a larger one whose file says none [token]."""
    found = [value for key, value in defaults(model_type, inside=True).items() if key in CONTEXTS]
    return next((value for value in found if isinstance(value, int)), None)


WRITTEN: Final = frozenset(
    {
        "hidden_size",
        "vocab_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "intermediate_size",
        "n_positions",
        "sliding_window",
        "max_window_layers",
        *CONTEXTS,
    }
)
"""Keys that each file of its own says, under the names that families use."""
