"""What is being planned: two housing sites, three sites for schools and places in SEND units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from placeplan.county import land, names, schools

if TYPE_CHECKING:
    from geodata.roads import RoadNetwork

NEEDED_SITE, OTHER_SITE = "SITE-1", "SITE-2"
GROWTH_HOUSING, CITY_HOUSING = "HS-01", "HS-02"
# Dwellings a year from 2023/24: the town's extension speeds up, the works in the city are soon built out.
BUILT = {GROWTH_HOUSING: (340, 360, 380, 380, 380, 360, 340, 320), CITY_HOUSING: (40, 80, 80, 60)}
MIX = (
    ("house", "market", 3, 0.45),
    ("house", "market", 4, 0.20),
    ("house", "affordable", 2, 0.25),
    ("flat", "affordable", 1, 0.10),
)


def housing(localities: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables housing and contributions; `localities` gives the locality of each housing site."""
    rows = [
        (site, localities[site], f"{2023 + k}/{24 + k}", float(round(built * share)), kind, tenure, bedrooms, certainty)
        for site, certainty in ((GROWTH_HOUSING, 0.95), (CITY_HOUSING, 0.9))
        for k, built in enumerate(BUILT[site])
        for kind, tenure, bedrooms, share in MIX
    ]
    columns = ["site", "locality", "academic_year", "dwellings", "type", "tenure", "bedrooms", "certainty"]
    east = f"{names.GROWING_TOWN} East"
    paid = [
        (GROWTH_HOUSING, "primary", 6_900_000, "2025/26", "2032/33", east),
        (GROWTH_HOUSING, "secondary", 4_100_000, "2027/28", "2034/35", names.GROWING_TOWN),
        (CITY_HOUSING, "primary", 620_000, "2024/25", "2029/30", f"{names.CITY} South"),
    ]
    owed = pd.DataFrame(paid, columns=["site", "phase", "amount_gbp", "due_year", "spend_by", "spend_where"])
    return pd.DataFrame(rows, columns=columns), owed


def capital_funding() -> pd.DataFrame:
    """Table capital_funding: grants that cover most of what is built, and some borrowing."""
    rows = [
        ("2023/24", "basic need", 2_400_000, "confirmed"),
        ("2023/24", "high needs", 900_000, "confirmed"),
        ("2024/25", "basic need", 3_200_000, "confirmed"),
        ("2024/25", "borrowing", 800_000, "expected"),
        ("2025/26", "basic need", 900_000, "expected"),
        ("2025/26", "high needs", 600_000, "expected"),
    ]
    return pd.DataFrame(rows, columns=["academic_year", "source", "amount_gbp", "certainty"])


def send_need() -> pd.DataFrame:
    """Table send_need: a unit around the other town, and a second one two years later."""
    area = f"{names.OTHER_TOWN} and villages"
    rows = [(area, "primary", "2024/25", 10), (area, "primary", "2026/27", 20)]
    return pd.DataFrame(rows, columns=["planning_area", "phase", "academic_year", "places"])


def rural_factors(closable: Mapping[int, str]) -> pd.DataFrame:
    """Table rural_factors: what the invented authority writes of the village schools it names, {urn: name}."""
    community = (
        "{name}'s hall is the village's only one; the parish council would take it over.",
        "The playing field of {name} is the village's; the lease would pass to the parish.",
    )
    transport = (
        "A bus already passes {name} on the way to the nearest school with places; a second one is costed.",
        "No bus serves {name} before nine; taxis and a minibus are costed.",
    )
    driving = (
        "Half the families of {name} drive already; others would, on lanes without a pavement.",
        "Most pupils walk to {name}; nearly all would be driven, some three miles each way.",
    )
    instead = (
        "Federation with two neighbours of {name} was explored and declined; a smaller intake saves nothing.",
        "{name} asked to share a head; its partner's governors would not. Letting rooms was tried for a year.",
    )
    rows = [
        (int(urn), *(words[at % 2].format(name=name) for words in (community, transport, driving, instead)))
        for at, (urn, name) in enumerate(closable.items())
    ]
    return pd.DataFrame(rows, columns=["urn", "community", "transport", "motor_vehicles", "alternatives"])


def school_sites(network: RoadNetwork, growth_xy: np.ndarray, city_xy: np.ndarray, growth_name: str) -> pd.DataFrame:
    """Table sites: one where the town grows, one in the city, one for a secondary school by the town."""
    from scipy.spatial import KDTree

    streets = network.xy[network.usable("drive")]
    out_of_town = growth_xy + 0.06 * (growth_xy - land.GROWING_TOWN)
    by_the_town = np.add(land.GROWING_TOWN, [900.0, -900.0])
    _, node = KDTree(streets).query(np.array([out_of_town, city_xy, by_the_town]))
    xy = (streets[node] + 55.0).round()
    town = names.GROWING_TOWN
    return pd.DataFrame(
        {
            "site": [NEEDED_SITE, OTHER_SITE, "SITE-3"],
            "name": [f"Land east of {growth_name}", "Former tannery works", f"{town} bypass fields"],
            "phase": ["primary", "primary", "secondary"],
            "easting": xy[:, 0],
            "northing": xy[:, 1],
            "min_fe": [1.0, 1.0, 4.0],
            "max_fe": [3.0, 2.0, 6.0],
            "available_from": ["2025/26", "2025/26", "2027/28"],
            "owner": ["Developer, to pass to the council", schools.COUNCIL, "Private estate"],
            "planning_status": ["outline", "none", "none"],
            "transfer_date": pd.to_datetime(["2024-03-01", None, "2026-01-31"]),
            "land_cost_gbp": [0.0, 1_800_000.0, 2_600_000.0],
            "planning_area": [f"{town} East", f"{names.CITY} South", town],
        }
    )
