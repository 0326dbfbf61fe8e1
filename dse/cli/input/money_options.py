"""Options of money that the verbs share: the economy with its numbers, and the price of each chip."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dse.chips.price_method import PriceMethod, price_method
from dse.errors import Problem, SpecError, UnitError, unknown
from dse.question.money import chips_of_question, paid_by, pools_paid_by
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.command_line import OF_CHIP
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import EconomySpec
from dse.spec.yaml.units import parse, plain_number
from dse.text import short

_RENT = "a rent such as '2.1 USD/h'"
_PRICE = "a price such as '26 kUSD'"


def share(least: float = 0.0, *, open_at_one: bool = False) -> Callable[[str], float]:
    """Parser of a share such as 0.08 or '8 %'."""

    def read(text: str) -> float:
        number = plain_number(text.strip().removesuffix("%").strip())
        if number is None:
            raise typer.BadParameter(f"expected a share such as 0.08 or '8 %', got {short(text)}")
        found = float(number) / (100.0 if text.strip().endswith("%") else 1.0)
        if not least <= found <= 1.0 or (open_at_one and found == 1.0):
            most = "below 1" if open_at_one else "to 1"
            raise typer.BadParameter(f"expected a share from {least:g} {most}, got {short(text)}")
        return found

    return read


def quantity(si: str, example: str, least: float = 0.0) -> Callable[[str], str]:
    """Parser of a number with its unit, above `least` in SI; the text is kept as it was written."""

    def read(text: str) -> str:
        try:
            found = parse(text, si)
        except UnitError as error:
            raise typer.BadParameter(f"{error}; such as '{example}'") from None
        if not found >= least:
            raise typer.BadParameter(f"expected at least 0, got {short(text)}")
        return text

    return read


def _years(text: str) -> str:
    """Parser of a lifetime; a plain number is in years."""
    number = plain_number(text)
    told = text if number is None else f"{number} year"
    try:
        found = parse(told, "s")
    except UnitError as error:
        raise typer.BadParameter(f"{error}; a plain number is in years") from None
    if found <= 0.0:
        raise typer.BadParameter(f"expected more than 0 years, got {short(text)}")
    return told


def _pue(text: str) -> float:
    """Parser of a PUE, which no building has below 1."""
    number = plain_number(text)
    if number is None or number < 1:
        raise typer.BadParameter(f"expected a number of at least 1 such as 1.2, got {short(text)}")
    return float(number)


def _ratio(text: str) -> float:
    """Parser of prompt tokens to output tokens, such as 3:1."""
    parts = [plain_number(part.strip()) for part in text.split(":")]
    known = [float(n) for n in parts if n is not None]
    if len(parts) != 2 or len(known) != 2 or known[0] < 0.0 or known[1] <= 0.0:
        what = f"expected prompt tokens to output tokens such as 3:1, got {short(text)}"
        raise typer.BadParameter(what)
    return known[0] / known[1]


@dataclass(frozen=True, kw_only=True)
class MoneyOptions:
    """What turns capital into running cost, and what single chips cost."""

    economy: Annotated[
        str | None,
        typer.Option(
            "--economy",
            metavar="NAME",
            help="Economy, see `dse catalog economies` [default: that of the study, else datacentre-2026].",
        ),
    ] = None
    years: Annotated[
        str | None,
        typer.Option("--years", metavar="N", parser=_years, help="Years over which capital is paid off."),
    ] = None
    interest: Annotated[
        float | None,
        typer.Option(
            "--interest", metavar="P", parser=share(), help="Cost of capital a year, e.g. '8 %' or 0.08."
        ),
    ] = None
    electricity: Annotated[
        str | None,
        typer.Option(
            "--electricity",
            metavar="PRICE",
            parser=quantity("USD/J", "0.08 USD/kWh"),
            help="Price of electricity, e.g. '0.08 USD/kWh'.",
        ),
    ] = None
    pue: Annotated[
        float | None,
        typer.Option(
            "--pue", metavar="X", parser=_pue, help="Power of the data centre over that of its servers."
        ),
    ] = None
    utilisation: Annotated[
        float | None,
        typer.Option(
            "--utilisation",
            metavar="P",
            parser=share(0.001),
            help="Share of the hours in which tokens are sold, e.g. '60 %'.",
        ),
    ] = None
    blend: Annotated[
        float | None,
        typer.Option(
            "--blend",
            metavar="IN:OUT",
            parser=_ratio,
            help="Prompt tokens to output tokens of the blended price, e.g. 3:1 [default: as the workload].",
        ),
    ] = None
    prices: Annotated[
        list[str] | None,
        typer.Option(
            "--price",
            metavar="CHIP=PRICE",
            help="Price of one chip, e.g. h100='26 kUSD'; its rent where prices are rents, e.g. "
            "h100='2.1 USD/h'; repeatable.",
        ),
    ] = None
    margins: Annotated[
        list[str] | None,
        typer.Option(
            "--margin",
            metavar="CHIP=P",
            help="Price of one chip by its unit cost and this gross margin, e.g. groq='60 %'; repeatable.",
        ),
    ] = None

    @property
    def numbers(self) -> dict[str, str]:
        """Numbers of the economy that are set, by their names in its file."""
        given = {
            "lifetime": self.years,
            "cost_of_capital": self.interest,
            "electricity": self.electricity,
            "pue": self.pue,
            "utilisation": self.utilisation,
            "blend": self.blend,
        }
        # repr is the shortest text that reads back as the same float
        return {n: v if isinstance(v, str) else repr(v) for n, v in given.items() if v is not None}

    def settings(
        self, chips: Iterable[str], method: str, configs: Path | str | None, given: Mapping[str, str]
    ) -> dict[str, str]:
        """The settings `given` with those of the options, for the `chips` of a question.

        A number of one chip has the key `chip/NAME.price`. Raises `SpecError` with every problem at once.
        """
        problems = [
            Problem(option, f"expected either this or --set {name}, got both")
            for option, name in _SAME.items()
            if name in self.numbers and name in given
        ]
        own, wrong = self.of_chips(chips, method, configs)
        for key, option in ((key, "--margin" if key.endswith("margin") else "--price") for key in own):
            name, _, number = key.removeprefix(OF_CHIP).rpartition(".")
            if number in given or f"{name}.{number}" in given:
                problems.append(Problem(option, f"{name}: expected either this or --set {number}, got both"))
        if problems or wrong:
            raise SpecError([*wrong, *problems])
        return {**given, **self.numbers, **own}

    def of_chips(
        self, chips: Iterable[str], method: str, configs: Path | str | None
    ) -> tuple[dict[str, str], list[Problem]]:
        """Prices, rents and margins by `chip/NAME.price` and the like, and what is wrong with them."""
        catalog = Catalog.of(configs)
        # a chip that is unknown is refused by the option or the argument that names it
        known = list(dict.fromkeys(name for chip in chips for name in _named(catalog, chip)))
        found: dict[str, str] = {}
        problems: list[Problem] = []
        for option, texts, read in (
            ("--price", self.prices, _price_of(method)),
            ("--margin", self.margins, _margin_of(method)),
        ):
            for text in texts or ():
                try:
                    chip, key, value = _one(option, text, known, catalog, read)
                except SpecError as error:
                    problems += error.problems
                    continue
                same = [k for k in found if k.rpartition(".")[0] == f"{OF_CHIP}{chip}"]
                if same:
                    problems.append(Problem(option, f"{chip}: expected one price or margin, got two"))
                found[f"{OF_CHIP}{chip}.{key}"] = value
        return found, problems

    def applied(
        self, study: ResolvedStudy, configs: Path | None = None, chips: Iterable[str] = ()
    ) -> ResolvedStudy:
        """The study with what the options set, which makes another question of it.

        `chips` are those of its other cases, which may have a price too.
        """
        return paid_by(study, *self._changes(study, configs, chips)) if self.given else study

    def applied_to_pools(self, study: PooledStudy, configs: Path | None = None) -> PooledStudy:
        """As `applied`, of a study of pools."""
        return pools_paid_by(study, *self._changes(study, configs)) if self.given else study

    def _changes(
        self, study: ResolvedStudy | PooledStudy, configs: Path | None, chips: Iterable[str] = ()
    ) -> tuple[str | None, dict[str, str]]:
        """The economy by its name in the catalog, and the settings that the options stand for."""
        own, wrong = self.of_chips([*chips_of_question(study), *chips], study.spec.price.method, configs)
        name, paid = self.economy or study.spec.economy, ""
        try:
            paid = Catalog.of(configs).get(EconomySpec, name).name
        except SpecError as error:
            wrong += [p if p.where else Problem("--economy", p.what) for p in error.problems]
        if wrong:
            raise SpecError(wrong)
        settings = {f"economy/{paid}.{n}": text for n, text in self.numbers.items()}
        return None if self.economy is None else paid, {**settings, **own}

    def words(self) -> Iterator[str]:
        """The options as they are written on a command line."""
        economy = {"--economy": self.economy, "--years": self.years, "--electricity": self.electricity}
        for name, text in economy.items():
            yield from () if text is None else (name, text)
        shares = {"--interest": self.interest, "--pue": self.pue, "--utilisation": self.utilisation}
        for name, number in shares.items():
            yield from () if number is None else (name, repr(number))
        if self.blend is not None:
            yield from ("--blend", f"{self.blend!r}:1")
        for option, texts in (("--price", self.prices), ("--margin", self.margins)):
            for text in texts or ():
                yield from (option, text)

    @property
    def given(self) -> bool:
        """Whether any of them is."""
        return any(True for _ in self.words())


_SAME = {
    "--years": "lifetime",
    "--interest": "cost_of_capital",
    "--electricity": "electricity",
    "--pue": "pue",
    "--utilisation": "utilisation",
    "--blend": "blend",
}
"""Options that set a number of the economy, and its name in the file."""

_Read = Callable[[str], tuple[str, str]]
"""From the text behind a chip to the number that it sets and its value; raises `ValueError`."""


def _named(catalog: Catalog, chip: str) -> Iterator[str]:
    try:
        yield catalog.get(ChipSpec, chip).name
    except SpecError:
        return


def _one(option: str, text: str, known: list[str], catalog: Catalog, read: _Read) -> tuple[str, str, str]:
    """Chip, number and value of one option; raises `SpecError`."""
    typed, equals, value = (part.strip() for part in text.partition("="))
    if not (typed and equals and value):
        example = "h100='60 %'" if option == "--margin" else "h100='26 kUSD'"
        raise SpecError([Problem(option, f"expected CHIP=VALUE such as {example}, got {short(text)}")])
    chip = next(_named(catalog, typed), None)
    if chip is None:
        raise SpecError([Problem(option, f"{typed}: {unknown('chip', typed, known)}")])
    if chip not in known:
        what = f"expected one of the chips of the question, {', '.join(known)}, got {chip}"
        raise SpecError([Problem(option, what)])
    try:
        return (chip, *read(value))
    except ValueError as error:
        raise SpecError([Problem(option, f"{typed}: {error}")]) from None


def _method(name: str) -> PriceMethod:
    """The price method of that name; raises `SpecError` at its own option."""
    try:
        return price_method(name)
    except SpecError as error:
        raise SpecError([Problem("--price-method", p.what) for p in error.problems]) from None


def _price_of(method: str) -> _Read:
    """Reader of a price, or of a rent where prices are rents."""
    needs = _method(method).needs(None)
    key, si, such = ("rent", "USD/s", _RENT) if "rent" in needs else ("price", "USD", _PRICE)

    def read(text: str) -> tuple[str, str]:
        if not {"rent", "listed price", "searched price"} & needs:
            raise ValueError(f"applies with --price-method listed or rent only, got it with {method}")
        told = f"{text} USD" if key == "price" and plain_number(text) is not None else text
        try:
            found = parse(told, si)
        except UnitError as error:
            other = "" if key == "rent" else "; rents go with --price-method rent"
            raise ValueError(
                f"expected {such} with prices by {method}, got {short(text)}: {error}{other}"
            ) from None
        if found <= 0.0:
            raise ValueError(f"expected more than 0, got {short(text)}")
        return key, told

    return read


def _margin_of(method: str) -> _Read:
    """Reader of a gross margin."""

    def read(text: str) -> tuple[str, str]:
        if method not in ("listed", "searched", "margin"):
            what = "applies with --price-method listed, searched or margin only"
            raise ValueError(f"{what}, got it with {method}")
        try:
            return "gross_margin", repr(share(open_at_one=True)(text))
        except typer.BadParameter as error:
            raise ValueError(error.message) from None

    return read
