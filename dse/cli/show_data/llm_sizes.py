"""`dse validate llms`: parameters counted from layers against what is published."""

from collections.abc import Sequence
from pathlib import Path

from dse.cli.show_data.prediction_errors import signed
from dse.cli.terminal.machine_output import print_rows
from dse.cli.terminal.tables import plain, stdout, table
from dse.spec.catalog.lookup import Catalog
from dse.validate.llms.sizes import ACTIVE_RULES, ACTIVE_WITHIN, TOTAL_WITHIN, LlmSize, llm_sizes


def show_llms(form: str, configs: Path | None) -> bool:
    """Count every LLM and print the table; true where all agree with what is published."""
    found = llm_sizes(Catalog.of(configs))
    if form == "table":
        _show(found)
    else:
        print_rows([each.as_dict() for each in found], form)
    return all(each.holds for each in found)


def _show(found: Sequence[LlmSize]) -> None:
    """Print a line for each LLM, then how many agree, and those that do not."""
    console = stdout()
    # as narrow as a pipe: published numbers are in CSV and JSON, how far off they are is here
    heads = ["LLM", "parameters", "error", "active", "error ", "active are", "KV a token"]
    rows = [
        [
            each.llm,
            _count(each.params),
            "-" if each.error is None else signed(each.error),
            _count(each.active),
            "-" if each.active_error is None else signed(each.active_error),
            each.active_of,
            f"{each.kv_elements:,.0f}",
        ]
        for each in found
    ]
    title = "Parameters counted from the layers, those that a token visits, and elements of KV cache a token"
    right = [head for head in heads if head not in ("LLM", "active are")]
    console.print(table(heads, rows, title=title, right=right, flexible=["LLM"]))
    console.print()
    compared = [each for each in found if each.published_active is not None]
    console.print(
        plain(
            f"{sum(each.holds for each in found)} of {len(found)} LLMs agree with what is published: "
            f"parameters within {TOTAL_WITHIN:.0%}, active ones within {ACTIVE_WITHIN:.0%} "
            f"({len(compared)} have a published number)."
        )
    )
    console.print(plain("Active parameters are counted as their publisher counts them:"))
    for name, meaning in ACTIVE_RULES.items():
        alike = sum(each.active_of == name for each in compared)
        console.print(plain(f"  {name}: {meaning} ({alike} of {len(compared)} published numbers)"))
    console.print(plain("dse import prints them by `all`."))
    console.print(plain("Published numbers and sources: --format csv or json here, or dse catalog llms NAME."), style="dim")
    for each in found:
        if not each.holds:
            console.print(plain(f"differs: {each.llm}"))


def _count(value: float) -> str:
    return f"{value / 1e9:,.2f}B"
