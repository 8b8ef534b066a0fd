"""The statutory and admissions calendar behind each option: its steps, and the earliest September they allow.

In outline, for planning; not advice. Sources: Education and Inspections Act 2006, Part 2; School Organisation
(Prescribed Alterations) and (Establishment and Discontinuance) Regulations 2013; School Standards and Framework Act
1998, Part 3, with the School Admissions Code 2021; Town and Country Planning (Development Management Procedure) Order
2015. Every length and day is a policy value with its status; building and preparing are assumptions.

Under the 2015 Blueprint, which gives no calendar, the same steps and lengths stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from geodata.competitions import amended
from geodata.policy import Policy
from geodata.years import start_year
from models.options import (
    BULGE,
    CAP,
    CLOSE,
    CUT,
    ENDING,
    EXPAND,
    FEDERATE,
    LIFT,
    MERGE_CLOSES,
    MERGE_ENLARGED,
    MERGE_KEEPS,
    MERGE_SITE,
    MOTHBALL,
    NEW,
    SECONDARY_FROM,
    SEND_UNIT,
    SHARE,
    Facility,
)
from models.powers import ACADEMY, MAINTAINED, VARIATION, holder
from models.schedule import Day, Schedule, Step, dated, opening_day

Branch = tuple[Step, ...]
LEADS = {
    LIFT: "pan_lift_lead_years",
    BULGE: "bulge_lead_years",
    EXPAND: "expand_lead_years",
    NEW: "new_school_lead_years",
    CUT: "pan_cut_lead_years",
    CAP: "pan_cut_lead_years",
    MOTHBALL: "pan_cut_lead_years",
    CLOSE: "close_lead_years",
    MERGE_CLOSES: "close_lead_years",
    MERGE_SITE: "close_lead_years",
}
PLANNING_WEEKS = {
    "none": "planning_weeks_none",
    "applied": "planning_weeks_applied",
    "outline": "planning_weeks_outline",
    "full": "planning_weeks_full",
}
CODE = "School Admissions Code 2021"
ALTERATION = "School Organisation (Prescribed Alterations) Regulations 2013"
CLOSING = "Education and Inspections Act 2006, sections 15 and 16"
BY_AGREEMENT = "Significant change to an academy, by its funding agreement"
FEDERATING = "School Governance (Federations) (England) Regulations 2012; unconfirmed"
ASSUMED = "Time assumed by policy"
OPENING_6A = "Education and Inspections Act 2006, section 6A"
OPENING_7 = "Education and Inspections Act 2006, section 7 as amended in 2026"
OWN = {MAINTAINED: "local authority", ACADEMY: "academy trust"}


def plan_day(years: Sequence[str], policy: Policy) -> date:
    """Day from which the plan can be acted on: the policy's, else 1 September with which the base year begins."""
    return policy.optional_date("plan_date") or date(start_year(years[0]) - 1, 9, 1)


