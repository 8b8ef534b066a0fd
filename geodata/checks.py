"""Checks that need more than one cell: references between tables, years, places on the map, capacities.

Each check is a function from the study's tables to the problems it finds. Rows are numbered as a spreadsheet shows
them: the heading is row 1.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

import numpy as np
import pandas as pd

from geodata.amalgamations import amalgamation_problems
from geodata.closure_checks import closure_problems
from geodata.contribution_checks import contribution_problems
from geodata.locality_changes import CARRIED, TABLE, change_problems
from geodata.policy import Value
from geodata.problems import SHOWN, Problem, nearest, row_problems
from geodata.settings import Settings
from geodata.tender_checks import tender_problems
from geodata.years import COMPULSORY, start_year

Tables = Mapping[str, pd.DataFrame]
REFERENCES = (  # table, field, refers to table, its field, optional
    ("pupils", "locality", "localities", "locality"),
    ("births", "locality", "localities", "locality"),
    ("demand_points", "locality", "localities", "locality"),
    ("housing", "locality", "localities", "locality"),
    ("adjustments", "locality", "localities", "locality"),
    ("flows", "locality", "localities", "locality"),
    ("schools", "locality", "localities", "locality"),
    ("school_sites", "urn", "schools", "urn"),
    ("rolls", "urn", "schools", "urn"),
    ("flows", "urn", "schools", "urn"),
    ("preferences", "urn", "schools", "urn"),
    ("rural_factors", "urn", "schools", "urn"),
    ("catchments", "urn", "schools", "urn"),
    ("planned_places", "urn", "schools", "urn"),
    ("amalgamations", "urn", "schools", "urn"),
    ("amalgamations", "with_urn", "schools", "urn"),
    ("contributions", "site", "housing", "site"),
    ("competitions", "site", "sites", "site"),
    ("bids", "competition", "competitions", "competition"),
    ("criteria", "competition", "competitions", "competition"),
    ("scores", "bid", "bids", "bid"),
    ("scores", "criterion", "criteria", "criterion"),
    ("competitions", "urn", "schools", "urn"),
    ("declarations", "competition", "competitions", "competition"),
    ("declarations", "bid", "bids", "bid"),
    ("clarifications", "competition", "competitions", "competition"),
    ("clarifications", "bid", "bids", "bid"),
    ("competitions", "linked_award", "linked_awards", "linked_award"),
    ("award_limits", "linked_award", "linked_awards", "linked_award"),
    ("package_bids", "bid", "bids", "bid"),
    ("bid_conditions", "bid", "bids", "bid"),
    ("bid_conditions", "needs", "bids", "bid"),
    ("unsafe_routes", "urn", "schools", "urn"),
    ("unsafe_routes", "demand_point", "demand_points", "demand_point"),
    ("unsafe_routes", "locality", "localities", "locality"),
)
ENGLAND_M = (80_000, 5_000, 660_000, 660_000)  # west, south, east, north on the British National Grid
FAR_M = 80_000


def check_tables(tables: Tables, settings: Settings, files: Mapping[str, str]) -> list[Problem]:
    """Every problem that spans cells, rows or tables; `files` names the file of each table."""
    checks: tuple[Callable[[Tables, Settings], Iterable[Problem]], ...] = (
        _base_year,
        _nobody,
        _all_suppressed,
        _year_groups,
        _coordinates,
        _site_codes,
        _ages,
        _capacities,
        _weights,
        _either_or,
        _closable,
        _plan_dates,
        change_problems,
        contribution_problems,
        closure_problems,
        amalgamation_problems,
        tender_problems,
    )
    found = [problem for check in checks for problem in check(tables, settings)]
    found += _references(tables, files)
    return [
        Problem(files.get(problem.file, problem.file), problem.what, problem.mend, problem.row, problem.field)
        for problem in found
    ]


def _references(tables: Tables, files: Mapping[str, str]) -> Iterable[Problem]:
    for table, field, other, other_field in REFERENCES:
        if table not in tables:
            continue
        frame = tables[table]
        named = frame[field].dropna().astype(str)
        if table == "flows":
            named = named[~named.str.startswith("outside:") & ~(named.eq("independent") & (field == "urn"))]
        if other not in tables:
            # A table that is there and broken is reported as such already.
            if len(named) and other not in files:
                yield Problem(table, f"{field} refers to the table {other}, which is missing.", f"Add {other}.")
            continue
        known = set(tables[other][other_field].dropna().astype(str))
        former = other == "localities" and table in CARRIED
        if former and TABLE in tables:
            known |= set(tables[TABLE]["from_locality"].dropna().astype(str))
        missing = named[~named.isin(known)]
        for word, rows in list(missing.groupby(missing))[:SHOWN]:
            count = f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
            near = nearest(word, sorted(known)) if len(known) < 2000 else ""
            near = near if near.startswith("Did") else f"Correct it, or add it to {other}."
            if former:
                near += f" If it is a former locality, say in {TABLE} which one took it over."
            yield Problem(table, f"{word} is not in {other}{count}.", near, int(rows.index[0]) + 2, field)
        if missing.nunique() > SHOWN:
            what = f"And {missing.nunique() - SHOWN} more that are not in {other}."
            yield Problem(table, what, "", field=field)


def _base_year(tables: Tables, settings: Settings) -> Iterable[Problem]:
    for table in ("pupils", "rolls"):
        if table not in tables:
            continue
        years = sorted(set(tables[table]["academic_year"].dropna()))
        if years and settings.base_year not in years:
            what = f"There are no rows for the base year {settings.base_year}; the latest is {years[-1]}."
            yield Problem(table, what, "Add them, or change base_year in study.toml.", field="academic_year")
        later = [year for year in years if year > settings.base_year]
        if table == "pupils" and later:
            what = f"There are pupils after the base year {settings.base_year}: {', '.join(later)}."
            yield Problem(table, what, f"Set base_year to {later[-1]}, or remove them.", field="academic_year")


def _nobody(tables: Tables, settings: Settings) -> Iterable[Problem]:
    if "pupils" in tables:
        pupils = tables["pupils"]
        base = pupils.loc[pupils["academic_year"] == settings.base_year, "pupils"]
        if base.notna().any() and base.fillna(0).eq(0).all():
            what = f"The base year {settings.base_year} has no pupils: every row says 0."
            yield Problem("pupils", what, "Give the pupils counted.", field="pupils")


def _all_suppressed(tables: Tables, settings: Settings) -> Iterable[Problem]:
    """Tables that say nothing at all: of the base year, or of any year of births."""
    for table in ("pupils", "rolls", "births"):
        if table not in tables:
            continue
        frame = tables[table]
        count, when = table.replace("rolls", "pupils"), ""
        if table != "births":
            frame, when = frame[frame["academic_year"] == settings.base_year], f" of the base year {settings.base_year}"
        if len(frame) and frame[count].isna().all():
            what = f"Every number{when} is suppressed or blank."
            yield Problem(table, what, "Ask its publisher for figures, or give a wider area's shared out.", field=count)


def _year_groups(tables: Tables, settings: Settings) -> Iterable[Problem]:
    if "pupils" not in tables:
        return
    pupils = tables["pupils"]
    found = {year: set(rows) for year, rows in pupils.groupby("academic_year")["year_group"]}
    base = found.get(settings.base_year, set())
    missing = [group for group in COMPULSORY if group not in base]
    if base and missing:
        what = f"The base year {settings.base_year} has no rows for {', '.join(missing)}."
        yield Problem("pupils", what, "Add them (0 where there are none).", field="year_group")


def _coordinates(tables: Tables, settings: Settings) -> Iterable[Problem]:
    for table in ("schools", "demand_points", "sites", "school_sites", "places"):
        if table not in tables:
            continue
        frame = tables[table]
        east, north = frame["easting"].astype(float), frame["northing"].astype(float)
        west_m, south_m, east_m, north_m = ENGLAND_M
        degrees = (east.abs() <= 180) & (north.abs() <= 90)
        yield from row_problems(
            table,
            frame,
            degrees,
            lambda row: f"{row['easting']:g}, {row['northing']:g} look like degrees.",
            "Give easting and northing in metres on the British National Grid.",
            "easting, northing",
        )
        outside = ~degrees & ~(east.between(west_m, east_m) & north.between(south_m, north_m)) & east.notna()
        centre = _centre(tables)
        swapped, far = outside & False, outside & False
        if centre is not None:
            away = np.hypot(east - centre[0], north - centre[1])
            away_swapped = np.hypot(north - centre[0], east - centre[1])
            swapped = ~degrees & (away > FAR_M) & (away_swapped < away / 2)
            far = ~degrees & ~swapped & ~outside & (away > 3 * FAR_M)
        yield from row_problems(
            table,
            frame,
            swapped,
            lambda row: f"{row['easting']:g}, {row['northing']:g} look swapped.",
            "Put the easting in easting and the northing in northing.",
            "easting, northing",
        )
        yield from row_problems(
            table,
            frame,
            (outside & ~swapped) | far,
            lambda row: f"{row['easting']:g}, {row['northing']:g} lie far from the study.",
            "Correct them: metres on the British National Grid.",
            "easting, northing",
        )


def _centre(tables: Tables) -> tuple[float, float] | None:
    """Middle of the localities' boundaries, else of the points most tables agree on."""
    localities = tables.get("localities")
    if localities is not None and "geometry" in localities:
        west, south, east, north = localities.total_bounds
        return (west + east) / 2, (south + north) / 2
    for table in ("demand_points", "schools"):
        if table in tables and tables[table]["easting"].notna().any():
            return float(tables[table]["easting"].median()), float(tables[table]["northing"].median())
    return None


