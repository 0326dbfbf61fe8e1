"""The claims of the article as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from dse.cli.terminal.guard import complain
from dse.cli.terminal.machine_output import print_rows
from dse.cli.terminal.tables import plain, stdout, table
from dse.errors import ExitCode
from dse.validate.article.claims import Claim, check_article


def show_claims(form: str, configs: Path | None) -> None:
    """Check and show every claim; exit code 1 where the article's own arithmetic misses one."""
    claims = check_article(configs)
    if form == "table":
        _show(claims)
    else:
        print_rows([asdict(claim) for claim in claims], form)
    # only napkin can fail: roofline is there to differ, and says by how much
    missed = [claim.id for claim in claims if not claim.napkin_ok]
    if missed:
        complain(f"napkin: expected every claim within its rounding, missed {', '.join(missed)}")
        raise typer.Exit(ExitCode.FAILED)


def _show(claims: Sequence[Claim]) -> None:
    """Print the table of claims, the reasons of deviations, and the counts of verdicts."""
    columns = ["", "claim", "unit", "article", "napkin", "roofline", "deviation", "verdict"]
    rows = [
        [
            c.id,
            c.quantity,
            c.unit,
            _number(c.article),
            _napkin(c),
            _number(c.roofline),
            _percent(c.deviation),
            c.verdict,
        ]
        for c in claims
    ]
    console = stdout()
    console.print(table(columns, rows, title="Claims of the article", right=columns[3:7], flexible=["claim"]))
    console.print()
    for c in claims:
        # a claim that holds needs no reason
        if c.verdict != "holds" and c.why:
            console.print(plain(f"{c.id} {c.verdict}: {c.why}."))
    console.print()
    words = dict.fromkeys(c.verdict for c in claims)
    met = sum(c.napkin_ok for c in claims)
    counts = ", ".join(f"{word} {sum(c.verdict == word for c in claims)}" for word in words)
    console.print(
        f"{len(claims)} claims. napkin meets {met} within the article's rounding; roofline says: {counts}."
    )


def _napkin(claim: Claim) -> str:
    return _number(claim.napkin) + ("" if claim.napkin_ok else " !")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _percent(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:+.1%}" if abs(value) < 10 else f"x {1 + value:,.0f}"
