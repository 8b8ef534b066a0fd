"""Schools made by hand for tests of money."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geodata.funding_values import FundingValues, funding_values
from geodata.policy import Policy
from geodata.years import COMPULSORY, PHASES
from models.funded_schools import FundedSchools

Array = NDArray[np.float64]
POLICY = Policy({})
VALUES = funding_values(None, POLICY)
Y2025 = np.array([2025])


def values(policy: Mapping[str, object]) -> tuple[Policy, FundingValues]:
    laid_over = Policy(dict(policy))  # type: ignore[arg-type]
    return laid_over, funding_values(None, laid_over)


def primaries(count: int = 1, *, distance_m: float = np.nan, places: float = 210, **more: object) -> FundedSchools:
    """Primary schools R–Y6, maintained, with the national share of additional needs."""
    given = {
        "key": list(range(count)),
        "phase": ["primary"] * count,
        "serves": np.tile(np.isin(COMPULSORY, PHASES["primary"]), (count, 1)),
        "places": np.full(count, float(places)),
        "september": np.zeros(count, dtype=bool),
        "estimated": np.zeros(count, dtype=bool),
        "additional_gbp": np.full(count, np.nan),
        "distance_m": np.full(count, distance_m),
        "lump_sums": np.ones(count),
        "split_site": np.zeros(count),
    }
    return FundedSchools(**(given | more))  # type: ignore[arg-type]


def secondary(**more: object) -> FundedSchools:
    """One secondary school Y7–Y11."""
    return primaries(phase=["secondary"], serves=np.isin(COMPULSORY, PHASES["secondary"])[None], **more)


def spread(pupils: Sequence[float], groups: slice = slice(0, 7)) -> Array:
    """(len(pupils), 12) rolls with as many in each of the year groups."""
    rolls = np.zeros((len(pupils), len(COMPULSORY)))
    rolls[:, groups] = np.asarray(pupils, dtype=float)[:, None] / (groups.stop - groups.start)
    return rolls
