"""What ledgers and their parts are called."""

LEDGERS: tuple[tuple[str, str, str], ...] = (
    ("tpot_s", "Where a TPOT of {} goes", "s"),
    ("bound_s", "What a TPOT of {} waits for", "s"),
    ("ttft_s", "Where a TTFT of {} goes", "s"),
    ("capacity_bytes", "What fills the fullest chip: {}", "B"),
    ("capex_usd", "Where the capital of {} USD goes", "USD"),
    ("usd_per_million_tokens", "Where {} USD/Mtoken go", "USD"),
    ("energy_per_token_j", "Where the energy of a token goes: {}", "J"),
)
"""Ledger, its title with room for the total, and its SI unit, in the order they are told."""

_WORDS = {
    "head": "LM head",
    "fixed": "fixed overheads",
    "link": "links",
    "nre": "one-off cost",
    "IO dies": "I/O dies",
    "IO die area": "I/O die area",
}
_SHORT = {
    "ffn": "FFN", "kv": "KV", "sram": "SRAM", "dram": "DRAM", "tpot": "TPOT", "ttft": "TTFT", "tdp": "TDP",
    "phy": "PHY", "io": "IO",
}  # fmt: skip


def word(name: str) -> str:
    """A part of a ledger, or what binds, for people."""
    spaced = " ".join(_SHORT.get(part, part) for part in name.split("_"))
    return _WORDS.get(spaced, spaced)


def counted(number: float) -> str:
    """A number of chips or replicas; with two decimals where a fleet has a fraction of one."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"
