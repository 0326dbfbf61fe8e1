"""Options of the verbs that serve one LLM on chips that the command line names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dse.chips.price_method import check_seller, check_term
from dse.cli.input.checked_settings import check_price_settings, check_stack, parse_settings
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import (
    Activations,
    Batch,
    Confidence,
    CostModelName,
    Cp,
    Ep,
    Kv,
    Llm,
    MaxCapital,
    MaxChips,
    MaxPower,
    NoTargets,
    Pp,
    PriceMethod,
    RentTerm,
    Seller,
    Serving,
    SoftwareOption,
    System,
    Tp,
    Weights,
    Workload,
)
from dse.errors import Attempts, placed


@dataclass(frozen=True, kw_only=True)
class ServingOptions:
    """LLM, workload, deployment and price; the same for every chip of the command."""

    llm: Llm
    workload: Workload
    batch: Batch = None
    tp: Tp = None
    cp: Cp = None
    pp: Pp = None
    ep: Ep = None
    weights: Weights = "fp16"
    kv: Kv = None
    activations: Activations = None
    cost_model: CostModelName = "roofline"
    serving: Serving = None
    software: SoftwareOption = None
    price_method: PriceMethod = "listed"
    seller: Seller = None
    rent_term: RentTerm = None
    system: System = "chips-only"
    no_targets: NoTargets = False
    confidence: Confidence = None
    max_chips: MaxChips = None
    max_capital: MaxCapital = None
    max_power: MaxPower = None

    @property
    def most(self) -> dict[str, float]:
        """Limits of the whole system by objective, in SI."""
        given = {"chips": self.max_chips, "entry_price": self.max_capital, "power": self.max_power}
        return {name: float(limit) for name, limit in given.items() if limit is not None}

    def checked_settings(
        self,
        settings: Sequence[str] | None,
        configs: Path | None,
        *,
        paid: MoneyOptions,
        stack: str | None,
        in_pools: Sequence[str] = (),
        chips: Sequence[str],
        argument: str,
    ) -> dict[str, str]:
        """`--set` as pairs; raises `SpecError` for names and for options that do not go together.

        `argument` is what the command line calls `chips`, of which `in_pools` are those of pools. Options of
        money that are `paid` are among the settings.
        """
        look = Attempts(placed)
        look("--seller", check_seller, self.seller, self.price_method)
        look("--rent-term", check_term, self.rent_term, self.price_method)
        look("--stack", check_stack, stack, self.software)
        names = {"llm": self.llm, "workload": self.workload, "stack": stack}
        pairs = look(
            "--set", parse_settings, configs, settings or [], chips=chips, argument=argument, **names
        )
        # without the settings there is nothing to check; their problems are reported by `done`
        look("--set", check_price_settings, pairs or {}, self.price_method)
        if not look.failed:
            every = (*chips, *in_pools)
            pairs = look("--price", paid.settings, every, self.price_method, configs, pairs or {})
        look.done()
        return pairs
