"""Small numbers of pupils as public papers tell them: a count that could point at a child is "fewer than 5"."""

from __future__ import annotations

from collections.abc import Sequence

from geodata.policy import Policy

ROUNDED_TO = 5  # pupils: what other counts beside a hidden one are rounded to, so that it is not what is left


def least_told(policy: Policy) -> int:
    """Fewest pupils that public papers tell by number; the data export keeps every figure."""
    return policy.integer("suppress_below_pupils")


def is_small(count: float | None, least: int) -> bool:
    """Whether a number of pupils is some, but fewer than are told."""
    return count is not None and 0 < round(count) < least


def told_count(count: float | None, least: int) -> str:
    """A number of pupils: "17", "fewer than 5", "0", "not given" where it is None or NaN."""
    if count is None or count != count:
        return "not given"
    return f"fewer than {least}" if is_small(count, least) else f"{count:,.0f}"


def told_share(share: float | None, count: float | None, least: int) -> str:
    """A share of so many pupils: "16 %", or that it is not told where the count is small and would follow from it."""
    if share is None or share != share:
        return "a share not given"
    return f"a share not told (fewer than {least} pupils)" if is_small(count, least) else f"{100 * share:.0f} %"


def rounded(count: float) -> str:
    """A number of pupils beside one that is hidden: "about 15"."""
    return f"about {max(ROUNDED_TO * round(count / ROUNDED_TO), ROUNDED_TO):,}"


def told_parts(counts: Sequence[float], least: int) -> list[str]:
    """Parts of a total that is told: where one is small, the others are rounded so that it cannot be worked out."""
    if not any(is_small(count, least) for count in counts):
        return [told_count(count, least) for count in counts]
    return [
        told_count(count, least) if is_small(count, least) or not round(count) else rounded(count) for count in counts
    ]
