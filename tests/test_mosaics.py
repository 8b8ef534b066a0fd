"""How large the next tiles are: by what the last ones took, so that no time is left without work on the bound."""

from types import SimpleNamespace

import pytest

from solvers.mosaics import LEAST_PACE, LEAST_TILE, TILE_POWER, TILE_S, Mosaics


def pace(taken_s: list[float], size: float, closed: bool) -> float:
    mosaics = object.__new__(Mosaics)
    mosaics._latest = SimpleNamespace(taken_s=taken_s, size=size, closed=closed)
    return mosaics._pace()


def test_larger_tiles_are_expected_to_take_what_the_last_ones_took_of_their_time() -> None:
    assert pace([TILE_S / 4, TILE_S / 2], LEAST_TILE, closed=True) == pytest.approx(3 / 8)
    assert pace([TILE_S], 4 * LEAST_TILE, closed=True) == pytest.approx(4**-TILE_POWER)
    assert pace([TILE_S / 4], LEAST_TILE, closed=False) == 1  # some were not solved in their time
    assert pace([], LEAST_TILE, closed=True) == 1
    assert pace([1e-6], LEAST_TILE, closed=True) == LEAST_PACE


def test_an_easy_estate_is_laid_in_one_tile_where_a_hard_one_is_not() -> None:
    """With half a minute left: at the usual pace larger tiles would not be done, at a fiftieth of it they are."""
    sizes = []
    for taken_s in (TILE_S, TILE_S / 50):
        mosaics = object.__new__(Mosaics)
        mosaics._latest = SimpleNamespace(taken_s=[taken_s], size=LEAST_TILE, closed=True)
        mosaics._load, mosaics._workers, mosaics._clock = (
            SimpleNamespace(sum=lambda: 20_000),
            2,
            SimpleNamespace(left_s=30),
        )
        laid: list[float] = []
        mosaics._lay = lambda size, seconds, laid=laid: laid.append(size)  # type: ignore[method-assign]
        mosaics._following()
        sizes.append(laid)
    assert sizes[0] == [] and sizes[1][0] == pytest.approx(2 * LEAST_TILE)
