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
    """A rule of a clash, and what it would have to give in its unit: with the others kept, and if all give least."""

    rule: str
    alone: float
    together: float
    unit: str = ""

    @property
    def words(self) -> str:
        """The rule as a line of a list."""
        return f"- {self.rule}: would have to give {_amount(self.alone, self.unit)}"


class Infeasible(Exception):
    """The smallest set of rules that clash, each with how much it would have to give in its own unit.

    `schools` are those of which the rules ask different things; none where the rules ask for more than there is.
    """

    def __init__(self, rules: Sequence[Clashing], schools: Sequence[str] = ()) -> None:
        self.rules, self.schools = tuple(rules), tuple(schools)
        if len(self.rules) == 1:
            lines = ["No plan keeps this rule:"]
        else:
            lines = ["No plan keeps all of these rules. It is enough if any one of them gives way as said:"]
        lines += [rule.words for rule in self.rules]
        if self.schools:
            shown = ", ".join(self.schools[:SHOWN])
            more = f" and {len(self.schools) - SHOWN:,} more" if len(self.schools) > SHOWN else ""
            lines.append(f"They ask different things of {shown}{more}.")
        super().__init__("\n".join(lines))

    @classmethod
    def from_clash(
        cls, problem: EstateProblem, clash: tuple[int, ...], rows: Sequence[Row], names: Sequence[str]
    ) -> Infeasible:
        """In words, the clash that a solver found; `rows` (R,) are the problem's and `names` (F,) its facilities'."""
        from solvers.clash import clashing_facilities, explain_clash

        rules = [
            Clashing(row.name, row.alone, row.together, rows[row.row].unit) for row in explain_clash(problem, clash)
        ]
        return cls(rules, [names[f] for f in clashing_facilities(problem, clash)])

    def as_table(self) -> dict[str, Any]:
        """The same for machines."""
        rules = [
            {"rule": rule.rule, "would_have_to_give": rule.alone, "together": rule.together, "unit": rule.unit}
            for rule in self.rules
        ]
        return {"clash": rules, "schools": list(self.schools)}


def _amount(value: float, unit: str) -> str:
    """An amount in its unit: "£1.20m", "1 closure", "40 places"; "an unknown amount" where none was found in time."""
    if value != value:
        return "an unknown amount"
    if unit == "GBP":
        return money(value)
    noun = unit.removesuffix("s")
    return counted(round(value), noun) if unit and abs(value - round(value)) < 1e-6 else f"{value:,.4g} {unit}".strip()
