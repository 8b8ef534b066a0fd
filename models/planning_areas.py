"""Planning areas: the one each school and each locality counts in, year group by year group.

A school that spans both phases and a locality have an area of each phase: that of the year group's own phase counts,
so that Y7 of an all-through school belongs to a secondary area. Sixth forms count with the secondary phase.
"""

from __future__ import annotations

import pandas as pd

from geodata.years import PRIMARY, age_of, year_groups_between

NO_AREA = "no planning area"
OUTSIDE = "outside:"  # and the name of the authority
INDEPENDENT = "independent"


def in_primary(year_group: str) -> bool:
    """Whether a year group counts with the primary phase: R–Y6 and children below school age."""
    return age_of(year_group) <= age_of(PRIMARY[-1])


def area_of_locality(localities: pd.DataFrame, year_group: str) -> pd.Series:
    """Planning area by locality (index) for residents of a year group."""
    column = "planning_area_primary" if in_primary(year_group) else "planning_area_secondary"
    by_code = localities.set_index("locality")
    area: pd.Series = by_code[column] if column in by_code else pd.Series(NO_AREA, index=by_code.index)
    return area.fillna(NO_AREA).astype(str)


def area_of_school(schools: pd.DataFrame, urns: pd.Series, year_groups: pd.Series) -> pd.Series:
    """Planning area of each pair of school and year group. ValueError names schools that are not in the list."""
    if (strangers := sorted(set(urns) - set(schools["urn"]))) != []:
        raise ValueError(f"schools that are not in the list: {', '.join(map(str, strangers[:5]))}")
    by_urn = schools.set_index("urn")
    area = urns.map(by_urn["planning_area"]) if "planning_area" in by_urn else pd.Series(NO_AREA, index=urns.index)
    if "planning_area_secondary" in by_urn:
        secondary = urns.map(by_urn["planning_area_secondary"])
        area = secondary.where(secondary.notna() & ~year_groups.map(in_primary).astype(bool), area)
    return area.fillna(NO_AREA).astype(str)


def areas_taught(schools: pd.DataFrame, year_group: str) -> set[str]:
    """Planning areas with a school whose age range holds the year group."""
    aged = schools[schools["low_age"].notna() & schools["high_age"].notna()]
    ranges = zip(aged["low_age"], aged["high_age"], strict=True)
    teaches = [year_group in year_groups_between(int(low), int(high)) for low, high in ranges]
    urns = aged["urn"][teaches]
    return set(area_of_school(schools, urns, pd.Series(year_group, index=urns.index)))


def area_history(rolls: pd.DataFrame, schools: pd.DataFrame) -> pd.DataFrame:
    """Rolls by school as pupils by planning_area, academic_year and year_group; nobody is dropped.

    `rolls` has academic_year, urn, year_group, pupils; schools without an area count in "no planning area".
    """
    area = area_of_school(schools, rolls["urn"], rolls["year_group"])
    key = ["planning_area", "academic_year", "year_group"]
    return rolls.assign(planning_area=area).groupby(key, as_index=False, observed=True)["pupils"].sum()


def resident_areas(forecast: pd.DataFrame, localities: pd.DataFrame, value: str = "pupils") -> pd.DataFrame:
    """Pupils by locality as pupils by home planning_area, academic_year and year_group; column pupils.

    Localities that are not in the list count in "no planning area".
    """
    key = ["planning_area", "academic_year", "year_group"]
    groups = list(dict.fromkeys(forecast["year_group"]))
    if not groups:
        return pd.DataFrame({**dict.fromkeys(key, pd.Series(dtype=object)), "pupils": pd.Series(dtype=float)})
    area = pd.concat({group: area_of_locality(localities, group) for group in groups})
    at = pd.MultiIndex.from_arrays([forecast["year_group"], forecast["locality"]])
    named = pd.Series(area.reindex(at).to_numpy(), index=forecast.index).fillna(NO_AREA)
    rows = forecast.assign(planning_area=named, pupils=forecast[value].astype(float))
    return rows.groupby(key, as_index=False, observed=True)["pupils"].sum()
