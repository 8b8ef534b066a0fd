"""The command line: `placeplan --help`.

Exit codes: 0 done, 1 our fault, 2 bad input, 3 infeasible. Heavy libraries are imported where they are used, so that
help comes at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from placeplan import console

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="School-place planning for England: demand, places, plans and clusters, each with a proof.",
)

StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")]
Scenario = Annotated[str, typer.Option(help="Scenario of study.toml.")]
JSON = "--json"
Json = Annotated[bool, typer.Option(JSON, help="Print one JSON object for machines.")]
Csv = Annotated[bool, typer.Option("--csv", help="Write a CSV beside every table, for Excel.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; every outcome is an exit code and a message that a planner can act on."""
    from geodata.problems import BadInput
    from placeplan.estate.infeasible import Infeasible

    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        app(args=given, prog_name="placeplan")
    except BadInput as error:
        (console.problems_as_json if JSON in given else console.problems)(error.problems)
        sys.exit(2)
    except Infeasible as error:
        if JSON in given:
            console.as_json(error.as_table())
        else:
            console.error(str(error))
        sys.exit(3)
    except Exception as error:
        if os.environ.get("PLACEPLAN_DEBUG"):
            raise
        console.error(f"{type(error).__name__}: {error}")
        console.error("This is our fault. Run it again with PLACEPLAN_DEBUG=1 and report what it prints.")
        sys.exit(1)


@app.command()
def demo(folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("demo"), json: Json = False) -> None:
    """Make the sample county and run every stage."""
    from geodata.problems import BadInput, Problem
    from geodata.settings import FILE
    from placeplan.county import make_county
    from placeplan.county.last_year import FOLDER, add_last_year
    from placeplan.pipeline import LEVERS

    if folder.is_file():
        raise BadInput([Problem(str(folder), "This is a file, not a folder.", "Name an empty or a new folder.")])
    if folder.exists() and any(folder.iterdir()) and not (folder / FILE).exists():
        raise BadInput([Problem(str(folder), "The folder holds something else.", "Name an empty or a new folder.")])
    if not (folder / FILE).exists():
        make_county(folder)
        add_last_year(folder)
        if not json:
            console.say(f"The sample county is in {folder}, last year's study of it in {folder / FOLDER}: made up.")
    if (folder / FOLDER / FILE).exists():
        _run(folder / FOLDER, "base", "balance", json=json, quiet=True)
    _run(folder, "base", None, LEVERS, json=json)


@app.command()
def new(folder: Annotated[Path, typer.Argument(metavar="DIR")], json: Json = False) -> None:
    """Start a study: a folder with study.toml and the headings of every table."""
    from placeplan.new import new_study

    lines = list(new_study(folder))
    if json:
        console.as_json({"study": str(folder), "lines": lines})
        return
    for line in lines:
        console.say(line)


@app.command("import")
def import_files(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders of published files.")],
    authority: Annotated[str, typer.Option(help="Name of the local authority.")],
    out: Annotated[Path, typer.Option(help="Folder of the new study.")],
    json: Json = False,
) -> None:
    """Make a study from folders of published files; the folder given first wins."""
    from geodata.importers import import_folders

    report = import_folders(folders, authority, out)
    if json:
        console.as_json({"study": str(out), "lines": list(report.lines())})
    else:
        for line in report.lines():
            console.say(line)


@app.command()
def check(
    study: StudyFolder,
    scenario: Scenario = "base",
    strict: Annotated[bool, typer.Option("--strict", help="Notes and fallbacks count as errors.")] = False,
    json: Json = False,
) -> None:
    """Check a study: every problem at once, and every fallback that would be used."""
    from geodata.problems import BadInput, Problem
    from placeplan.study import Study

    opened = Study.open(study, scenario)
    fallbacks = [str(fallback) for fallback in opened.fallbacks]
    unused = list(opened.unused_tables)
    if strict and (fallbacks or opened.notes):
        raise BadInput([Problem("strict", line, "") for line in [*opened.notes, *fallbacks]])
    if json:
        console.as_json({"tables": {k: len(v) for k, v in opened.tables.items()}, "notes": opened.notes,
                         "unused_tables": unused, "fallbacks": fallbacks, "banners": opened.banners})  # fmt: skip
        return
    for name, table in opened.tables.items():
        console.say(f"{name:16}{len(table):>9,} rows")
    for heading, lines in (
        ("Not used", opened.notes),
        ("Read by no stage", unused),
        ("Fallbacks", fallbacks),
        ("On every page", opened.banners),
    ):
        if lines:
            console.say(f"\n{heading}")
            for line in lines:
                console.say(f"  {line}")
    console.say("\nNo problem found.")


