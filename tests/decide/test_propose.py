"""A proposal is the chip that its files say, and estimates to what its datasheet says."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from studies_for_tests import write_study

import dse
from dse.chips.branch import branches_of
from dse.chips.resolve import chip_columns
from dse.cli.input.estimate_command import repeat_command
from dse.decide.propose.candidates import Candidate, chips_of_candidates, from_rows
from dse.decide.propose.chip_file import chip_of, space_around
from dse.decide.propose.proposal import propose
from dse.decide.propose.rounding import rounded
from dse.decide.propose.validity import at_space_boundary, beyond_known_silicon, outside
from dse.decide.scenario.best_deployments import deployment_problem, solve_on_grid, study_grid
from dse.decide.scenario.evaluation import evaluate_candidate
from dse.errors import InfeasibleError
from dse.question.variation import vary
from dse.report.datasheet.content import datasheet
from dse.report.datasheet.data import as_dict
from dse.spec.catalog.lookup import Catalog, file_problems
from dse.spec.schema.base import Sourced, sourced_values
from dse.spec.schema.buildable import BuildableSpec
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.space import NAME, PARAMETERS, ParameterSpec, SpaceSpec
from dse.spec.yaml.loading import build_spec, load_spec
from dse.spec.yaml.writing import exact, yaml_of

LIMITS = {"tpot": 5e-3}


@pytest.fixture(scope="module")
def proposal(study, front):
    assert dse.propose is propose
    return propose(study, front, LIMITS, name="my-chip")


@pytest.fixture(scope="module")
def file(proposal, tmp_path_factory):
    path = tmp_path_factory.mktemp("mine") / "chips" / "my-chip.yaml"
    path.parent.mkdir()
    path.write_text(yaml_of(proposal.chip))
    return path


def test_the_file_loads_as_the_chip_that_was_proposed(proposal, file):
    assert load_spec(ChipSpec, file) == proposal.chip
    assert list(file_problems(proposal.chip, file, Catalog().sources())) == []


def test_the_file_has_every_column_of_the_point_of_the_search(study, proposal, file):
    of_file = chip_columns(load_spec(ChipSpec, file), study.setting)
    of_search = chips_of_candidates(study, [proposal.rounded.candidate]).columns()
    for name, column in of_search.items():
        assert of_file[name] == pytest.approx(float(column[0]), rel=1e-12, abs=1e-18), name


def test_the_file_estimates_to_the_numbers_of_the_datasheet(proposal, file, study):
    d, p = proposal.estimate.deployment, study.spec.precision
    again = dse.estimate(
        str(file),
        study.spec.llm,
        study.spec.workload,
        weights=p.weights,
        kv=p.kv,
        activations=p.activations,
        batch=d["batch"],
        tp=d["tp"],
        pp=d["pp"],
    )
    assert again.price_method == study.spec.price.method == "unit-cost"
    assert again.metrics == pytest.approx(proposal.estimate.metrics, rel=1e-12)


@pytest.mark.parametrize(
    "price",
    [
        {"method": "unit-cost", "system": "built-up"},
        {"method": "margin", "seller": "amd-chip", "system": "built-up"},
        {"method": "margin", "seller": "amd-chip", "volume": 20000},
        {"method": "compute-ratio", "reference": "h100-sxm", "reference_price": "30000 USD"},
    ],
)
def test_the_line_that_is_printed_gives_the_same_numbers(tmp_path, monkeypatch, dse_verb, price):
    """One chip priced in four ways, at a context of the study's own: the line is run as it stands."""
    from types import SimpleNamespace

    monkeypatch.chdir(tmp_path)
    path = write_study(
        tmp_path,
        price=price,
        deployment={"batch": [16], "tp": [8], "pp": [8], "mode": "solve"},
        settings={"workload/article.context": "2048 token"},
    )
    study = dse.load_study(str(path))
    branch = next(b for b in study.branches.values() if b.kind == "sram-only")
    values = {
        n: p.high if PARAMETERS[n] == NAME else (p.low * p.high) ** 0.5
        for n, p in branch.spec.parameters.items()
    }
    one = Candidate(label="one", kind=branch.kind, branch=branch.name, values=values, trial=1)
    told = evaluate_candidate(
        study, deployment_problem(study), one, ({"batch": 16, "tp": 8, "pp": 8, "ep": 1},)
    ).estimate
    chip = chip_of(study, one, "one", {})
    Path("one.yaml").write_text(yaml_of(chip))
    cost = float(chips_of_candidates(study, [one]).cost.price_usd[0])
    line = repeat_command(SimpleNamespace(study=study, chip=chip), told, cost, Path("one.yaml"), None)
    found = dse_verb(*shlex.split(line)[1:], "--format", "json").json
    for name in ("tpot_s", "capex_usd", "usd_per_token_per_s", "usd_per_million_tokens"):
        assert found["metrics"][name] == pytest.approx(told.metrics[name], rel=1e-6), line
    assert ("listed" in line) == (price["method"] == "compute-ratio" or "volume" in price)


