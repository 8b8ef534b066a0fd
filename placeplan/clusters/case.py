"""All that clusters and trusts of a study are decided from: schools, roads, rules, trusts of today and drawn money."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY, phase_of
from models.drawn_money import DrawnMoney, drawn_money, drawn_rolls
from models.locks import NO_LOCKS, Locks, trusts_kept
from models.side_by_side import APART, Standing, academy_trusts, faiths, standing, text, trust_articles
from models.villages import Villages, build_villages, village_schools, with_hubs
from placeplan.deficits import DRAWS, plan_cells
from placeplan.journeys import StudyJourneys, study_journeys
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.study_finances import Finances, study_finances, within_places

Array = NDArray[np.float64]
SEED = 0


@dataclass(frozen=True, eq=False)
class ClusterCase:
    """A study's village schools and trusts before anything is decided.

    Attributes
    ----------
    schools : the village schools and possible hubs (N), with pupils, small, alone_gbp.
    row : (N,) their rows among all planned schools, and so in `money` and `drive_min`.
    everyone : all planned schools that stand (M rows, those closing out), with pupils.
    drive_min : (M, M).
    today : one row a trust: trust, pupils, schools, articles, diocese, places_for_schools, schools_elsewhere, hub
        (row).

    """

    study: Study
    schools: pd.DataFrame
    row: NDArray[np.int64]
    everyone: pd.DataFrame
    drive_min: Array
    today: pd.DataFrame
    money: DrawnMoney
    finances: Finances
    teacher_posts: Array  # (M,) mean of the years
    places: Array  # (M,) R–Y11

    @property
    def years(self) -> list[str]:
        """Years for which money is told."""
        return self.finances.years

    @property
    def articles_assumed(self) -> set[str]:
        """Trusts whose articles are not given: taken from the faith of their schools here."""
        table = self.study.tables.get("trusts")
        given = set() if table is None else set(table.loc[table["articles"].notna(), "trust"].astype(str))
        return set(self.today["trust"]) - given

    @property
    def reserves_gbp(self) -> Array:
        """(M,) what each school has saved; nan where it is not given."""
        return np.asarray(self.everyone["reserves_gbp"].to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)

    def standing(self, policy: Policy) -> Standing:
        """Who may stand beside whom under a policy."""
        drive = self.drive_min[np.ix_(self.row, self.row)]
        trusts = self.study.tables.get("trusts")
        return standing(self.schools, trusts, self.everyone, drive, self.study.settings.base_year, policy)

    def villages(self, policy: Policy, locks: Locks = NO_LOCKS) -> Villages:
        """The problem of clusters under a policy, and of what a plan locks."""
        drive, rules = self.drive_min[np.ix_(self.row, self.row)], self.standing(policy)
        made = build_villages(self.schools, self._with_locks(rules, locks, policy), drive, policy, locks)
        return replace(made, standing=rules)

    def _with_locks(self, rules: Standing, locks: Locks, policy: Policy) -> Standing:
        """The rules as if schools were in the trusts they are locked in: who shares a head with them comes along."""
        if not locks.trust:
            return rules
        kept = trusts_kept(self.schools, locks, rules.trust, rules.free)
        broken = rules.broken.copy()
        broken[APART.index("trust")] |= (kept[:, None] != kept[None, :]) & (kept[:, None] != "") & (kept[None, :] != "")
        faith, diocese = faiths(self.schools), text(self.schools, "diocese")
        across = policy.text("cluster_across_dioceses") == "yes"
        for row in self.today.itertuples():
            unfit = ~rules.suits[:, [one == row.articles for one in rules.articles]].any(axis=1)
            other = (faith != "") & (diocese != "") & (diocese != row.diocese) & (row.diocese != "") & (not across)
            there = (kept == row.trust) & (rules.trust != row.trust)  # moved there with all who share their head
            away = (unfit | other) & (kept != row.trust) & ((kept != "") | (rules.trust != row.trust))  # it is there
            broken[APART.index("articles")] |= (there[:, None] & away[None, :]) | (away[:, None] & there[None, :])
        trust = np.where(kept != "", kept, rules.trust).astype(object)
        return replace(rules, broken=broken, trust=trust, free=kept == "")


def study_case(study: Study, closing: Collection[int] = (), drawn: Collection[int] = ()) -> ClusterCase:
    """The case of a study whose demand and balance are told, without the schools that its estate plan closes.

    Schools `drawn` into a plan by hand are in it whatever their size.
    """
    folder = study.results / "balance"
    rolls = within_places(read_stage(folder, "roll_forecast"), read_stage(folder, "school_forecast"))
    journeys = study_journeys(study)
    finances = study_finances(study, journeys, rolls)
    counted = study.tables["rolls"]
    counted = counted[counted["academic_year"] == study.settings.base_year]
    primary = counted[counted["year_group"].isin(PRIMARY)].groupby("urn")["pupils"].sum()
    pupils = counted[counted["year_group"].isin(COMPULSORY)].groupby("urn")["pupils"].sum()
    stands = np.flatnonzero(~journeys.schools["urn"].isin(closing).to_numpy())
    everyone = journeys.schools.iloc[stands].reset_index(drop=True)
    everyone = everyone.assign(pupils=everyone["urn"].map(pupils).fillna(0.0))
    drive = journeys.between_schools[np.ix_(stands, stands)].copy()
    np.fill_diagonal(drive, 0.0)
    money, posts = _money(study, finances, journeys, stands)
    small = village_schools(everyone, primary, study.policy)
    by_urn = pd.DataFrame(drive, index=everyone["urn"], columns=everyone["urn"])
    schools = with_hubs(everyone.drop(columns="pupils"), pupils, small, by_urn, study.policy)
    more = everyone[everyone["urn"].isin(drawn) & ~everyone["urn"].isin(schools["urn"])].assign(small=False)
    if len(more):
        schools = pd.concat([schools, more]).sort_values("urn", kind="stable").reset_index(drop=True)
    row = pd.Series(np.arange(len(everyone)), index=everyone["urn"])[schools["urn"]].to_numpy(dtype=np.int64)
    schools = schools.assign(alone_gbp=money.head_gbp[row].mean(axis=(1, 2)))
    today = _trusts_today(study, everyone)
    places = finances.schools.places[stands]
    return ClusterCase(study, schools, row, everyone, drive, today, money, finances, posts, places)


def _money(
    study: Study, finances: Finances, journeys: StudyJourneys, stands: NDArray[np.int64]
) -> tuple[DrawnMoney, Array]:
    """Drawn money of the schools that stand, and their mean teacher posts."""
    from models.budgets import yearly_money

    schools, mean = finances.schools.some(stands), finances.rolls[stands]
    area = _area_draws(study, journeys.schools.iloc[stands], finances.years)
    rolls = drawn_rolls(mean, area, schools.serves, SEED)
    _, _, spent = yearly_money(schools, mean, finances.years, finances.values, study.policy)
    money = drawn_money(schools, rolls, finances.years, finances.values, study.policy)
    return money, spent["teacher_posts"].mean(axis=1)


def _area_draws(study: Study, schools: pd.DataFrame, years: list[str]) -> Array:
    """(M, T, 12, N) draws of each school's planning area relative to their mean; 1 where an area is not drawn."""
    folder = study.results / "balance"
    cells = plan_cells(study, read_stage(folder, "balance"))
    with np.load(folder / DRAWS) as saved:
        drawn = saved["pupils"].astype(float)
    drawn = drawn[:, : study.policy.integer("cluster_draws")]
    mean = np.maximum(drawn.mean(axis=1, keepdims=True), 1e-9)
    relative = np.where(mean > 1e-6, drawn / mean, 1.0)
    place = {
        (area, group, year): k
        for k, (area, group, year) in enumerate(
            zip(cells["planning_area"], cells["year_group"], cells["academic_year"], strict=True)
        )
    }
    found = np.ones((len(schools), len(years), len(COMPULSORY), drawn.shape[1]))
    senior = schools["planning_area_secondary"].where(
        schools["planning_area_secondary"].notna(), schools["planning_area"]
    )
    for g, group in enumerate(COMPULSORY):
        areas = schools["planning_area"] if phase_of(group) == "primary" else senior
        for t, year in enumerate(years):
            at = np.array([place.get((area, group, year), -1) for area in areas], dtype=np.int64)
            known = at >= 0
            found[known, t, g] = relative[at[known]]
    return found