@app.command()
def run(study: StudyFolder, scenario: Scenario = "base", csv: Csv = False, json: Json = False) -> None:
    """Run every stage that has its inputs; what has not changed is not run again."""
    from placeplan.pipeline import LEVERS

    _run(study, scenario, None, LEVERS, csv=csv, json=json)


@app.command()
def forecast(
    study: StudyFolder,
    scenario: Scenario = "base",
    draws: Annotated[int, typer.Option(min=0, help="Joint draws by planning area, in results/SCENARIO/draws.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same draws.")] = 0,
    csv: Csv = False,
    json: Json = False,
) -> None:
    """Forecast pupils by locality, year group and year, with p10, p50 and p90."""
    _run(study, scenario, "forecast", csv=csv, json=json)
    if draws:
        from placeplan.demand import write_draws

        folder = write_draws(study, scenario, draws, seed)
        if not json:
            console.say(f"Draws:  {folder}")


@app.command()
def backtest(
    study: StudyFolder,
    scenario: Scenario = "base",
    origins: Annotated[str, typer.Option(help="Years forecast from, as 2015/16,2016/17; all when blank.")] = "",
    horizons: Annotated[str, typer.Option(help="Years ahead that are shown.")] = "1,3,5",
    csv: Csv = False,
    json: Json = False,
) -> None:
    """Test the forecast on past years, beside simpler methods and what authorities publish."""
    from placeplan.demand import backtest_lines

    _run(study, scenario, "backtest", csv=csv, json=json)
    if not json:
        for line in backtest_lines(study, scenario, origins, horizons):
            console.say(line)


@app.command()
def sufficiency(study: StudyFolder, scenario: Scenario = "base", csv: Csv = False, json: Json = False) -> None:
    """Places against pupils by planning area, year group and year, never netted off."""
    _run(study, scenario, "balance", csv=csv, json=json)


@app.command()
def commission(study: StudyFolder, scenario: Scenario = "base", csv: Csv = False, json: Json = False) -> None:
    """Plan the estate by building and expanding only."""
    from placeplan.pipeline import COMMISSION

    _run(study, scenario, None, COMMISSION, csv=csv, json=json)


@app.command()
def close(study: StudyFolder, scenario: Scenario = "base", csv: Csv = False, json: Json = False) -> None:
    """Plan the estate by what takes places away or joins schools, least harm first; only named schools may end."""
    from placeplan.pipeline import CLOSE

    _run(study, scenario, None, CLOSE, csv=csv, json=json)


@app.command()
def cluster(
    study: StudyFolder,
    fix: Annotated[
        Path | None, typer.Option(metavar="PLAN.csv", help="Keep what this plan locks, plan the rest.")
    ] = None,
    scenario: Scenario = "base",
    csv: Csv = False,
    json: Json = False,
) -> None:
    """Bring village schools together under executive heads, and their clusters into trusts."""
    if fix is not None:
        from placeplan.clusters.plan_file import must_be_there

        must_be_there(fix)
    _run(study, scenario, "clusters", csv=csv, json=json, fix=fix)
    if not json:
        from placeplan.clusters.words import cluster_lines
        from placeplan.study import Study

        for line in cluster_lines(Study.open(study, scenario).results / "clusters"):
            console.say(line)


@app.command()
def evaluate(
    study: StudyFolder,
    plan: Annotated[Path, typer.Argument(metavar="PLAN.csv", help="Columns urn, cluster, trust, role.")],
    scenario: Scenario = "base",
    json: Json = False,
) -> None:
    """Score a plan of clusters and trusts by hand: its measures, the rules it breaks, how far from the best."""
    from placeplan.clusters.evaluate import evaluated, evaluation_lines
    from placeplan.clusters.plan_file import must_be_there
    from placeplan.study import Study

    must_be_there(plan)
    _run(study, scenario, "estate", json=json, quiet=True)
    told = evaluated(Study.open(study, scenario), plan)
    if json:
        console.as_json(told.as_json())
        return
    for line in evaluation_lines(told):
        console.say(line)