def test_the_price_of_a_chip_is_that_of_the_chip_and_its_system_is_named_beside_it(proposal):
    built = replace(proposal, price_usd=0.5 * proposal.price_usd)
    assert proposal.price_usd == pytest.approx(proposal.system_usd)  # chips only
    rows = dict(datasheet(built).sections[0].rows)
    assert "capital per chip, system included" in rows
    assert "capital per chip, system included" not in dict(datasheet(proposal).sections[0].rows)


def test_what_cannot_be_made_overturns_nothing(proposal):
    sections = datasheet(proposal).sections
    rows = [r for s in sections if "wrong" in s.title for r in s.rows]
    rivals = {r[0] for s in sections if "rivals" in s.title for r in s.rows}
    assert rivals and all(row[-1] in rivals or row[-1] == "-" for row in rows)


def test_a_size_that_could_not_be_smaller_is_no_end_of_the_space(study, proposal):
    spec = study.branches[proposal.rounded.candidate.branch].spec
    dies = ParameterSpec(low=1.0, high=4.0, steps=4)
    asked = spec.model_copy(update={"parameters": {"dies": dies}})
    assert at_space_boundary(proposal.rounded.candidate.at("dies", 1.0), asked) == []
    assert len(at_space_boundary(proposal.rounded.candidate.at("dies", 4.0), asked)) == 1


def test_no_deployment_of_the_study_is_better_for_it(study, proposal):
    problem = deployment_problem(study, LIMITS)
    chips = chips_of_candidates(study, [proposal.rounded.candidate])
    assert solve_on_grid(problem, chips, study_grid(study)).cost[0] == proposal.rounded.cost
    assert proposal.estimate.metrics["usd_per_token_per_s"] == pytest.approx(proposal.rounded.cost, rel=1e-12)
    assert proposal.estimate.metrics["tpot_s"] <= LIMITS["tpot"]


def test_every_number_says_where_it_comes_from(proposal):
    for path, leaf in sourced_values(proposal.chip):
        assert isinstance(leaf, Sourced)
        assert leaf.basis != "spec sheet", path
        assert leaf.value is None or leaf.note, path
    assert proposal.chip.derived_from.trial == proposal.picked.trial
    assert proposal.chip.hypothetical


def test_sizes_are_whole_steps_of_the_rules(study, proposal):
    rules = study.setting.catalog.get(BuildableSpec, "steps-2026")
    for step in proposal.rounded.steps:
        assert step.after / step.step == pytest.approx(round(step.after / step.step), abs=1e-6)
        assert abs(step.after - step.before) <= step.step * (1 + 1e-9)
        assert step.step == getattr(rules, step.parameter).value
        assert step.reason


def test_rounding_is_the_best_of_its_neighbours(study, front):
    problem, rules = deployment_problem(study, LIMITS), study.setting.catalog.get(BuildableSpec, "steps-2026")
    row = next(r for r in front.frame.to_dict("records") if r["tpot_s"] <= 5e-3 and r["role"] == "search")
    found = rounded(study, problem, from_rows(study, [row])[0], rules)
    for name, value in found.candidate.values.items():
        if name in ("sram", "link_bandwidth"):
            step = getattr(rules, name).value
            for other in (value - step, value + step):
                if abs(other - row[f"param_{name}"]) < step:
                    chips = chips_of_candidates(study, [found.candidate.at(name, other)])
                    assert solve_on_grid(problem, chips, study_grid(study)).cost[0] >= found.cost


