"""The county's arrays as the tables of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geodata.settings import Settings
from geodata.years import COMPULSORY, academic_year
from placeplan.county import names, people, schools

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from geodata.roads import RoadNetwork
    from placeplan.county.land import Land
    from placeplan.county.people import People

RURAL_URBAN = {
    "city": "Urban city and town",
    "village": "Rural village",
    "hamlet": "Rural hamlet and isolated dwellings",
}


def localities(ground: Land) -> gpd.GeoDataFrame:
    """Table localities, with polygons that tile the county."""
    import geopandas as gpd

    rows = ground.settlements
    table = rows[["locality", "name", "planning_area_primary", "planning_area_secondary"]].copy()
    table["authority"] = names.COUNTY
    table["rural_urban"] = rows["kind"].map(RURAL_URBAN).fillna("Rural town and fringe")
    return gpd.GeoDataFrame(table, geometry=rows["polygon"].to_numpy(), crs="EPSG:27700")


def demand_points(rng: np.random.Generator, ground: Land, network: RoadNetwork) -> pd.DataFrame:
    """Two to four points a locality beside its streets: the middle, and others up to 1 km (4 km in the country)."""
    streets = network.xy[network.usable("drive")]
    tree = shapely.STRtree(shapely.points(streets))
    rows = []
    for place in ground.settlements.itertuples():
        inside = streets[tree.query(place.polygon, predicate="contains")]
        away_m = np.hypot(inside[:, 0] - place.x, inside[:, 1] - place.y)
        rural = place.kind in ("village", "hamlet")
        order = np.argsort(away_m)
        others = order[1:][away_m[order[1:]] < (4_000 if rural else 1_000)]
        extra = rng.choice(others, size=min(int(rng.integers(1, 4)), len(others)), replace=False)
        chosen = np.r_[order[:1], extra]
        xy = (inside[chosen] + rng.uniform(-45, 45, (len(chosen), 2))).round()
        share = np.r_[1.0, rng.uniform(0.08, 0.25 if rural else 0.9, len(extra))]
        older = share * rng.uniform(0.9, 1.1, len(share))
        for k, (easting, northing) in enumerate(xy):
            weights = (round(w[k] / w.sum(), 3) for w in (share, older))
            rows.append((f"{place.locality}-{k + 1}", place.locality, easting, northing, *weights))
    columns = ["demand_point", "locality", "easting", "northing", "weight_primary", "weight_secondary"]
    return pd.DataFrame(rows, columns=columns)


def settlements(ground: Land) -> pd.DataFrame:
    """Table places: the city and each town once, every village and hamlet."""
    table = ground.settlements
    whole = {"city": (names.CITY, "city"), "growing town": (names.GROWING_TOWN, "town")}
    whole["other town"] = (names.OTHER_TOWN, "town")
    single = ~table["kind"].isin(list(whole))
    rows = [
        (name, kind, table.loc[table["kind"] == part, "x"].mean(), table.loc[table["kind"] == part, "y"].mean())
        for part, (name, kind) in whole.items()
    ]
    rows += list(table.loc[single, ["name", "kind", "x", "y"]].itertuples(index=False, name=None))
    frame = pd.DataFrame(rows, columns=["name", "kind", "easting", "northing"]).round({"easting": 0, "northing": 0})
    frame.insert(0, "place", [f"P{k + 1:02d}" for k in range(len(frame))])
    return frame


def school_table(built: pd.DataFrame, roll: np.ndarray) -> pd.DataFrame:
    """Table schools: what was made, without the columns only the making needs, and what its pupils and accounts are.

    The schools of the growing town stand on tight sites and cannot grow; elsewhere nothing is said of the site.
    """
    built = built.assign(**_pupils_and_accounts(roll))
    hemmed_in = built["planning_area"].str.startswith(names.GROWING_TOWN) & built["phase"].ne("secondary")
    built = built.assign(max_fe=(built["pan"] / 30).where(hemmed_in))
    front = ["urn", "name", "phase", "low_age", "high_age", "easting", "northing", "locality", "planning_area"]
    front += [
        "capacity",
        "capacity_year",
        "pan",
        "max_fe",
        "type",
        "religious_character",
        "diocese",
        "trust",
        "trust_since",
    ]
    return built[front + [c for c in built.columns if c not in {*front, "settlement", "linked"}]]


def _pupils_and_accounts(roll: np.ndarray) -> dict[str, np.ndarray]:
    """Pupils by disadvantage and special educational needs, and reserves in GBP, from a school's roll and number."""
    number = np.arange(len(roll))
    turn = (7 * number) % 11 / 10  # 0 to 1, neighbours in the list far apart
    return {
        "fsm_pupils": np.rint(roll * (0.08 + 0.24 * turn)).astype(int),
        "ehcp_pupils": np.rint(roll * (0.02 + 0.03 * turn)).astype(int),
        "sen_support_pupils": np.rint(roll * (0.10 + 0.08 * turn)).astype(int),
        "reserves_gbp": ((5 * number) % 9 - 3) * 12_000,
    }


