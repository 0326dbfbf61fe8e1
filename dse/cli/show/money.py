"""The dollars that the answer of a study rests on, where they are not the usual ones."""

from collections.abc import Iterator

from dse.cli.terminal.tables import plain, stdout
from dse.evaluate.money import Money
from dse.evaluate.study_money import money_of_study
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.report.words.money import money_lines, price_words


def lines_of(money: Money | None, usual: str) -> Iterator[str]:
    """Prices that the question sets or that are rents, and the economy where it is not `usual`."""
    told = {} if money is None else money.prices
    said = [f"{name} {price_words(p)}" for name, p in told.items() if p.asked or p.usd_per_hour is not None]
    if said:
        yield f"Prices: {'; '.join(said)}."
    yield from () if money is None else money_lines(money, usual)


def print_money(study: ResolvedStudy | PooledStudy) -> None:
    """Print them; nothing where the study has no rents and no numbers of the command line or of settings."""
    for line in lines_of(money_of_study(study), study.spec.economy):
        stdout().print(plain(line))
