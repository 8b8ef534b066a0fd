"""No plan keeps every rule: which rules clash, in the words of the study, and by how much each would have to give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.estate import EstateProblem


SHOWN = 8  # schools named


class Infeasible(Exception):
    """The smallest set of rules that clash, each with how much it would have to give in its own unit.

    `schools` are those of which the rules ask different things; none where the rules ask for more than there is.
    """

    def __init__(self, rules: Sequence[tuple[str, float]], schools: Sequence[str] = ()) -> None:
        self.rules, self.schools = tuple(rules), tuple(schools)
        lines = [f"- {rule}: would have to give {give:,.0f}" for rule, give in self.rules]
        if self.schools:
            shown = ", ".join(self.schools[:SHOWN]) + (" …" if len(self.schools) > SHOWN else "")
            lines.append(f"They ask different things of {shown}.")
        super().__init__("\n".join(["No plan keeps all of these rules:", *lines]))

    @classmethod
    def from_clash(cls, problem: EstateProblem, clash: tuple[int, ...], names: Sequence[str] = ()) -> Infeasible:
        """In words, the clash that a solver found; `names` (F,) are those of the facilities."""
        from solvers.clash import clashing_facilities, explain_clash

        rules = [(row.name, row.alone) for row in explain_clash(problem, clash)]
        return cls(rules, [names[f] for f in clashing_facilities(problem, clash)] if names else [])
