"""No plan keeps every rule: which rules clash, in the words of the study, and by how much each would have to give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from placeplan.words import counted, money

if TYPE_CHECKING:
    from models.estate import EstateProblem
    from models.rules import Row


SHOWN = 8  # schools named


@dataclass(frozen=True)
class Clashing:
    """A rule and what it would have to give in its unit."""

    rule: str
    gives: float
    unit: str = ""

    @property
    def amount(self) -> str:
        """What it gives, in words: "£1.20m", "1 closure", "40 places"; "an unknown amount" where time was short."""
        if self.gives != self.gives:
            return "an unknown amount"
        if self.unit == "GBP":
            return money(self.gives)
        if self.unit and abs(self.gives - round(self.gives)) < 1e-6:
            return counted(round(self.gives), self.unit.removesuffix("s"))
        return f"{self.gives:,.4g} {self.unit}".strip()

    def as_table(self) -> dict[str, Any]:
        """The same for machines."""
        return {"rule": self.rule, "would_have_to_give": self.gives, "unit": self.unit}


class Infeasible(Exception):
    """The smallest set of rules that clash, each with how much it would have to give if the others of it stand.

    `together` are rules of the whole study, and amounts, that would make a plan possible if all of them gave way;
    `schools` are those of which the clashing rules ask different things, none where they ask for more than there is.
    """

    def __init__(
        self, rules: Sequence[Clashing], together: Sequence[Clashing] = (), schools: Sequence[str] = ()
    ) -> None:
        self.rules, self.together, self.schools = tuple(rules), tuple(together), tuple(schools)
        if len(self.rules) == 1:
            lines = ["No plan keeps this rule:"]
        else:
            lines = ["No plan keeps all of these rules. If any one of them gives way as said, this clash is over:"]
        lines += [f"- {rule.rule}: would have to give {rule.amount}" for rule in self.rules]
        if self.schools:
            shown = ", ".join(self.schools[:SHOWN])
            more = f" and {len(self.schools) - SHOWN:,} more" if len(self.schools) > SHOWN else ""
            lines.append(f"They ask different things of {shown}{more}.")
        if self.together and not (len(self.rules) == len(self.together) == 1):
            lines.append("A plan is possible if all of these give way, each by no more than this:")
            lines += [f"- {rule.rule}: {rule.amount}" for rule in self.together]
        super().__init__("\n".join(lines))

    @classmethod
    def from_clash(
        cls, problem: EstateProblem, clash: tuple[int, ...], rows: Sequence[Row], names: Sequence[str]
    ) -> Infeasible:
        """In words, the clash that a solver found; `rows` (R,) are the problem's and `names` (F,) its facilities'."""
        from solvers.clash import clashing_facilities, explain_clash, least_together

        alone = [Clashing(row.name, row.alone, rows[row.row].unit) for row in explain_clash(problem, clash)]
        together = [Clashing(rows[row].name, gives, rows[row].unit) for row, gives in least_together(problem).items()]
        return cls(alone, together, [names[f] for f in clashing_facilities(problem, clash)])

    def as_table(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "clash": [rule.as_table() for rule in self.rules],
            "possible_if_all_of": [rule.as_table() for rule in self.together],
            "schools": list(self.schools),
        }
