"""Departures of localities from what all of them do, each pulled towards its parents by its own sampling noise.

    departure = parent · (1 + n / (n + κ) · (observed ÷ expected − 1)),      κ = noise ÷ variance between localities

n is the number of pupils the departure effectively rests on, (Σ w·E)² ÷ Σ w²·E; a locality's parents are its
planning area and authority, shrunk in the same way towards all localities. Both variances are estimated by the
method of moments: noise from what the year groups of one locality do differently in one year, the variance between
localities from what their departures scatter beyond it. (Empirical Bayes; Fay and Herriot 1979.) Large authorities
so keep nearly all of their own ratio, village schools nearly none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.cohorts import BoolArray, FloatArray, IntArray
from models.groups import grouped, membership

POISSON = 1.0  # noise variance per pupil where nothing can be estimated
SMALLEST = 1e-9  # noise of counts that follow their ratio exactly
MEDIAN_OF_SQUARE = 0.4549  # of a standard normal variable
OUTLIER = 20.0  # squared departures count up to this many times their median: schools open and close


def dispersion(observed: FloatArray, expected: FloatArray) -> float:
    """Sampling variance ÷ mean of the counts (L, T, K), 0 where not known; 1 for a Poisson count.

    Where there are several links, what a locality does in one year in all of them is taken out first. A drift of
    the level grows with the years between two counts while noise does not: with D₁ and D₂ the squared
    differences of ratios one and two years apart, the noise is D₁ − D₂ ÷ 2 (half of D₁ with two years only).
    """
    known: BoolArray = expected >= 1
    o, e = np.where(known, observed, 0.0), np.where(known, expected, 0.0)
    links = observed.shape[2]
    if links > 1:
        e = e * _ratio(o.sum(axis=1, keepdims=True), e.sum(axis=1, keepdims=True))
        e = e * _ratio(o.sum(axis=2, keepdims=True), e.sum(axis=2, keepdims=True))
    one, two = (_square_difference(o, e, lag) for lag in (1, 2))
    if one is None:
        return POISSON
    noise = one / 2 if two is None else max(one - two / 2, one / 8)
    return max(noise * links / (links - 1) if links > 1 else noise, SMALLEST)


def _square_difference(observed: FloatArray, expected: FloatArray, lag: int) -> float | None:
    """Squared difference of ratios so many years apart, in units of 1 ÷ pupils; None where there is none.

    Taken from the median, as if differences were normal: where a school opens or closes is no matter of chance.
    """
    e0, e1 = expected[:, :-lag], expected[:, lag:]
    both: BoolArray = (e0 > 0) & (e1 > 0)
    if not both.any():
        return None
    r0, r1, e0, e1 = observed[:, :-lag][both] / e0[both], observed[:, lag:][both] / e1[both], e0[both], e1[both]
    return float(np.median((r1 - r0) ** 2 * 2 / (1 / e0 + 1 / e1))) / MEDIAN_OF_SQUARE


def departures(
    observed: FloatArray,
    expected: FloatArray,
    weight: FloatArray,
    noise: float,
    prior: FloatArray | None,
    levels: Sequence[IntArray] = (),
    fitted: FloatArray | None = None,
) -> FloatArray:
    """Departure (L, K) of each locality from `expected` (L, T, K), years weighted by `weight` (T, K).

    `noise` is variance ÷ mean of a count; `prior` (K,), where given, is how many expected pupils' worth of the
    parents is added to each locality's own (0: none) instead of what the data say. `fitted` (T, K) are the weights
    under which the same counts already made up `expected`: what is left then scatters less.
    """
    parent = np.ones((len(observed), observed.shape[2]))
    for codes in levels:
        names, at = np.unique(codes, return_inverse=True)
        if 1 < len(names) < len(codes):
            members = membership(at, len(names))
            came, awaited = grouped(members, observed), grouped(members, expected * parent[:, None])
            parent = parent * _shrunk(came, awaited, weight, noise, prior, fitted)[at]
    return parent * _shrunk(observed, expected * parent[:, None], weight, noise, prior, fitted)


def _shrunk(
    observed: FloatArray,
    expected: FloatArray,
    weight: FloatArray,
    noise: float,
    prior: FloatArray | None,
    fitted: FloatArray | None,
) -> FloatArray:
    """One level of `departures`: (L, K)."""
    came, awaited = (observed * weight).sum(axis=1), (expected * weight).sum(axis=1)
    if prior is not None:
        return _ratio(came + prior, awaited + prior)
    own = _ratio(came, awaited)
    share = _share(expected, weight)
    if fitted is not None:
        share = share - _share(expected, fitted)
    scatter = np.divide(share**2, expected, out=np.zeros_like(share), where=expected > 0).sum(axis=1)
    known: BoolArray = scatter > 1e-15
    pupils = np.divide(1.0, scatter, out=np.zeros_like(scatter), where=known)
    typical = known & (came > 0)
    square = pupils[typical] * (own[typical] - 1) ** 2
    if len(square) and (middle := float(np.median(square))) > 0:
        square = np.minimum(square, OUTLIER * middle)
    between = float(square.sum()) - noise * len(square)
    if between <= 0:
        return np.ones_like(own)
    kappa = noise * float(pupils[typical].sum()) / between
    shrunk: FloatArray = 1 + pupils / (pupils + kappa) * (own - 1)
    return shrunk


def _share(expected: FloatArray, weight: FloatArray) -> FloatArray:
    weighted = expected * weight
    total = weighted.sum(axis=1, keepdims=True)
    share: FloatArray = np.divide(weighted, total, out=np.zeros_like(weighted), where=total > 0)
    return share


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    quotient: FloatArray = np.divide(numerator, denominator, out=np.ones_like(numerator), where=denominator > 0)
    return quotient
