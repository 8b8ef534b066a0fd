"""Small words: plurals, days and money as they are said."""

from datetime import date


def counted(count: int, noun: str) -> str:
    """A count with its noun: "1 school", "20 schools", "1,204 planning areas"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def day(text: str) -> str:
    """2022-12-20 as "20 December 2022"; "" where there is none."""
    if not text:
        return ""
    given = date.fromisoformat(text)
    return f"{given.day} {given:%B %Y}"


def money(value: float) -> str:
    """GBP in words: £1.20m, −£350.00k, "none yet" where there is none."""
    if value != value or value in (float("inf"), float("-inf")):
        return "none yet"
    sign = "−" if value < 0 else ""
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{sign}£{abs(value) / size:,.2f}{unit}"
    return f"{sign}£{abs(value):,.0f}"
