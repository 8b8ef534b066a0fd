"""What the report shows of money: schools in deficit by year, who is not sufficient, how much hangs on the lump sum."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from geodata.funding_values import funding_values, national_values
from placeplan.results import read_stage
from placeplan.study import Study

SHOWN = 30  # schools that are not sufficient; the table has them all


def money_contents(study: Study, folder: Path, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Blocks of the section, from the tables and the summary of the finance stage."""
    schools = read_stage(folder, "finance_schools")
    short = schools[schools["viable"].eq(False)].sort_values("lowest_reserves_gbp")
    return {
        "years": _years(read_stage(folder, "finance"), read_stage(folder, "finance_plan")),
        "schools": _shown(short.head(SHOWN)),
        "others": max(len(short) - SHOWN, 0),
        "bands": list(summary["lump_sum_bands"].items()),
        "price_year": summary["price_year"],
        "reserves": study.policy.number("viable_reserves_share"),
        "fall": study.policy.number("falling_roll_share"),
        "values": _values(study),
    }


def _years(budget: pd.DataFrame, plan: pd.DataFrame) -> list[dict[str, Any]]:
    """By year: schools with pupils, those in deficit, income, cost and balance; the same in deficit under the plan."""
    told = budget[budget["income_gbp"] > 0]
    planned = plan[plan["income_gbp"] > 0]
    of_plan = planned.assign(short=planned["balance_gbp"] < 0).groupby("academic_year")
    rows = []
    for year, own in told.groupby("academic_year"):
        short = own[own["balance_gbp"] < 0]
        rows.append(
            {
                "year": year,
                "schools": len(own),
                "short": len(short),
                "income": float(own["income_gbp"].sum()),
                "cost": float(own["cost_gbp"].sum()),
                "deficits": float(short["balance_gbp"].sum()),
                "plan_schools": int(of_plan.size().get(year, 0)),
                "plan_short": int(of_plan["short"].sum().get(year, 0)),
            }
        )
    return rows


def _shown(schools: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None where there is no figure."""
    rows = schools.astype(object).where(schools.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _values(study: Study) -> list[dict[str, Any]]:
    """Every factor with its years and values, and whether they are the study's own."""
    values = funding_values(study.tables.get("funding_values"), study.policy)
    return [
        {
            "factor": factor.removesuffix("_gbp").replace("_", " "),
            "values": ", ".join(f"{year}/{(year + 1) % 100:02d}: {worth:,g}" for year, worth in sorted(known.items())),
            "whose": "local" if factor in values.local else "national",
        }
        for factor, known in values.known.items()
        if factor in national_values()
    ]
