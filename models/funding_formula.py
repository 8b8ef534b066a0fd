"""What the school funding formula pays, factor by factor: arrays over many schools and years.

Basic entitlement by key stage, additional needs, lump sum, sparsity and split sites, all raised by the area cost
adjustment; then a top-up to the minimum per-pupil level, which counts all but the split site; then one to the minimum
funding guarantee: funding per pupil, without lump sum, sparsity and split site, falls no further below the year
before than the floor lets it. Sixth forms, nurseries, rates, PFI and grants outside the formula are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.funding_values import FundingValues
from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY
from models.funded_schools import FundedSchools
from models.sparsity import KINDS, sparsity_weight

Array = NDArray[np.float64]
Parts = dict[str, Array]

STAGES = {"basic_primary_gbp": slice(0, 7), "basic_ks3_gbp": slice(7, 10), "basic_ks4_gbp": slice(10, 12)}
N_PRIMARY = len(PRIMARY)
PARTS = ("basic", "additional", "lump_sum", "sparsity", "split_site", "minimum", "floor")
APART_FROM_FLOOR = ("lump_sum", "sparsity", "split_site")


def formula(
    rolls: Array, schools: FundedSchools, values: FundingValues, starts: NDArray[np.int64], policy: Policy
) -> Parts:
    """Every part but the floor, (F, Y) in GBP of the price year, for funding years that start in `starts` (Y,).

    `rolls` (F, Y, 12) are those of the count that each funding year is paid on; without pupils there is no funding.
    """
    area = policy.number("area_cost_factor")
    at = {factor: values.at(factor, starts) for factor in values.known}
    pupils = rolls.sum(axis=2)
    there = pupils > 0
    staged = {factor: rolls[:, :, groups].sum(axis=2) for factor, groups in STAGES.items()}
    basic = area * np.sum([staged[factor] * at[factor] for factor in STAGES], axis=0)
    own = schools.additional_gbp[:, None]
    national = policy.number("additional_needs_share") * basic
    lump = area * at["lump_sum_gbp"] * there
    most = area * np.where(
        (schools.kind == KINDS.index("primary"))[:, None], at["sparsity_primary_gbp"], at["sparsity_other_gbp"]
    )
    taught = np.where(schools.estimated[:, None], (rolls > 0).sum(axis=2), schools.year_groups[:, None])
    size = pupils / np.maximum(taught, 1)
    parts = {
        "basic": basic,
        "additional": np.where(np.isnan(own), national, own * pupils),
        "lump_sum": lump * _by_year(schools.lump_sums),
        "sparsity": most * sparsity_weight(_by_year(schools.distance_m), size, schools.kind, policy),
        "split_site": lump * schools.split_site[:, None],
    }
    counted = parts["basic"] + parts["additional"] + parts["lump_sum"] + parts["sparsity"]
    junior = rolls[:, :, :N_PRIMARY].sum(axis=2)
    least = junior * at["minimum_primary_gbp"] + (pupils - junior) * at["minimum_secondary_gbp"]
    parts["minimum"] = np.maximum(least - counted, 0.0)
    return parts


def floor_top_up(parts: Mapping[str, Array], pupils: Array, change: Array) -> Array:
    """Minimum funding guarantee (F, Y): what lifts funding per pupil to last year's, itself topped up, × (1 + change).

    `parts` as of `formula`, `pupils` (F, Y), `change` (Y,) in real terms. The first year is the one from which it
    protects, and so is a year after one without pupils.
    """
    per_pupil = sum((parts[name] for name in parts if name not in APART_FROM_FLOOR), np.zeros_like(pupils))
    per_pupil = np.divide(per_pupil, pupils, out=np.zeros_like(pupils), where=pupils > 0)
    top_up = np.zeros_like(pupils)
    before = per_pupil[:, 0]
    for year in range(1, pupils.shape[1]):
        least = before * (1.0 + change[year])
        raised = np.where(pupils[:, year] > 0, np.maximum(per_pupil[:, year], least), 0.0)
        top_up[:, year] = (raised - per_pupil[:, year]) * pupils[:, year]
        before = raised
    return top_up


def amalgamation_lump_sums(schools: int, years: int, policy: Policy) -> Array:
    """Lump sums (years,) that `schools` merged into one receive, from the funding year of the merger on.

    All of them in its own year, 85 % of their sum in the next (General annual grant guide 2024–25), then one.
    """
    sums = np.ones(years)
    sums[:1] = schools
    sums[1:2] = np.maximum(policy.number("lump_sum_protected_share") * schools, 1.0)
    return sums


def split_site_share(distances_m: Sequence[float], policy: Policy) -> float:
    """Split-site funding in lump sums, from the distance of each further site to the first; the farthest count."""
    near, far = policy.numbers("split_site_distance_m")
    funded = np.sort(np.asarray(distances_m, dtype=float))[::-1][: policy.integer("split_sites_max")]
    share = np.clip((funded - near) / max(far - near, 1.0), 0.0, 1.0)
    by_site = policy.number("split_site_share") + policy.number("split_site_distance_share") * share
    return float(by_site.sum())


def _by_year(values: Array) -> Array:
    return values[:, None] if values.ndim == 1 else values


def rolls_array(rolls: pd.DataFrame, keys: Sequence[object], years: Sequence[str]) -> Array:
    """Rolls (F, Y, 12) from a table urn, academic_year, year_group, pupils."""
    cube = np.zeros((len(keys), len(years), len(COMPULSORY)))
    at = [
        pd.Index(index).get_indexer(rolls[column])
        for index, column in ((list(keys), "urn"), (list(years), "academic_year"), (COMPULSORY, "year_group"))
    ]
    kept = np.all([position >= 0 for position in at], axis=0)
    np.add.at(cube, tuple(position[kept] for position in at), rolls["pupils"].to_numpy(dtype=float)[kept])
    return cube
