"""Schools of the county: where they stand, who runs them, which planning area they count in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree
from scipy.spatial.distance import pdist, squareform

from placeplan.county import land, names

if TYPE_CHECKING:
    from geodata.roads import RoadNetwork
    from placeplan.county.land import Land

FIRST_URN = 900_001
COFE, RC, NO_FAITH = "Church of England", "Roman Catholic", "none"
COFE_DIOCESE, RC_DIOCESE = f"Diocese of {names.CITY}", f"Roman Catholic Diocese of {names.OTHER_TOWN}"
ACADEMIES = ("Academy converter", "Academy sponsor led")
COUNCIL = f"{names.COUNTY} Council"

TRUSTS = pd.DataFrame(
    [
        ("Aldermark Learning Trust", "Multi-academy trust", "none", 4),
        (f"{names.GROWING_TOWN} Schools Partnership", "Multi-academy trust", "none", 3),
        ("Kelver Valley Education Trust", "Multi-academy trust", "none", 2),
        ("Aldershire Village Schools Trust", "Multi-academy trust", "church minority", 5),
        (f"{COFE_DIOCESE} Academies Trust", "Church multi-academy trust", "church majority", 6),
        ("Our Lady of the Alder Catholic Academy Trust", "Church multi-academy trust", "church majority", 3),
    ],
    columns=["trust", "kind", "articles", "places_for_schools"],
)


def place_schools(rng: np.random.Generator, ground: Land, network: RoadNetwork) -> pd.DataFrame:
    """One row a school, without its numbers: `people.admission_numbers` adds those.

    Columns beside those of the table: settlement (row), linked (row of the junior school an infant school feeds).
    """
    settlements = ground.settlements
    of = {kind: np.flatnonzero(settlements["kind"] == kind) for kind in settlements["kind"].unique()}
    steady = (settlements["trend"] == "steady").to_numpy()
    growing = of["growing town"][steady[of["growing town"]]][:6]
    rows: list[tuple[int, str, str]] = []  # settlement, phase, faith
    for hosts, pairs, faiths in (
        (of["city"][:27], 3, [RC] * 3 + [COFE] * 5),
        (growing, 1, [NO_FAITH, RC, COFE]),
        (of["other town"][:7], 0, [NO_FAITH, RC, COFE, COFE]),
        (of["village"], 0, [COFE] * 15),
    ):
        faith = [*faiths, *[NO_FAITH] * len(hosts)]
        for k, settlement in enumerate(hosts):
            paired = k >= len(hosts) - pairs
            rows += [(int(settlement), phase, faith[k]) for phase in (("infant", "junior") if paired else ("primary",))]
    rows += [(int(k), "secondary", faith) for k, faith in zip(of["city"][[3, 9, 14, 20, 26]], _SENIOR, strict=True)]
    rows += [(int(k), "secondary", NO_FAITH) for k in [*growing[1:3], *of["other town"][[1, 4]]]]
    far = settlements.loc[of["village"], ["x", "y"]].to_numpy() @ [0.7, -0.7]
    rows.append(
        (int(of["village"][np.where(steady[of["village"]], far, -np.inf).argsort()[-3]]), "secondary", NO_FAITH)
    )
    schools = pd.DataFrame(rows, columns=["settlement", "phase", "religious_character"])
    schools.insert(0, "urn", FIRST_URN + np.arange(len(schools)))
    schools["linked"] = np.where(schools["phase"] == "infant", schools.index + 1, -1)
    schools["locality"] = settlements["locality"].to_numpy()[schools["settlement"]]
    schools[["easting", "northing"]] = _positions(rng, schools, settlements, network)
    schools["low_age"] = schools["phase"].map({"infant": 4, "primary": 4, "junior": 7, "secondary": 11})
    schools["high_age"] = schools["phase"].map({"infant": 7, "primary": 11, "junior": 11, "secondary": 16})
    _governance(rng, schools, settlements)
    _particulars(schools, settlements["kind"].to_numpy()[schools["settlement"]])
    schools["name"] = _names(schools, settlements)
    _areas(schools, settlements)
    return schools


_SENIOR = (NO_FAITH, RC, COFE, NO_FAITH, NO_FAITH)


def primary_area(ground: Land) -> np.ndarray:
    """(L,) primary planning area of each settlement: two in the city, three towns' and three of villages."""
    settlements = ground.settlements
    xy = settlements[["x", "y"]].to_numpy()
    kind = settlements["kind"].to_numpy()
    river = shapely.get_coordinates(ground.river)
    north = xy[:, 1] > np.interp(xy[:, 0], river[:, 0], river[:, 1])
    east = (xy - land.GROWING_TOWN) @ [0.8, 0.6] > 0
    to_growing, to_other = (np.hypot(*(xy - town).T) for town in (land.GROWING_TOWN, land.OTHER_TOWN))
    angle = np.degrees(np.arctan2(*(xy - land.CENTRE).T[::-1])) % 360
    town = names.GROWING_TOWN
    return np.select(
        [
            (kind == "city") & north,
            kind == "city",
            (kind == "growing town") & east,
            (kind == "growing town") | (to_growing < 7_000),
            (kind == "other town") | (to_other < 7_000),
            (angle > 20) & (angle < 150),
            (angle >= 150) & (angle < 250),
        ],
        [
            f"{names.CITY} North",
            f"{names.CITY} South",
            f"{town} East",
            f"{town} West and villages",
            f"{names.OTHER_TOWN} and villages",
            "Northern Villages",
            "Western Villages",
        ],
        default="Southern Villages",
    ).astype(object)


