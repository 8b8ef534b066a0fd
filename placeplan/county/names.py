"""Made-up names that sound English: places from syllables, saints and surnames for schools."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

COUNTY = "Aldershire"
CITY = "Aldrechester"
GROWING_TOWN = "Tarnebridge"
OTHER_TOWN = "Kelverstow"
NEIGHBOURS = ("Westermark", "Thornshire")

STEMS = (
    "Arle",
    "Besk",
    "Calder",
    "Drenn",
    "Eskel",
    "Farrow",
    "Garne",
    "Hesk",
    "Iddle",
    "Jarl",
    "Kemp",
    "Lorne",
    "Mervel",
    "Orle",
    "Perr",
    "Quarn",
    "Rennel",
    "Sarre",
    "Tolle",
    "Umber",
    "Venn",
    "Wexel",
    "Yarrel",
    "Brindle",
    "Corve",
    "Dunnel",
    "Ellick",
    "Fosk",
    "Grindle",
    "Harle",
    "Kelm",
    "Lusk",
    "Mossel",
    "Nettle",
    "Ottel",
    "Pender",
    "Rask",
    "Skelder",
    "Wather",
    "Ambel",
    "Brask",
    "Cotter",
    "Dapple",
    "Hinder",
    "Kettle",
    "Marrick",
    "Pikel",
    "Swarth",
    "Thrave",
    "Uggle",
    "Vessel",
    "Ozel",
    "Ebber",
    "Ravel",
)
VILLAGE_ENDINGS = ("by", "ham", "ton", "ley", "worth", "wick", "combe", "den", "thorpe", "well", "bourne", "stow")
QUARTER_ENDINGS = ("gate", "field", "hill", "park", "bank", "mead", "cross", "wharf", "moor", "fold")
VILLAGE_FORMS = ("{}", "{}", "{}", "{}", "{}", "Great {}", "Little {}", "{} Green", "{} St Ostrith", "Upper {}")
SAINTS = ("Ostrith", "Cynewold", "Aldmer", "Hildwyn", "Wyndred", "Eadmere", "Tilbert", "Osmunda", "Brithwen", "Ceolric")
BISHOP = "Wolverlake"


def place_names(rng: np.random.Generator, count: int, *, urban: bool) -> list[str]:
    """`count` distinct place names."""
    endings, forms = (QUARTER_ENDINGS, ("{}",)) if urban else (VILLAGE_ENDINGS, VILLAGE_FORMS)
    stem = [STEMS[k % len(STEMS)] for k in rng.permutation(count)]
    ending = {word: iter(rng.permutation(endings)) for word in STEMS}  # a stem used twice ends differently
    form = rng.integers(0, len(forms), size=count)
    return [forms[f].format(word + str(next(ending[word]))) for word, f in zip(stem, form, strict=True)]
