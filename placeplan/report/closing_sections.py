"""What a draft on closing a school says of its pupils, their journeys, its area and the ways that were weighed."""

from __future__ import annotations

from collections.abc import Sequence

from geodata.small_numbers import is_small, least_told, told_parts
from geodata.years import add_years
from placeplan.closures.words import FACTOR_NAMES, by_need, factor_words
from placeplan.report.draft_parts import (
    Grid,
    Section,
    about,
    gap,
    km_words,
    per_cent_words,
    pupils,
    roll,
    today_or,
)
from placeplan.report.facts import Facts, Row
from placeplan.report.modelled import counted_ground, model_words
from placeplan.report.register import what_words

LEAST_SHOWN = 0.5  # pupils
NO_CHARACTER = (None, "", "none", "None", "Does not apply")


def reasons(facts: Facts, row: Row, *, notice: bool = False) -> Section:
    """The ground on which closing may be considered, and whether it stands under other forecasts.

    What is modelled of it stands in a consultation paper, labelled so; a notice is without it.
    """
    key = str(row["facility"])
    found = next((one for one in facts.rows("grounds") if str(one["urn"]) == key), {})
    ground, modelled = counted_ground(found.get("ground")), model_words(facts, key)
    lines = []
    if ground:
        lines.append(f"The ground on which closing may be considered: {ground}.")
        if "plan year" in ground:
            lines.append(f"Plan year 1 is {add_years(facts.base_year, 1)}.")
    elif not modelled:
        lines.append(f"Proposed with another school: {counted_ground(row['reason']).split('. ')[0]}.")
    if modelled:
        accounts = gap("the school's own accounts and budget plan; no modelled figure stands for them")
        lines += [f"Money of the school: {accounts}."] if notice else [modelled, f"Its own accounts: {accounts}."]
    stable = facts.one("closure_stability", facility=key)
    if stable:
        lines.append(
            f"Planned anew under {stable['draws']:.0f} changed forecasts, the closing stands in {stable['stays']:.0f}."
        )
    return Section("Why", tuple(lines))


def school_today(facts: Facts, row: Row) -> Section:
    """Roll, places, admission number and needs of the school as it is."""
    key = str(row["facility"])
    school, effects = facts.school(key), facts.one("closure_effects", facility=key)
    counted = roll(facts, key)
    lines = []
    if counted is not None:
        lines.append(f"In {facts.base_year} the school had {pupils(counted)} on roll, sixth form apart.")
    lines += _places(school, row)
    if school.get("pan") is not None:
        lines.append(f"Its admission number is {school['pan']:,.0f}.")
    if effects:
        lines.append(f"Pupils {'; '.join(by_need(effects, least_told(facts.policy)))}.")
    told = [" ".join(lines)] if lines else []
    return Section("The school today", (*told, *_rolls_told(facts, row, counted, effects)))


def _places(school: Row, row: Row) -> list[str]:
    """Places as the plan counts them, which is the measure of this paper, and the net capacity where it differs."""
    before, capacity = float(row["places_before"] or 0), school.get("capacity")
    if not before:
        return [f"It has {capacity:,.0f} places."] if capacity is not None else []
    beside = "" if capacity is None or capacity == before else f"; its net capacity is {capacity:,.0f}"
    return [f"It has {before:,.0f} places by what it admits, year group by year group{beside}."]


def _rolls_told(facts: Facts, row: Row, counted: float | None, effects: Row) -> list[str]:
    """One sentence on why this paper has several numbers of pupils; none where the forecast is not there."""
    forecast = facts.stored.get("roll_forecast")
    if forecast is None or not len(forecast) or counted is None or not effects:
        return []
    mine = forecast[forecast["urn"].astype(str) == str(row["facility"])]
    by_year = mine.groupby("academic_year")["pupils"].sum()
    year = str(row["academic_year"])
    if year not in by_year.index or facts.last_year not in by_year.index:
        return []
    return [
        f"The numbers of pupils in this paper count different things: {counted:,.0f} on roll when last counted, in "
        f"{facts.base_year}; {by_year[year]:,.0f} forecast to be on roll in {year} if it stayed open; of these "
        f"{pupils(effects['pupils_displaced'], least_told(facts.policy))}, who are there before it closes, would have "
        f"to move, for new starters would begin elsewhere; {by_year[facts.last_year]:,.0f} forecast for "
        f"{facts.last_year} if it stayed open."
    ]


