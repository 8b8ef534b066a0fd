"""Risks of a plan with the evidence that its tables give, each in a row."""

from __future__ import annotations

from geodata.competitions import day
from geodata.small_numbers import least_told
from placeplan.report.draft_parts import Grid, Section, about, pupils
from placeplan.report.facts import Facts, listed
from placeplan.words import counted
from placeplan.words import day as day_words

Risk = tuple[str, str, str]
HEADS = ("Risk", "What the tables say", "Where it stands")


def risks(facts: Facts) -> Section:
    """A row a risk: forecast, fragile closings, places, others' consent, land and planning, cost, time, challenge."""
    rows = [
        *_forecast(facts),
        *_fragile(facts),
        *_places(facts),
        *_consent(facts),
        *_sites(facts),
        *_cost(facts),
        *_time(facts),
        *_challenge(facts),
    ]
    return Section("Risks", grid=Grid("Risks, with the evidence in the results", HEADS, tuple(rows)) if rows else None)


def _forecast(facts: Facts) -> list[Risk]:
    table = facts.stored.get("forecast_authority_phase")
    if table is None or not len(table):
        return []
    last = table[table["academic_year"] == facts.last_year]
    said = [
        f"{row.phase} {_off(row.p10, row.mean)} to {_off(row.p90, row.mean)}"
        for row in last.itertuples()
        if row.mean > 0
    ]
    if not said:
        return []
    words = (
        f"In {facts.last_year} eight futures in ten lie within: {'; '.join(said)} of the forecast, for the whole "
        "authority."
    )
    return [("Pupils differ from the forecast", words, "forecast_authority_phase")]


def _off(value: float, mean: float) -> str:
    return f"{100 * (value / mean - 1):+.1f} %".replace("-", "−")


def _fragile(facts: Facts) -> list[Risk]:
    rows = facts.rows("closure_stability")
    if not rows:
        return []
    said = [
        f"{facts.one('decisions', facility=row['facility']).get('name') or row['facility']}: stands in "
        f"{row['stays']:.0f} of "
        f"{row['draws']:.0f} changed forecasts{', fragile' if row['fragile'] else ''}"
        for row in rows
    ]
    return [("A closing would not stand under another forecast", f"{'; '.join(said)}.", "closure_stability")]


def _places(facts: Facts) -> list[Risk]:
    rows = []
    without = sum(row["pupils"] for row in facts.rows("unplaced"))
    if without >= 0.5:
        words = f"{without:,.0f} pupil-years without a place within reach over the plan."
        rows.append(("Pupils without a place", words, "unplaced"))
    over = sum(row["pupils_over"] for row in facts.rows("does_not_fit"))
    if over >= 0.5:
        count = pupils(over, least_told(facts.policy))
        words = f"{count} of closing schools without a place in their own year group or infant class."
        rows.append(("Displaced pupils do not fit", words, "does_not_fit"))
    short: dict[str, float] = {}
    for row in facts.rows("retained", academic_year=facts.last_year):
        if row["plan"] < row["asked"] - 0.5:
            where = f"{row['planning_area']} ({row['phase']})"
            short[where] = max(short.get(where, 0.0), row["asked"] - row["plan"])
    if short:
        said = [f"{where} {places:,.0f}" for where, places in sorted(short.items())]
        words = f"Places below the spare that policy asks to keep in {facts.last_year}: {'; '.join(said)}."
        rows.append(("Too little spare", words, "retained"))
    return rows


def _consent(facts: Facts) -> list[Risk]:
    requests = facts.summaries.get("estate", {}).get("requests") or {}
    if not requests.get("count"):
        return []
    words = f"{counted(requests['count'], 'decision')} are for {counted(len(requests['asked_of']), 'other')} to take."
    if requests.get("worth_least_gbp") is not None:
        words += (
            f" If all refused, the plan would be dearer by at least {about(requests['worth_least_gbp'])}, all priced."
        )
    return [("Those asked refuse", words, "decision_register")]


def _sites(facts: Facts) -> list[Risk]:
    rows = []
    for row in facts.rows("decisions", action="new school"):
        site = facts.site(str(row["facility"]))
        said = [f"planning permission: {site['planning_status']}"] if site.get("planning_status") else []
        passes = day(site.get("transfer_date"))
        if passes:
            said.append(f"the site passes over on {day_words(passes.isoformat())}")
        if site.get("owner"):
            said.append(f"owner: {site['owner']}")
        if site.get("land_cost_gbp") is not None:
            said.append(f"land £{site['land_cost_gbp']:,.0f}")
        if said:
            rows.append((f"Land and planning of {row['name']}", f"{'; '.join(said)}.", "sites"))
    return rows


def _cost(facts: Facts) -> list[Risk]:
    capital = sum(row["capital_gbp"] for row in facts.rows("capital"))
    if capital < 1:
        return []
    recouped = sum(row["spent_gbp"] or 0 for row in facts.rows("contributions_left"))
    words = f"{about(capital)} of capital rests on standard costs a place; no tender has tested it."
    words = words[:1].upper() + words[1:]
    if recouped >= 1:
        words += f" Of it {about(recouped)} is to come from developers' contributions, taken as certain once agreed."
    return [("Building costs more, or contributions come late", words, "capital, contributions_left")]


def _time(facts: Facts) -> list[Risk]:
    now = [row for row in facts.rows("decisions") if row["start_now"] and row["start_by"]]
    if not now:
        return []
    first = min(now, key=lambda row: row["start_by"])
    past = sum(row["start_by"] < facts.plan_date for row in now)
    words = (
        f"{counted(len(now), 'decision')} cannot wait a year; the first, {first['name']} ({first['action']}), has to "
        "be begun "
        f"by {day_words(first['start_by'])}."
    )
    words += f" {past} should have been begun before the plan's own day." if past else ""
    return [("Steps are begun too late", words, "calendar")]


def _challenge(facts: Facts) -> list[Risk]:
    closing = [row["name"] for row in facts.rows("decisions", action="close")]
    if not closing:
        return []
    words = (
        f"{listed(closing)}: the register says of each who may challenge it, before whom – the schools adjudicator for "
        "some maintained schools, else a court by judicial review – and until when."
    )
    return [("A decision is challenged", words, "decision_register")]
