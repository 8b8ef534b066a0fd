"""Class breaks a reader can remember: few, round and the same in every year, so that colours compare."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from maps.tables import whole

NICE = np.array([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])


def round_breaks(values: npt.NDArray[np.float64], parts: int) -> npt.NDArray[np.float64]:
    """Up to ``parts`` − 1 rising round numbers that cut the finite values into about equally full classes."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.array([])
    cuts = np.unique([_nice(cut) for cut in np.quantile(finite, np.arange(1, parts) / parts)])
    return np.asarray(cuts[(cuts > finite.min()) & (cuts <= finite.max())])


def symmetric_breaks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(−b, −a, a, b) for changes: within ±a is about the same; a and b the 40 % and 80 % points, made
    round.
    """
    size = np.abs(values[np.isfinite(values)])
    inner, outer = np.quantile(size, [0.4, 0.8]) if size.size else (1.0, 2.0)
    inner = max(_nice(inner), 1.0)
    outer = max(_nice(outer), 2 * inner)
    return np.array([-outer, -inner, inner, outer])


def classed(values: npt.NDArray[np.float64], breaks: npt.NDArray[np.float64]) -> npt.NDArray[np.int_]:
    """Class of each value: 0 below the first break, values on a break above it; len(breaks) + 1 for no
    figure.
    """
    return np.where(np.isfinite(values), np.digitize(values, breaks), len(breaks) + 1).astype(int)


def break_labels(breaks: npt.NDArray[np.float64], unit: str = "") -> list[str]:
    """Legend texts of the classes between breaks."""
    texts = [(whole(value) if abs(value) >= 1000 else f"{value:.4g}".replace("-", "−")) + unit for value in breaks]
    if not texts:
        return ["all"]
    inner = [f"{low} to under {high}" for low, high in pairwise(texts)]
    return [f"under {texts[0]}", *inner, f"{texts[-1]} or more"]


def change_labels(breaks: npt.NDArray[np.float64]) -> list[str]:
    """Legend texts of the five classes between symmetric breaks."""
    near, far = whole(breaks[2]), whole(breaks[3])
    return [
        f"more than {far} fewer",
        f"{near} to {far} fewer",
        f"about the same (within {near})",
        f"{near} to {far} more",
        f"{far} more, or above",
    ]


def _nice(value: float) -> float:
    """The round number nearest to a positive value; 0 stays."""
    if value <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(NICE[np.abs(NICE * power - value).argmin()] * power)
