"""The award problem: which bids win several lots at once, where published rules link the lots.

A lot is one school to be opened or taken on. A bid covers one lot, or several as a package: all or nothing, with its
own points and price. Bids below a threshold are not in the problem.

    max  Σ_b points[b]·y[b] − Σ_l loss[l]·(1 − Σ_{b covers l} y[b])      and, among the sets of most points,
    min  Σ_b cost[b]·y[b]

    s.t. Σ_{b covers l} y[b] ≤ 1                              every lot l; ≥ 1 where an award is required
         Σ_{b of p} schools[b]·y[b] ≤ most[p]                 every proposer p: schools opened in all …
         Σ_{b of p} schools[b,t]·y[b] ≤ most[p,t]             … and in every opening year t
         Σ_b capital[b,e]·y[b] ≤ envelope[e]                  every envelope e: a year or a pot
         y[b] ≤ Σ_{c in needs[k]} y[c]                        every condition k, of bid b
         lower[r] ≤ Σ_b row[r,b]·y[b] ≤ upper[r]              every further rule r: shares of groups
         y ∈ {0, 1}

========  ==========================  ============================================================================
symbol    array                       meaning
========  ==========================  ============================================================================
b, B      ``bid_*``                   bids and packages; y[b]: bid b wins
l, L      ``lot_*``                   lots
p, P      ``proposer_most``           proposers
t, T      ``lot_year``                opening years
e, E      ``envelope_*``              envelopes of capital
k, K      ``condition_*``             terms on which a bid stands: it wins only if one of the bids it needs wins
r, R      ``row_*``                   further rules over the bids
points    ``points``                  ``(1 − price_weight)·bid_quality + price_weight·bid_price_points``
========  ==========================  ============================================================================

A bid that stands on several lots being won has one condition for each lot, which needs any of the bids, or of its
proposer's bids, that cover the lot.

Quality comes first and cost second (``price_weight`` 0), or quality and price points are added as published, and cost
decides between equals. Leaving a lot without award is a legal outcome where ``lot_required`` says so: the competition
is run again, at a stated loss of points. A bid is never chosen for money where another has more points.

Points are read to a billionth and their totals compared to a millionth, so that thirds that add up to one are equal
to one; money is read and compared to a penny.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.estate import (
    LARGEST,
    TOO_LARGE,
    FloatArray,
    IntArray,
    finite_numbers,
    numbers,
    refuse,
    require_shape,
    whole_numbers,
)

BoolArray = NDArray[np.bool_]

MOST_POINTS = 1e5  # beyond these, sums in billionths of a point and millionths of a row no longer fit 64 bits
MOST_ENTRY = 1e9


def _nothing() -> Any:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class AwardProblem:
    """Lots, bids and the rules that link them, as arrays only; shapes in the comments, symbols above.

    What is left out does not bind. Arrays are converted to int64, float64 and bool. Raises ValueError, naming the
    field and the first bad index, where a shape, a number or a reference is wrong.
    """

    bid_covers: BoolArray  # (B, L) lots the bid takes, all or nothing; B may be 0
    bid_proposer: IntArray  # (B,) proposers are 0 … P-1
    bid_quality: FloatArray  # (B,) weighted points, of all its lots together; not negative
    bid_cost: FloatArray  # (B,) GBP, not negative
    lot_required: BoolArray  # (L,) whether the lot must be awarded
    lot_loss: FloatArray = field(default_factory=_nothing)  # (L,) points lost without award; none given: 0
    proposer_most: FloatArray = field(default_factory=_nothing)  # (P,) schools; may be inf
    lot_year: IntArray | None = None  # (L,) opening year 0 … T-1
    proposer_most_by_year: FloatArray | None = None  # (P, T) schools; may be inf
    bid_capital: FloatArray = field(default_factory=_nothing)  # (B, E) GBP
    envelope_limit: FloatArray = field(default_factory=_nothing)  # (E,) GBP; may be inf
    condition_bid: IntArray = field(default_factory=_nothing)  # (K,) this bid wins only …
    condition_needs: BoolArray = field(default_factory=_nothing)  # (K, B) … with at least one of these
    row_matrix: FloatArray = field(default_factory=_nothing)  # (R, B)
    row_lower: FloatArray = field(default_factory=_nothing)  # (R,) may be -inf
    row_upper: FloatArray = field(default_factory=_nothing)  # (R,) may be inf
    bid_price_points: FloatArray | None = None  # (B,) of all its lots together; not negative
    price_weight: float = 0.0  # share of price points in the points that rank; 0: quality first, cost second
    bid_name: Sequence[str] = ()  # words a commissioner recognises, one each; numbers where none are given
    lot_name: Sequence[str] = ()
    proposer_name: Sequence[str] = ()
    year_name: Sequence[str] = ()
    envelope_name: Sequence[str] = ()
    condition_name: Sequence[str] = ()
    row_name: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._check_bids()
        self._check_lots()
        self._check_points()
        self._check_proposers()
        self._check_envelopes()
        self._check_conditions()
        self._check_rows()
        self._check_names()

    # -- counts -----------------------------------------------------------------------------------------

    @property
    def n_bids(self) -> int:
        """B."""
        return int(self.bid_covers.shape[0])

    @property
    def n_lots(self) -> int:
        """L."""
        return int(self.bid_covers.shape[1])

    @property
    def n_proposers(self) -> int:
        """P."""
        return len(self.proposer_most)

    # -- what ranks -------------------------------------------------------------------------------------

    @property
    def points(self) -> FloatArray:
        """(B,) the points of a bid under the published rule."""
        if self.bid_price_points is None:
            return self.bid_quality
        return np.asarray((1.0 - self.price_weight) * self.bid_quality + self.price_weight * self.bid_price_points)

    # -- checks -----------------------------------------------------------------------------------------

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_bids(self) -> None:
        covers = yes_or_no("bid_covers", self.bid_covers)
        if covers.ndim != 2 or not covers.shape[1]:
            raise ValueError(f"bid_covers has shape {covers.shape}, expected (bids, lots) with at least one lot")
        self._set("bid_covers", covers)
        size = covers.sum(axis=1)
        refuse("bid_covers", size, size == 0, "the bid covers no lot")
        for name in ("bid_quality", "bid_cost"):
            self._set(name, finite_numbers(name, getattr(self, name)))
            require_shape(name, getattr(self, name), (self.n_bids,))
        refuse("bid_cost", self.bid_cost, self.bid_cost < 0, "a cost cannot be negative")
        refuse("bid_cost", self.bid_cost, self.bid_cost > LARGEST, TOO_LARGE)

    def _check_lots(self) -> None:
        required = yes_or_no("lot_required", self.lot_required)
        require_shape("lot_required", required, (self.n_lots,))
        loss = finite_numbers("lot_loss", self.lot_loss)
        loss = loss if loss.size else np.zeros(self.n_lots)
        require_shape("lot_loss", loss, (self.n_lots,))
        refuse("lot_loss", loss, loss < 0, "points lost cannot be negative")
        refuse("lot_loss", loss, loss > MOST_POINTS, f"above {MOST_POINTS:g} points")
        self._set("lot_required", required)
        self._set("lot_loss", loss)

    def _check_points(self) -> None:
        if not 0.0 <= self.price_weight <= 1.0:
            raise ValueError(f"price_weight = {self.price_weight}: a share from 0 to 1")
        if self.bid_price_points is not None:
            self._set("bid_price_points", finite_numbers("bid_price_points", self.bid_price_points))
        elif self.price_weight:
            raise ValueError(f"price_weight = {self.price_weight} but bid_price_points are not given")
        for name in ("bid_quality", "bid_price_points"):
            points = getattr(self, name)
            if points is not None:
                require_shape(name, points, (self.n_bids,))
                refuse(name, points, points < 0, "points cannot be negative")
                refuse(name, points, points > MOST_POINTS, f"above {MOST_POINTS:g} points")

    def _check_proposers(self) -> None:
        proposer = whole_numbers("bid_proposer", self.bid_proposer)
        require_shape("bid_proposer", proposer, (self.n_bids,))
        most = numbers("proposer_most", self.proposer_most)
        if not most.size:
            most = np.full(int(proposer.max(initial=-1)) + 1, np.inf)
        out = (proposer < 0) | (proposer >= len(most))
        refuse("bid_proposer", proposer, out, f"proposers are 0 … {len(most) - 1}")
        require_shape("proposer_most", most, (len(most),))
        refuse("proposer_most", most, ~(most >= 0), "a number of schools, not negative")
        self._set("bid_proposer", proposer)
        self._set("proposer_most", most)
        if (self.lot_year is None) != (self.proposer_most_by_year is None):
            raise ValueError("lot_year and proposer_most_by_year are given both or neither")
        if self.lot_year is None or self.proposer_most_by_year is None:
            return
        year = whole_numbers("lot_year", self.lot_year)
        by_year = numbers("proposer_most_by_year", self.proposer_most_by_year)
        require_shape("lot_year", year, (self.n_lots,))
        require_shape("proposer_most_by_year", by_year, (len(most), by_year.shape[-1] if by_year.ndim else 0))
        out = (year < 0) | (year >= by_year.shape[1])
        refuse("lot_year", year, out, f"opening years are 0 … {by_year.shape[1] - 1}")
        refuse("proposer_most_by_year", by_year, ~(by_year >= 0), "a number of schools, not negative")
        self._set("lot_year", year)
        self._set("proposer_most_by_year", by_year)

    def _check_envelopes(self) -> None:
        limit = numbers("envelope_limit", self.envelope_limit)
        require_shape("envelope_limit", limit, (limit.size,))
        refuse("envelope_limit", limit, ~(limit >= 0), "an amount, not negative")
        refuse("envelope_limit", limit, np.isfinite(limit) & (limit > LARGEST), TOO_LARGE)
        capital = finite_numbers("bid_capital", self.bid_capital)
        capital = capital if capital.shape != (0,) else np.zeros((self.n_bids, 0))
        require_shape("bid_capital", capital, (self.n_bids, len(limit)))
        refuse("bid_capital", capital, capital < 0, "capital cannot be negative")
        refuse("bid_capital", capital, capital > LARGEST, TOO_LARGE)
        self._set("envelope_limit", limit)
        self._set("bid_capital", capital)

    def _check_conditions(self) -> None:
        bid = whole_numbers("condition_bid", self.condition_bid)
        needs = yes_or_no("condition_needs", self.condition_needs)
        needs = needs if needs.size else np.zeros((len(bid), self.n_bids), dtype=bool)
        require_shape("condition_bid", bid, (len(bid),))
        require_shape("condition_needs", needs, (len(bid), self.n_bids))
        refuse("condition_bid", bid, (bid < 0) | (bid >= self.n_bids), f"bids are 0 … {self.n_bids - 1}")
        refuse("condition_bid", bid, needs[np.arange(len(bid)), bid], "the bid needs itself, so it needs nothing")
        self._set("condition_bid", bid)
        self._set("condition_needs", needs)

    def _check_rows(self) -> None:
        matrix = finite_numbers("row_matrix", self.row_matrix)
        bounds = {name: numbers(name, getattr(self, name)) for name in ("row_lower", "row_upper")}
        n_rows = bounds["row_lower"].size
        matrix = matrix if matrix.size else np.zeros((n_rows, self.n_bids))
        require_shape("row_matrix", matrix, (n_rows, self.n_bids))
        refuse("row_matrix", matrix, np.abs(matrix) > MOST_ENTRY, f"above {MOST_ENTRY:g}")
        for name, bound in bounds.items():
            require_shape(name, bound, (n_rows,))
            refuse(name, bound, np.isnan(bound), "not a number")
            refuse(name, bound, np.isfinite(bound) & (np.abs(bound) > MOST_ENTRY), f"above {MOST_ENTRY:g}")
            self._set(name, bound)
        refuse("row_lower", bounds["row_lower"], bounds["row_lower"] == np.inf, "no level reaches it")
        refuse("row_upper", bounds["row_upper"], bounds["row_upper"] == -np.inf, "no level is below it")
        self._set("row_matrix", matrix)

    def _check_names(self) -> None:
        n_years = 0 if self.proposer_most_by_year is None else self.proposer_most_by_year.shape[1]
        counts = {
            "bid": self.n_bids, "lot": self.n_lots, "proposer": self.n_proposers,
            "year": n_years, "envelope": len(self.envelope_limit), "row": len(self.row_lower),
        }  # fmt: skip
        for what, count in counts.items():
            names = tuple(getattr(self, f"{what}_name"))
            if names and len(names) != count:
                raise ValueError(f"{what}_name has {len(names)} names for {count} {what}s")
            self._set(f"{what}_name", names or tuple(f"{what} {i}" for i in range(count)))
        terms = tuple(self.condition_name)
        if terms and len(terms) != len(self.condition_bid):
            raise ValueError(f"condition_name has {len(terms)} names for {len(self.condition_bid)} conditions")
        self._set("condition_name", terms or tuple(self._term(k) for k in range(len(self.condition_bid))))

    def _term(self, condition: int) -> str:
        needs = [self.bid_name[bid] for bid in np.flatnonzero(self.condition_needs[condition]).tolist()]
        return (
            f"{self.bid_name[self.condition_bid[condition]]} wins only with {' or '.join(needs) or 'what is not bid'}"
        )


def share_rows(
    part: ArrayLike, whole: ArrayLike, lower: float, upper: float, there: tuple[float, float] = (0.0, 0.0)
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(matrix (2, B), lower (2,), upper (2,)) of rows that keep a group's share of places between two shares.

    `part` and `whole` (B,) are the group's and all places of each bid, `there` those that exist already. With no
    award and nothing there, no share is out of bounds.
    """
    part, whole = finite_numbers("part", part), finite_numbers("whole", whole)
    require_shape("part", part, whole.shape)
    if not 0.0 <= lower <= upper <= 1.0:
        raise ValueError(f"shares {lower} to {upper}: from 0 to 1, the lower first")
    matrix = np.stack([part - lower * whole, part - upper * whole])
    least, most = lower * there[1] - there[0], upper * there[1] - there[0]
    return matrix, np.array([least, -np.inf]), np.array([np.inf, most])


def yes_or_no(name: str, values: ArrayLike) -> BoolArray:
    """Values as bool; ValueError names the first that is neither 0 nor 1."""
    given = numbers(name, values)
    refuse(name, given, (given != 0) & (given != 1), "neither yes (1) nor no (0)")
    return given.astype(bool)