def trusts(built: pd.DataFrame, roll: np.ndarray) -> pd.DataFrame:
    """Table trusts: the hub of each is its largest school."""
    largest = built.assign(roll=roll).sort_values("roll").groupby("trust")["urn"].last()
    table = schools.TRUSTS.copy()
    table["hub"] = table["trust"].map(largest).astype("Int64").astype(str).replace("<NA>", None)
    return table


def counts(ground: Land, built: pd.DataFrame, counted: People) -> dict[str, pd.DataFrame]:
    """Tables births, pupils, rolls and flows; births from the year to 30 June 2003 on."""
    codes, urns = ground.settlements["locality"].to_numpy(), built["urn"].to_numpy()
    years = [academic_year(year) for year in range(people.FIRST, people.BASE + 1)]
    groups = np.array(COMPULSORY)
    born = _long(counted.births, ["locality", "year_ending"], [codes, _june_years()], "births")
    pupils = _long(counted.pupils, ["locality", "year_group", "academic_year"], [codes, groups, years], "pupils")
    rolls = _long(counted.rolls, ["urn", "year_group", "academic_year"], [urns, groups, years], "pupils")
    ages = built.set_index("urn")[["low_age", "high_age"]].loc[rolls["urn"]].to_numpy()
    age = rolls["year_group"].map({group: k + 4 for k, group in enumerate(COMPULSORY)}).to_numpy()
    rolls = rolls[(ages[:, 0] <= age) & (age < ages[:, 1])]
    outside = [f"outside:{name}" for name in names.NEIGHBOURS]
    homes, to = [*codes, *outside], [*(str(urn) for urn in urns), "independent", *outside]
    flows = _long(counted.flows, ["year_group", "locality", "urn"], [groups, homes, to], "pupils")
    flows.insert(0, "academic_year", years[-1])
    order = ["academic_year", "locality", "year_group", "pupils"]
    return {
        "births": born[born["year_ending"] >= "2003"],
        "pupils": pupils.sort_values(["academic_year", "locality"], kind="stable")[order],
        "rolls": rolls.sort_values(["academic_year", "urn"], kind="stable")[["academic_year", "urn", *order[2:]]],
        "flows": flows[flows["pupils"] > 0].sort_values("locality", kind="stable")[
            ["academic_year", "locality", "urn", *order[2:]]
        ],
    }


def preferences(rng: np.random.Generator, built: pd.DataFrame, rolls: pd.DataFrame) -> pd.DataFrame:
    """Table preferences: the last two years of entry and the next; full schools are wanted by more than they take."""
    first = rolls["urn"].map(built.set_index("urn")["low_age"]).to_numpy() - 4
    entry = rolls[rolls["year_group"].to_numpy() == np.array(COMPULSORY)[first]]
    years = [academic_year(people.BASE + n) for n in (-1, 0, 1)]
    known = entry[entry["academic_year"].isin(years[:2])]
    following = entry[entry["academic_year"] == years[1]].assign(academic_year=years[2])
    table = pd.concat([known, following], ignore_index=True)
    pan = table["urn"].map(built.set_index("urn")["pan"]).to_numpy(dtype=float)
    sought = np.where(
        table["pupils"] >= 0.95 * pan, rng.uniform(1.0, 1.35, len(table)), rng.uniform(0.8, 1.0, len(table))
    )
    wanted = np.round(table["pupils"] * sought).astype(int)
    offers = np.minimum(np.maximum(table["pupils"], wanted), np.maximum(pan, table["pupils"])).astype(int)
    table = table.assign(first_preferences=wanted, offers=offers)
    return table[["urn", "academic_year", "first_preferences", "offers"]].sort_values(["urn", "academic_year"])


def _june_years() -> list[str]:
    return [f"{year}-06-30" for year in range(people.BIRTHS_FROM, people.BASE + 1)]


def _long(array: np.ndarray, fields: list[str], labels: Sequence[object], value: str) -> pd.DataFrame:
    """One row a cell of an array whose axes are `fields` with `labels`."""
    table = pd.MultiIndex.from_product(labels, names=fields).to_frame(index=False)
    table[value] = array.ravel()
    return table


def smallest_villages(built: pd.DataFrame, places: pd.DataFrame, roll: np.ndarray) -> tuple[int, ...]:
    """The four smallest schools of the declining villages, which the study names for closing."""
    declining = places["trend"].to_numpy()[built["settlement"]] == "decline"
    smallest = built[declining & (built["phase"] == "primary")].assign(roll=roll[declining]).sort_values("roll")
    return tuple(sorted(int(urn) for urn in smallest["urn"].head(4)))


def settings(closable: tuple[int, ...]) -> Settings:
    """study.toml: closing is offered for `closable`, designated rural primaries among them."""
    return Settings(
        name=f"{names.COUNTY} (an invented county)",
        authority=names.COUNTY,
        base_year=academic_year(people.BASE),
        horizon_years=7,
        pupils="resident",
        attribution=f"Invented data: {names.COUNTY} does not exist, and no number here describes a real school.",
        policy={"closable_urns": closable, "close_rural": "yes"},
        scenarios={
            "no_closures": {"closures_max": 0},
            "fewer_pupils_per_home": {"housing_yield_primary": 0.18},
        },
    )