def secondary_area(ground: Land) -> np.ndarray:
    """(L,) secondary planning area: that of the nearest of the city and the two towns."""
    xy = ground.settlements[["x", "y"]].to_numpy()
    centres = np.array([land.CITY, land.GROWING_TOWN, land.OTHER_TOWN])
    nearest = np.hypot(*(xy[:, None] - centres).transpose(2, 0, 1)).argmin(axis=1)
    return np.asarray(np.array([names.CITY, names.GROWING_TOWN, names.OTHER_TOWN], dtype=object)[nearest])


def _positions(
    rng: np.random.Generator, schools: pd.DataFrame, settlements: pd.DataFrame, network: RoadNetwork
) -> np.ndarray:
    """Beside a street near the settlement's middle; a junior school across the road from its infant school."""
    streets = network.xy[network.usable("drive")]
    wanted = settlements[["x", "y"]].to_numpy()[schools["settlement"]]
    secondary = (schools["phase"] == "secondary").to_numpy()
    wanted = wanted + np.where(secondary[:, None], rng.uniform(-350, 350, wanted.shape), 0)
    _, node = KDTree(streets).query(wanted)
    return np.asarray((streets[node] + rng.uniform(20, 60, wanted.shape) * rng.choice([-1, 1], wanted.shape)).round())


def _names(schools: pd.DataFrame, settlements: pd.DataFrame) -> list[str]:
    saints = iter(names.SAINTS)
    made = []
    for row in schools.itertuples():
        place = settlements["name"].iloc[row.settlement]
        kind = "School" if row.phase == "secondary" else f"{row.phase.title()} School"
        if row.religious_character == RC:
            made.append(f"St {next(saints)}'s Catholic {kind}, {place}")
        elif row.religious_character == COFE:
            bishop = f"Bishop {names.BISHOP}" if row.phase == "secondary" else place
            made.append(f"{bishop} Church of England {kind}")
        else:
            made.append(f"{place} {'Academy' if kind == 'School' and row.type in ACADEMIES else kind}")
    return made


