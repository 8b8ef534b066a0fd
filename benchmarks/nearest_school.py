"""How near to their homes the gravity model places pupils, and how well it gives rolls.

    python -m benchmarks.nearest_school

Rutland and Devon, imported from the folder named by PLACEPLAN_DATA, else ../shared/data beside the checkout.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.forecast import data_folder
from geodata.importers import import_folders
from geodata.policy import Policy
from models.bands import school_year_groups
from models.journeys import OUTSIDE
from placeplan.balance import study_bands
from placeplan.journeys import study_journeys
from placeplan.pipeline import run_stages, wanted_stages
from placeplan.results import read_stage, read_summary
from placeplan.study import Study

COUNTIES = {"Rutland": "rutland", "Devon": "devon"}


def at_nearest(study: Study) -> pd.DataFrame:
    """By phase: pupils, share of them at the nearest school that teaches their band, and mean road distance in km.

    Pupils of schools without coordinates, and those from outside, are left out: their way is not known.
    """
    nodes = read_stage(study.results / "balance", "nodes")
    nodes = nodes[(nodes["pupils"] > 0) & (nodes["demand_point"] != OUTSIDE) & np.isfinite(nodes["distance_m"])]
    journeys = study_journeys(study)
    urns, served = journeys.schools["urn"].to_numpy(), school_year_groups(journeys.schools)
    row = {point: number for number, point in enumerate(journeys.points["demand_point"])}
    frames = []
    for band in study_bands(journeys.schools):
        teaches = np.array([set(band.year_groups) <= set(served[int(urn)]) for urn in urns])
        own = nodes[nodes["band"] == band.name]
        metres = np.where(teaches, journeys.to_schools, np.inf)[own["demand_point"].map(row)]
        first = np.take_along_axis(metres, metres.argmin(axis=1)[:, None], axis=1)[:, 0]
        frames.append(own.assign(phase=band.phase, first=own["distance_m"] <= first + 1))
    every = pd.concat(frames)
    weighed = every.assign(near=every["pupils"] * every["first"], km=every["pupils"] * every["distance_m"] / 1000)
    summed = weighed.groupby("phase")[["pupils", "near", "km"]].sum()
    return summed.assign(near=summed["near"] / summed["pupils"], km=summed["km"] / summed["pupils"])


def main() -> None:
    """Print both tables."""
    decay = {phase: Policy({}).by_phase("gravity_decay_{phase}_per_km", phase) for phase in ("primary", "secondary")}
    print(
        f"Decay per km: {decay}\n\n| county | phase | pupils | at the nearest school | mean km |\n|---|---|---|---|---|"
    )
    rolls = []
    for authority, own in COUNTIES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / own
            import_folders([data_folder() / own, data_folder() / "england"], authority, folder)
            study = Study.open(folder)
            list(run_stages(study, wanted_stages("balance")))
            for phase, row in at_nearest(study).iterrows():
                print(f"| {authority} | {phase} | {row['pupils']:,.0f} | {row['near']:.0%} | {row['km']:.1f} |")
            rolls.append((authority, (read_summary(study.results / "balance") or {})["rolls_reproduced"]))
    print("\n| county | schools | most out, 100 pupils or more | most out, smaller |\n|---|---|---|---|")
    for authority, made in rolls:
        large, small = made["worst_share_of_100_and_more"], made["worst_pupils_below_100"]
        print(f"| {authority} | {made['schools']} | {large:.2%} | {small:.2f} pupils |")


if __name__ == "__main__":
    main()
