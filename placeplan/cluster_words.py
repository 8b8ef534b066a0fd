"""What the clusters stage found, as it is read on a screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from placeplan.results import read_stage, read_summary
from placeplan.words import counted, money

SHOWN = 5  # of the schools left alone, on a screen


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
        f"They save {money(found['leadership_saved_gbp'])} a year in leadership against a head in every school, if "
        "none shares one today."
    )
    yield (
        f"Proven: no clusters cost less by more than {100 * summary['gap']:.2f} %, no trusts of these clusters by more "
        f"than {100 * trusts['gap']:.2f} %, no clusters and trusts together by more than {100 * both['gap']:.1f} %."
    )
    cards = read_stage(folder, "trusts")
    for row in cards[cards["plan"] == "planned"].itertuples():
        said = "viable in nine futures of ten" if row.viable else f"not viable: reserves run out in {row.stops_in}"
        yield (
            f"  {row.trust} ({row.kind}): {counted(row.schools, 'school')}, {row.pupils:,.0f} pupils, "
            f"{counted(row.clusters, 'cluster')}, {said}."
        )
    alone = read_stage(folder, "cluster_alone")
    if len(alone):
        yield f"Left alone: {counted(len(alone), 'village school')}."
        for row in alone.head(SHOWN).itertuples():
            yield f"  {row.name}: {row.why}"
        if len(alone) > SHOWN:
            yield f"  And {len(alone) - SHOWN} more: report/trusts.html says why."
    yield f"As a plan to change and evaluate: {folder / 'plan.csv'}"


def school_lines(folder: Path, urn: int) -> list[str]:
    """What the stored plan says of one school; [] where it is in none."""
    if not (folder / "cluster_refusals.parquet").exists():
        return []
    clusters = read_stage(folder, "clusters")
    mine = clusters[clusters["urn"] == urn]
    if mine.empty:
        return []
    row = mine.iloc[0]
    trust = row["trust"] if isinstance(row["trust"], str) else ""
    said = [f"In {trust} by the plan." if trust else "In no trust by the plan."]
    if row["role"] == "alone":
        why = read_stage(folder, "cluster_alone")
        return ["Stands alone.", *why.loc[why["urn"] == urn, "why"], *said]
    others = clusters[(clusters["cluster"] == row["cluster"]) & (clusters["urn"] != urn)]["name"]
    drive = f", {row['travel_min']:.0f} minutes' drive from the lead" if row["role"] == "member" else ""
    said.insert(0, f"{row['role'].capitalize()} of a cluster with {', '.join(others)}{drive}.")
    refusal = read_stage(folder, "cluster_refusals").set_index("urn").loc[urn]
    breaks = "breaks the cluster: " if refusal["breaks"] else ""
    falls = "; its trust would have too few pupils" if refusal["trust_falls"] else ""
    falls += "; its trust would no longer be viable" if refusal["trust_fails"] else ""
    said.append(f"If it refuses: {breaks}{refusal['what']}{falls}.")
    homes = read_stage(folder, "cluster_homes")
    home = homes[(homes["urn"] == urn) & (homes["second_home"] != "")]
    said += [
        f"Second-best home, all else as planned: {other.second_home}, {money(other.extra_gbp)} a year more."
        for other in home.itertuples()
    ]
    flags = read_stage(folder, "due_diligence")
    looked = flags.loc[flags["urn"] == urn, "what"].tolist()
    if looked:
        said.append(f"Before it joins {trust}: {'; '.join(looked)}.")
    return said
