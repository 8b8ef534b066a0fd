"""Schools as the funding formula and the costs see them, whether they stand or are only proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.sparsity import sparsity_kind

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
ARRAYS = ("serves", "places", "september", "estimated", "additional_gbp", "distance_m", "lump_sums", "split_site")


@dataclass(frozen=True, eq=False)
class FundedSchools:
    """F schools as the formula and the costs see them; any may be one that does not stand yet.

    Attributes
    ----------
    key : (F,) urn, or the code of a site or bid.
    phase : (F,) as in the table of schools.
    serves : (F, 12) whether the school teaches the year group R … Y11.
    places : (F,) places R–Y11, for which the building is kept up.
    september : (F,) an academy, funded by the academic year; the others by the financial year.
    estimated : (F,) a school that is still filling, funded on each year's own roll.
    additional_gbp : (F,) funding for additional needs by the pupil; nan for the national share.
    distance_m : (F,) or (F, Y) D of `models.sparsity`; nan where it gets none.
    lump_sums : (F,) or (F, Y) lump sums received: 1, or more while an amalgamation is protected.
    split_site : (F,) split-site funding in lump sums.

    """

    key: Sequence[object]
    phase: Sequence[str]
    serves: Flags
    places: Array
    september: Flags
    estimated: Flags
    additional_gbp: Array
    distance_m: Array
    lump_sums: Array
    split_site: Array

    @property
    def kind(self) -> NDArray[np.int64]:
        """(F,) positions in `models.sparsity.KINDS`."""
        return np.array([sparsity_kind(phase) for phase in self.phase], dtype=np.int64)

    @property
    def year_groups(self) -> Array:
        """(F,) year groups taught."""
        groups: Array = self.serves.sum(axis=1).astype(float)
        return groups

    def some(self, which: NDArray[np.int64]) -> FundedSchools:
        """Some of the schools, by position."""
        arrays: dict[str, Any] = {name: getattr(self, name)[which] for name in ARRAYS}
        return replace(self, key=[self.key[i] for i in which], phase=[self.phase[i] for i in which], **arrays)


def joined(parts: Sequence[FundedSchools]) -> FundedSchools:
    """Several lists of schools as one; where one has figures by year, all need them."""
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
    return FundedSchools(
        key=[key for part in parts for key in part.key],
        phase=[phase for part in parts for phase in part.phase],
        **arrays,
    )
