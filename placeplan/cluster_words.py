"""What the clusters stage found, as it is read on a screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from placeplan.results import read_stage, read_summary
from placeplan.words import counted, money


def cluster_lines(folder: Path) -> Iterator[str]:
    """Lines on the stored clusters and trusts."""
    summary = read_summary(folder) or {}
    if "measures" not in summary:
        yield from summary.get("warnings", [])
        return
    found, both, trusts = summary["measures"], summary["both_levels"], summary["trust_level"]
    together = int(summary["village_schools"]) - int(found["village_alone"])
    yield ""
    yield (
        f"{together} of {counted(summary['village_schools'], 'village school')} stand in "
        f"{counted(found['clusters'], 'cluster')}; the longest drive to a lead is {found['longest_drive_min']:.0f} min."
    )
    yield (
        f"Leadership costs {money(found['leadership_gbp'])} a year against "
        f"{money(summary['every_school_alone_gbp'])} with a head in every school."
    )
    yield (
        f"Proven: no clusters cost less by more than {100 * summary['gap']:.2f} %, no trusts of these clusters by more "
        f"than {100 * trusts['gap']:.2f} %, no clusters and trusts together by more than {100 * both['gap']:.1f} %."
    )
    cards = read_stage(folder, "trusts")
    for row in cards[cards["plan"] == "planned"].itertuples():
        said = "viable in nine futures of ten" if row.viable else f"viable until {row.stops_in}"
        yield (
            f"  {row.trust} ({row.kind}): {counted(row.schools, 'school')}, {row.pupils:,.0f} pupils, "
            f"{counted(row.clusters, 'cluster')}, {said}."
        )
    alone = read_stage(folder, "cluster_alone")
    if len(alone):
        yield f"Left alone: {counted(len(alone), 'village school')}."
        for row in alone.itertuples():
            yield f"  {row.name}: {row.why}"
    yield from summary.get("warnings", [])
    yield f"As a plan to change and evaluate: {folder / 'plan.csv'}"
