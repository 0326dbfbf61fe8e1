"""The table of ledgers: where the seconds, bytes, dollars and joules of a design go."""

from dataclasses import dataclass
from typing import Literal

Rule = Literal["largest", "sum", "mean"]


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One row of the table: a total and where its parts are found."""

    name: str
    """Key in JSON: that of the metric which the parts sum to, where it is one."""
    field: str
    """Field of `Metrics` that holds the parts."""
    short: str
    """What pages call it: `tpot.collectives` is a part of `tpot`."""
    title: str
    """Heading with room for the total."""
    unit: str
    """SI unit of a part as people read it."""
    combine: Rule
    """Of a mix: `largest` takes the ledger of the part whose total is the largest, `sum` adds clusters,
    `mean` weighs by the shares of the output tokens."""
    follows: str = ""
    """Ledger whose largest total decides; its own where left out."""
    total: str = ""
    """Field of `Metrics` that the parts sum to; empty where no field is their total."""
    of_the_whole: bool = False
    """Whether a mix has it in all; seconds and bytes are those of one cluster."""


LEDGERS: tuple[Ledger, ...] = (
    Ledger(
        name="tpot_s",
        field="tpot_parts",
        short="tpot",
        title="Where a TPOT of {} goes",
        unit="s",
        combine="largest",
        total="tpot_s",
    ),
    Ledger(
        name="bound_s",
        field="bounds",
        short="bound",
        title="What a TPOT of {} waits for",
        unit="s",
        combine="largest",
        # of the part whose TPOT is shown, so that both ledgers are about one part
        follows="tpot_s",
        total="tpot_s",
    ),
    Ledger(
        name="ttft_s",
        field="ttft_parts",
        short="ttft",
        title="Where a TTFT of {} goes",
        unit="s",
        combine="largest",
        total="ttft_s",
    ),
    Ledger(
        name="capacity_bytes",
        field="capacity_parts",
        short="held",
        title="What fills the fullest chip: {}",
        unit="B",
        combine="largest",
    ),
    Ledger(
        name="capex_usd",
        field="capex_parts",
        short="capex",
        title="Where the capital of {} USD goes",
        unit="USD",
        combine="sum",
        total="capex_usd",
        of_the_whole=True,
    ),
    Ledger(
        name="usd_per_million_tokens",
        field="running_parts",
        short="running",
        title="Where {} USD/Mtoken go",
        unit="USD",
        combine="mean",
        total="usd_per_million_tokens",
        of_the_whole=True,
    ),
    Ledger(
        name="energy_per_token_j",
        field="energy_parts",
        short="energy",
        title="Where the energy of a token goes: {}",
        unit="J",
        combine="mean",
        total="energy_per_token_j",
        of_the_whole=True,
    ),
)
