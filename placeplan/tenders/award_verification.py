"""Checking sets of linked awards again: from the study's tables, and against every possible set where they are few."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from placeplan.results import read_stage, read_summary
from placeplan.study import Study
from placeplan.tenders.award_terms import Chosen, Rule, Terms, terms_of

TOLERANCE = 1e-4  # points
PENNY = 0.011
MOST_SETS = 20_000  # beyond these, that no better set exists is what the solver proved
NEXT_BEST = 5
UNDETERMINED, CLASH, NOT_PROVEN = "not determined", "rules clash", "not proven in time"


def verify_linked_awards(study: Study) -> list[str]:
    """What the tables and the summary say of linked awards that does not follow from the study's tables."""
    folder = study.results / "tender"
    sets, rules = read_stage(folder, "award_sets"), read_stage(folder, "award_rules")
    ranked = read_stage(folder, "bids_ranked")
    told = (read_summary(folder) or {}).get("linked_awards", {})
    known = list(study.tables["linked_awards"]["linked_award"])
    wrong = [] if set(told) == set(known) else ["the linked awards in summary.json are not those of the study"]
    for code in known:
        said = told.get(code, {})
        own, own_rules = sets[sets["linked_award"] == code], rules[rules["linked_award"] == code]
        lots = study.tables["competitions"].query("linked_award == @code")["competition"]
        open_ = _open(study, list(lots), ranked)
        if open_ or said.get("outcome") == UNDETERMINED:
            if len(own) or not open_ or said.get("outcome") != UNDETERMINED:
                wrong.append(f"{code}: {'nothing' if open_ else 'a set'} can be determined, the results say otherwise")
            continue
        found = _Check(terms_of(study, code), own, own_rules, said)
        wrong += [f"{code}: {line}" for line in found.wrong()]
    return wrong


def _open(study: Study, lots: list[str], ranked: pd.DataFrame) -> bool:
    """Whether a competition has no judged bids, or standing bids without ranks."""
    for lot in lots:
        rows = ranked[ranked["competition"] == lot]
        if rows.empty or rows["why"].str.startswith("no score of record yet").any():
            return True
    return False