def _trusts_today(study: Study, everyone: pd.DataFrame) -> pd.DataFrame:
    """One row a trust with schools in the study."""
    names = academy_trusts(everyone)
    table = study.tables.get("trusts")
    articles = trust_articles(table, everyone, [])
    given = {} if table is None else table.set_index(table["trust"].astype(str)).to_dict("index")
    faith, diocese = faiths(everyone), text(everyone, "diocese")
    rows = []
    for name in sorted(set(names) - {""}):
        held = np.flatnonzero(names == name)
        told = given.get(name, {})
        church = [str(diocese[k]) for k in held if faith[k] and diocese[k]]
        hub = held[int(everyone["pupils"].to_numpy()[held].argmax())]
        wanted = str(told.get("hub") or "")
        named = [k for k in held if str(everyone["urn"].iloc[k]) == wanted]
        rows.append(
            {
                "trust": name,
                "pupils": float(everyone["pupils"].to_numpy()[held].sum()),
                "schools": len(held),
                "articles": articles[name],
                "diocese": max(sorted(set(church)), key=church.count) if church else "",
                "places_for_schools": float(told.get("places_for_schools", np.nan) or np.nan)
                if pd.notna(told.get("places_for_schools", np.nan)) else np.nan,
                "schools_elsewhere": float(told.get("schools_elsewhere", 0)),
                "hub": int(named[0] if named else hub),
            }
        )  # fmt: skip
    columns = ["trust", "pupils", "schools", "articles", "diocese", "places_for_schools", "schools_elsewhere", "hub"]
    return pd.DataFrame(rows, columns=columns).astype({"places_for_schools": "Float64"})
