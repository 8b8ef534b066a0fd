"""The sample county, generated from one seed: an ordinary study folder about an invented place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def make_county(folder: Path | str, seed: int = 1) -> None:
    """Write the study of Aldershire into `folder`: study.toml and its inputs.

    The same seed gives the same files, byte for byte. Every name and number is invented; the county lies in the
    North Sea. Pupils, rolls, births and flows come from one set of cohorts and agree.
    """
    from dataclasses import replace

    import numpy as np
    from pyogrio import set_gdal_config_options

    from geodata.policy import Policy
    from geodata.roads import RoadNetwork
    from geodata.settings import FILE, write_settings
    from geodata.tables import write_inputs
    from geodata.travel import travel_table
    from placeplan.county import land, names, people, plans, schools, streets, tables, tender

    folder = Path(folder)
    rng = [np.random.default_rng([seed, part]) for part in range(9)]
    ground = land.lie_of_the_land(rng[0])
    places = ground.settlements.assign(
        planning_area_primary=schools.primary_area(ground),
        planning_area_secondary=schools.secondary_area(ground),
    )
    ground = replace(ground, settlements=places)
    network = RoadNetwork.from_edges(streets.build_streets(rng[1], ground, Policy({}).drive_kmh()))
    built = schools.place_schools(rng[2], ground, network)

    homes, border = places[["x", "y"]].to_numpy(), streets.exits(ground)[:2]
    to_school = travel_table(np.vstack([homes, border]), built[["easting", "northing"]].to_numpy(), network)
    to_border = travel_table(homes, border, network)
    drawn = people.reach(rng[3], built, to_school.drive_m.astype(float), to_border.drive_m.astype(float))
    born = people.births(rng[4], places)
    people.admission_numbers(rng[5], built, born, drawn)
    counted = people.follow_cohorts(rng[6], built, places, born, drawn)

    growth = places[places["trend"] == "growth"].iloc[0]
    works = places[places["planning_area_primary"] == f"{names.CITY} South"].iloc[1]
    where = {plans.GROWTH_HOUSING: growth["locality"], plans.CITY_HOUSING: works["locality"]}
    housing, contributions = plans.housing(where)
    roll = counted.rolls[:, :, -1].sum(axis=1)
    counts = tables.counts(ground, built, counted)
    closable = tables.smallest_villages(built, places, roll)
    inputs = {
        "localities": tables.localities(ground),
        "demand_points": tables.demand_points(rng[7], ground, network),
        "schools": tables.school_table(built, roll),
        **counts,
        "preferences": tables.preferences(rng[8], built, counts["rolls"]),
        "housing": housing,
        "contributions": contributions,
        "capital_funding": plans.capital_funding(),
        "send_need": plans.send_need(),
        "sites": plans.school_sites(network, _xy(growth), _xy(works), growth["name"]),
        "places": tables.settlements(ground),
        "rural_factors": plans.rural_factors(built.set_index("urn")["name"].loc[list(closable)].to_dict()),
        "trusts": tables.trusts(built, roll),
        **tender.competition(rng[7]),
    }
    # A GeoPackage carries the time it was written; the same seed is to give the same file.
    set_gdal_config_options({"OGR_CURRENT_DATE": "2023-05-01T00:00:00Z"})
    try:
        write_inputs(folder / "inputs", inputs)
    finally:
        set_gdal_config_options({"OGR_CURRENT_DATE": None})
    network.write(folder / "inputs" / "roads.parquet")
    write_settings(tables.settings(closable), folder / FILE)


def _xy(row: pd.Series) -> np.ndarray:
    import numpy as np

    return np.array([row["x"], row["y"]], dtype=float)
