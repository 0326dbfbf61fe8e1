"""A simulation for people."""

from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import plain, remark, stdout, table
from dse.simulate.result import Simulation, Spread

_ROWS = {
    "ttft": "time to first token, TTFT",
    "tpot": "time per output token, TPOT",
    "end_to_end": "end to end",
}
_COLUMNS = ("mean", "p50", "p90", "p95", "p99")


def show_simulation(found: Simulation) -> None:
    """Print percentiles, load and remarks."""
    console, layout = stdout(), found.deployment
    console.print(f"{found.llm} on {found.chip}, {found.requests:,} requests", style="bold")
    ways = ", ".join(f"{name.upper()} {layout[name]}" for name in ("tp", "pp", "dp"))
    if layout["prefill"]:
        ways += f", prefill {layout['prefill']}"
    more = "".join(f", {name.upper()} {layout[name]}" for name in ("cp", "ep") if layout[name] > 1)
    chips = f"{found.chips:,} chip{'s' if found.chips > 1 else ''}"
    console.print(
        plain(
            f"{chips}: at most {layout['batch']:,} sequences a replica, {ways}{more}; weights "
            f"{found.precision['weights']}, KV {found.precision['kv']}; {found.serving}, stack {found.stack}"
        )
    )
    console.print()
    spreads = {"ttft": found.ttft_s, "tpot": found.tpot_s, "end_to_end": found.end_to_end_s}
    rows = [
        [_ROWS[name], *_cells(spread), format_quantity(found.targets.get(name), "s")]
        for name, spread in spreads.items()
    ]
    columns = ["", *_COLUMNS, "target"]
    console.print(table(columns, rows, right=columns[1:], flexible=columns[:1], least=12))
    console.print()
    load = [
        ["requests a second", f"{found.requests_per_s:,.4g}"],
        ["output tokens a second", format_quantity(found.tokens_per_s, "token/s")],
        ["time from first arrival to last token", format_quantity(found.duration_s, "s")],
        ["utilisation: share of the time in iterations", f"{found.utilisation:.1%}"],
        *([f"utilisation of the pool {name}", f"{busy:.1%}"] for name, busy in found.pools.items()),
        ["room for KV cache of a replica", format_quantity(found.room_tokens, "token")],
        ["prompt tokens that a cache had already", f"{found.prefix_share:.1%}"],
        ["evictions for want of room", f"{found.evictions:,}"],
    ]
    if found.goodput is not None:
        load.insert(0, ["goodput: requests within all targets", f"{found.goodput:.1%}"])
    console.print(table(["", "value"], load, right=["value"], flexible=[""]))
    for note in found.notes:
        remark(note)


def _cells(spread: Spread | None) -> list[str]:
    if spread is None:
        return [NONE] * len(_COLUMNS)
    return [format_quantity(getattr(spread, name), "s") for name in _COLUMNS]
