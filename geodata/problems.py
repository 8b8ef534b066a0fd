"""What is wrong with an input, said so that a planner can mend it, all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the input.

    Attributes
    ----------
    file : the file's name within the study, "study.toml" included.
    what : what is wrong, as a sentence.
    mend : what would mend it, as a sentence.
    row : line in the file as a spreadsheet shows it (the heading is row 1); None where no one row is meant.
    field : column or key; None where no one field is meant.

    """

    file: str
    what: str
    mend: str
    row: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (f"row {self.row}" if self.row else "", f"field {self.field}" if self.field else "")
            if part
        )
        return f"{where + ': ' if where else ''}{self.what} {self.mend}".strip()


class BadInput(Exception):
    """The input cannot be used as it is; `problems` holds every problem found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(f"{len(self.problems)} problems:\n" + "\n".join(f"{p.file}: {p}" for p in self.problems))


def nearest(word: str, known: Sequence[str]) -> str:
    """Sentence naming the nearest known word, or the known words where none is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(sorted(known))}."


def row_problems(
    table: str, frame: pd.DataFrame, bad: pd.Series, what: Callable[[pd.Series], str], mend: str, field: str
) -> list[Problem]:
    """One problem each for the first bad rows, then the count of the rest; a frame's index is its file's row less 2."""
    rows = frame[bad]
    problems = [Problem(table, what(row), mend, int(number) + 2, field) for number, row in rows.head(SHOWN).iterrows()]
    if len(rows) > SHOWN:
        problems.append(Problem(table, f"And {len(rows) - SHOWN} more rows like these.", "", field=field))
    return problems
