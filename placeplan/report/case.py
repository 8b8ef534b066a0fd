"""What the report shows of the case for places: deficits by planning area, with their probability."""

from pathlib import Path
from typing import Any

from placeplan.deficits import SERIES, acted_on, with_a_case
from placeplan.results import read_stage
from placeplan.study import Study


def case_contents(study: Study, folder: Path) -> dict[str, Any]:
    """A block for each planning area and phase with a deficit, and how many have none, from the table of deficits."""
    least = study.policy.number("deficit_counts_from")
    table = read_stage(folder, "deficits")
    short = with_a_case(table, least)
    first = acted_on(short).set_index(SERIES)["first_year"].to_dict()
    pairs = ["planning_area", "phase"]
    blocks = [
        {
            "area": area,
            "phase": phase,
            "first": {kind: first.get((area, phase, kind)) for kind in rows["kind"].unique()},
            "rows": rows.to_dict("records"),
        }
        for (area, phase), rows in short.groupby(pairs)
    ]
    return {
        "least": least,
        "likely": study.policy.number("deficit_act_probability"),
        "draws": study.policy.integer("estate_draws"),
        "blocks": blocks,
        "others": len(table.drop_duplicates(pairs)) - len(blocks),
    }
