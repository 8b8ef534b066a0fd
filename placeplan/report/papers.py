"""The papers of a plan for the report: register, calendar, cabinet headings and drafts, from the results of its stages.

The report's pages show `Papers.contents`, exports carry `Papers.tables`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from maps.palette import CHANCE, GREY, PALE, PUPILS, SPARE
from placeplan.report.cabinet import cabinet_contents
from placeplan.report.cautions import one_saving
from placeplan.report.dates import calendar_contents
from placeplan.report.draft_parts import GAP, texts
from placeplan.report.drafts import Drafts, all_drafts
from placeplan.report.facts import Facts
from placeplan.report.other_decisions import Entry
from placeplan.report.register import register_entries, register_table, routes
from placeplan.report.threshold import with_steps_needed
from placeplan.study import Study

NO_PAPERS: Mapping[str, Any] = {"papers": None}
COLOURS = {"law": PUPILS[4], "policy": PUPILS[2], "gap": CHANCE[0], "line": PALE, "soft": GREY, "tint": SPARE[0]}


@dataclass(frozen=True)
class Papers:
    """All that is written of a plan: entries of the register with their law, and the drafts."""

    facts: Facts
    entries: list[Entry]
    drafts: Drafts

    @classmethod
    def write(cls, facts: Facts) -> Papers:
        """The papers of what the tables tell."""
        facts = with_steps_needed(facts)
        drafts = all_drafts(facts)
        return cls(facts, register_entries(facts, drafts.by_decision), drafts)

    @classmethod
    def read(cls, study: Study, results: Path, summaries: Mapping[str, Mapping[str, Any]]) -> Papers:
        """The papers of a scenario's results, from the stages in `summaries`."""
        return cls.write(Facts.read(study, results, summaries))

    def contents(self) -> dict[str, Any]:
        """What papers.html shows, under the one name `papers`; None where there is no decision at all."""
        if not self.entries:
            return dict(NO_PAPERS)
        return {
            "papers": {
                "authority": self.facts.authority,
                "routes": routes(self.entries),
                "one_saving": one_saving(self.facts),
                "entries": [row for row, _ in self.entries],
                "calendar": calendar_contents(self.facts),
                "cabinet": cabinet_contents(self.facts, self.entries, self.drafts),
                "drafts": self.drafts.drafts,
                "gaps": sum(len(GAP.findall(text)) for draft in self.drafts.drafts for text in texts(draft)),
                "colours": COLOURS,
            }
        }

    def tables(self) -> dict[str, pd.DataFrame]:
        """Table decision_register: a row a recommended action; without rows where nothing is recommended."""
        return {"decision_register": register_table(self.entries)}
