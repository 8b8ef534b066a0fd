"""Which changes of a plan for several futures are shown as done: those of most futures."""

from __future__ import annotations

import pandas as pd

LIKELY = 0.5


def is_likely(changes: pd.DataFrame) -> pd.Series[bool]:
    """Whether each change, a row with `probability`, is made in most futures."""
    return changes["probability"] >= LIKELY


def likely(changes: pd.DataFrame) -> pd.DataFrame:
    """The changes that are made in most futures; the report tells the others with their probability."""
    return changes[is_likely(changes)]
