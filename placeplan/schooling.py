"""Where pupils are taught: from the forecast of homes to planning areas and schools, and back.

residents → transfers where one school ends → on roll by planning area, each difference named → schools, within places

All of it is made from the same numbers: transfers to an area are its entrants on roll, and the schools of an area and
those without a place add up to its roll.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from geodata.fallbacks import MAINSTREAM
from geodata.years import COMPULSORY, SCHOOL_YEAR_GROUPS
from models.attendance import area_rolls, attendance_terms
from models.bands import Band
from models.entering import COLUMNS, Entrants, entrants, net_transfers, transfer_table
from models.local_knowledge import entry_against_preferences
from models.planning_areas import OUTSIDE, area_of_locality, resident_areas
from models.school_forecast import school_forecast
from models.transfers import counted_destinations, flows_of, transfer_matrix, transfer_points
from placeplan.study import Study

TEACHING = (*MAINSTREAM, "16 plus")
SPECIAL = f"{OUTSIDE}special schools and alternative provision"
GROUPS = SCHOOL_YEAR_GROUPS[:14]


@dataclass(frozen=True, eq=False)
class Schooling:
    """Tables attendance, transfers, school_forecast, school_unplaced and, with preferences, entry_preferences.

    `rolls` are the schools' forecasts before places are respected, R–Y11, with the base year as counted: urn,
    academic_year, year_group, pupils.
    """

    tables: Mapping[str, pd.DataFrame]
    rolls: pd.DataFrame
    notes: list[str]


def study_schooling(study: Study, forecast: pd.DataFrame, bands: list[Band], places: pd.DataFrame) -> Schooling:
    """Follow the forecast of a study's localities into its schools; `places` are those of `models.places`."""
    base, tables, localities = study.settings.base_year, study.tables, study.tables["localities"]
    schools = tables["schools"][tables["schools"]["phase"].isin(TEACHING)]
    rolls = tables["rolls"][tables["rolls"]["urn"].isin(schools["urn"])]
    flows = _flows(tables.get("flows"), schools, base)
    homes = forecast[forecast["year_group"].isin(GROUPS)]
    transfers = _Transfers(study, schools, rolls, flows, homes)
    notes: list[str] = []
    entering = {} if flows is None else transfers.entering(bands)
    living = resident_areas(homes, localities, value="mean")
    terms, said = attendance_terms(
        living, localities, schools, bands,
        base_year=base, policy=study.policy, flows=flows, rolls=rolls, entering=entering,
    )  # fmt: skip
    on_roll = area_rolls(terms)
    notes += said + transfers.notes
    made = school_forecast(
        on_roll, rolls, schools,
        base_year=base, policy=study.policy, preferences=tables.get("preferences"), places=places,
    )  # fmt: skip
    result = {
        "attendance": terms,
        "transfers": transfers.table(bands, on_roll),
        "school_forecast": made.table,
        "school_unplaced": made.unplaced,
    }
    if "preferences" in tables:
        pupils = pd.concat([rolls, made.table])[["urn", "academic_year", "year_group", "pupils"]]
        result["entry_preferences"] = entry_against_preferences(pupils, tables["preferences"], schools)
    later = made.table.assign(pupils=made.table["unconstrained"])
    now = rolls[rolls["academic_year"] == base]
    every = pd.concat([now, later])[["urn", "academic_year", "year_group", "pupils"]]
    planned = schools.loc[schools["phase"].isin(MAINSTREAM), "urn"]
    every = every[every["urn"].isin(planned) & every["year_group"].isin(COMPULSORY) & (every["pupils"] > 0)]
    return Schooling(result, every.reset_index(drop=True), notes + made.notes)


def _flows(flows: pd.DataFrame | None, schools: pd.DataFrame, base_year: str) -> pd.DataFrame | None:
    """Flows up to the base year; those to special schools and alternative provision as a destination of their own."""
    if flows is None or (flows := flows[flows["academic_year"] <= base_year]).empty:
        return None
    urn = flows["urn"].astype(str)
    known = urn.isin(schools["urn"].astype(str)) | ~urn.str.isdigit()
    return flows.assign(urn=urn.where(known, SPECIAL))


class _Transfers:
    """The transfers of a study, by the points where its age bands meet."""

    def __init__(
        self,
        study: Study,
        schools: pd.DataFrame,
        rolls: pd.DataFrame,
        flows: pd.DataFrame | None,
        homes: pd.DataFrame,
    ) -> None:
        self._study, self._schools, self._rolls, self._flows, self._homes = study, schools, rolls, flows, homes
        self._matrices: dict[tuple[str, str], pd.DataFrame] = {}
        self.notes: list[str] = []

    def entering(self, bands: list[Band]) -> dict[str, Entrants]:
        """Where those who enter go, by the year group entered."""
        return {
            entered: entrants(matrix, *self._people(left, entered), self._held(entered))
            for (left, entered), matrix in self._all(bands).items()
        }

    def table(self, bands: list[Band], on_roll: pd.DataFrame) -> pd.DataFrame:
        """Every transfer of the years to come; `on_roll` are the rolls of planning areas."""
        frames = []
        for (left, entered), matrix in self._all(bands).items():
            name, (living, leavers) = f"{left}→{entered}", self._people(left, entered)
            if self._flows is not None:
                frames.append(transfer_table(name, matrix, living, leavers, self._held(entered)))
                continue
            later = on_roll[(on_roll["year_group"] == entered) & on_roll["academic_year"].isin(living["academic_year"])]
            frames.append(net_transfers(name, matrix, leavers, later))
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)

    def _all(self, bands: list[Band]) -> dict[tuple[str, str], pd.DataFrame]:
        """The matrix of each point whose leavers are counted."""
        base, pupils = self._study.settings.base_year, self._study.tables["pupils"]
        for left, entered in transfer_points(bands):
            counted = pupils[(pupils["year_group"] == left) & (pupils["academic_year"] <= base)]
            if (left, entered) in self._matrices or not counted["pupils"].sum() > 0:
                continue
            self._matrices[left, entered], said = transfer_matrix(
                left, entered, pupils, self._study.tables["localities"], self._schools,
                base_year=base, policy=self._study.policy, flows=self._flows, rolls=self._rolls,
            )  # fmt: skip
            self.notes += said
        return self._matrices

    def _people(self, left: str, entered: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Residents who enter, by home in both phases, in the years to come; and leavers of every year."""
        localities, base = self._study.tables["localities"], self._study.settings.base_year
        homes = self._homes.rename(columns={"mean": "pupils"})
        before, after = (area_of_locality(localities, group) for group in (left, entered))
        come = homes[(homes["year_group"] == entered) & (homes["academic_year"] > base)]
        come = come.assign(from_area=come["locality"].map(before), home=come["locality"].map(after))
        living = come.groupby(["academic_year", "from_area", "home"], as_index=False)["pupils"].sum()
        go = homes[homes["year_group"] == left]
        go = go.assign(from_area=go["locality"].map(before))
        return living, go.groupby(["academic_year", "from_area"], as_index=False)["pupils"].sum()

    def _held(self, entered: str) -> tuple[bool, bool]:
        """Whether the count of residents holds pupils taught (independently, outside the study)."""
        assert self._flows is not None
        counted = flows_of(self._flows, entered)
        counted = counted[counted["academic_year"] == counted["academic_year"].max()]
        base = self._homes[self._homes["academic_year"] == self._study.settings.base_year]
        return counted_destinations(counted, float(base.loc[base["year_group"] == entered, "mean"].sum()))
