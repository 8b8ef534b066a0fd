"""Headings of a cabinet report, in plain sentences from the tables; a heading says nothing where there are no data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from geodata.small_numbers import least_told, told_count, told_share
from models.options import CLOSING
from placeplan.report.award_and_plan import disagreements, site_name
from placeplan.report.cabinet_money import capital, council_money, minus_gbp, schools_money
from placeplan.report.cabinet_risks import risks
from placeplan.report.closing_alternatives import cluster_words
from placeplan.report.draft_parts import Grid, Section, about, between, gap, per_cent_words, pupils, saves_or_costs
from placeplan.report.drafts import Drafts
from placeplan.report.facts import Facts, Row, listed
from placeplan.report.law import CHECK, KIND_OF, by_trust, plain
from placeplan.report.other_decisions import Entry
from placeplan.words import counted, day

AGREE = "agree to begin now, under the council's own powers"
ASK = "ask now those who hold the power, who may refuse"
NOTE = "note what need not be begun yet, looked at again next year"
NOT_KNOWN = (
    "sex, race, disability beyond education plans, gender reassignment, pregnancy and maternity, sexual orientation"
)


def cabinet_contents(facts: Facts, entries: Sequence[Entry], drafts: Drafts) -> list[Section]:
    """The headings in the order of a cabinet report: recommendations first; `entries` are those of the register."""
    rows = [row for row, _ in entries if row["stage"] == "estate"]
    if not rows:
        return []
    told = (
        *recommendations(facts, rows),
        award_and_plan(facts),
        reasons(facts),
        legal(facts, entries, drafts),
        council_money(facts),
        capital(facts),
        schools_money(facts),
        equality(facts),
        risks(facts),
        alternatives(facts),
        travel(facts),
        consultation(drafts),
    )
    return [one for one in told if one.lines or one.points or one.grid is not None]


def recommendations(facts: Facts, rows: Sequence[Row]) -> list[Section]:
    """What the cabinet is asked to agree: own powers to begin now, requests to begin now, and what is only noted."""
    now = [row for row in rows if row["start_now"]]
    first = min((row["begin_by"] for row in now if row["begin_by"]), default="")
    lines = [f"The first step of all has to be begun by {day(first)}."] if first else []
    closing = [row["name"] for row in now if row["own_power"] and row["action"] in CLOSING]
    if closing:
        lines.append(
            f"Of a closing only the consultation is recommended. Nothing is decided on {listed(closing)} by this "
            "report; what is said in the consultation comes back to the cabinet before proposals are published."
        )
    asked = (
        (AGREE, [row for row in now if row["own_power"]]),
        (ASK, [row for row in now if not row["own_power"]]),
        (NOTE, [row for row in rows if not row["start_now"]]),
    )
    return [
        Section("Recommendations", tuple(lines)),
        *(Section(f"Recommended: {what}", grid=_actions(facts, some)) for what, some in asked if some),
    ]


def award_and_plan(facts: Facts) -> Section:
    """What contradicts the plan in the competitions that are held, to be settled before either is agreed."""
    apart = disagreements(facts)
    if not apart:
        return Section("")
    points = tuple(f"{site_name(facts, site)}: {' '.join(said)}" for site, said in apart.items())
    return Section(
        "Before this is agreed: competitions that do not fit the plan",
        (f"An award and this plan cannot both stand as they are. {gap('which of the two is changed, and how')}.",),
        points,
    )


def _actions(facts: Facts, rows: Sequence[Row]) -> Grid:
    return Grid(
        "By action, with the numbers of the decision register",
        ("Action", "Schools and sites", "Register"),
        tuple(
            (words, "; ".join(_told(facts, held)), _numbers([row["number"] for row in held]))
            for words, held in _by_action(rows)
        ),
    )


def _told(facts: Facts, rows: Sequence[Row]) -> list[str]:
    """Each school or site with its places before and after and the year; schools that do something together once."""
    told: dict[frozenset[str], str] = {}
    for row in rows:
        keys = {name: row[name] for name in ("facility", "action", "academic_year")}
        decided = facts.one("decisions", **keys)
        partner = decided.get("partner")
        also = "" if not partner else f" with {facts.school(str(partner)).get('name') or partner}"
        before, after = decided.get("places_before"), decided.get("places_after")
        changes = before is not None and after is not None and before != after
        places = f"{before:,.0f} → {after:,.0f} places, " if changes else ""
        said = f"{row['name']}{also} ({places}{row['academic_year']})"
        told.setdefault(frozenset((str(row["facility"]), str(partner or ""), str(row["academic_year"]))), said)
    return list(told.values())


def _by_action(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    held: dict[str, list[Row]] = {}
    for row in rows:
        held.setdefault(plain(str(row["action"]), in_trust=by_trust(str(row["decides"]))), []).append(row)
    return list(held.items())


def _numbers(numbers: Sequence[int]) -> str:
    """Numbers with runs drawn together: "3–6, 10"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def reasons(facts: Facts) -> Section:
    """Pupils, and what the plan costs against today's estate, with the proof."""
    estate = facts.summaries.get("estate", {})
    lines = []
    for phase, table in _phases(facts):
        first, last = table.iloc[0], table.iloc[-1]
        lines.append(
            f"{phase.capitalize()} pupils: {first['mean']:,.0f} in {first['academic_year']}, {last['mean']:,.0f} "
            "forecast for "
            f"{last['academic_year']} (eight futures in ten lie between {last['p10']:,.0f} and {last['p90']:,.0f})."
        )
    if "costs" in estate and estate.get("objective") is not None:
        today = sum(estate["costs"]["today"].values())
        lines.append(
            f"Everything priced, families' journeys included, today's schools would cost {about(today)} over the years "
            f"counted and the plan {about(estate['objective'])}. No plan that keeps every rule costs less by more than "
            f"{about(estate['objective'] - estate['bound'])} at these prices."
        )
    return Section("Reasons", tuple(lines))


