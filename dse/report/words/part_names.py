"""What the parts of ledgers are called."""

from objectives.systems.split import ROLES

_WORDS = {
    "head": "LM head",
    "fixed": "fixed overheads",
    "experts weights": "expert weights",
    "shared weights": "shared expert weights",
    "link": "links",
    "nre": "one-off cost",
    "IO dies": "I/O dies",
    "IO die area": "I/O die area",
}
_SHORT = {
    "ffn": "FFN",
    "kv": "KV",
    "sram": "SRAM",
    "dram": "DRAM",
    "tpot": "TPOT",
    "ttft": "TTFT",
    "tdp": "TDP",
    "phy": "PHY",
    "io": "IO",
    "rom": "ROM",
    "lpddr": "LPDDR",
    "ddr": "DDR",
}


def word(name: str) -> str:
    """A part of a ledger, or what binds, for people; one of a pool has its role in front."""
    role, _, own = name.partition(".")
    if own and role in ROLES:
        return f"{_SHORT.get(role, role)} {word(own)}"
    spaced = " ".join(_SHORT.get(part, part) for part in name.split("_"))
    return _WORDS.get(spaced, spaced)


def counted(number: float) -> str:
    """A number of chips or replicas; with two decimals where a fleet has a fraction of one."""
    if 0.0 < number < 0.005:
        return "<0.01"
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"
