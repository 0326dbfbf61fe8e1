"""Every way to price a chip and what stands around it: ledgers that sum up, and a price that is asked for."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from said import call
from studies_for_tests import write_study

import dse
from dse.chips.parameter_range import value_at
from dse.errors import SpecError
from dse.question.layouts import one
from dse.spec.catalog.config_paths import bundled
from objectives import api

SYSTEMS = ("chips-only", "with-host-and-network", "built-up")
METHODS: tuple[dict[str, str], ...] = (
    {"price_method": "listed"},
    {"price_method": "compute-ratio"},
    {"price_method": "unit-cost"},
    {"price_method": "margin", "seller": "nvidia-chip"},
)
AROUND = {
    "chips-only": {"chips"},
    "with-host-and-network": {"chips", "host"},  # its switches are on the board of eight
    "built-up": {"chips", "host", "rack", "network"},  # eight chips do not leave their box
}
"""System to the parts of its capital that are more than nothing."""


def sums_up(ledger: dict[str, float], total: float) -> None:
    assert all(part >= 0.0 for part in ledger.values())
    assert sum(ledger.values()) == pytest.approx(total, rel=1e-12)


# --- one chip -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "system"), list(product(METHODS, SYSTEMS)))
def test_capital_and_running_cost_sum_up_however_a_chip_is_priced(
    method: dict[str, str], system: str
) -> None:
    found = dse.estimate("h200", "llama2-70b", "chat", weights="fp8", system=system, **method)
    m, capital = found.metrics, found.ledgers["capex_usd"]
    sums_up(capital, m["capex_usd"])
    sums_up(
        {k: v / m["tokens_per_s"] for k, v in capital.items()}, m["usd_per_token_per_s"]
    )  # $/(token/s) has the ledger of capital
    sums_up(found.ledgers["usd_per_million_tokens"], m["usd_per_million_tokens"])
    assert {k for k, v in capital.items() if v > 0.0} == AROUND[system]
    sheet = dse.chip_sheet("h200", **method)
    assert sheet.price_usd is not None
    sums_up(dict(sheet.price_parts), sheet.price_usd)
    assert capital["chips"] == pytest.approx(m["chips"] * sheet.price_usd, rel=1e-12)
    assert found.price_method == method["price_method"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_capital_covers_is_said(system: str) -> None:
    said = call(
        "estimate",
        "--chip",
        "h100",
        "--llm",
        "llama2-70b",
        "--workload",
        "chat",
        "--weights",
        "fp8",
        "--tp",
        "8",
        "--pp",
        "2",
        "--system",
        system,
    )
    assert said.code == 0, said.err
    assert ("capital covers chips only" in said.out) is (system == "chips-only")
    assert ("scale out" in said.out) is (system == "built-up")


def test_what_a_price_by_margin_and_a_system_need_is_named() -> None:
    given_ = {"weights": "int8", "system": "with-host-and-network"}
    with pytest.raises(SpecError) as caught:
        dse.estimate("groq", "llama2-70b", "article", **given_)
    told = [str(p) for p in caught.value.problems]
    assert any("chips/groq-lpu-v1: host: expected a known value, got null" in p for p in told)
    assert any("networks/groq-dragonfly: cost: expected a known value, got null" in p for p in told)


def test_one_chip_has_no_price_to_search_for() -> None:
    for ask in (
        lambda: dse.estimate("h100", "llama2-70b", "chat", price_method="searched"),
        lambda: dse.chip_sheet("h100", price_method="searched"),
    ):
        with pytest.raises(SpecError, match="got searched, which needs a space with a parameter price"):
            ask()


# --- chips of a space ---------------------------------------------------------------------------------

PRICED: tuple[dict[str, Any], ...] = (
    {"method": "unit-cost"},
    {"method": "margin", "seller": "broadcom-asic", "volume": 20000},
    {"method": "compute-ratio", "reference": "h100-sxm"},
    {"method": "searched"},
)


def space_with_price(folder: Path, **only: Any) -> Path:
    """Folder of configs with the space `priced`: the branches `only`, each with a parameter price."""
    data = yaml.safe_load((bundled("configs") / "spaces" / "lpu-or-hbm.yaml").read_text())
    price = {"low": "10 USD", "high": "100000 USD", "scale": "log"}
    branches = {}
    for name, kept in (only or dict.fromkeys(data["branches"])).items():
        branch = data["branches"][name]
        parameters = branch["parameters"] if kept is None else {k: branch["parameters"][k] for k in kept}
        branches[name] = branch | {"parameters": parameters | {"price": price}}
    path = folder / "spaces" / "priced.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(data | {"name": "priced", "aliases": [], "branches": branches}))
    return folder


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("prices")
    configs = space_with_price(folder / "configs")
    found = {}
    for price, system in product(PRICED, ("chips-only", "built-up")):
        asked = price["method"] == "searched"
        name = f"{price['method']}-{system}"
        path = write_study(
            folder,
            name,
            price={**price, "system": system},
            space="priced" if asked else "lpu-or-hbm",
            baselines=["h100-sxm"],
        )
        found[name] = dse.load_study(str(path), configs=configs if asked else None)
    return found


FRACTIONS = st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6)


@settings(deadline=None, max_examples=25)
@given(FRACTIONS, st.sampled_from(["sram-only", "dram-only", "hybrid"]), st.sampled_from([1, 8, 64]))
def test_ledgers_of_hypothetical_chips_sum_up_under_every_price_method(
    studies: dict[str, Any], fractions: list[float], branch: str, batch: int
) -> None:
    for name, study in studies.items():
        made = study.branches[branch]
        values = {
            n: value_at(p, np.asarray([f]))
            for (n, p), f in zip(made.spec.parameters.items(), fractions, strict=False)
        }
        chips = made.chips(values)
        layout = {"batch": batch, "tp": 8, "pp": 10, "ep": 1, "dp": 1}
        designs = api.Designs.of(chips=chips, deployments=one(layout))
        m = study.cost_model.evaluate(designs, study.context, detail=True)
        rate = m.tokens_per_s[0]
        sums_up({k: v[0] for k, v in m.capex_parts.items()}, m.capex_usd[0])
        sums_up({k: v[0] / rate for k, v in m.capex_parts.items()}, m.usd_per_token_per_s[0])
        sums_up({k: v[0] for k, v in m.running_parts.items()}, m.usd_per_million_tokens[0])
        assert m.capex_parts["chips"][0] == pytest.approx(80 * chips.cost.price_usd[0], rel=1e-12)
        unit_cost = made.silicon(values).unit_cost_usd()[0]
        if name.startswith("unit-cost"):
            assert chips.cost.price_usd[0] == pytest.approx(unit_cost, rel=1e-12)
        if name.startswith("margin"):  # 60 % margin, 250 MUSD of one-off cost over 20,000 chips
            assert chips.cost.price_usd[0] == pytest.approx(unit_cost / 0.4 + 12_500, rel=1e-12)
        if name.startswith("searched"):
            assert chips.cost.price_usd[0] == values["price"][0]


# --- at what price does this chip stop winning? -------------------------------------------------------


def test_a_search_takes_no_price_freely_unless_that_is_its_question(tmp_path: Path) -> None:
    configs = space_with_price(tmp_path / "configs")
    for price, space, told in (
        ("unit-cost", "priced", "expected no parameter price unless price.method is searched"),
        ("searched", "lpu-or-hbm", "expected a parameter price, got price.method searched"),
    ):
        path = write_study(tmp_path, f"{space}-{price}", space=space, price={"method": price})
        said = call("run", path, "--configs", configs, "--out", tmp_path / "out")
        assert said.code == 2
        assert said.err.count(told) == 3  # once for each branch
        assert not (tmp_path / "out" / "front.csv").exists()


def test_a_searched_price_tells_where_a_chip_stops_winning(tmp_path: Path) -> None:
    configs = space_with_price(tmp_path / "configs", **{"sram-only": ()})
    path = write_study(
        tmp_path,
        "stops",
        space="priced",
        price={"method": "searched"},
        report_at=["10 ms"],
        sweep={"objective": "tpot", "low": "9.99 ms", "high": "10 ms"},
        baselines=["h100-sxm"],
        budget={"trials": 40},
    )
    study, out = dse.load_study(str(path), configs=configs), tmp_path / "out"
    trials = dse.run(study, out=out).optuna_study.trials
    rival = next(t.values[0] for t in trials if t.user_attrs.get("baseline"))
    searched = [t for t in trials if "sram-only.price" in t.params]
    price = np.asarray([t.params["sram-only.price"] for t in searched])
    cost = np.asarray([t.values[0] for t in searched])
    # nothing but the price differs, so $/(token/s) is proportional to it and stops winning at one price
    np.testing.assert_allclose(cost / price, cost[0] / price[0], rtol=1e-12)
    stops = rival * price[0] / cost[0]
    assert price[cost < rival].max() < stops < price[cost > rival].min()
    said = call(
        "breakeven",
        path,
        "--configs",
        configs,
        "--out",
        out,
        "--tpot",
        "10 ms",
        "--format",
        "json",
        "--x",
        "sram-only.price=10 USD..100000 USD",
    )
    assert said.code == 0, said.err
    (crossing,) = said.json["boundary"]
    assert (crossing["left"], crossing["right"]) == ("sram-only", "others")
    assert crossing["price"] == pytest.approx(stops, rel=1e-3)  # found by halving