def _site_codes(tables: Tables, settings: Settings) -> Iterable[Problem]:
    """A site and a school of one code would be one row in every result."""
    if "sites" in tables and "schools" in tables:
        sites, schools = tables["sites"], tables["schools"]
        yield from row_problems(
            "sites",
            sites,
            sites["site"].isin(schools["urn"].astype(str)),
            lambda row: f"{row['site']} is the URN of a school.",
            "Give the site a code of its own.",
            "site",
        )


def _ages(tables: Tables, settings: Settings) -> Iterable[Problem]:
    if "schools" in tables:
        schools = tables["schools"]
        low, high = schools["low_age"].astype("Float64"), schools["high_age"].astype("Float64")
        yield from row_problems(
            "schools",
            schools,
            (low >= high).fillna(False).astype(bool),
            lambda row: f"The lowest age {row['low_age']} is not below the highest, {row['high_age']}.",
            "Give the age at which the youngest come and that at which the oldest leave.",
            "low_age, high_age",
        )


def _capacities(tables: Tables, settings: Settings) -> Iterable[Problem]:
    if "schools" not in tables or "rolls" not in tables:
        return
    schools, rolls = tables["schools"], tables["rolls"]
    roll = rolls[rolls["academic_year"] == settings.base_year].groupby("urn")["pupils"].sum()
    on_roll = schools["urn"].map(roll).fillna(0)
    yield from row_problems(
        "schools",
        schools,
        (schools["capacity"].astype("Float64").eq(0).fillna(False)) & (on_roll > 0),
        lambda row: f"{row['name']} has capacity 0 and {roll[row['urn']]:g} pupils on roll.",
        "Give its net capacity, or leave the cell empty for the stated fallback.",
        "capacity",
    )
    sixth = schools["capacity_sixth_form"].fillna(0) > schools["capacity"].astype("Float64").fillna(np.inf)
    yield from row_problems(
        "schools",
        schools,
        sixth.fillna(False),
        lambda row: f"The sixth form's {row['capacity_sixth_form']} places are more than the capacity.",
        "The capacity includes the sixth form.",
        "capacity_sixth_form",
    )