def _phases(facts: Facts) -> list[tuple[str, pd.DataFrame]]:
    table = facts.stored.get("forecast_authority_phase")
    if table is None or not len(table):
        return []
    return [(str(phase), rows.sort_values("academic_year")) for phase, rows in table.groupby("phase", sort=False)]


def legal(facts: Facts, entries: Sequence[Entry], drafts: Drafts) -> Section:
    """Powers, duties and what is assumed of the law."""
    estate = [row for row, _ in entries if row["stage"] == "estate"]
    own = sum(bool(row["own_power"]) for row in estate)
    kinds = {KIND_OF[row["action"]] for row in estate}
    assumed = sum(bool(row["check"]) for row, _ in entries)
    lines = [
        "The council must secure enough school places (Education Act 1996, section 14). Of "
        f"{counted(len(estate), 'decision')} {own} are within its own power and {len(estate) - own} are requests to "
        "others.",
        f"{counted(len(drafts.drafts), 'draft')} for this plan, each for legal review."
        if drafts.drafts
        else "No draft stands with this report.",
    ]
    if "closing" in kinds:
        lines.append(
            "Closing a maintained school: sections 15 and 16 of the Education and Inspections Act 2006; a closing of a "
            "designated rural primary school needs regard to the four factors of section 15(4)."
        )
    if any(by_trust(str(row["decides"])) and row["action"] in CLOSING for row in estate):
        lines.append(
            "An academy is closed under its funding agreement, by its trust and the Secretary of State: no statutory "
            "proposal, and no appeal to the schools adjudicator."
        )
    if assumed:
        lines.append(f"In {assumed} rows of the register some point of law is {CHECK}.")
    regime = facts.policy.text("regime")
    since = facts.policy.optional_date("section_7_amended_from")
    route = f"section 7 as amended, from {day(since.isoformat())}" if since else "section 6A, the presumption"
    lines.append(f"Regime: {regime}; new schools by {route}.")
    return Section("Legal implications", tuple(lines))


def equality(facts: Facts) -> Section:
    """The public sector equality duty, with what the data tell of protected characteristics and what they do not."""
    lines = [
        "The council must have due regard to the need to end discrimination, advance equality of opportunity and "
        "foster good "
        "relations (Equality Act 2010, section 149). What the data tell:",
    ]
    points, incomes = [], []
    least = least_told(facts.policy)
    for row in facts.rows("closure_effects"):
        needs = [
            f"{words}: {told_count(row[name], least)}"
            for name, words in (("ehcp_pupils", "with an education plan"), ("sen_support_pupils", "with SEN support"))
        ]
        points.append(
            f"{row['name']}: {pupils(row['pupils_displaced'], least)} would change school. Disability, on roll "
            f"{'; '.join(needs)}. Religion: {per_cent_words(row['same_religious_character'])} would go to a school of "
            f"the same character ({row['religious_character']})."
        )
        incomes.append(
            f"Low income, which is no protected characteristic, at {row['name']}: "
            f"{told_share(row['fsm_share'], row['fsm_pupils'], least)} have free school meals, "
            f"{per_cent_words(row['receiving_fsm_share'])} at the schools they would go to."
        )
    new = sum(1 for row in facts.rows("decisions") if row["action"] == "SEND unit")
    if new:
        last = [row for row in facts.rows("send_units") if row["academic_year"] == facts.last_year]
        points.append(
            f"Disability: {counted(new, 'SEND unit')} would open; {sum(row['plan'] for row in last):,.0f} places in "
            f"{facts.last_year} of {sum(row['needed'] for row in last):,.0f} that are needed."
        )
    points.append("Age: all changes are to schools for children of 4 to 16.")
    points += incomes
    points.append(f"Not in the data: {NOT_KNOWN}; and of staff nothing. {gap('equality impact assessment')}")
    return Section("Equality", tuple(lines), tuple(points))


