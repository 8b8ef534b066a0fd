"""Numbers as a reader sees them, and the plain table under each map."""

from collections.abc import Collection
from html import escape

import pandas as pd


def whole(value: float) -> str:
    """1,234 or −12; a dash where there is no figure."""
    return "–" if pd.isna(value) else f"{value:,.0f}".replace("-0", "0").replace("-", "−")


def signed(value: float) -> str:
    """+12, −12 or 0; a dash where there is no figure."""
    text = whole(value)
    return f"+{text}" if value > 0 and text != "0" else text


def between(low: float, high: float) -> str:
    """110–136, the range from p10 to p90."""
    return f"{whole(low)}–{whole(high)}" if pd.notna(low) and pd.notna(high) else "–"


def pounds(value: float) -> str:
    """£1.2 million, £350,000; a dash where there is no figure."""
    if pd.isna(value):
        return "–"
    sign, size = ("−" if value < 0 else ""), abs(value)
    return f"{sign}£{size / 1e6:,.1f} million" if size >= 999_500 else f"{sign}£{size:,.0f}"


def text(value: object) -> str:
    """Any cell as text; a dash where there is none."""
    return "–" if pd.isna(value) or value == "" else str(value)


def html_table(table: pd.DataFrame, caption: str, *, row_heads: int = 1, numbers: Collection[str] = ()) -> str:
    """An HTML table of the frame's columns, every text escaped.

    The first ``row_heads`` columns head their rows; ``numbers`` are set to the right. End tags that HTML does
    not ask for are left out: a county's table has tens of thousands of cells.
    """
    columns = [str(column) for column in table.columns]
    kinds = [" class=number" if column in numbers else " dir=auto" for column in columns]
    tags = [f"<th scope=row{kind}>" if place < row_heads else f"<td{kind}>" for place, kind in enumerate(kinds)]
    head = "".join(f"<th scope=col{kind}>{escape(column)}" for kind, column in zip(kinds, columns, strict=True))
    rows = "\n".join(
        "<tr>" + "".join(f"{tag}{escape(str(cell))}" for tag, cell in zip(tags, row, strict=True))
        for row in table.itertuples(index=False)
    )
    return f"<table><caption>{escape(caption)}</caption>\n<thead><tr>{head}\n<tbody>\n{rows}\n</table>"


def folded(table: str, summary: str, *, unfolded: bool = False) -> str:
    """A table of ``html_table`` that opens at its summary and scrolls on its own, for pages with several."""
    label = escape(summary)
    return (
        f"<details class=part{' open' if unfolded else ''}><summary>{label}</summary>"
        f'<div class=scroll tabindex=0 role=region aria-label="{label}">{table}</div></details>'
    )