@dataclass(frozen=True)
class Calendar:
    """What may be opened when, for a plan that can be acted on from `today`."""

    today: date
    policy: Policy

    @classmethod
    def of(cls, years: Sequence[str], policy: Policy) -> Calendar:
        """The calendar of a plan over these years."""
        return cls(plan_day(years, policy), policy)

    def schedule(self, facility: Facility, action: str, year: str, *, extra: bool = False) -> Schedule | None:
        """Steps of an action that takes effect in September of `year`; None where they cannot all be begun in time.

        `extra`: a bulge class needs a temporary room; a unit or early years lower the admission number; a school that
        takes another in has to build.
        """
        opening = opening_day(year)
        branches = self._branches(facility, action, extra)
        key = LEADS.get(action)
        lead = None if key is None else self.policy.optional_number(key)
        if lead is not None:
            branches.append((Step("prepare", f"{key} of the study", months=12 * int(lead)),))
        made = dated(branches, opening, self.today)
        if action == NEW and made is not None and amended(made.steps[0].begin_by, self.policy):
            steps = tuple(replace(s, basis=OPENING_7 if s.basis == OPENING_6A else s.basis) for s in made.steps)
            return replace(made, steps=steps)
        return made

    def _branches(self, facility: Facility, action: str, extra: bool) -> list[Branch]:
        if action == LIFT:
            return [self._larger_intake(facility)]
        if action == BULGE:
            room = [self._step("place a temporary classroom", ASSUMED, "build_temporary_weeks")] if extra else []
            return [(*self._larger_intake(facility), *room)]
        if action == EXPAND or (action == MERGE_ENLARGED and extra):
            planning = self._step("design, planning permission", ASSUMED, "planning_expansion_weeks")
            built = self._step("tender and build", ASSUMED, "build_expansion_weeks")
            return [(*self._alteration(facility), planning, built)]
        if action == SEND_UNIT:
            adapt = self._step("adapt the rooms", ASSUMED, "adapt_unit_weeks")
            return [(*self._alteration(facility), adapt), *([self._smaller_intake(facility)] if extra else [])]
        if action == NEW:
            return [self._new_school(facility)]
        if action in (MERGE_ENLARGED, MERGE_KEEPS):
            return [self._alteration(facility)]
        if action in (CUT, CAP):
            return [self._smaller_intake(facility)]
        if action == MOTHBALL:
            clear = self._step("clear the rooms and shut them off", ASSUMED, "mothball_weeks")
            return [self._smaller_intake(facility), (clear,)]
        if action == SHARE:
            adapt = self._step("find a provider, adapt and register the rooms", ASSUMED, "share_space_weeks")
            return [(adapt,), *([self._smaller_intake(facility)] if extra else [])]
        if action == FEDERATE:
            return [self._federation(facility)]
        if action in ENDING:
            return [self._closure(facility)]
        raise KeyError(action)

    def _step(self, name: str, basis: str, weeks: str, not_before: date | None = None) -> Step:
        return Step(name, basis, self.policy.number(weeks), not_before=not_before)

    def _entry_day(self, key: str, facility: Facility) -> Day:
        """A day of admissions, by the phase in which the school's youngest year group is."""
        return self.policy.day(key.format(phase="secondary" if facility.columns[0] >= SECONDARY_FROM else "primary"))

    def _larger_intake(self, facility: Facility) -> Branch:
        """Above the admission number nobody need be consulted, but offers go out on a fixed day."""
        own = OWN.get(holder(facility.type), "governing body")
        offers = self._entry_day("offers_{phase}", facility)
        return (
            self._step(f"agree the larger intake ({own})", ASSUMED, "agree_intake_weeks"),
            Step("tell the co-ordinating authority before offers are made", CODE, by=offers),
        )

    def _smaller_intake(self, facility: Facility) -> Branch:
        """Consulted on and determined for the September eighteen months later, or varied after that."""
        policy = self.policy
        if policy.text("pan_cut_route") == VARIATION:
            decider = "the Secretary of State" if holder(facility.type) == ACADEMY else "the schools adjudicator"
            close = self._entry_day("applications_close_{phase}", facility)
            name = f"ask {decider} to vary the determined arrangements"
            basis = f"{CODE}: a major change in circumstances"
            return (Step(name, basis, policy.number("variation_weeks"), by=close),)
        first, last = policy.day("arrangements_consulted_from"), policy.day("arrangements_consulted_by")
        consult = f"consult on the admission arrangements between {_words(first)} and {_words(last)}"
        return (
            Step(consult, CODE, policy.number("arrangements_consult_weeks"), by=last, years_earlier=1),
            Step("determine the arrangements", CODE, by=policy.day("arrangements_determined_by"), years_earlier=1),
        )

    def _alteration(self, facility: Facility) -> Branch:
        """A prescribed alteration of a maintained school, or a significant change to an academy."""
        consult = self._step("consult on the change", ASSUMED, "consult_changes_weeks")
        if holder(facility.type) == ACADEMY:
            ask = "the trust applies to the Regional Director, who decides"
            return (consult, self._step(ask, BY_AGREEMENT, "significant_change_weeks"))
        return (consult, *self._published(ALTERATION))

    def _published(self, basis: str, by: Day | None = None) -> Branch:
        """Proposals are published; objections; the authority decides, or the adjudicator instead of it."""
        months = self.policy.integer("decision_months")
        return (
            self._step("publish proposals, representation period", basis, "representation_weeks"),
            Step("decide on the proposals", basis, months=months, by=by),
        )

    def _new_school(self, facility: Facility) -> Branch:
        """A competition, planning permission as far as the site lacks it, and building once the site is there."""
        phase = "secondary" if facility.columns[-1] >= SECONDARY_FROM else "primary"
        status = facility.planning_status
        planning = self._step(f"planning permission ({status} today)", ASSUMED, PLANNING_WEEKS[status])
        return (
            self._step("consult, write the specification", OPENING_6A, "specification_weeks"),
            self._step("invite proposals", OPENING_6A, "invite_proposals_weeks"),
            self._step("assess proposals", OPENING_6A, "assess_proposals_weeks"),
            self._step("decision on the proposer", OPENING_6A, "opening_decision_weeks"),
            *([planning] if planning.weeks else []),
            self._step("tender and build", ASSUMED, f"build_new_{phase}_weeks", facility.transfer_date),
        )

    def _federation(self, facility: Facility) -> Branch:
        """Two governing bodies propose, hear representations and become one; two academies' trust appoints one head."""
        constitute = self._step("appoint one head for both", ASSUMED, "federation_constitute_weeks")
        if holder(facility.type) == ACADEMY:
            return (self._step("the trust decides on one head", ASSUMED, "federation_prepare_weeks"), constitute)
        return (
            self._step("both governing bodies make the case and agree", ASSUMED, "federation_prepare_weeks"),
            self._step("publish the proposal, representations", FEDERATING, "federation_representation_weeks"),
            replace(constitute, name="constitute one governing body, appoint one head"),
        )

    def _closure(self, facility: Facility) -> Branch:
        """Decided before parents have to apply elsewhere for that September."""
        close = self._entry_day("applications_close_{phase}", facility)
        case = self._step("the case: alternatives, effects, cost", ASSUMED, "closure_case_weeks")
        consult = self._step("consult on closing", CLOSING, "closure_consult_weeks")
        if holder(facility.type) == ACADEMY:
            agree = "the trust and the Secretary of State agree to close"
            weeks = self.policy.number("academy_closure_weeks")
            consult = replace(consult, basis="Funding agreement of the academy; sections 15 and 16 are not its law")
            return (case, consult, Step(agree, "Funding agreement of the academy", weeks, by=close))
        return (case, consult, *self._published(CLOSING, close))


def openings(facility: Facility, action: str, years: Sequence[str], policy: Policy) -> Iterator[tuple[int, Schedule]]:
    """Plan years (by index) in which an action can take effect by the calendar, with its steps."""
    calendar = Calendar.of(years, policy)
    for start, year in enumerate(years):
        schedule = calendar.schedule(facility, action, year)
        if schedule is not None:
            yield start, schedule


def _words(day: Day) -> str:
    return f"{day[1]} {date(2001, day[0], 1):%B}"