def _governance(rng: np.random.Generator, schools: pd.DataFrame, settlements: pd.DataFrame) -> None:
    """Add type, trust, diocese and who owns the site."""
    lots = {
        COFE: (["Voluntary controlled school", "Voluntary aided school", ACADEMIES[0]], [0.45, 0.2, 0.35]),
        RC: (["Voluntary aided school", ACADEMIES[0]], [0.4, 0.6]),
        NO_FAITH: (["Community school", "Foundation school", *ACADEMIES], [0.45, 0.09, 0.35, 0.11]),
    }
    faith = schools["religious_character"]
    schools["type"] = [str(rng.choice(lots[f][0], p=lots[f][1])) for f in faith]
    schools["type"] = schools["type"].where(schools["phase"] != "junior", schools["type"].shift())
    kind = settlements["kind"].to_numpy()[schools["settlement"]]
    academy = schools["type"].isin(ACADEMIES)
    trust = TRUSTS["trust"]
    lot = rng.random(len(schools))
    run_by = {
        trust[5]: faith == RC,
        trust[4]: (faith == COFE) & ((kind != "village") | (lot < 0.6)),
        trust[3]: kind == "village",
        trust[1]: kind == "growing town",
        trust[2]: kind == "other town",
    }
    schools["trust"] = np.select([~academy, *run_by.values()], [None, *run_by], default=trust[0])
    schools["trust"] = schools["trust"].where(schools["phase"] != "junior", schools["trust"].shift())
    since = rng.integers(2012, 2022, len(schools))
    schools["trust_since"] = [f"{year}-09-01" if yes else None for year, yes in zip(since, academy, strict=True)]
    schools["diocese"] = faith.map({COFE: COFE_DIOCESE, RC: RC_DIOCESE})
    voluntary = schools["type"].str.startswith("Voluntary aided")
    schools["site_owner"] = np.select(
        [voluntary & (faith == RC), (faith == COFE), academy, schools["type"] == "Foundation school"],
        ["Catholic diocesan trustees", "Church trustees", "Leased to the trust by the council", "Governing body"],
        default=COUNCIL,
    )


def _particulars(schools: pd.DataFrame, kind: np.ndarray) -> None:
    """Add rural class, SEN places, a PFI contract, a school in intervention and a federation of two neighbours."""
    schools["urban_rural"] = pd.Series(kind).map({"city": "Urban city and town", "village": "Rural village"})
    schools["urban_rural"] = schools["urban_rural"].fillna("Rural town and fringe")
    schools["rural_designated"] = np.where((kind == "village") & (schools["phase"] == "primary"), "yes", "no")
    schools["gender"], schools["admissions_policy"] = "mixed", "non-selective"
    schools["sen_places"] = 0
    schools.loc[schools.index[[4, 22, 34, -8]], "sen_places"] = [12, 10, 8, 20]
    schools.loc[schools.index[-4], ["pfi_until", "pfi_gbp_per_year"]] = ["2032-08-31", 640_000]
    weak = schools.index[(schools["type"] == "Community school") & (kind == "city")][2]
    schools.loc[weak, ["in_intervention", "concern", "concern_framework", "concern_date"]] = [
        "yes",
        "special measures",
        "Education inspection framework 2019",
        "2022-05-18",
    ]
    schools["in_intervention"] = schools["in_intervention"].fillna("no")
    maintained = schools[(kind == "village") & (schools["type"] == "Voluntary controlled school")]
    apart = squareform(pdist(maintained[["easting", "northing"]]))
    pair = np.unravel_index(np.argmin(apart + np.diag(np.full(len(apart), np.inf))), apart.shape)
    schools.loc[maintained.index[list(pair)], "federation"] = "Kelver Water Federation"


def _areas(schools: pd.DataFrame, settlements: pd.DataFrame) -> None:
    secondary = (schools["phase"] == "secondary").to_numpy()
    primary_of, secondary_of = (
        settlements[f"planning_area_{phase}"].to_numpy()[schools["settlement"]] for phase in ("primary", "secondary")
    )
    schools["planning_area"] = np.where(secondary, secondary_of, primary_of)
