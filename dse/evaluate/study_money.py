"""The dollars that the answer of a study rests on."""

from dse.chips.resolve import chip_columns
from dse.evaluate.money import Money, PricePaid, joined, money_of, price_paid
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.system import EconomySpec


def prices_of(study: ResolvedStudy) -> dict[str, PricePaid]:
    """What each chip of the catalog costs in a study; searched chips have the price of their silicon."""
    setting = study.setting
    return {
        name: price_paid(chip, setting.price, setting.catalog, chip_columns(chip, setting)["price_usd"])
        for name, chip in study.baselines.items()
    }


def money_of_study(study: ResolvedStudy | PooledStudy) -> Money:
    """Prices of the chips of the catalog by name, and the economy."""
    if isinstance(study, PooledStudy):
        each = {
            f"{role} on {name}": money_of({name: paid}, one.spec.price, _economy(one))
            for role, one in study.pools.items()
            for name, paid in prices_of(one).items()
        }
        return joined(each) or money_of_study(study.first)
    return money_of(prices_of(study), study.spec.price, _economy(study))


def _economy(study: ResolvedStudy) -> EconomySpec:
    return study.setting.economy or study.setting.catalog.get(EconomySpec, study.spec.economy)
