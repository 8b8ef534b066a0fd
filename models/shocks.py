"""The common swing: what one year did to all localities at once, and how much of it the coming years keep.

    ratio of year h after the latest = norm · exp(swing · φ^h)

The norm is the weighted ratio of all localities over many years, the swing the latest year's departure from it.
Families moving abroad for a year, or home, show in every year group of every locality: such a swing is not chased
(it fades by φ a year, and one far wider than any known before counts only in part) and not ignored.
"""

from __future__ import annotations

import numpy as np

from geodata.policy import Policy
from models.cohorts import FloatArray

CHANGES_NEEDED = 3  # earlier year-on-year changes that say how far a swing usually moves


def common_ratios(
    from_: FloatArray, to: FloatArray, norm: FloatArray, noise: float, policy: Policy, horizon_years: int
) -> FloatArray:
    """Ratios (H, K) of all localities together in the years to come, from their sums (T, K), 0 where not counted.

    `norm` (K,) is their ratio over many years, `noise` the sampling variance ÷ mean of a count.
    """
    awaited, came = (from_ * norm).sum(axis=1), to.sum(axis=1)
    counted = (awaited > 0) & (came > 0)
    if counted.sum() < 2:
        return np.broadcast_to(norm, (horizon_years, len(norm)))
    swing = np.log(came[counted] / awaited[counted])
    by_chance = noise / awaited[counted]
    real = max(float((swing**2).mean() - by_chance.mean()), 0.0)
    share = real / (real + float(by_chance[-1])) if real > 0 else 0.0
    fading = _persistence(swing, policy) ** np.arange(1, horizon_years + 1)
    ratios: FloatArray = norm * np.exp(share * _limited(swing, policy) * fading)[:, None]
    return ratios


def _persistence(swing: FloatArray, policy: Policy) -> float:
    """φ of the swing: least squares on the years before, with the policy's value counting as so many years more."""
    stated, years = policy.number("swing_persistence"), policy.number("swing_persistence_years")
    usual = years * float((swing**2).mean())
    over = usual * stated + float((swing[1:] * swing[:-1]).sum())
    under = usual + float((swing[:-1] ** 2).sum())
    return float(np.clip(over / under, 0.0, 1.0)) if under > 0 else stated


def _limited(swing: FloatArray, policy: Policy) -> float:
    """The latest swing, its last change limited to a multiple of what changes used to be."""
    changes = np.diff(swing)
    if len(changes) <= CHANGES_NEEDED:
        return float(swing[-1])
    reach = policy.number("swing_limit") * float(np.sqrt((changes[:-1] ** 2).mean()))
    return float(swing[-2] + np.clip(changes[-1], -reach, reach))