def alternatives(facts: Facts) -> Section:
    """Plans that were made beside this one, with what each costs against it."""
    estate = facts.summaries.get("estate", {})
    points = []
    without = (estate.get("requests") or {}).get("without")
    if without and without.get("objective") is not None:
        points.append(
            f"The council's own powers alone: {about(without['objective'])} instead of {about(estate['objective'])}, "
            "all priced "
            "alike; what the requests are worth is "
            f"{between(estate['requests']['worth_least_gbp'], estate['requests']['worth_most_gbp'])}, proven."
        )
    apart = estate.get("apart")
    if apart and about(apart["saves_least_gbp"]) != about(0.0):
        points.append(
            f"Building decided first and closing afterwards: {about(apart['objective'])}; deciding both together "
            "saves at least "
            f"{about(apart['saves_least_gbp'])}."
        )
    waiting = estate.get("waiting")
    if waiting:
        points.append(
            f"Deciding everything now: at least {about(waiting['saves_least_gbp'])} dearer than waiting where one can."
        )
    for row in facts.rows("closure_keeping"):
        name = facts.one("decisions", facility=row["facility"]).get("name") or row["facility"]
        least, most = row["keeping_least_gbp"], row["keeping_most_gbp"]
        if least is not None and least == float("inf"):
            points.append(f"Keeping {name} open: no plan that does so keeps every rule.")
        elif most is not None and most < float("inf"):
            points.append(
                f"Keeping {name} open ({row['instead']}): dearer by {between(least, most)}, all priced; by the "
                f"council's own money alone {_own_money(facts, row['facility'])}."
                + ("" if least and least > 0 else " It is not proven that the closing stands.")
            )
    points += [f"{row['name']} – {cluster_words(row)}" for row in facts.rows("cluster_closing")]
    points += [_other_plan(row) for row in facts.rows("frontier") if row["plan"] != "the plan"]
    points += _shared_heads(facts)
    return Section("Alternatives considered", (), tuple(points))


def _shared_heads(facts: Facts) -> list[str]:
    """How many schools of the plan share a head without closing: as a federation, or within one academy trust."""
    rows = facts.rows("decisions", action="federate")
    within = sum(by_trust(str(row["decider"])) for row in rows)
    said = {
        "would federate under one governing body and one head": len(rows) - within,
        "of one academy trust would share a head": within,
    }
    return [f"{counted(count, 'school')} {words}: in the plan itself." for words, count in said.items() if count]


def _other_plan(row: Row) -> str:
    name = str(row["plan"])
    return (
        f"{name[:1].upper()}{name[1:]}: schools and sites {minus_gbp(row['schools_gbp'])} over today, "
        f"{row['pupil_years_without_place']:,.0f} pupil-years without a place, {row['journey_km']:,.0f} pupil-km a "
        f"journey; {row['differs']:,.0f} schools or sites decided otherwise."
    )


def _own_money(facts: Facts, key: Any) -> str:
    council = facts.one("closure_effects", facility=key).get("council_discounted_gbp")
    if council is None:
        return "not known"
    return f"closing {saves_or_costs(council)}"


def travel(facts: Facts) -> Section:
    """Who is moved, how far, in which vehicles."""
    moved = facts.stored.get("allocation")
    lines = []
    if moved is not None and len(moved):
        mine = moved[(moved["academic_year"] == facts.last_year) & moved["moved"].astype(bool)]
        whole = mine.dropna(subset=["distance_m"])
        if whole["pupils"].sum() >= 0.5:
            mean = (whole["pupils"] * whole["distance_m"]).sum() / whole["pupils"].sum() / 1000
            lines.append(
                f"In {facts.last_year} the plan places {pupils(float(mine['pupils'].sum()))} elsewhere than today's "
                "choices "
                f"would, {mean:.1f} km from home on average"
                + (" (straight lines with a detour)." if facts.modelled else " by road.")
            )
    points = [
        f"{row['name']}: median way {row['median_before_m'] / 1000:.1f} km today, {row['median_after_m'] / 1000:.1f} "
        "km after "
        f"closing; transport {about(row['transport_last_year_gbp'])} a year by {facts.last_year}."
        for row in facts.rows("closure_effects")
        if row["median_before_m"] is not None and row["median_after_m"] is not None
    ]
    after = [row for row in facts.rows("transport", when="after") if row["academic_year"] == facts.last_year]
    if after:
        kinds = [f"{sum(row[k] for row in after):,.0f} by {k}" for k in ("taxi", "minibus", "bus")]
        points.append(
            f"Vehicles for closed schools in {facts.last_year}: {', '.join(kinds)}. Emissions are not counted."
        )
    return Section("Climate and travel", tuple(lines), tuple(points))


def consultation(drafts: Drafts) -> Section:
    """What has to be consulted on; never that it has been."""
    kinds: dict[str, int] = {}
    for draft in drafts.drafts:
        for paper in draft.papers:
            kinds[paper.kind] = kinds.get(paper.kind, 0) + 1
    said = [f"{kind.lower()}: {count}" for kind, count in kinds.items()]
    lines = ["The study records no consultation on this plan; each proposal is consulted on before it is decided."]
    if said:
        count = counted(sum(kinds.values()), "paper")
        lines.append(f"{counted(len(drafts.drafts), 'draft')} with {count} in all: {'; '.join(said)}.")
    return Section("Consultation", tuple(lines))
