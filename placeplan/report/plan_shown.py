"""The plan as the report shows it: headline, what it leaves in its last year, policy kept, contributions, clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geodata.years import start_year
from models.options import BULGE, CLOSING, FEDERATE, SEND_UNIT
from models.rules import INTAKE
from placeplan.estate.planned_balance import planned_balance
from placeplan.likely import likely
from placeplan.results import read_stage
from placeplan.study import Study


def contributions(study: Study, results: Path) -> list[dict[str, Any]]:
    """Contributions with what becomes of the rest, in words."""
    first = start_year(study.settings.base_year) + 1
    last = first + study.settings.horizon_years - 1
    rows = read_stage(results / "estate", "contributions_left").to_dict("records")
    return [row | {"rest": _rest(row, first, last)} for row in rows]


def _rest(row: dict[str, Any], first: int, last: int) -> str:
    if row["unspent_gbp"] < 1:
        return ""
    until = row["spend_by"] if isinstance(row["spend_by"], str) else None
    if until is not None and start_year(until) < first:
        return "lapsed before the plan"
    if start_year(row["due_year"]) > last:
        return "due after the plan"
    return "no places it may pay for in this plan" + (f"; lapses after {until}" if until else "")


def frontier(results: Path) -> list[dict[str, Any]]:
    """The frontier of plans, where the study asks for one."""
    if not (results / "estate" / "frontier.parquet").exists():
        return []
    rows: list[dict[str, Any]] = read_stage(results / "estate", "frontier").to_dict("records")
    return rows


def retained(results: Path) -> list[dict[str, Any]]:
    """Places of every planning area and phase in the first and last plan year: asked, today and under the plan."""
    table = read_stage(results / "estate", "retained")
    ends = table[table["academic_year"].isin((table["academic_year"].min(), table["academic_year"].max()))]
    return ends.sort_values(["phase", "planning_area", "academic_year"]).to_dict("records")  # type: ignore[no-any-return]


def below_policy(results: Path) -> list[str]:
    """Where the plan leaves planning areas below the retained surplus that policy asks for in the last plan year."""
    table = read_stage(results / "estate", "retained")
    last = table[table["academic_year"] == table["academic_year"].max()]
    short = last[last["plan"] < last["asked"] - 0.5]
    of = {INTAKE: ", intake"}
    return [
        f"{row.planning_area} ({row.phase}{of.get(row.kind, '')}, {row.asked - row.plan:,.0f} places)"
        for row in short.sort_values(["phase", "planning_area", "kind"], ascending=[True, True, False]).itertuples()
    ]


def unplaced(results: Path) -> list[dict[str, Any]]:
    """Pupils for whom the plan has no place within reach, by phase, year and kind."""
    table = read_stage(results / "estate", "unplaced")
    summed = table.groupby(["phase", "academic_year", "kind"], as_index=False)["pupils"].sum()
    return summed[summed["pupils"] >= 0.5].to_dict("records")  # type: ignore[no-any-return]


def planned_areas(study: Study, results: Path) -> list[dict[str, Any]]:
    """By planning area and phase in the last year: need and spare if nothing changes and under the plan, pupils placed.

    Names are those of the map where an area has one.
    """
    known, paths = read_stage(results / "balance", "balance"), read_stage(results / "estate", "plan_places")
    planned = planned_balance(study, known, paths, read_stage(results / "estate", "allocation"))
    key = ["phase", "planning_area"]
    last = planned["academic_year"].max()
    sums = ["pupils", "places", "need", "spare"]
    now, then = (
        table[table["academic_year"] == last].groupby(key)[sums].sum().reset_index() for table in (known, planned)
    )
    placed = planned[planned["academic_year"] == last].groupby(key, as_index=False)["placed"].first()
    both = now.merge(then, on=key, how="right", suffixes=("", "_plan")).merge(placed, on=key).fillna(0.0)
    return both.assign(year=last).to_dict("records")  # type: ignore[no-any-return]


def headline(results: Path) -> dict[str, int]:
    """Schools and sites that gain places, give places up, close, or do something together."""
    done = likely(read_stage(results / "estate", "decisions"))
    action, more = done["action"], done["places_after"] - done["places_before"]
    # A bulge class ends before the last plan year, and a SEND unit takes rooms of the mainstream.
    adds = action.isin((BULGE, SEND_UNIT))
    joint = action.eq(FEDERATE) | action.str.startswith("amalgamate")
    counts = {
        "adding": adds | (more > 0),
        "taking": ~adds & (more < 0),
        "closing": action.isin(CLOSING),
        "joint": joint,
    }
    return {name: int(which.sum()) for name, which in counts.items()}


def after(results: Path, far_m: float) -> list[dict[str, Any]]:
    """By phase in the last plan year: places today and under the plan, pupils without one, pupils moved and how far.

    Far is a journey of more than `far_m`.
    """
    retained = read_stage(results / "estate", "retained")
    unplaced = read_stage(results / "estate", "unplaced")
    placed = read_stage(results / "estate", "allocation")
    last = str(placed["academic_year"].max())
    rows = []
    for phase, own in placed[placed["academic_year"] == last].groupby("phase"):
        areas = retained[(retained["phase"] == phase) & (retained["academic_year"] == last)]
        areas = areas[areas["kind"] != INTAKE]
        left = unplaced[(unplaced["phase"] == phase) & (unplaced["academic_year"] == last)]
        moved = own[own["moved"].astype(bool)]
        pupils = float(moved["pupils"].sum())
        far = float(moved.loc[moved["distance_m"] > far_m, "pupils"].sum())
        metres = float((moved["pupils"] * moved["distance_m"]).sum()) / pupils if pupils else float("nan")
        rows.append(
            {
                "phase": phase,
                "year": last,
                "today": float(areas["today"].sum()),
                "plan": float(areas["plan"].sum()),
                "without": float(left["pupils"].sum()),
                "moved": pupils,
                "moved_m": metres,
                "moved_far": far,
            }
        )
    return rows


def clusters(results: Path) -> list[dict[str, Any]]:
    """Clusters with their schools, the lead first, and at the end who stands alone."""
    table = read_stage(results / "clusters", "clusters")
    shown = []
    for name, members in table[table["role"] != "alone"].groupby("cluster"):
        led = members.sort_values(["role", "name"])
        shown.append(
            {
                "name": name,
                "schools": ", ".join(led["name"]),
                "pupils": float(led["pupils"].sum()),
                "longest": float(led["travel_min"].max()),
            }
        )
    alone = table[table["role"] == "alone"]["name"].tolist()
    if alone:
        shown.append({"name": "Alone", "schools": ", ".join(alone), "pupils": None, "longest": None})
    return shown