@app.command()
def compare(
    study: StudyFolder,
    first: Annotated[str, typer.Argument(metavar="A", help="A scenario; a plan of the frontier; PLAN.csv; a folder.")],
    second: Annotated[str, typer.Argument(metavar="B", help="What to compare it with: the same kinds.")],
    scenario: Annotated[str, typer.Option(help="Whose frontier, and where plans of clusters are scored.")] = "base",
    csv: Csv = False,
    json: Json = False,
) -> None:
    """Say what differs between two scenarios, two plans or two studies: in words, tables and maps side by side.

    A and B are each a scenario of study.toml ("base" is the one without a name), the name of a plan of the frontier, a
    plan of clusters as `evaluate` reads it, or the folder of another study, such as last year's.
    """
    from placeplan.comparison.stage import compare as compare_sides
    from placeplan.comparison.stage import comparison_lines
    from placeplan.study import Study

    told, page = compare_sides(Study.open(study, scenario), (first, second), csv=csv)
    if json:
        console.as_json({**told.as_json(), "page": str(page)})
        return
    for line in comparison_lines(told, page):
        console.say(line)


@app.command()
def finance(study: StudyFolder, scenario: Scenario = "base", csv: Csv = False, json: Json = False) -> None:
    """Tell every school's income and cost by year, as forecast and under the plan."""
    _run(study, scenario, "finance", csv=csv, json=json)


@app.command()
def tender(study: StudyFolder, scenario: Scenario = "base", csv: Csv = False, json: Json = False) -> None:
    """Rank the bids of every competition and write a report for each; it needs competitions, bids, criteria, scores."""
    _run(study, scenario, "tender", csv=csv, json=json)


@app.command()
def explain(
    study: StudyFolder,
    key: Annotated[str, typer.Argument(metavar="URN|SITE|AREA|BID")],
    scenario: Scenario = "base",
    json: Json = False,
) -> None:
    """Say what the results hold for one school, site, planning area or bid, and why."""
    from placeplan.explain import explanation
    from placeplan.study import Study

    told = explanation(Study.open(study, scenario), key)
    if json:
        console.as_json(told)
        return
    for heading, lines in told.items():
        console.say(heading)
        for line in lines:
            console.say(f"  {line}")


@app.command()
def verify(study: StudyFolder, scenario: Scenario = "base", json: Json = False) -> None:
    """Check the results of a study again, from what lies on disk: files, inputs, plans and totals."""
    from placeplan.study import Study
    from placeplan.verification import ABOUT_THE_BOUND, verify_results

    checks = verify_results(Study.open(study, scenario))
    if json:
        console.as_json({"checks": checks, "note": ABOUT_THE_BOUND})
    else:
        for what, wrong in checks.items():
            console.say(f"{what}: {'; '.join(wrong) if wrong else 'holds'}")
        console.say(ABOUT_THE_BOUND)
    if any(checks.values()):
        sys.exit(1)


@app.command()
def report(
    study: StudyFolder,
    scenario: Scenario = "base",
    csv: Csv = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print its pages to PDF too, by an installed Chromium.")] = False,
    json: Json = False,
) -> None:
    """Write the report of the results that are there."""
    from placeplan.report.pdf import add_pdf, browser
    from placeplan.study import Study

    by = browser() if pdf else ""
    _run(study, scenario, "report", csv=csv, json=json)
    if by:
        folder = Study.open(study, scenario).results / "report"
        for page in sorted(folder.glob("*.html")):
            printed = add_pdf(folder, page.name, by)
            if not json:
                console.say(f"PDF:    {printed}")


@app.command()
def export(study: StudyFolder, scenario: Scenario = "base", csv: Csv = False, json: Json = False) -> None:
    """Give every result back as data: a workbook, a GeoPackage with styles, CSV, and tables for the capacity survey."""
    _run(study, scenario, "export", csv=csv, json=json)


def _run(
    folder: Path,
    scenario: str,
    goal: str | None,
    levers: Sequence[str] | None = None,
    *,
    csv: bool = False,
    json: bool,
    fix: Path | None = None,
    quiet: bool = False,
) -> None:
    """Run a goal and what it rests on, or everything; say what became of each stage."""
    from placeplan.pipeline import NAMES, run_stages, wanted_stages
    from placeplan.study import Study

    study = Study.open(folder, scenario)
    names = list(NAMES) if goal is None else wanted_stages(goal)
    steps: list[dict[str, Any]] = []
    with console.Live(quiet=json or quiet) as live:
        told = run_stages(
            study, names, levers=levers, csv=csv, progress=live.progress_of, starting=live.starting, fix=fix
        )
        for step in told:
            live.finished(step)
            steps.append({"stage": step.stage, "outcome": step.outcome, "why": step.why, "summary": dict(step.summary)})
    if quiet:
        return
    if json:
        console.as_json({"study": study.settings.name, "scenario": scenario, "steps": steps})
    else:
        console.closing(study, [step["stage"] for step in steps if step["outcome"] != "left out"])