class _Check:
    """One linked award: its terms, and its rows of the two tables and of the summary."""

    def __init__(self, terms: Terms, sets: pd.DataFrame, rules: pd.DataFrame, said: dict[str, Any]) -> None:
        self.terms, self.sets, self.rules, self.said = terms, sets, rules, said
        self.by_code = {offering.code: offering for offering in terms.offerings}
        self.chosen: list[Chosen] = []
        self.values: list[tuple[float, float]] = []

    def wrong(self) -> list[str]:
        """What is wrong, a sentence each."""
        wrong = [line for _, rows in self.sets.groupby("place") for line in self._set(rows)]
        if wrong:
            return wrong
        wrong += self._order() + self._summary() + self._rules()
        if wrong or self.said.get("outcome") == NOT_PROVEN or self.terms.count() > MOST_SETS:
            return wrong
        return self._against_every_set()

    def _set(self, rows: pd.DataFrame) -> list[str]:
        """One set: a bid that stands for each lot, packages whole, points and capital added up, no rule broken."""
        place = f"set {rows['place'].iloc[0]}"
        if sorted(rows["competition"]) != sorted(self.terms.loss):
            return [f"{place} does not have each competition once"]
        won = rows[rows["bid"] != ""]
        codes = list(dict.fromkeys(won["package"].where(won["package"] != "", won["bid"])))
        if unknown := [code for code in codes if code not in self.by_code]:
            return [f"{place}: {', '.join(unknown)} did not enter"]
        chosen = tuple(self.by_code[code] for code in codes)
        there = sorted((part.lot, part.bid) for offering in chosen for part in offering.parts)
        if there != sorted(zip(won["competition"], won["bid"], strict=True)):
            return [f"{place} awards what is not offered so: a package is whole, and a bid wins its own competition"]
        if broken := self.terms.broken(chosen):
            return [f"{place} breaks a rule: {', '.join(' '.join(rule).strip() for rule in sorted(broken))}"]
        points = self.terms.points(chosen)
        capital = sum(part.capital_gbp for offering in chosen for part in offering.parts)
        self.chosen.append(chosen)
        self.values.append((points, capital))
        wrong = []
        for name, value, slack in (("points", points, TOLERANCE), ("capital_gbp", capital, PENNY * len(rows))):
            claims = (float(rows[name].sum()), float(rows[f"set_{name}"].iloc[0]))
            wrong += [
                f"{place} has {name} {value:,.2f}, the table says {said:,.2f}"
                for said in claims
                if not abs(said - value) <= slack
            ]
        return wrong

    def _order(self) -> list[str]:
        if self.sets.empty:
            return []
        if len({frozenset(o.code for o in chosen) for chosen in self.chosen}) < len(self.chosen):
            return ["a set stands twice"]
        keys = [(-round(points, 4), round(capital, 1)) for points, capital in self.values]
        wrong = [] if keys == sorted(keys) else ["sets are not in the order of points and capital"]
        for name, column in (("less_points", "set_points"), ("more_capital_gbp", "set_capital_gbp")):
            first = self.sets[column].iloc[0] if len(self.sets) else 0.0
            differs = (self.sets[column] - first).abs() if name == "less_points" else self.sets[column] - first
            if not np.allclose(self.sets[name], differs, atol=TOLERANCE):
                wrong.append(f"{name} is not the difference from the best set")
        return wrong

    def _summary(self) -> list[str]:
        """The summary names the winners of the first set, nobody where sets are level, and its points and capital."""
        said = self.said
        if not self.values:
            return [] if said.get("points") is None and not said.get("awards") else ["summary.json names a set"]
        points, capital = self.values[0]
        first = self.sets[self.sets["place"] == self.sets["place"].min()]
        awards = {lot: bid or None for lot, bid in zip(first["competition"], first["bid"], strict=True)}
        level = sum(abs(p - points) < TOLERANCE and abs(c - capital) < PENNY for p, c in self.values)
        wrong = []
        if said.get("awards") != (awards if level == 1 else {}):
            wrong.append("summary.json does not name the winners of the best set")
        if (said.get("outcome") == "tie") != (level > 1):
            wrong.append(f"{level} sets are level, summary.json says {said.get('outcome')}")
        for name, value, slack in (("points", points, TOLERANCE), ("capital_gbp", capital, PENNY)):
            if not abs(float(said.get(name) or 0.0) - value) <= slack:
                wrong.append(f"summary.json says {name} {said.get(name)}, the set has {value:,.2f}")
        if said.get("sets") != len(self.values):
            wrong.append(f"summary.json counts {said.get('sets')} sets")
        return wrong

    def _rules(self) -> list[str]:
        if self.said.get("outcome") == NOT_PROVEN:
            return []
        listed = set(self._costs())
        if listed != self.terms.rules():
            odd = sorted(listed ^ self.terms.rules())
            return [f"the rules listed are not those published: {'; '.join(' '.join(rule).strip() for rule in odd)}"]
        return []

    def _costs(self) -> dict[Rule, tuple[float, float, bool, bool]]:
        rows = self.rules[["kind", "subject", "detail", "points_lost", "more_capital_gbp", "clashes", "proven"]]
        return {
            (row[0], row[1], row[2]): (row[3], row[4], bool(row[5]), bool(row[6]))
            for row in rows.itertuples(index=False)
        }

    def _against_every_set(self) -> list[str]:
        """No better set exists, the next ones follow, and each rule costs what the sets without it say."""
        every = []
        for chosen in self.terms.every_set():
            capital = sum(part.capital_gbp for offering in chosen for part in offering.parts)
            every.append((round(self.terms.points(chosen), 5), round(capital, 2), self.terms.broken(chosen)))
        kept = sorted((-points, capital) for points, capital, broken in every if not broken)
        if self.said.get("outcome") == CLASH:
            clash = {rule for rule, row in self._costs().items() if row[2]}
            if kept or any(not broken & clash for _, _, broken in every):
                return ["the rules do not clash: a set of awards keeps those that are named"]
            return []
        shown = np.array([(-points, capital) for points, capital in self.values])
        expected = np.array(kept[: NEXT_BEST + 1])
        if shown.shape != expected.shape or (np.abs(shown - expected) > (TOLERANCE, PENNY)).any():
            return ["the sets shown are not the best ones that the rules allow"]
        wrong = []
        for rule, (said_points, said_more, _, proven) in self._costs().items():
            points, capital = min((-points, capital) for points, capital, broken in every if broken <= {rule})
            lost, more = kept[0][0] - points, kept[0][1] - capital
            if proven and (abs(lost - said_points) > TOLERANCE or abs(more - said_more) > PENNY):
                name = " ".join(rule).strip()
                costs = f"{lost:.2f} points and £{more:,.0f}"
                wrong.append(f"{name} costs {costs}, the table says {said_points:.2f} and £{said_more:,.0f}")
        return wrong
