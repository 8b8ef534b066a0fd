"""Joint draws of pupils: errors that go together across year groups, years and localities, from one seed.

    draw = max(0, μ + q·e)        e as in `models.error_model`

μ and q of each cell are those for which the normal curve cut off at nobody keeps the forecast as its mean and the
model's variance. Draws come in pairs, e and −e, so that away from zero their mean is the forecast itself. A locality
cell's quantiles follow from that curve and need no draws: exact, and the same for every seed. Sums do need them.

Random numbers are keyed by the seed and by tiles of 64 localities, so that the same seed gives the same draws in
blocks of any size, and a block can be made again without the ones before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import norm

from models.cohorts import FloatArray, IntArray, cube_frame
from models.error_model import ErrorModel, PlanningAreas

Float32Array = NDArray[np.float32]
TILE = 64  # localities that share a stream of random numbers; part of what a seed means
THREADS = 2  # tiles drawn at once; numpy works without Python's lock
OF_AUTHORITY, OF_AREAS, OF_LOCALITIES = range(3)  # spawn keys of the streams, and positions in ErrorModel


LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, eq=False)
class Draws:
    """Everything that joint draws are made from; nothing is drawn until blocks are asked for.

    Attributes
    ----------
    mean : (L, H, G) pupils, the point forecast.
    model : variance components of relative errors.
    areas : planning areas of the L localities.
    seed, n_draws : the same two give the same draws.

    """

    mean: FloatArray
    model: ErrorModel
    areas: PlanningAreas
    seed: int = 0
    n_draws: int = 200

    def blocks(self, block: int = TILE) -> Iterator[tuple[slice, Float32Array]]:
        """Localities of each block (rounded up to whole tiles) and their draws (N, localities, H, G)."""
        size = -(-block // TILE) * TILE
        for first in range(0, len(self.mean), size):
            here = slice(first, min(first + size, len(self.mean)))
            tiles = [self._tile(t) for t in range(first // TILE, -(-here.stop // TILE))]
            drawn: Float32Array = np.concatenate(tiles) if len(tiles) > 1 else tiles[0]
            yield here, drawn.transpose(3, 0, 1, 2)

    def quantiles(self, shares: Sequence[float] = (0.1, 0.5, 0.9)) -> FloatArray:
        """Quantiles (len(shares), L, H, G) that draws of single cells tend to."""
        _, whole = self.model.relative_sd(self.mean)
        centre, scale = _cut_normal(whole)
        return np.stack([np.maximum(self.mean * scale * (centre + norm.ppf(share)), 0.0) for share in shares])

    def area_sums(self) -> tuple[Float32Array, ...]:
        """Draws (N, A, H, year groups of the phase) of planning areas, phase by phase."""
        n_years = self.mean.shape[1]
        sums = [
            np.zeros((len(names), n_years, groups.stop - groups.start, self.n_draws), dtype=np.float32)
            for names, groups in zip(self.areas.names, self.areas.groups, strict=True)
        ]
        _ = self._shared  # made once, before threads ask for it
        # Tiles are added in their order, so that rounding does not depend on which thread was first.
        with ThreadPoolExecutor(THREADS) as pool:
            for found in pool.map(self._tile_sums, range(-(-len(self.mean) // TILE))):
                for total, (areas, part) in zip(sums, found, strict=True):
                    total[areas] += part
        return tuple(np.moveaxis(total, -1, 0) for total in sums)

    def _tile_sums(self, tile: int) -> list[tuple[IntArray, Float32Array]]:
        """Areas of one tile and the sums (areas, H, year groups of the phase, N) of its localities, phase by phase."""
        pupils = self._tile(tile)
        sums = []
        for at, groups in zip(self.areas.of_locality, self.areas.groups, strict=True):
            found, local = np.unique(at[tile * TILE : (tile + 1) * TILE], return_inverse=True)
            members = csr_matrix(
                (np.ones(len(local), dtype=np.float32), (local, np.arange(len(local)))), (len(found), len(local))
            )
            part = pupils[:, :, groups]
            sums.append((found, (members @ part.reshape(len(local), -1)).reshape(len(found), *part.shape[1:])))
        return sums

    def area_table(self, years: Sequence[str], year_groups: Sequence[str]) -> pd.DataFrame:
        """The table `draws`: planning_area, academic_year, year_group, draw (from 0), pupils."""
        frames = []
        for names, groups, sums in zip(self.areas.names, self.areas.groups, self.area_sums(), strict=True):
            axes: dict[str, Sequence[object]] = {
                "planning_area": names,
                "academic_year": list(years),
                "year_group": list(year_groups[groups]),
                "draw": range(self.n_draws),
            }
            frames.append(cube_frame(axes, pupils=np.moveaxis(sums, 0, -1).astype(float)))
        return pd.concat(frames, ignore_index=True)

    def _tile(self, tile: int) -> Float32Array:
        """Draws (localities, H, G, N) of one tile."""
        here = slice(tile * TILE, min((tile + 1) * TILE, len(self.mean)))
        mean = self.mean[here]
        own, whole = self.model.relative_sd(mean, here)
        centre, scale = _cut_normal(whole)
        slope = _divide(mean * scale, whole)  # pupils for each unit of relative error
        error = self._factor((OF_LOCALITIES, tile), len(mean), OF_LOCALITIES, each=slope * own)
        for shared, at, groups in zip(self._shared, self.areas.of_locality, self.areas.groups, strict=True):
            error[:, :, groups] += slope[:, :, groups, None].astype(np.float32) * shared[at[here]]
        middle = (mean * scale * centre).astype(np.float32)[..., None]
        half = error.shape[-1]
        drawn = np.empty((*mean.shape, self.n_draws), dtype=np.float32)
        np.add(middle, error, out=drawn[..., :half])
        np.subtract(middle, error[..., : self.n_draws - half], out=drawn[..., half:])
        np.maximum(drawn, 0.0, out=drawn)
        return drawn

    @cached_property
    def _shared(self) -> tuple[Float32Array, ...]:
        """Relative errors (A, H, year groups of the phase, N ÷ 2) that localities of an area have in common."""
        common = self._factor((OF_AUTHORITY,), 1, OF_AUTHORITY) * self.model.common.astype(np.float32)[..., None]
        parts = []
        for phase, (names, groups) in enumerate(zip(self.areas.names, self.areas.groups, strict=True)):
            area = self._factor((OF_AREAS, phase), len(names), OF_AREAS, groups)
            area *= self.model.area[:, groups, None].astype(np.float32)
            parts.append(area + common[:, :, groups])
        return tuple(parts)

    def _factor(
        self,
        key: tuple[int, ...],
        count: int,
        level: int,
        groups: slice = slice(None),
        each: FloatArray | float = 1.0,
    ) -> Float32Array:
        """Normal Z (count, H, year groups, N ÷ 2) as in models.error_model, of deviation `each`."""
        together = self.model.together[level][:, groups]
        n_years, n_groups = together.shape
        apart, shared = (np.sqrt(part) * each for part in (1 - together, together))
        half = (self.n_draws + 1) // 2
        rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.seed, spawn_key=key)))
        cohort = rng.standard_normal((count, n_years, n_groups, half), dtype=np.float32)
        year = rng.standard_normal((count, n_years, half), dtype=np.float32)
        for h in range(1, n_years):
            kept = np.float32((h / (h + 1)) ** self.model.fading[level])
            fresh = np.sqrt(1 - kept**2)
            cohort[:, h, 1:] *= fresh
            cohort[:, h, 1:] += kept * cohort[:, h - 1, :-1]
            year[:, h] = fresh * year[:, h] + kept * year[:, h - 1]
        cohort *= apart.astype(np.float32)[..., None]
        cohort += shared.astype(np.float32)[..., None] * year[:, :, None]
        return cohort


def _divide(part: FloatArray, whole: FloatArray) -> FloatArray:
    quotient: FloatArray = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return quotient


def _cut_normal(relative_sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centre and scale of max(0, scale·(centre + Z)) with mean 1 and that standard deviation.

    Read from a table, linear in between, below a sixth: there the cut is beyond six deviations. Above 30 (a few
    hundredths of a pupil) the deviation is 30.
    """
    relative_sd = np.maximum(relative_sd, LEAST_DEVIATION)  # a forecast that was never out is drawn as it stands
    centre, deviation = _curve()
    wide = np.clip(relative_sd, deviation[-1], deviation[0])
    found = np.interp(wide, deviation[::-1], centre[::-1])
    scale = np.where(relative_sd > deviation[-1], 1 / (norm.pdf(found) + found * norm.cdf(found)), relative_sd)
    return np.where(relative_sd > deviation[-1], found, _divide(np.ones_like(scale), relative_sd)), scale


