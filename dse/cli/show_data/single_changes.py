"""Words of single changes of a design: names of parameters and sizes, amounts, relative changes."""

from dse.cli.show.design_tables import PARAMETER_WORDS
from dse.cli.terminal.quantity import format_quantity

_SIZES = {
    "batch": "batch",
    "tp": "TP",
    "cp": "CP",
    "pp": "PP",
    "ep": "EP",
    "sram_bandwidth_per_byte": "SRAM speed per byte",
}


def name_of_change(parameter: str) -> str:
    """A parameter of a chip, or a size of a deployment."""
    return _SIZES.get(parameter) or PARAMETER_WORDS.get(parameter, parameter.replace("_", " "))


def amount(value: float, unit: str) -> str:
    """A value with its unit, as architects write it."""
    if unit == "1/s":  # bytes a second per byte, which architects know per MiB
        return f"{format_quantity(value * 2**20, 'B/s')}/MiB"
    return f"{value:,.0f}" if not unit and value == int(value) else format_quantity(value, unit)


def relative(change: float | None) -> str:
    """A relative change; a dash where there is none."""
    return "-" if change is None else f"{100 * change:+.1f} %"
