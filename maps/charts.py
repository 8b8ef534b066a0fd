"""Small charts inside a popup: a forecast with its range by year, and a shown year's cohorts side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Band:
    """A figure of each feature by year of the page's slider, with the range from p10 to p90.

    ``mean``, ``low`` and ``high`` are (features, years); NaN where there is no figure or no range.
    """

    name: str
    mean: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    def as_json(self) -> dict[str, Any]:
        """The chart as the page's script reads it: whole numbers, null where there is none."""
        rows = {key: _whole(values) for key, values in (("mean", self.mean), ("low", self.low), ("high", self.high))}
        return {"kind": "band", "name": self.name, **rows}


@dataclass(frozen=True)
class Bars:
    """Figures of each feature side by side for the shown year: ``values`` (features, years, labels)."""

    name: str
    labels: Sequence[str]
    values: npt.NDArray[np.float64]

    def as_json(self) -> dict[str, Any]:
        """The chart as the page's script reads it: whole numbers, null where there is none."""
        return {"kind": "bars", "name": self.name, "labels": list(self.labels), "values": _whole(self.values)}


Chart = Band | Bars


def _whole(values: npt.NDArray[np.float64]) -> Any:
    known = np.isfinite(values)
    rounded = np.round(np.where(known, values, 0.0)).astype(int).astype(object)
    rounded[~known] = None
    return rounded.tolist()
