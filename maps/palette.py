"""Every colour a map uses, once.

Sequences are ColorBrewer's and marked colour-blind safe there. They include color specifications and designs
developed by Cynthia Brewer (https://colorbrewer2.org/), Apache-2.0.
"""

from typing import Final

PUPILS: Final = ("#ffffcc", "#a1dab4", "#41b6c4", "#2c7fb8", "#253494")
"""YlGnBu, 5 classes: few to many pupils."""

CHANGE: Final = ("#e66101", "#fdb863", "#f7f7f7", "#b2abd2", "#5e3c99")
"""PuOr, 5 classes: fewer (orange), about the same (white), more (purple)."""

SPARE: Final = ("#eff3ff", "#bdd7e7", "#6baed6", "#2171b5")
"""Blues, 4 classes: few to many spare places."""

NEED: Final = ("#fdbe85", "#fd8d3c", "#d94701")
"""Oranges, the darker 3 of 4 classes: a little to much need."""

CHANCE: Final = ("#feedde", "#fdbe85", "#fd8d3c", "#e6550d", "#a63603")
"""Oranges, 5 classes: unlikely to nearly certain."""

GROUPS: Final = ("#a6cee3", "#1f78b4", "#b2df8a", "#33a02c")
"""Paired, 4 classes: neighbours told apart; the colours rank nothing."""

LINES: Final = ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#a6761d")
"""Dark2, 6 classes: lines told apart; the colours rank nothing."""

ADDS, ADDS_LIGHT, TAKES_LIGHT, TAKES = "#5e3c99", "#b2abd2", "#fdb863", "#e66101"
"""The ends of PuOr: a decision that adds places is purple, one that takes them away orange."""

JOINS: Final = PUPILS[2]
"""What two schools do together."""

INK: Final = "#252525"
GREY: Final = "#737373"
PALE: Final = "#d9d9d9"
WHITE: Final = "#ffffff"
"""Greys, ColorBrewer: outlines, whatever stays as it is, and what has no figure."""