def test_the_space_around_it_holds_it_and_can_be_searched(study, proposal, file):
    text = space_around(study, proposal.rounded.candidate, "my-chip")
    spec = build_spec(SpaceSpec, yaml.safe_load(text), "around")
    catalog = Catalog((file.parent.parent, *study.setting.catalog.folders))
    from dataclasses import replace

    branch = branches_of(spec, replace(study.setting, catalog=catalog))["around"]
    values = proposal.rounded.candidate.values
    for name, value in values.items():
        assert branch.spec.parameters[name].low <= value <= branch.spec.parameters[name].high
    again = branch.chips({k: np.asarray([v]) for k, v in values.items()}).columns()
    before = chips_of_candidates(study, [proposal.rounded.candidate]).columns()
    for name, column in before.items():
        assert float(again[name][0]) == pytest.approx(float(column[0]), rel=1e-9, abs=1e-15), name


def test_a_breaking_number_makes_the_rival_as_good(study, proposal):
    """At the break-even both cost the same, or the proposal has just become infeasible."""
    from dse.decide.scenario.scenario_batch import solve_variants

    rivals = [r.candidate for r in proposal.rivals if r.cost is not None]
    assert proposal.overturning_numbers or not proposal.wins
    for o in proposal.overturning_numbers[:6]:
        sides = [vary(study, {o.fact.place: o.value * f}) for f in (0.995, 1.0, 1.005)]
        cost, _ = solve_variants(sides, [proposal.rounded.candidate, *rivals], study_grid(study), LIMITS)
        lead = np.min(cost[:, 1:], axis=1) / cost[:, 0]
        assert min(lead[0], lead[2]) <= 1.0 + 1e-9
        assert max(lead[0], lead[2]) >= 1.0 - 5e-3
        assert o.unbuildable == bool(np.isinf(cost[1, 0]) or np.isinf(cost[[0, 2], 0]).any())


def test_a_dollar_is_worth_its_share_of_the_capital(proposal):
    """With capital of chips alone, 10 % more on the price is 10 % more on $/(token/s)."""
    price = next(w for w in proposal.marginal_values if w.resource == "price of the chip")
    assert price.more == pytest.approx(0.1)
    assert price.elasticity == pytest.approx(1.0)


def test_the_ledgers_of_the_silicon_sum_to_the_chip(proposal):
    assert sum(proposal.made["power_w"].values()) == pytest.approx(proposal.chip.power.value)
    assert sum(proposal.made["unit_cost_usd"].values()) == pytest.approx(proposal.price_usd, rel=1e-12)


def test_a_target_that_nothing_meets_is_refused_with_what_is_possible(study, front):
    with pytest.raises(InfeasibleError, match=r"no design on the front of .* meets TPOT 1\.00 us"):
        propose(study, front, {"tpot": 1e-6})


def test_what_is_outside_the_domain_is_named(study, proposal):
    c = proposal.rounded.candidate
    fast = c.at("sram_bandwidth_per_byte", 1e6)
    assert "exceeds 960 GB/s" in outside(study, fast, {})[0]
    assert "its die is larger than the reticle" in outside(study, c, {"die_area": 1e-4})[0]
    assert outside(study, c, {"die_area": -1e-4, "capacity": 0.0}) == []
    rules = study.setting.catalog.get(BuildableSpec, "steps-2026")
    assert beyond_known_silicon(c.at("sram_bandwidth_per_byte", 500e9 / 2**20), rules)
    assert not beyond_known_silicon(c.at("sram_bandwidth_per_byte", 400e9 / 2**20), rules)


def test_the_datasheet_holds_every_section_and_is_plain_data(proposal):
    sheet = datasheet(proposal)
    titles = [s.title for s in sheet.sections]
    for words in (
        "Specification",
        "Die plan",
        "Bill of materials",
        "rivals",
        "Marginal value",
        "Nearest real chips",
    ):
        assert any(words in title for title in titles), words
    for section in sheet.sections:
        assert all(len(row) == len(section.columns) for row in section.rows)
    json.dumps(as_dict(proposal), allow_nan=False)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.0**29, "B", "512 MiB"),
        (80e9, "B", "80 GB"),
        (51.2e12, "B/s", "51.2 TB/s"),
        (8e11, "B/s", "800 GB/s"),
        (814e-6, "m2", "814 mm2"),
        (26000.0, "USD", "26000 USD"),
        (0.33, "", "0.33"),
        (0.0, "s", "0 s"),
    ],
)
def test_numbers_are_written_so_that_they_read_back(value, unit, text):
    from dse.spec.yaml.units import parse

    assert exact(value, unit) == text
    assert parse(text, unit) == value


