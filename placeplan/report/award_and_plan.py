"""Where a competition and the plan of schools disagree: no school planned there, other years, an invitation twice."""

from __future__ import annotations

from collections.abc import Iterator

from geodata.competitions import day
from models.options import CAP, CUT, MOTHBALL, NEW, SHARE
from placeplan.report.draft_parts import step_like
from placeplan.report.facts import Facts, Row, listed, rows_of, short_names
from placeplan.words import counted
from placeplan.words import day as day_words

FEWER = (CUT, CAP, MOTHBALL, SHARE)


def disagreements(facts: Facts) -> dict[str, list[str]]:
    """Sentences by the site of a competition, as far as there is a plan of schools; sites without any are left out."""
    if not facts.rows("decisions"):
        return {}
    found: dict[str, list[str]] = {}
    for row in rows_of(facts.inputs.get("competitions"), {}):
        site = str(row.get("site") or "")
        if said := list(_of(facts, row, site)) if site else []:
            found.setdefault(site, []).extend(said)
    return found


def site_name(facts: Facts, site: str) -> str:
    """A site's name and code."""
    return f"{facts.site(site).get('name') or 'the site'} ({site})"


def _of(facts: Facts, competition: Row, site: str) -> Iterator[str]:
    code = competition["competition"]
    planned = facts.one("decisions", facility=site, action=NEW)
    if not planned:
        yield f"{code} seeks a school at {site_name(facts, site)}; the plan of schools opens none there."
        yield from _fewer(facts, facts.site(site))
        return
    yield from _years(facts, code, planned)
    yield from _twice(facts, competition, planned)


def _fewer(facts: Facts, site: Row) -> Iterator[str]:
    """What the plan takes out of the planning area in which a school is sought."""
    area, phase = str(site.get("planning_area") or ""), site.get("phase")
    less = [
        str(row["name"])
        for row in facts.rows("decisions")
        if row["action"] in FEWER and row["phase"] == phase and area in str(row.get("planning_area") or "").split(", ")
    ]
    if not area:
        return
    if less:
        yield f"In {area} it takes places out at {counted(len(less), 'school')}: {short_names(less)}."
    last = [
        row
        for row in facts.rows("retained", planning_area=area, phase=phase, academic_year=facts.last_year)
        if row["kind"] != "intake"
    ]
    for row in last:
        yield (
            f"For {row['pupils']:,.0f} {phase} pupils forecast there in {facts.last_year} stand {row['today']:,.0f} "
            f"places today and {row['plan']:,.0f} under the plan, without that school."
        )


def _years(facts: Facts, code: object, planned: Row) -> Iterator[str]:
    """Whether anybody offers to open in the year in which the plan does."""
    bids = rows_of(facts.inputs.get("bids"), {"competition": code})
    opens = sorted({str(bid["opens"]) for bid in bids if bid.get("opens") and not bid.get("excluded")})
    year = str(planned["academic_year"])
    if opens and year not in opens:
        late = "later" if opens[0] > year else "earlier" if opens[-1] < year else "in other years"
        yield (
            f"The plan opens {planned['name']} in {year}; the bids of {code} open it {late}, in {listed(opens)}. "
            "What the plan says of places, money and journeys before then rests on no offer: read the bids' year for "
            "the plan's, or plan again with it."
        )


def _twice(facts: Facts, competition: Row, planned: Row) -> Iterator[str]:
    """Whether the calendar would begin an invitation that has been held already."""
    invite = step_like(facts.steps(planned), "invite proposals")
    closes = day(competition.get("closes"))
    if invite and closes and closes.isoformat() < str(invite["begin_by"]):
        yield (
            f"The calendar has an invitation for {planned['name']} begin by {day_words(str(invite['begin_by']))}; bids "
            f"for {competition['competition']} closed on {day_words(closes.isoformat())}. If that competition stands, "
            "the steps up to the invitation are done and no second one begins."
        )
