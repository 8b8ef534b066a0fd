"""No plan keeps every rule: which rules clash, in the words of the study, and by how much each would have to give."""

from __future__ import annotations

from collections.abc import Sequence

from models.estate import EstateProblem


class Infeasible(Exception):
    """The smallest set of rules that clash; `rules` are sentences."""

    def __init__(self, rules: Sequence[str]) -> None:
        self.rules = tuple(rules)
        super().__init__("No plan keeps all of these rules:\n" + "\n".join(f"- {rule}" for rule in self.rules))

    @classmethod
    def from_clash(cls, problem: EstateProblem, clash: tuple[int, ...]) -> Infeasible:
        """In words, the clash that a solver found."""
        from solvers.clash import explain_clash

        return cls([f"{row.name}: would have to give {row.alone:,.0f}" for row in explain_clash(problem, clash)])