def test_every_chip_of_the_catalog_survives_being_written():
    for name, chip in Catalog().all(ChipSpec).items():
        assert build_spec(ChipSpec, yaml.safe_load(yaml_of(chip)), name) == chip


def test_the_verb_writes_files_that_check_and_estimate(dse_verb, stored):
    new = "mine/chips/new-chip.yaml"
    said = dse_verb("propose", stored[0], "--out", stored[1], "--tpot", "5 ms", "-o", new)
    assert said.code == 0, said.err
    assert "Published values that would have to be wrong" in said.out or "does not win" in said.out
    assert max(map(len, said.out.replace("Written", "\nWritten").splitlines()[:-4])) <= 100
    assert dse_verb("check", "mine").code == 0
    told = dse_verb(
        "estimate",
        "--chip",
        new,
        "--llm",
        "llama2-70b",
        "--workload",
        "article",
        "--weights",
        "int8",
    )
    assert told.code == 0
    assert "price unit-cost" in told.out


def test_the_verb_refuses_with_exit_code_one(dse_verb, stored):
    said = dse_verb("propose", stored[0], "--out", stored[1], "--tpot", "1 us")
    assert said.code == 1
    assert "no design on the front" in said.err
    dse_verb("propose", stored[0], "--out", stored[1], "-o", "My Chip.txt").refused("expected a file such as")


def test_what_the_verb_writes_is_found_again_wherever_it_lies(
    dse_verb, stored, proposal, tmp_path, monkeypatch
):
    """Places alone: the test before this one makes a proposal by the verb itself."""
    monkeypatch.setattr("dse.cli.verbs.chips.propose.proposed", lambda *_, **__: proposal)
    for output in (None, tmp_path / "loose" / "my-chip.yaml", tmp_path / "own" / "chips" / "my-chip.yaml"):
        extra = () if output is None else ("-o", output)
        said = dse_verb(
            "propose", stored[0], "--out", stored[1], "--tpot", "5 ms", *extra, "--format", "json"
        )
        files = [Path(f) for f in said.json["files"]]
        for path in files[:2]:
            checked = dse_verb("check", path)
            assert checked.code == 0, (path, checked.err)
        assert files[0].parent.name == ("loose" if output and "loose" in str(output) else "chips")
        space = load_spec(SpaceSpec, files[1])
        assert space.branches["around"].template in (files[0].stem, str(files[0].resolve()))


def test_a_proposal_takes_no_name_of_another_chip(dse_verb, stored):
    for name in ("h100", "groq-lpu-v1"):
        said = dse_verb("propose", stored[0], "--out", stored[1], "--tpot", "5 ms", "-o", f"{name}.yaml")
        said.refused("--output: expected a new name", name)


def test_warnings_are_in_the_terms_of_the_field(study, proposal):
    spec = study.branches[proposal.rounded.candidate.branch].spec
    known = spec.parameters.get("sram_bandwidth_per_byte")
    assert known is not None and known.low < known.high
    values = {**proposal.rounded.candidate.values, "sram_bandwidth_per_byte": known.low}
    told = at_space_boundary(replace(proposal.rounded.candidate, values=values), spec)
    assert any(
        line.startswith("SRAM bandwidth: ") and "B/s per MiB is the smallest value" in line for line in told
    )


def test_a_polished_chip_is_never_worse_and_no_step_improves_it(study, front):
    from dse.decide.explain.neighbours import steps_of
    from dse.decide.verdict.local_search import local_search

    problem, grid = deployment_problem(study, LIMITS), study_grid(study)
    row = next(r for r in front.frame.to_dict("records") if r["tpot_s"] <= 5e-3 and r["role"] == "search")
    start = from_rows(study, [row])[0]
    end, steps = local_search(study, problem, start)
    cost = [solve_on_grid(problem, chips_of_candidates(study, [c]), grid).cost[0] for c in (start, end)]
    assert cost[1] < cost[0] or (steps == 0 and end == start)
    for name, parameter in study.branches[end.branch].spec.parameters.items():
        for value in steps_of(parameter, end.values[name]):
            other = solve_on_grid(problem, chips_of_candidates(study, [end.at(name, value)]), grid).cost[0]
            assert other >= cost[1] * (1 - 1e-9)
