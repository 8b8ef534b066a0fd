"""What a top slice and pooling move between the schools of a trust, and how high a slice makes the trust balance.

A top slice is the same share of every school's income and pays for the centre. Pooling then moves what schools have
left to those that are short, as far as there is any: each payer gives the same share of what it has left, each receiver
has the same share of what it lacks. By a slice alone a trust balances where

    s · Σ income  =  centre + Σ max(0, s · income − balance)

the slice pays the centre and gives back to every school what it then lacks. There is such an s where the balances of
all schools together pay for the centre, and none otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pooled:
    """A trust's schools (F,), GBP a year; `moved` is what each receives, a minus what it pays."""

    sliced: Array
    moved: Array
    left: Array  # after slice and pooling
    short: int  # schools that lack money after the slice
    unmet_gbp: float  # what they lack that the others do not have
    share_for_centre: float  # of income; nan without income
    share_to_balance: float  # nan where no slice makes the trust balance

    @property
    def moved_gbp(self) -> float:
        """What pooling moves in all."""
        return float(self.moved[self.moved > 0].sum())


def pooled(balance: Array, income: Array, centre_gbp: float) -> Pooled:
    """For balances and incomes (F,) of a trust's schools, centre apart, and the cost of its centre."""
    whole = float(income.sum())
    share = centre_gbp / whole if whole > 0 else float("nan")
    sliced = share * income if whole > 0 else np.zeros(len(income))
    after = balance - sliced
    lacks, has = np.maximum(-after, 0.0), np.maximum(after, 0.0)
    moves = min(lacks.sum(), has.sum())
    moved = lacks * (moves / lacks.sum() if lacks.sum() > 0 else 0.0)
    moved = moved - has * (moves / has.sum() if has.sum() > 0 else 0.0)
    return Pooled(
        sliced, moved, after + moved, int((lacks > 0).sum()), float(lacks.sum() - moves), share,
        slice_to_balance(balance, income, centre_gbp),
    )  # fmt: skip


def slice_to_balance(balance: Array, income: Array, centre_gbp: float) -> float:
    """The lowest share of income that pays the centre and what schools then lack; nan where none does."""
    there = income > 0
    at = np.unique(np.concatenate([[0.0], np.maximum(balance[there] / income[there], 0.0)]))
    spare = np.array([_spare(share, balance, income, centre_gbp) for share in at])
    if not (spare >= 0).any():  # beyond the last of them nothing changes: who pays more has it back
        return float("nan")
    first = int((spare >= 0).argmax())
    if first == 0:
        return float(at[0])
    before, after = spare[first - 1], spare[first]
    return float(at[first - 1] + (at[first] - at[first - 1]) * -before / (after - before))


def _spare(share: float, balance: Array, income: Array, centre_gbp: float) -> float:
    """What a slice has left once the centre and what schools then lack are paid."""
    return float(share * income.sum() - centre_gbp - np.maximum(share * income - balance, 0.0).sum())