@cache
def _curve() -> tuple[FloatArray, FloatArray]:
    """Centres, ascending, and the standard deviations of max(0, centre + Z) ÷ its mean."""
    centre = np.linspace(-3.0, 6.0, 2001)
    density, below = norm.pdf(centre), norm.cdf(centre)
    mean = density + centre * below
    return centre, np.sqrt((1 + centre**2) * below + centre * density - mean**2) / mean


@dataclass(frozen=True, eq=False)
class Scenarios:
    """A few joint draws that stand for all.

    Attributes
    ----------
    pupils : (n, L, H, G) float32.
    weight : (n,) probabilities, summing to 1.
    share : (n,) share of draws with a smaller authority total.
    draw : (n,) the draws chosen.

    """

    pupils: Float32Array
    weight: FloatArray
    share: FloatArray
    draw: IntArray


def area_scenarios(draws: Draws, n: int) -> Scenarios:
    """The draws in the middle of n equal parts of all draws, ordered by the authority's pupil-years.

    Each is one possible future of every locality at once, so peaks do not fall everywhere in the same scenario.
    """
    total = np.zeros(draws.n_draws)
    for _, drawn in draws.blocks():
        total += drawn.sum(axis=(1, 2, 3), dtype=float)
    share = (np.arange(n) + 0.5) / n
    chosen = np.argsort(total, kind="stable")[(share * draws.n_draws).astype(np.int64)]
    pupils = np.empty((n, *draws.mean.shape), dtype=np.float32)
    for here, drawn in draws.blocks():
        pupils[:, here] = drawn[chosen]
    return Scenarios(pupils, np.full(n, 1 / n), share, chosen)
