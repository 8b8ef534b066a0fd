"""No plan keeps every rule: which rules clash, in the words of the study, and by how much each would have to give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.estate import EstateProblem


class Infeasible(Exception):
    """The smallest set of rules that clash, each with how much it would have to give in its own unit."""

    def __init__(self, rules: Sequence[tuple[str, float]]) -> None:
        self.rules = tuple(rules)
        lines = [f"- {rule}: would have to give {give:,.0f}" for rule, give in self.rules]
        super().__init__("\n".join(["No plan keeps all of these rules:", *lines]))

    @classmethod
    def from_clash(cls, problem: EstateProblem, clash: tuple[int, ...]) -> Infeasible:
        """In words, the clash that a solver found."""
        from solvers.clash import explain_clash

        return cls([(row.name, row.alone) for row in explain_clash(problem, clash)])
