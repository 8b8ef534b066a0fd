"""The report stage: self-contained HTML pages with the figures, the reasons and what they rest on."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from placeplan.pages.stage import stage_summaries
from placeplan.report.contents import contents, sections
from placeplan.report.papers import Papers
from placeplan.report.programme import programme_table
from placeplan.report.templates import environment
from placeplan.report.trusts import trusts_page
from placeplan.results import StageResult
from placeplan.study import Study

REPORT, COMMITTEE, TRUSTS = "report.html", "committee.html", "trusts.html"


def report_stage(study: Study, results: Path, ran: Collection[str] | None = None) -> StageResult:
    """The report from the stages that `ran`, from all that are there where that is not said.

    Beside it the short paper for a committee where there is a plan, and the page of trusts where there are clusters.
    """
    summaries = stage_summaries(results, ran)
    papers = Papers.read(study, results, summaries)
    shown = contents(study, results, summaries) | papers.contents()
    templates = environment()
    pages = {REPORT: templates.get_template(REPORT).render(study=study, sections=sections(shown), **shown)}
    tables = dict(papers.tables())
    if "estate" in summaries:
        tables["capital_programme"] = programme_table(study, results)
        if shown["papers"] and shown["papers"]["cabinet"]:
            pages[COMMITTEE] = templates.get_template(COMMITTEE).render(study=study, **shown)
    if "clusters" in summaries and (page := trusts_page(study, results, summaries["clusters"])):
        pages[TRUSTS] = page
    return StageResult(tables, pages, summary={"status": "done", "bytes": len(pages[REPORT].encode())})
