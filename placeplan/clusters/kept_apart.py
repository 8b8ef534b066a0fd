"""Which village schools near each other the rules keep apart, and by which."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.side_by_side import APART, RULES
from placeplan.clusters.two_levels import TwoLevels

COLUMNS = ["urn", "name", "other_urn", "other_name", "drive_min", "rules"]


def kept_apart(planned: TwoLevels) -> pd.DataFrame:
    """Every two village schools near enough for one cluster that rules keep out of one, the nearest first.

    Columns urn, name, other_urn, other_name, drive_min (the longer of the two ways),
    rules (their words, "; " between them).
    """
    villages = planned.villages
    schools, standing = villages.schools, villages.standing
    far = standing.broken[APART.index("drive")]
    small = schools["small"].to_numpy(bool)
    first, second = np.nonzero(np.triu(standing.apart & ~far & np.outer(small, small), 1))
    told = schools[["urn", "name"]]
    one, other = told.iloc[first].reset_index(drop=True), told.iloc[second].reset_index(drop=True)
    longer = np.maximum(villages.drive_min, villages.drive_min.T)[first, second]
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    words = ["; ".join(RULES[rule][0] for rule in standing.between(a, b)) for a, b in pairs]
    table = one.assign(other_urn=other["urn"], other_name=other["name"], drive_min=longer, rules=words)
    return table[COLUMNS].sort_values(["drive_min", "urn"], ignore_index=True)
