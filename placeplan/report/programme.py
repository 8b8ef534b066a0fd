"""The capital programme as the report shows it: years across, who pays down, and the gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from geodata.years import start_year
from models.funding import AUTHORITY
from models.options import SEND_UNIT
from models.programme import GAP, RECOUPED, SOURCES, capital_programme
from placeplan.results import read_stage
from placeplan.study import Study

WORDS = {
    "contributions held": "Developer contributions held",
    "contributions secured": "Developer contributions secured by agreement",
    "contributions recouped": "Developer contributions recouped, paid ahead of in earlier years",
    "basic need": "Basic need grant",
    "high needs": "High needs grant",
    "other": "Other money",
    "borrowing": "Borrowing",
    GAP: "Not funded in its year: the gap",
}


def programme_table(study: Study, results: Path) -> pd.DataFrame:
    """Rows academic_year, purpose, source, gbp of models.programme for the plan of these results."""
    capital = read_stage(results / "estate", "capital")
    decided = read_stage(results / "estate", "decisions")
    units = decided.loc[decided["action"] == SEND_UNIT, "facility"].astype(str).tolist()
    return capital_programme(capital, study.tables.get("capital_funding"), study.settings.base_year, (), units)


def programme_contents(study: Study, results: Path) -> dict[str, Any] | None:
    """Years, a row of sums for each source that pays anything, the total; None where the plan needs no capital."""
    table = programme_table(study, results)
    if table.empty:
        return None
    years = sorted(table["academic_year"].unique())
    wide = table.pivot_table(index="source", columns="academic_year", values="gbp", aggfunc="sum", fill_value=0.0)
    wide = wide.reindex(columns=years)
    rows = [
        {"source": WORDS[source], "gbp": [float(gbp) for gbp in wide.loc[source]], "gap": source == GAP}
        for source in (*SOURCES, GAP)
        if source in wide.index
    ]
    gap = table.loc[table["source"] == GAP, "gbp"].sum()
    ahead = _ahead(results)
    # What contributions pay back after it was spent, and the programme does not spend again, closes the gap later.
    later = min(float(gap), ahead - float(table.loc[table["source"] == RECOUPED, "gbp"].sum()))
    return {
        "years": years,
        "rows": rows,
        "needed": [float(gbp) for gbp in wide.sum()],
        "gap_gbp": float(gap),
        "total_gbp": float(table["gbp"].sum()),
        "given": "capital_funding" in study.tables,
        "expected": _expected(study, table),
        "ahead_gbp": ahead,
        "later_gbp": later,
        "unfunded_gbp": float(gap) - later,
    }


def _expected(study: Study, table: pd.DataFrame) -> float:
    """Money that the programme spends and that is not confirmed, at most, GBP: what is confirmed is spent first."""
    funding = study.tables.get("capital_funding")
    if funding is None:
        return 0.0
    sure = funding["certainty"] == "confirmed" if "certainty" in funding else pd.Series(False, index=funding.index)
    confirmed = funding[sure].groupby("source")["amount_gbp"].sum()
    spent = table[table["source"].isin(funding["source"])].groupby("source")["gbp"].sum()
    return float((spent - confirmed.reindex(spent.index, fill_value=0.0)).clip(lower=0.0).sum())


def _ahead(results: Path) -> float:
    """Capital that contributions pay for before they are due: the authority finds it first, GBP."""
    capital = read_stage(results / "estate", "capital")
    paid = capital[capital["source"] != AUTHORITY]
    later = [
        start_year(str(due)) > start_year(year)
        for due, year in zip(paid["due_year"], paid["academic_year"], strict=True)
    ]
    return float(paid.loc[later, "capital_gbp"].sum())
