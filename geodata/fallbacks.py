"""Where published files are silent: one stated fallback each, counted.

`complete` returns the tables with the gaps filled and a note for every fallback that was used, so that `check` can
list them and a page can show them where they mattered. What a file says is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from geodata.policy import Policy
from geodata.settings import Settings
from geodata.suppressed import fill_flows, fill_rolls
from geodata.years import COMPULSORY, SCHOOL_YEAR_GROUPS, age_of, start_year, year_groups_between

MAINSTREAM = ("infant", "junior", "first", "primary", "middle", "secondary", "all-through")
JUNIOR = ("infant", "first", "junior", "primary")
SPANNING = ("middle", "all-through")
OLD_DATA = "Demonstration on old data: nobody's proposal"


@dataclass(frozen=True)
class Fallback:
    """One fallback that was used: for which field, how often, and how."""

    table: str
    field: str
    count: int
    how: str

    def __str__(self) -> str:
        done = "suppressed or blank" if self.field in ("pupils", "births") else "filled"
        return f"{self.table}.{self.field}: {self.count:,} {done}: {self.how}"


def complete(
    tables: Mapping[str, pd.DataFrame], settings: Settings, policy: Policy
) -> tuple[dict[str, pd.DataFrame], list[Fallback]]:
    """Tables with every silent field filled, and the fallbacks used.

    After it, every mainstream school has an age range, a capacity, a PAN and a planning area; every locality has a
    planning area of each phase; and there is at least one demand point a locality that has a boundary.
    """
    done = dict(tables)
    used = _suppressed(done, policy)
    if "schools" in done:
        schools = done["schools"].copy()
        rolls = _base_rolls(done, settings)
        used += _ages(schools, rolls)
        used += _capacities(schools, rolls, settings, policy)
        used += _rural(schools)
        used += _school_areas(schools, settings)
        done["schools"] = schools
    localities = done["localities"].copy()
    done["localities"] = localities
    if "demand_points" not in done and "geometry" in localities:
        done["demand_points"] = _points(localities)
        used.append(Fallback("demand_points", "easting, northing", len(localities), "the boundary's inner point"))
    if "schools" in done:
        used += _locality_areas(done, settings)
    return done, [fallback for fallback in used if fallback.count]


def _suppressed(tables: dict[str, pd.DataFrame], policy: Policy) -> list[Fallback]:
    """Suppressed and blank counts by table: those of schools and journeys filled, those of localities left unknown."""
    learnt = "unknown, which teaches nothing; where it is needed, the cohort's own last count, moved up"
    used = []
    if "pupils" in tables:
        used.append(Fallback("pupils", "pupils", int(tables["pupils"]["pupils"].isna().sum()), learnt))
    if "births" in tables:
        how = "unknown; their cohorts are scaled up from what is known, else the mean of the latest years"
        used.append(Fallback("births", "births", int(tables["births"]["births"].isna().sum()), how))
    if "rolls" in tables:
        tables["rolls"], filled, nothing = fill_rolls(tables["rolls"])
        how = "the cohort's own last count, else the year group's, else the mean of the school's other year groups"
        used.append(Fallback("rolls", "pupils", filled, how))
        used.append(Fallback("rolls", "pupils", nothing, "0, since nothing is known of the school"))
    if "flows" in tables:
        stand_in = policy.number("suppressed_flow_pupils")
        tables["flows"], filled = fill_flows(tables["flows"], stand_in)
        used.append(Fallback("flows", "pupils", filled, f"the journey's mean of other years, else {stand_in:g}"))
    return used


RURAL_CLASS, RURAL_UNKNOWN = "class", "unknown"  # whence a primary school's designation is, where it is not given


def is_mainstream(schools: pd.DataFrame) -> pd.Series:
    """Schools that are planned: not special, nursery, alternative provision or 16 plus."""
    return schools["phase"].isin(MAINSTREAM)


def old_data(tables: Mapping[str, pd.DataFrame], settings: Settings, policy: Policy) -> bool:
    """Whether the dates of the inputs differ by more than policy `old_data_years`."""
    years = {start_year(settings.base_year)}
    if "schools" in tables:
        years |= {start_year(year) for year in tables["schools"]["capacity_year"].dropna().unique()}
    if "rolls" in tables:
        years.add(start_year(max(tables["rolls"]["academic_year"])))
    if "births" in tables:
        years.add(max(tables["births"]["year_ending"]).year)
    return max(years) - min(years) > policy.integer("old_data_years")


def _base_rolls(tables: Mapping[str, pd.DataFrame], settings: Settings) -> pd.DataFrame:
    """Pupils on roll in the base year: one row a school, one column a year group R … Y13."""
    groups = SCHOOL_YEAR_GROUPS[:14]
    if "rolls" not in tables:
        return pd.DataFrame(columns=groups, dtype=float)
    rolls = tables["rolls"]
    base = rolls[rolls["academic_year"] == settings.base_year]
    wide = base.pivot_table(index="urn", columns="year_group", values="pupils", aggfunc="sum", fill_value=0.0)
    return wide.reindex(columns=groups, fill_value=0.0).astype(float)


def _ages(schools: pd.DataFrame, rolls: pd.DataFrame) -> list[Fallback]:
    ages = np.array([age_of(group) for group in rolls.columns])
    present = rolls.to_numpy() > 0
    some = present.any(axis=1)
    low = pd.Series(np.where(some, ages[present.argmax(axis=1)], -1), index=rolls.index) if len(rolls) else None
    high = (
        pd.Series(np.where(some, ages[::-1][present[:, ::-1].argmax(axis=1)] + 1, -1), index=rolls.index)
        if len(rolls)
        else None
    )
    typical = {"infant": (4, 7), "first": (4, 9), "junior": (7, 11), "primary": (4, 11), "middle": (9, 13)}
    typical |= {"secondary": (11, 16), "all-through": (4, 16), "16 plus": (16, 18)}
    used = []
    for field, from_rolls, part in (("low_age", low, 0), ("high_age", high, 1)):
        silent = schools[field].isna()
        guess = schools["urn"].map(from_rolls) if from_rolls is not None else pd.Series(np.nan, schools.index)
        guess = guess.where(guess >= 0)
        usual = schools["phase"].map({phase: pair[part] for phase, pair in typical.items()})
        schools[field] = schools[field].astype("Float64").fillna(guess.astype("Float64")).fillna(usual).astype("Int64")
        used.append(
            Fallback(
                "schools", field, int(silent.sum()), "from the year groups with pupils, else the phase's usual age"
            )
        )
    return used


def _capacities(schools: pd.DataFrame, rolls: pd.DataFrame, settings: Settings, policy: Policy) -> list[Fallback]:
    """Fill capacity, the sixth form's part of it, and PAN.

    Capacity = largest year group × year groups, rounded up to half forms; PAN = capacity ÷ year groups. A capacity that
    is old and below the roll is disproved by the pupils who sit there, and is filled as if it were missing.
    """
    half = policy.integer("half_form")
    planned = is_mainstream(schools) & schools["low_age"].notna() & schools["high_age"].notna()
    groups = [
        [g for g in year_groups_between(int(low), int(high)) if g in COMPULSORY] if use else []
        for low, high, use in zip(schools["low_age"].fillna(0), schools["high_age"].fillna(0), planned, strict=True)
    ]
    count = np.array([len(g) for g in groups])
    by_urn = rolls.reindex(schools["urn"]).fillna(0.0)
    largest = by_urn[list(COMPULSORY)].max(axis=1).to_numpy()
    sixth_pupils = by_urn[["Y12", "Y13"]].sum(axis=1).to_numpy()
    total = by_urn.sum(axis=1).to_numpy()
    capacity = schools["capacity"].astype("Float64")
    missing = (capacity.isna() & (count > 0)).to_numpy()
    disproved = _is_old(schools, settings, policy) & (count > 0) & (capacity.fillna(np.inf) < total).to_numpy()
    no_capacity = missing | disproved
    made = np.ceil(np.maximum(largest, 1) / half) * half * count + sixth_pupils
    capacity = capacity.mask(no_capacity, made)
    no_sixth = schools["capacity_sixth_form"].isna().to_numpy() & (count > 0)
    share = np.divide(sixth_pupils, total, out=np.zeros_like(total), where=total > 0)
    sixth = schools["capacity_sixth_form"].astype("Float64")
    known = capacity.fillna(0).to_numpy(dtype=float)
    sixth = sixth.mask(no_sixth, np.where(no_capacity, sixth_pupils, np.round(known * share))).fillna(0)
    no_pan = schools["pan"].isna().to_numpy() & (count > 0)
    places = known - sixth.to_numpy(dtype=float)
    pan = schools["pan"].astype("Float64").mask(no_pan, np.round(places / np.maximum(count, 1)))
    schools["capacity"], schools["capacity_sixth_form"] = capacity.round().astype("Int64"), sixth.astype("int64")
    schools["pan"] = pan.round().astype("Int64")
    schools["capacity_estimated"], schools["pan_estimated"] = no_capacity, no_pan
    in_sixth = no_sixth & (sixth_pupils > 0)
    rule = "largest year group × year groups, up to half forms"
    return [
        Fallback("schools", "capacity", int(missing.sum()), rule),
        Fallback("schools", "capacity", int(disproved.sum()), f"{rule}, since the old figure is below today's roll"),
        Fallback("schools", "capacity_sixth_form", int(in_sixth.sum()), "the share of pupils in Y12 and above"),
        Fallback("schools", "pan", int(no_pan.sum()), "capacity ÷ year groups"),
    ]


def _is_old(schools: pd.DataFrame, settings: Settings, policy: Policy) -> np.ndarray:
    """Schools whose capacity is of a year too far from the base year."""
    base, years = start_year(settings.base_year), policy.integer("old_data_years")
    of = schools["capacity_year"].map(start_year, na_action="ignore").astype(float)
    return np.asarray((base - of).abs() > years, dtype=bool)


def _rural(schools: pd.DataFrame) -> list[Fallback]:
    primary = schools["phase"].isin((*JUNIOR, "middle"))
    silent = schools["rural_designated"].isna() & primary
    classed = silent & schools["urban_rural"].notna()
    rural = schools["urban_rural"].astype(object).fillna("").str.contains("rural", case=False) & primary
    known = schools["rural_designated"].astype("boolean")
    schools["rural_designated"] = known.mask(known.isna(), rural).astype(bool)
    schools["rural_from"] = np.select([classed, silent], [RURAL_CLASS, RURAL_UNKNOWN], "")
    unknown = int((silent & ~classed).sum())
    how = "not known, without a rural-urban class either; closing is not offered for them"
    return [
        Fallback("schools", "rural_designated", int(classed.sum()), "the rural classes of the rural-urban class"),
        Fallback("schools", "rural_designated", unknown, how),
    ]


def _school_areas(schools: pd.DataFrame, settings: Settings) -> list[Fallback]:
    """Fill planning areas: a school that spans both phases has one of each."""
    junior = schools["phase"].isin(JUNIOR)
    secondary = schools["phase"].eq("secondary")
    both = schools["phase"].isin(SPANNING)
    how = "that of the nearest school of its phase that has one, else the authority"
    used = []
    for field, of, kind in (
        ("planning_area", junior, junior | both),
        ("planning_area", secondary, secondary | schools["phase"].eq("16 plus")),
        ("planning_area_secondary", secondary, both),
    ):
        silent = kind & schools[field].isna()
        known = schools[of & schools["planning_area"].notna() & schools["easting"].notna()]
        schools.loc[silent, field] = _nearest_value(
            schools.loc[silent, ["easting", "northing"]], known, "planning_area", settings.authority
        )
        used.append(Fallback("schools", field, int(silent.sum()), how))
    return used


def _nearest_value(points: pd.DataFrame, known: pd.DataFrame, field: str, otherwise: str) -> np.ndarray:
    """The value of `field` at the nearest known row of each point."""
    if points.empty:
        return np.empty(0, dtype=object)
    common = known[field].mode()
    values = np.full(len(points), common.iloc[0] if len(common) else otherwise, dtype=object)
    placed = points.notna().all(axis=1).to_numpy()
    if len(known) and placed.any():
        tree = cKDTree(known[["easting", "northing"]].to_numpy(dtype=float))
        _, at = tree.query(points[placed].to_numpy(dtype=float))
        values[placed] = known[field].to_numpy()[at]
    return values


def _points(localities: pd.DataFrame) -> pd.DataFrame:
    inner = localities.geometry.representative_point()
    return pd.DataFrame(
        {
            "demand_point": localities["locality"].to_numpy(),
            "locality": localities["locality"].to_numpy(),
            "easting": inner.x.to_numpy(),
            "northing": inner.y.to_numpy(),
            "weight_primary": 1.0,
            "weight_secondary": 1.0,
        }
    )


def _locality_areas(tables: dict[str, pd.DataFrame], settings: Settings) -> list[Fallback]:
    """Fill a locality's areas from the school most of its pupils attend, else from the nearest of the phase."""
    localities, schools = tables["localities"], tables["schools"]
    points = tables.get("demand_points")
    used = []
    junior = schools["phase"].isin((*JUNIOR, "all-through"))
    senior = schools["phase"].isin(("secondary", *SPANNING))
    for field, kind in (("planning_area_primary", junior), ("planning_area_secondary", senior)):
        silent = localities[field].isna()
        phase = field.removeprefix("planning_area_")
        area = schools["planning_area"]
        if phase == "secondary":
            area = schools["planning_area_secondary"].fillna(area)
        known = schools.assign(area=area)[kind & area.notna() & schools["easting"].notna()]
        attended = _most_attended(tables, known, phase).reindex(localities.loc[silent, "locality"]).to_numpy()
        if points is not None:
            centre = points.groupby("locality")[["easting", "northing"]].mean()
            at = centre.reindex(localities.loc[silent, "locality"]).reset_index(drop=True)
        else:
            at = pd.DataFrame(np.nan, index=range(int(silent.sum())), columns=["easting", "northing"])
        near = _nearest_value(at, known, "area", settings.authority)
        localities.loc[silent, field] = np.where(pd.isna(attended), near, attended)
        how = "that of the school most pupils attend, else of the nearest of the phase"
        used.append(Fallback("localities", field, int(silent.sum()), how))
    return used


def _most_attended(tables: Mapping[str, pd.DataFrame], schools: pd.DataFrame, phase: str) -> pd.Series:
    """Planning area of the school that most pupils of each locality attend, where flows are given."""
    if "flows" not in tables:
        return pd.Series(dtype=object)
    flows = tables["flows"]
    area = schools.assign(urn=schools["urn"].astype(str)).set_index("urn")["area"]
    by_school = flows[flows["urn"].isin(area.index)]
    if by_school.empty:
        return pd.Series(dtype=object)
    summed = by_school.groupby(["locality", "urn"], as_index=False)["pupils"].sum().sort_values("pupils")
    return summed.drop_duplicates("locality", keep="last").set_index("locality")["urn"].map(area)