def _weights(tables: Tables, settings: Settings) -> Iterable[Problem]:
    if "demand_points" in tables:
        points = tables["demand_points"]
        for field in ("weight_primary", "weight_secondary"):
            sums = points.groupby("locality")[field].sum()
            for locality in sums.index[sums <= 0][:SHOWN]:
                what = f"The weights of {locality} sum to 0."
                yield Problem("demand_points", what, "Give at least one point a weight.", field=field)


def _either_or(tables: Tables, settings: Settings) -> Iterable[Problem]:
    for table, one, other in (
        ("flows", "year_group", "phase"),
        ("planned_places", "year_group", "phase"),
        ("planned_places", "urn", "planning_area"),
        ("unsafe_routes", "demand_point", "locality"),
    ):
        if table in tables:
            frame = tables[table]
            yield from row_problems(
                table,
                frame,
                frame[one].isna() == frame[other].isna(),
                lambda row: f"Exactly one of {one} and {other} is needed.",  # noqa: B023
                "Fill in one and leave the other empty.",
                f"{one}, {other}",
            )


def _closable(tables: Tables, settings: Settings) -> Iterable[Problem]:
    """Schools named for closing must exist: a wrong digit would quietly offer another school, or none."""
    known = {str(urn) for urn in tables["schools"]["urn"]} if "schools" in tables else set()
    for section, values in _sections(settings).items():
        named = values.get("closable_urns")
        for urn in named if isinstance(named, tuple) else ():
            word = f"{urn:.0f}" if isinstance(urn, float) else str(urn)
            if word not in known:
                what = f"[{section}] closable_urns: {word} is no school of the study."
                yield Problem("study.toml", what, "Correct the number, or take it out.", field="closable_urns")


def _plan_dates(tables: Tables, settings: Settings) -> Iterable[Problem]:
    """A plan that can be acted on only after its last year, or years before it was counted, has a slip in its date."""
    first = date(start_year(settings.base_year) - 1, 9, 1)
    last = date(start_year(settings.base_year) + settings.horizon_years, 9, 1)
    for section, values in _sections(settings).items():
        given = values.get("plan_date")
        if given is not None and not first <= date.fromisoformat(str(given)) <= last:
            what = (
                f"[{section}] plan_date: {given} lies far from the base year {settings.base_year} or beyond the plan."
            )
            yield Problem("study.toml", what, f"Give a day from {first} to {last}.", field="plan_date")


def _sections(settings: Settings) -> dict[str, Mapping[str, Value]]:
    """Policy values by the section of study.toml that gives them."""
    return {"policy": settings.policy, **{f"scenario.{name}": values for name, values in settings.scenarios.items()}}
