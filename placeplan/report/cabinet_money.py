"""Whose money a plan is: closings by pocket, capital by who pays, other decisions in schools' own budgets."""

from __future__ import annotations

from models.options import CLOSING
from placeplan.estate.contributions import payer
from placeplan.report.draft_parts import Grid, Section, about, saves_or_costs
from placeplan.report.facts import Facts
from placeplan.report.law import by_trust, plain

POCKETS = {
    "council revenue": "The council's own revenue",
    "schools block": "The schools block of the Dedicated Schools Grant: money of schools, no saving of the council",
    "council capital": "The council's capital",
    "trust": "Academy trusts",
    "diocese or trustees": "Dioceses and trustees",
    "families": "Families: time and fares, as the plan prices them; no budget",
}
MONEY = ("one_off_gbp", "per_year_gbp", "discounted_gbp")


def council_money(facts: Facts) -> Section:
    """What closings cost and save, by pocket."""
    pockets = facts.stored.get("pockets")
    if pockets is None or not len(pockets):
        return Section("")
    rows = []
    for pocket, mine in pockets.groupby("pocket", sort=False):
        known = mine.dropna(subset=["discounted_gbp"])
        cells = [minus_gbp(known[name].sum()) if len(known) else "not given" for name in MONEY]
        rows.append((POCKETS.get(str(pocket), str(pocket)), *cells))
    total = pockets.loc[pockets["council"].astype(bool), "discounted_gbp"].sum()
    return Section(
        "Finance: closings by pocket",
        (f"To the council itself closing {saves_or_costs(total)} over the years counted, discounted.",),
        grid=Grid(
            f"GBP at the study's price base; a minus is a saving; a year is {facts.last_year}",
            ("Pocket", "Once", "A year", "Over the years counted, discounted"),
            tuple(rows),
            (1, 2, 3),
        ),
    )


def minus_gbp(value: float) -> str:
    """GBP without pence, with a minus sign before a saving."""
    return f"{'−' if round(value) < 0 else ''}£{abs(value):,.0f}"


def capital(facts: Facts) -> Section:
    """Capital by who pays, and contributions that are left."""
    held = facts.rows("capital")
    if not held:
        return Section("")
    paid: dict[str, float] = {}
    for row in held:
        who = payer(row["source"], row["due_year"], row["academic_year"])
        paid[who] = paid.get(who, 0.0) + row["capital_gbp"]
    years = sorted({str(row["academic_year"]) for row in held})
    left = sum(row["unspent_gbp"] or 0 for row in facts.rows("contributions_left"))
    lines = [
        f"The plan needs {about(sum(paid.values()))} of capital {_span(years)}, from standard costs "
        "a place; "
        "tenders may come to more."
    ]
    if left >= 1:
        lines.append(f"{about(left).capitalize()} of developer contributions stay unspent in the plan.")
    return Section(
        "Finance: capital",
        tuple(lines),
        grid=Grid(
            f"Capital {_span(years)} by who pays, GBP at the study's price base",
            ("Paid by", "GBP"),
            tuple((who[:1].upper() + who[1:], f"£{gbp:,.0f}") for who, gbp in paid.items()),
            (1,),
        ),
    )


def _span(years: list[str]) -> str:
    """A year, or from the first to the last."""
    return f"from {years[0]} to {years[-1]}" if years[0] != years[-1] else f"in {years[0]}"


def schools_money(facts: Facts) -> Section:
    """What other decisions save or cost in schools' own budgets a year."""
    sums: dict[str, float] = {}
    for row in facts.rows("decisions"):
        if row["action"] not in CLOSING and row["running_gbp_per_year"]:
            words = plain(str(row["action"]), in_trust=by_trust(str(row["decider"])))
            sums[words] = sums.get(words, 0.0) + row["running_gbp_per_year"] * row["probability"]
    if not sums:
        return Section("")
    return Section(
        "Finance: schools' own budgets",
        (
            f"What other decisions change a year by {facts.last_year}, whoever's budget it is, at policy prices: no "
            "accounts.",
        ),
        grid=Grid(
            f"GBP a year in {facts.last_year} at the study's price base; a minus is a saving",
            ("Action", "GBP a year"),
            tuple((words, minus_gbp(gbp)) for words, gbp in sums.items()),
            (1,),
        ),
    )
