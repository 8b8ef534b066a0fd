"""Colours that readers with a colour vision deficiency can tell apart, as far as a simulation can say."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from maps import palette

Floats = npt.NDArray[np.float64]
FILL_OPACITY = 0.75
APART = 8.0  # CIE 1976 colour difference; about 2.3 is just noticeable side by side

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear sRGB: a twelfth of all men have one of the first two.
SEEN = {
    "usual": np.eye(3),
    "protanopia": np.reshape(
        [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998], (3, 3)
    ),
    "deuteranopia": np.reshape(
        [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881], (3, 3)
    ),
    "tritanopia": np.reshape(
        [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900], (3, 3)
    ),
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
D65 = np.array([0.95047, 1.0, 1.08883])


def srgb(colour: str) -> Floats:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255


def linear(encoded: Floats) -> Floats:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def lab(light: Floats) -> Floats:
    """CIE L*a*b* of linear sRGB."""
    x, y, z = np.where((t := XYZ @ light / D65) > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(first: str, second: str) -> float:
    """WCAG's contrast ratio."""
    one, other = sorted(float(XYZ[1] @ linear(srgb(colour))) for colour in (first, second))
    return (other + 0.05) / (one + 0.05)


def test_black_on_white_and_the_difference_of_greys_are_known() -> None:
    """The measuring stick itself is wrong."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21, abs=0.01)
    assert lab(linear(srgb("#777777"))) == pytest.approx([50.03, 0, 0], abs=0.1)


@pytest.mark.parametrize("eyes", SEEN)
@pytest.mark.parametrize("name", ["PUPILS", "CHANGE", "SPARE", "NEED", "CHANCE", "GROUPS"])
def test_classes_of_a_sequence_stay_apart(name: str, eyes: str) -> None:
    """Two classes of a map look the same to some of its readers."""
    fills = [FILL_OPACITY * srgb(colour) + 1 - FILL_OPACITY for colour in getattr(palette, name)]
    seen = [lab(np.clip(SEEN[eyes] @ linear(fill), 0, 1)) for fill in fills]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) >= APART


@pytest.mark.parametrize("name", ["PUPILS", "SPARE", "NEED", "CHANCE"])
def test_a_sequence_is_darker_where_there_is_more(name: str) -> None:
    """A printed or grey map ranks its classes otherwise than the colours do."""
    lightness = [lab(linear(srgb(colour)))[0] for colour in getattr(palette, name)]
    assert (np.diff(lightness) < -8).all()


def test_signs_stand_out_from_the_map() -> None:
    """A marker or a line fainter than WCAG's 3 to 1 for graphics (1.4.11)."""
    for colour in (palette.INK, palette.GREY, palette.ADDS):
        assert contrast(colour, palette.WHITE) >= 3