def displaced(facts: Facts, row: Row) -> Section:
    """How many would need another school, and the named ones that have room for them."""
    key = str(row["facility"])
    effects = facts.one("closure_effects", facility=key)
    if not effects:
        return Section("Where pupils would go", (gap("where pupils would go: the plan has no displaced pupils"),))
    least = least_told(facts.policy)
    rows = [to for to in facts.rows("closure_receiving", facility=key) if to["pupils"] >= LEAST_SHOWN]
    grid = Grid(
        f"Schools at which the plan has a place for them in {row['academic_year']}",
        ("School", "Religious character", "Pupils, about", "Way to school then, km"),
        tuple(
            (
                str(to["name"]),
                _character(to["religious_character"]),
                told,
                "not told" if is_small(to["pupils"], least) else _way(facts, key, to),
            )
            for to, told in zip(rows, told_parts([to["pupils"] for to in rows], least), strict=True)
        ),
        (2, 3),
    )
    over = [one for one in facts.rows("does_not_fit", facility=key) if one["pupils_over"] >= LEAST_SHOWN]
    unseated = pupils(sum(one["pupils_over"] for one in over), least)
    lines = [
        f"When it closes {pupils(effects['pupils_displaced'], least)} on roll would need another school. Parents may "
        "name any school; these are the nearest suitable ones with room, by the forecast."
    ]
    if effects["without_place"] >= LEAST_SHOWN:
        lines.append(
            f"For {pupils(effects['without_place'], least)} there is no place within reach: {gap('what is done')}."
        )
    lines.append(
        f"{unseated.capitalize()} would have no place in their own year group or infant class there."
        if over
        else "Each would have a place in the own year group, infants in classes of 30."
    )
    if effects.get("could_stay_together") is not None:
        lines.append(
            f"{per_cent_words(effects['could_stay_together'])} could be offered a place with most of their class."
        )
    return Section("Where pupils would go", (" ".join(lines),), _own_changes(facts, rows), grid if rows else None)


def _own_changes(facts: Facts, rows: Sequence[Row]) -> tuple[str, ...]:
    """What the same plan proposes for the schools that would receive pupils: nobody is sent there unawares."""
    return tuple(
        f"{to['name']} has a proposal of its own in this plan: {what_words(facts, decided)}."
        for to in rows
        for decided in facts.rows("decisions", facility=str(to["receiving"]))
    )


def _way(facts: Facts, key: str, to: Row) -> str:
    moved = facts.stored.get("displaced")
    if moved is None or not len(moved):
        return "not known"
    mine = moved[(moved["facility"] == key) & (moved["receiving"] == to["receiving"])].dropna(
        subset=["distance_after_m"]
    )
    weight = mine["pupils"].sum()
    return f"{(mine['pupils'] * mine['distance_after_m']).sum() / weight / 1000:.1f}" if weight else "not known"


def travel(facts: Facts, row: Row) -> Section:
    """Journeys before and after, who is newly entitled, what transport costs the council."""
    key = str(row["facility"])
    effects = facts.one("closure_effects", facility=key)
    if not effects:
        return Section("Travel", (gap("journeys and transport"),))
    entitled = pupils(effects["newly_entitled"], least_told(facts.policy))
    approximate = ", approximate: straight lines with a detour" if facts.modelled else ""
    lines = [
        f"The median way to school is {km_words(effects['median_before_m'])} today and would be "
        f"{km_words(effects['median_after_m'])}; the longest {km_words(effects['worst_before_m'])} today and "
        f"{km_words(effects['worst_after_m'])} then (by road{approximate}).",
        f"{entitled.capitalize()} would be newly entitled to free transport. It would cost "
        "the "
        f"council {about(effects['transport_first_year_gbp'])} in {row['academic_year']} and "
        f"{about(effects['transport_last_year_gbp'])} in {facts.last_year}, in whole vehicles.",
    ]
    first = [
        one
        for one in facts.rows("transport", facility=key, when="after")
        if one["academic_year"] == row["academic_year"]
    ]
    vehicles = [f"{sum(one[kind] for one in first):.0f} by {kind}" for kind in ("taxi", "minibus", "bus")]
    if first:
        lines.append(
            f"Vehicles in {row['academic_year']}: {', '.join(vehicles)}. Walking and cycling: {gap('routes')}."
        )
    return Section("Travel", tuple(lines))


