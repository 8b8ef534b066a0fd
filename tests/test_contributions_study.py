"""Contributions from the tables of a study to its plan, its report and its checks, to the pound."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from small_study import grow, policy, write_small_study

from placeplan.estate.contributions import wrong_contributions
from placeplan.pipeline import run_stages
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.verification import verify_results

AMOUNT_GBP = 1_500_000


def study_with(folder: Path, *lines: str) -> Study:
    """A village that outgrows its school; £1.5m are due there in two instalments, £9m for secondary schools."""
    write_small_study(folder)
    grow(folder, "A", 75)
    (folder / "inputs/housing.csv").write_text(
        "site,locality,academic_year,dwellings,type,tenure,bedrooms,certainty\n"
        "Mill,A,2024/25,1,house,market,3,0.1\nQuay,A,2024/25,1,house,market,3,0.1\n"
    )
    (folder / "inputs/contributions.csv").write_text(
        "site,phase,amount_gbp,due_year,spend_by,spend_where\n"
        f"Mill,primary,{AMOUNT_GBP - 200_000},2023/24,2027/28,P\nMill,primary,200000,2024/25,,P\n"
        "Quay,secondary,9000000,2023/24,,\n"
    )
    policy(folder, "bulge_lead_years = 4", "pan_lift_lead_years = 4", *lines)
    list(run_stages(Study.open(folder)))
    return Study.open(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return study_with(tmp_path_factory.mktemp("contributions") / "study")


def summary(study: Study) -> dict:
    return json.loads((study.results / "estate/summary.json").read_text())


def test_plan_tables_and_report_agree_to_the_pound(made: Study) -> None:
    told = summary(made)
    decisions, capital = (read_stage(made.results / "estate", name) for name in ("decisions", "capital"))
    assert told["contributions_spent_gbp"] == AMOUNT_GBP
    # What the decisions cost, less what contributions save, is what the plan costs, beside the prices of harm.
    own = decisions["cost_gbp"].sum() + decisions["harm_gbp"].sum() - told["contributions_saved_gbp"]
    assert told["costs"]["plan"]["options_gbp"] == pytest.approx(own, abs=len(decisions))
    assert capital["capital_gbp"].sum() == pytest.approx(decisions["capital_gbp"].sum(), abs=len(capital))
    assert capital.groupby("source")["capital_gbp"].sum()["Mill"] == AMOUNT_GBP and "Quay" not in set(capital["source"])
    assert not decisions["facility"].str.contains("Mill").any() and told["problem"]["facilities"] == 4
    page = (made.results / "report/report.html").read_text()
    assert "The plan was chosen with that money in it: £1,500,000" in page
    assert page.count("no places it may pay for in this plan") == 1 and "lapses after" not in page  # Quay never does
    assert "Schools and sites, over today, with prices of harm, less contributions" in page
    assert not any(verify_results(made).values())


def test_kept_out_of_the_plan_contributions_are_laid_out_over_it(made: Study, tmp_path: Path) -> None:
    without = study_with(tmp_path / "study", 'contributions_in_plan = "no"')
    told = summary(without)
    assert not told["contributions_in_plan"] and told["contributions_spent_gbp"] == AMOUNT_GBP
    assert "as if all capital were the authority's (contributions_in_plan)" in (
        (without.results / "report/report.html").read_text()
    )
    assert not any(verify_results(without).values())
    # The plan without is at best as cheap to the authority as the plan that knew of the money.
    own = told["costs"]["plan"]["options_gbp"] - told["contributions_saved_gbp"]
    rest = sum(told["costs"]["plan"][part] for part in ("journeys_gbp", "without_place_gbp"))
    assert own + rest >= summary(made)["bound"] - 1


WRONGS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "another contribution pays": ("capital", lambda t: t.replace({"source": {"Mill": "Quay"}}), "Quay may not pay"),
    "paid after it lapsed": (
        "capital",
        lambda t: t.assign(academic_year=t["academic_year"].where(t["source"] != "Mill", "2028/29")),
        "Mill may not pay",
    ),
    "more than is due": (
        "capital",
        lambda t: t.assign(capital_gbp=t["capital_gbp"] + 50_000 * (t["source"] == "Mill")),
        "of Mill (primary, due 2023/24) are spent",
    ),
    "capital that is no decision's": (
        "capital",
        lambda t: t.assign(capital_gbp=t["capital_gbp"] * 0.9),
        "of capital over its decisions",
    ),
    "paid for another phase": ("capital", lambda t: t.assign(phase="secondary"), "Mill may not pay"),
    "counted and not spent": ("contributions_left", lambda t: t.assign(spent_gbp=0.0), "contributions_spent_gbp is"),
    "saved too much": ("contributions_left", lambda t: t.assign(saved_gbp=2e6), "contributions_saved_gbp is"),
    "saved otherwise than the plan counts on": (
        "contributions_left",
        lambda t: t.assign(saved_gbp=0.0),
        "the plan counts on",
    ),
}


def test_who_pays_keeps_to_the_budget_in_every_year(tmp_path: Path) -> None:
    """£2.2m of half a form and £1m a year of its own: what is due by then has to pay for the rest, and does."""
    budget = study_with(tmp_path / "study", "capital_budget_gbp_per_year = 1000000")
    capital = read_stage(budget.results / "estate", "capital")
    own = capital[capital["source"] == "authority"].groupby("academic_year")["capital_gbp"].sum()
    assert capital["capital_gbp"].sum() > 2e6 and own.max() <= 1_000_010
    assert not any(verify_results(budget).values())
    spent = capital.assign(source="authority", due_year=None)
    spent.to_parquet(budget.results / "estate/capital.parquet", index=False)
    assert "its budget is £1,000,000" in "; ".join(wrong_contributions(budget))


@pytest.mark.parametrize("what", WRONGS)
def test_money_in_the_wrong_place_is_found(made: Study, tmp_path: Path, what: str) -> None:
    name, change, said = WRONGS[what]
    folder = Path(shutil.copytree(made.folder, tmp_path / "study"))
    path = folder / f"results/base/estate/{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    assert said in "; ".join(wrong_contributions(Study.open(folder)))
