"""What the clusters stage found, as it is read on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from placeplan.results import read_stage, read_summary
from placeplan.words import counted, money

SHOWN_GAP = 5e-5  # below it a proven gap is none
SHOWN = 5  # of the schools left alone, on a screen


def cluster_lines(folder: Path) -> Iterator[str]:
    """Lines on the stored clusters and trusts."""
    summary = read_summary(folder) or {}
    if "measures" not in summary:
        yield from summary.get("warnings", [])
        return
    found = summary["measures"]
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
    yield " ".join(proven_words(summary))
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
    for row in read_stage(folder, "cluster_closing").itertuples():
        yield f"Closes by the plan of the estate: {row.name}. {closing_words(row)}"
    yield f"As a plan to change and evaluate: {folder / 'plan.csv'}"


def proven_words(summary: Mapping[str, Any]) -> list[str]:
    """What is proven of a plan: of each level by itself, and of both together."""
    clusters, trusts, both = summary["gap"], summary["trust_level"]["gap"], summary["both_levels"]["gap"]
    if max(clusters, trusts) < SHOWN_GAP:
        levels = "no other clusters cost less, and no other trusts of these clusters"
    else:
        levels = (
            f"no other clusters cost over {100 * clusters:.2f} % less, no other trusts of these clusters over "
            f"{100 * trusts:.2f} %"
        )
    return [
        f"Proven, each level by itself: {levels}.",
        f"Taken together, other clusters with other trusts might cost up to {100 * both:.1f} % less; the cheapest "
        "found are told with the other plans."
        if both >= SHOWN_GAP
        else "Proven too: no other clusters and trusts together cost less.",
    ]


def closing_words(row: Any) -> str:
    """What a row of the table cluster_closing says: the cluster that a closing school could have joined instead."""
    if not row.cluster:
        return f"No cluster could have it: {row.why}"
    more = "more" if row.extra_gbp > 0 else "less"
    saved = "saves" if row.leadership_saved_gbp > 0 else "costs"
    return (
        f"Kept, it could stand with {row.cluster}: {money(abs(row.extra_gbp))} a year {more} at the study's prices "
        f"than kept and alone; for heads that {saved} {money(abs(row.leadership_saved_gbp))} a year."
    )


def extra_words(extra_gbp: float) -> str:
    """What a second-best home costs a year against the plan."""
    return f"{money(abs(extra_gbp))} a year {'less' if extra_gbp < 0 else 'more'}"


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
    who = str(refusal["decider"])
    breaks = "that breaks the cluster: " if refusal["breaks"] else ""
    falls = "; its trust would have too few pupils" if refusal["trust_falls"] else ""
    falls += "; its trust would no longer be viable" if refusal["trust_fails"] else ""
    said.append(f"If {who} refuses: {breaks}{refusal['what']}{falls}.")
    homes = read_stage(folder, "cluster_homes")
    home = homes[(homes["urn"] == urn) & (homes["second_home"] != "")]
    said += [
        f"Second-best home, all else as planned: {other.second_home}, {extra_words(other.extra_gbp)} in clusters and "
        f"trusts{_as_one(other.moves)}."
        for other in home.itertuples()
    ]
    flags = read_stage(folder, "due_diligence")
    looked = flags.loc[flags["urn"] == urn, "what"].tolist()
    if looked:
        said.append(f"Before it joins {trust}: {'; '.join(looked)}.")
    return said


def _as_one(moves: int) -> str:
    """That a federation or a cluster of today moves whole."""
    return f"; the {moves} that are together today move as one" if moves > 1 else ""
