"""Columns of layouts in the form of InferenceX, whose two pools have columns of their own, as ours."""

from collections.abc import Mapping
from typing import Final

from dse.spec.yaml.units import plain_number

_POOL: Final = {"tp": "decode_tp", "pp": "decode_pp", "ep": "decode_ep", "dp": "decode_num_workers"}
_YES: Final = frozenset({"true", "1", "1.0", "yes", "on"})

SPREAD: Final = "attention works on a batch of each chip (dp_attention): TP is read as DP, and as EP"


def layout_columns(given: Mapping[str, str], pools: bool) -> tuple[dict[str, str], str]:
    """The cells with a layout in our columns, and what was taken in words; `pools` says that it has two.

    With `dp_attention` the TP of InferenceX counts the chips that share the experts, while attention works on
    a batch of each (github.com/SemiAnalysisAI/InferenceX, utils/process_result.py).
    """
    found = dict(given)
    if not found.get("tp") and found.get("decode_tp"):
        for ours, theirs in _POOL.items():
            found[ours] = found.get(ours) or found.get(theirs, "")
        found["dp_attention"] = found.get("dp_attention") or found.get("decode_dp_attention", "")
        # a system without pools states one layout twice
        if not pools:
            found["n_chips"] = found.get("n_chips") or found.get("decode_chips", "")
            found["prefill_chips"] = found["decode_chips"] = ""
    chips, workers = plain_number(found.get("tp", "")), plain_number(found.get("dp", "") or "1")
    if found.get("dp_attention", "").lower() not in _YES or chips is None or workers is None or chips <= 1:
        return found, ""
    # a table of our own columns that states DP has no use for the flag
    if given.get("dp"):
        return found, ""
    ep = plain_number(found.get("ep", "") or "1") or 1
    return found | {"tp": "1", "dp": str(chips * workers), "ep": str(max(ep, chips))}, SPREAD