def rural(facts: Facts, key: str) -> Section:
    """The four factors of section 15(4) in the authority's own words, with a gap for each that it does not give."""
    if not facts.school(key).get("rural_designated"):
        return Section(
            "Rural schools",
            ("The study does not hold this school to be a designated rural primary school (check the current Order).",),
        )
    own = dict(factor_words(facts.inputs.get("rural_factors"), key))
    return Section(
        "A designated rural primary school",
        (
            "The presumption against closing rural schools applies. Regard must be had to four factors (section "
            "15(4) of "
            "the Education and Inspections Act 2006); the authority's own account of each:",
        ),
        tuple(
            f"{words[:1].upper()}{words[1:]}: {own.get(words) or gap('the authority’s account of this factor')}"
            for words in FACTOR_NAMES.values()
        ),
    )


def _character(faith: str | None) -> str:
    return "none" if faith in NO_CHARACTER else str(faith)


def religion(facts: Facts, row: Row) -> Section:
    """Places of the school's religious character before and after, and what becomes of its own pupils."""
    key = str(row["facility"])
    school, effects = facts.school(key), facts.one("closure_effects", facility=key)
    faith = school.get("religious_character")
    if faith in NO_CHARACTER:
        return Section(
            "Religious character and choice",
            (
                "The school has no religious character; the balance of denominational places is not lowered by its "
                "closing.",
            ),
        )
    schools = facts.inputs["schools"]
    alike = schools[(schools["religious_character"] == faith) & (schools["phase"] == school.get("phase"))]
    places, rest = alike["capacity"].sum(), alike.loc[alike["urn"].astype(str) != key, "capacity"].sum()
    share = effects.get("same_religious_character")
    return Section(
        "Religious character and choice",
        (
            f"The school has the religious character {faith}. Of {len(alike)} schools of that character and phase in "
            "the "
            f"study {len(alike) - 1} would remain, with {rest:,.0f} instead of {places:,.0f} places of net capacity. "
            f"{per_cent_words(share)} of its displaced pupils would go to a school of the same character.",
            f"Views of {today_or(school.get('diocese'), 'the diocese or faith body')}: "
            f"{gap('its views, once it has been asked')}.",
        ),
    )


def needs(facts: Facts, row: Row) -> Section:
    """Provision reserved for special educational needs."""
    school = facts.school(str(row["facility"]))
    reserved = school.get("sen_places") or 0
    if reserved:
        what = f"The school has {reserved:,.0f} places reserved for pupils with special educational needs."
        return Section(
            "Special educational needs",
            (f"{what} {gap('where this provision goes, and how it will be at least as good')}.",),
        )
    return Section(
        "Special educational needs",
        (
            "The school has no places reserved for pupils with special educational needs. For each pupil with a plan "
            "the "
            f"council would review it with the family: {gap('who does that, and when')}.",
        ),
    )


def money(facts: Facts, row: Row) -> Section:
    """The money of the closing by pocket."""
    held = facts.rows("pockets", facility=str(row["facility"]))
    grid = Grid(
        f"Whose money: GBP at the study's price base; a minus is a saving; a year is {facts.last_year}",
        ("Pocket", "Item", "Once", "A year", "Note"),
        tuple(
            (str(p["pocket"]), str(p["item"]), _gbp(p["one_off_gbp"]), _gbp(p["per_year_gbp"]), str(p["note"]))
            for p in held
        ),
        (2, 3),
    )
    return Section("Money", grid=grid if held else None)


def _gbp(value: float | None) -> str:
    return "not given" if value is None else f"{'−' if value < 0 else ''}£{abs(value):,.0f}"
