"""What an import found, joined, estimated and left out, in sentences a planner understands."""

from collections.abc import Sequence
from dataclasses import dataclass, field

IMPORT_ACCOUNT = "import.txt"  # beside study.toml: what pages must say of a study made of published files


@dataclass
class ImportReport:
    """Account of one import.

    Attributes
    ----------
    recognised : (file, what it is, what it was used for).
    joined : where a table took facts from more than one file.
    estimated : figures that were apportioned or derived rather than counted.
    left_out : files, rows and year groups that were not used, with the reason.
    notes : what a planner should know before relying on the study.

    """

    recognised: list[tuple[str, str, str]] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    estimated: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def caveats(self) -> list[str]:
        """What whoever reads the results must know: what was joined, estimated, left out and noticed."""
        return [*self.notes, *self.estimated, *self.left_out, *self.joined]

    def lines(self) -> list[str]:
        """The account as lines of plain text."""
        shown = ["Recognised:", *(f"  {file}: {what} → {used}" for file, what, used in self.recognised)]
        sections = (("Joined", self.joined), ("Estimated", self.estimated))
        for title, sentences in (*sections, ("Left out", self.left_out), ("Notes", self.notes)):
            if sentences:
                shown += [f"{title}:", *(f"  {sentence}" for sentence in sentences)]
        return shown


def some(names: Sequence[object], shown: int = 4) -> str:
    """The first names of a list and how many more there are: "A, B and 3 more"."""
    named = ", ".join(str(name) for name in names[:shown])
    return f"{named} and {len(names) - shown} more" if len(names) > shown else named


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 school", "1,204 schools"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
