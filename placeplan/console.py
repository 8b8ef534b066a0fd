"""What the program prints: sentences, problems grouped by file, and one live line while a solver works."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any

from placeplan.words import counted, money

if TYPE_CHECKING:
    from geodata.problems import Problem
    from placeplan.pipeline import Step
    from placeplan.study import Study
    from solvers.plans import Progress, ProgressCallback


def say(line: str = "") -> None:
    """Print a line."""
    print(line)


def error(line: str) -> None:
    """Print a line where errors go."""
    print(line, file=sys.stderr)


def as_json(value: Any) -> None:
    """Print one JSON object."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def problems(found: Iterable[Problem]) -> None:
    """Print every problem, grouped by file in the order of the files, and that nothing was written."""
    listed = list(found)
    order = {file: number for number, file in enumerate(dict.fromkeys(problem.file for problem in listed))}
    for file, group in groupby(sorted(listed, key=lambda problem: order[problem.file]), key=lambda p: p.file):
        error(file)
        for problem in group:
            error(f"  {problem}")
    error(f"\n{counted(len(listed), 'problem')} found; nothing was written.")


def problems_as_json(found: Iterable[Problem]) -> None:
    """Print every problem as one JSON object: file, row, field, what, mend."""
    names = ("file", "row", "field", "what", "mend")
    as_json({"problems": [{name: getattr(problem, name) for name in names} for problem in found]})


class Live:
    """One line a stage; while a solver works, its incumbent, bound and gap on a line that is overwritten."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._moving = sys.stdout.isatty() and not quiet
        self._width = 0

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wipe()

    def starting(self, stage: str) -> None:
        """A stage begins."""
        self._over(f"{stage:10} …")

    def progress_of(self, stage: str) -> ProgressCallback:
        """Callback for the solver of a stage."""

        def told(progress: Progress) -> None:
            self._over(
                f"{stage:10} … plan {money(progress.incumbent)}, proven bound {money(progress.bound)}, "
                f"gap {share(progress.gap)}, {progress.seconds:.0f} s"
            )

        return told

    def finished(self, step: Step) -> None:
        """Say what became of a stage."""
        self._wipe()
        if self._quiet:
            return
        seconds = f" ({step.seconds:.1f} s)" if step.outcome == "done" else ""
        say(f"{step.stage:10} {step.outcome}{': ' + step.why if step.why else ''}{seconds}{_proof(step.summary)}")
        for warning in step.summary.get("warnings", []) if step.outcome == "done" else []:
            say(f"           note: {warning}")

    def _over(self, line: str) -> None:
        if self._moving:
            sys.stdout.write("\r" + line.ljust(self._width)[:200])
            sys.stdout.flush()
            self._width = len(line)

    def _wipe(self) -> None:
        if self._moving and self._width:
            sys.stdout.write("\r" + " " * self._width + "\r")
            self._width = 0


def _proof(summary: Any) -> str:
    if summary.get("bound") is None or "gap" not in summary:
        return ""
    stopped = ", stopped by the time limit" if summary.get("stopped_by") == "time limit" else ""
    return f": {summary['status']}, proven: no plan costs over {share(summary['gap'])} less{stopped}"


def closing(study: Study, stages: Sequence[str]) -> None:
    """Say where the map, the report, the workbook and the pages of competitions are."""
    from placeplan.results import read_summary

    results = study.results
    for banner in study.banners:
        say(f"! {banner}")
    if "maps" in stages and (results / "maps" / "index.html").exists():
        say(f"Maps:   {results / 'maps' / 'index.html'}")
    if "report" in stages:
        say(f"Report: {results / 'report' / 'report.html'}")
        if (results / "report" / "committee.html").exists():
            say(f"Paper:  {results / 'report' / 'committee.html'}")
    if "export" in stages:
        say(f"Data:   {results / 'export' / 'placeplan.xlsx'}")
    if "tender" in stages:
        tender = read_summary(results / "tender") or {}
        for told in tender.get("competitions", {}).values():
            say(f"Tender: {results / 'tender' / told['page']}")
        for told in tender.get("linked_awards", {}).values():
            say(f"Tender: {results / 'tender' / told['page']}")
            for line in (f"{told['name']}. {told['stamp']}.", told["result"], told["comparison"]):
                if line:
                    say(f"        {line}")
    if not {"maps", "report", "tender", "export"} & set(stages):
        say(f"Tables: {results}")


def share(value: float | None) -> str:
    """A share as per cent; "unknown" where it is not known."""
    if value is None or value != value or value == float("inf"):
        return "unknown"
    return f"{100 * value:.2f} %"
