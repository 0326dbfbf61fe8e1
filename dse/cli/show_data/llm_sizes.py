"""`dse validate llms`: parameters counted from layers against what is published."""

from collections.abc import Sequence
from pathlib import Path

from dse.cli.show_data.prediction_errors import signed
from dse.cli.terminal.machine_output import print_rows
from dse.cli.terminal.tables import plain, stdout, table
from dse.spec.catalog.lookup import Catalog
from dse.spec.huggingface.checkpoint.counts import counts
from dse.spec.schema.llm import LlmSpec
from dse.validate.llms.sizes import (
    ACTIVE_RULES,
    ACTIVE_WITHIN,
    TOTAL_WITHIN,
    LlmSize,
    active_by,
    llm_size,
    llm_sizes,
)


def show_llms(form: str, configs: Path | None) -> bool:
    """Count every LLM and print the table; true where all agree with what is published."""
    found = llm_sizes(Catalog.of(configs))
    if form == "table":
        _show(found)
    else:
        print_rows([each.as_dict() for each in found], form)
    return all(each.holds for each in found)


def counts_of(spec: LlmSpec) -> list[list[str]]:
    """Parameters, active ones and KV cache of one LLM: name, value, what is counted."""
    size, llm = llm_size(spec), spec.resolve()
    found = counts(llm, spec.context)
    rows = [["parameters", f"{found.params:,}", "all but those of layers that draft"]]
    if found.drafting:
        rows.append(["draft parameters", f"{found.drafting:,}", "of draft_layers, in addition"])
    for rule in dict.fromkeys(("all", size.active_of)):
        # what is published may be counted by another rule than dse import prints
        said = ", as published" if spec.active_params is not None and rule == size.active_of else ""
        value = f"{active_by(llm, rule):,.0f}"
        rows.append(["active parameters", value, f"{rule}: {ACTIVE_RULES[rule]}{said}"])
    rows.append(["KV cache a token", f"{found.kv_elements:,.0f}", "elements, before a window drops any"])
    if found.kv_of_encoder:
        rows.append(["KV cache of the encoder", f"{found.kv_of_encoder:,.0f}", "elements a request"])
    if found.state_bytes:
        rows.append(["state", f"{found.state_bytes:,.0f}", "B a sequence, whatever its length"])
    if spec.context is None and any(block.mixers for block in llm.blocks):
        rows.append(["longest context", "not known", "no workload is refused as too long"])
    return rows


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
    where = "--format csv or json here, or dse catalog llms NAME"
    console.print(plain(f"Published numbers and sources: {where}."), style="dim")
    for each in found:
        if not each.holds:
            console.print(plain(f"differs: {each.llm}"))


def _count(value: float) -> str:
    return f"{value / 1e9:,.2f}B"
