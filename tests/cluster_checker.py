"""Every rule of a plan of clusters and trusts, read off the tables and the inputs alone, without a word of the models.

Prose of the rules: docs/clusters.md. Distances are those of the study's own roads.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.spatial import Voronoi

from placeplan.journeys import study_journeys
from placeplan.results import read_stage
from placeplan.study import Study

MAINTAINED = {"Community school": "community", "Foundation school": "community",
              "Voluntary controlled school": "VC", "Voluntary aided school": "VA"}  # fmt: skip
SUITS = {
    "mixed trust": {"community": {"none", "minority"}, "VC": {"minority", "majority"}, "VA": {"majority"}},
    "church-majority trust": {"community": {"none", "majority"}, "VC": {"minority", "majority"}, "VA": {"majority"}},
    "separate trusts": {"community": {"none"}, "VC": {"minority", "majority"}, "VA": {"majority"}},
}
RC = "Roman Catholic"


def broken_rules(study: Study) -> Iterator[str]:
    """What is wrong with the stored plan of a study."""
    policy, table = study.policy, read_stage(study.results / "clusters", "clusters")
    journeys = study_journeys(study)
    urns = [int(urn) for urn in journeys.schools["urn"]]
    row = {urn: k for k, urn in enumerate(urns)}
    minutes = journeys.between_schools
    schools = study.tables["schools"].set_index("urn")
    rolls = study.tables["rolls"]
    rolls = rolls[rolls["academic_year"] == study.settings.base_year]
    pupils = rolls[~rolls["year_group"].isin(["N1", "N2", "Y12", "Y13"])].groupby("urn")["pupils"].sum()
    known = study.tables["trusts"].set_index("trust")
    seen = {int(r.urn): r for r in table.itertuples()}
    federated = _together(schools)

    def drive(a: int, b: int) -> float:
        return 0.0 if a == b else float(minutes[row[a], row[b]])

    def church(urn: int) -> bool:
        return schools.at[urn, "religious_character"] not in ("none", RC)

    def trust_today(urn: int) -> str:
        return str(schools.at[urn, "trust"]) if "cademy" in schools.at[urn, "type"] else ""

    federations = policy.text("cluster_outcome") == "federations"
    drawn = {u: str(r.trust) if pd.notna(r.trust) else "" for u, r in seen.items()}

    def free(urn: int) -> bool:
        return not trust_today(urn) or _free(study, schools.loc[urn], known)

    def suits(urn: int) -> set[str]:
        if schools.at[urn, "religious_character"] == RC:
            return {"rome"}
        if trust_today(urn) and "Catholic" not in trust_today(urn) and not free(urn):
            return {str(known.at[trust_today(urn), "articles"]).removeprefix("church ")}
        was = MAINTAINED.get(schools.at[urn, "type"], "VC" if church(urn) else "community")
        if was == "community" and church(urn):
            was = "VC"
        return SUITS[policy.text("governance_model")][was]

    kept = policy.text("cluster_keep") == "yes"
    groups = {
        str(name): [int(u) for u in part["urn"]] for name, part in table[table["cluster"].notna()].groupby("cluster")
    }
    for urn, group in federated.dropna().groupby(federated.dropna()).groups.items():
        homes = {seen[int(u)].cluster for u in group if int(u) in seen}
        if kept and len(homes) > 1:
            yield f"the federation {urn} is parted"
    ridges = _ridges(table, schools, study)
    for name, members in groups.items():
        today = kept and {federated.get(u) for u in members} not in ({None}, {np.nan}) and len(
            {federated.get(u) for u in members}) == 1 and isinstance(federated.get(members[0]), str)  # fmt: skip
        lead = [u for u in members if seen[u].role == "lead"]
        if len(lead) != 1:
            yield f"{name}: {len(lead)} leads"
            continue
        if not policy.integer("cluster_min_schools") <= len(members) <= policy.integer("cluster_max_schools"):
            yield f"{name}: {len(members)} schools"
        if today:
            continue
        if len({drawn[u] for u in members} - {""}) > 1:
            yield f"{name}: in several trusts"
        at = schools.loc[lead[0]]
        if not seen[lead[0]].small and not isinstance(federated.get(lead[0]), str):
            crosses = policy.text("cluster_cross_phase") == "yes"
            if pupils.get(lead[0], 0) > policy.number("cluster_hub_max_pupils"):
                yield f"{name}: the hub is too large"
            if at["phase"] not in ("infant", "first", "junior", "primary") and not crosses:
                yield f"{name}: the hub is of another phase"
        for u in members:
            if u != lead[0] and not seen[u].small and not isinstance(federated.get(u), str):
                yield f"{name}: {u} is larger and does not lead"
        if sum(pupils.get(u, 0) for u in members) > policy.number("cluster_max_pupils"):
            yield f"{name}: too many pupils"
        small_lead = pupils.get(lead[0], 0) < policy.number("cluster_lead_min_pupils")
        if small_lead and not isinstance(federated.get(lead[0]), str):
            yield f"{name}: the lead has too few pupils"
        for u in members:
            together = isinstance(federated.get(u), str) and federated.get(u) == federated.get(lead[0])
            if drive(u, lead[0]) > policy.number("cluster_drive_max_min") and not together:
                yield f"{name}: {u} is too far from its lead"
            if schools.at[u, "consent"] == "refused":
                yield f"{name}: {u} refuses"
            for v in members:
                if u >= v or (isinstance(federated.get(u), str) and federated.get(u) == federated.get(v)):
                    continue
                one, other = trust_today(u), trust_today(v)
                longest = max(drive(u, v), drive(v, u))
                if longest > policy.number("cluster_pair_max_min"):
                    yield f"{name}: {u} and {v} are too far apart"
                if one and one == other:
                    continue
                if one and other and (federations or not (free(u) or free(v))):
                    yield f"{name}: {u} and {v} are of two trusts"
                apart = policy.text("cluster_across_kinds") == "no" or federations
                if bool(one) != bool(other) and apart:
                    yield f"{name}: {u} is an academy and {v} is not, or the other way round"
                faiths = {schools.at[x, "religious_character"] for x in (u, v)}
                if RC in faiths and len(faiths) > 1:
                    yield f"{name}: {u} and {v}: Catholic with others"
                if not suits(u) & suits(v) and policy.text("cluster_outcome") == "trusts":
                    yield f"{name}: no articles suit {u} and {v}"
        together = {
            frozenset((u, v))
            for u in members
            for v in members
            if kept and isinstance(federated.get(u), str) and federated.get(u) == federated.get(v)
        }
        if ridges is not None and not _connected(members, ridges | together):
            yield f"{name}: not in one piece"
    for u, name in drawn.items():
        if trust_today(u) and not name:
            yield f"{u} is an academy in no trust"
    if federations:
        yield from (f"{u} joins {name}" for u, name in drawn.items() if name != trust_today(u))
    yield from _trusts(study, table, pupils, suits, trust_today, free, drive, groups)
    yield from _joining(study)


def _free(study: Study, school: pd.Series, known: pd.DataFrame) -> bool:
    """Whether a trust lets its school go."""
    policy, weak = study.policy, bool(school["in_intervention"])
    given = known["consent_to_leave"].get(school["trust"], "unknown")
    if given == "given" or (given == "unknown" and policy.text("trust_consent_unknown") == "yes"):
        return True
    if weak and policy.text("trust_directed_moves") == "yes":
        return True
    wish = policy.text("trust_leaving") == "consent or five years" and not weak and pd.notna(school["trust_since"])
    first = pd.Timestamp(int(study.settings.base_year[:4]) + policy.integer("trust_first_joining_years"), 9, 1)
    there = (first - pd.Timestamp(school["trust_since"])).days / 365.25 if wish else 0.0
    return wish and there >= policy.integer("trust_leaving_years")


def _together(schools: pd.DataFrame) -> pd.Series:
    """A label by urn for those who are together today, by federation, by cluster or by both in turn."""
    label = pd.Series([None] * len(schools), index=schools.index, dtype=object)
    for column in ("federation", "cluster"):
        for name, group in schools[schools[column].notna()].groupby(column):
            held = set(label[group.index].dropna())
            label[label.isin(held) | label.index.isin(group.index)] = f"{column} {name}"
    return label


def _trusts(study, table, pupils, suits, trust_today, free, drive, groups) -> Iterator[str]:
    policy, known = study.policy, study.tables["trusts"].set_index("trust")
    schools = study.tables["schools"].set_index("urn")
    cards = read_stage(study.results / "clusters", "trusts")
    today = cards[cards["plan"] == "today"].set_index("trust")["reserves_p10_lowest_gbp"]
    for name, part in table[table["trust"].notna()].groupby("trust"):
        came = [int(u) for u in part["urn"] if trust_today(int(u)) != name]
        if not came:
            continue
        for u in came:
            if not free(u):
                yield f"{name}: {u} left its trust"
            land = schools.at[u, "land_consent"] == "refused" and not trust_today(u)
            if schools.at[u, "consent"] == "refused" or land:
                yield f"{name}: {u} refuses"
        if policy.text("trust_join_not_viable") == "no" and today.get(name, 0.0) < 0:
            yield f"{name}: schools join a trust whose reserves run out as it is"
        common = set.intersection(*(suits(u) for u in came))
        if name in known.index:
            common &= {"rome" if "Catholic" in name else str(known.at[name, "articles"]).removeprefix("church ")}
            places = known.at[name, "places_for_schools"]
            if pd.notna(places) and len(came) > places:
                yield f"{name}: {len(came)} join and it has places for {places}"
        elif sum(pupils.get(u, 0) for u in came) < policy.number("trust_min_pupils"):
            yield f"{name}: too few pupils for a new trust"
        if not common:
            yield f"{name}: no articles suit all"
        lead_of = {u: next(v for v in members if table.set_index("urn").at[v, "role"] == "lead")
                   for members in groups.values() for u in members}  # fmt: skip
        leads = sorted({lead_of.get(u, u) for u in came})
        hubs = [int(float(known.at[name, "hub"]))] if name in known.index else leads
        if all(max(drive(u, hub) for u in leads) > policy.number("trust_drive_max_min") for hub in hubs):
            yield f"{name}: too far from its hub"
        if len(leads) > policy.integer("trust_max_clusters"):
            yield f"{name}: {len(leads)} join"


def _joining(study: Study) -> Iterator[str]:
    """Growth cap, years of rest after a trust has doubled, the hub of a new trust first, and everybody at last."""
    folder, policy = study.results / "clusters", study.policy
    cards = read_stage(folder, "trusts").query("plan == 'planned'").set_index("trust")
    cap, rest = policy.integer("trust_growth_schools"), policy.integer("trust_consolidation_years")
    base = int(study.settings.base_year[:4])
    for name, rows in read_stage(folder, "joining").groupby("trust"):
        card = cards.loc[name]
        size = mark = int(card["schools"] - card["joining"])
        free = base + policy.integer("trust_first_joining_years")
        for number, (year, here) in enumerate(rows.groupby("academic_year")):
            began = int(str(year)[:4])
            if began < free:
                yield f"{name}: schools join in {year}, too early"
            if here["schools"].sum() > cap and len(here) > 1:
                yield f"{name}: {here['schools'].sum()} schools join in {year}"
            hub = here[[card["hub"] in joins.split(", ") for joins in here["joins"]]]
            if card["kind"] == "new trust" and number == 0:
                if hub.empty:
                    yield f"{name}: its hub is not there at the start"
                mark = int(hub["schools"].sum())
            size, free = size + int(here["schools"].sum()), began + 1
            if mark and size >= 2 * mark:
                mark, free = size, began + 1 + rest
        if rows["schools"].sum() != card["joining"]:
            yield f"{name}: {rows['schools'].sum()} join and {card['joining']} should"


def _ridges(table: pd.DataFrame, schools: pd.DataFrame, study: Study) -> set[frozenset[int]] | None:
    """Pairs of schools of the plan's problem whose Voronoi cells touch, None where contiguity is not asked."""
    if study.policy.text("cluster_contiguous") == "no":
        return None
    from placeplan.clusters.case import study_case

    urns = [int(u) for u in study_case(study).schools["urn"]]
    cells = Voronoi(schools.loc[urns, ["easting", "northing"]].to_numpy(dtype=float))
    return {frozenset(urns[k] for k in pair) for pair in cells.ridge_points.tolist()}


def _connected(members: list[int], ridges: set[frozenset[int]]) -> bool:
    reached, grown = {members[0]}, True
    while grown:
        more = {v for u in reached for v in members if frozenset((u, v)) in ridges} - reached
        grown, reached = bool(more), reached | more
    return reached == set(members)
