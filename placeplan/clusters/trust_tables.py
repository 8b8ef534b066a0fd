"""The trusts of a plan in tables: a balanced scorecard each, money by year, the order of joining, due diligence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import years_from
from models.joining import Coming, Order, best_order
from models.side_by_side import ARTICLES, MINORITY, Standing, faiths
from models.trust_finance import LOW, TrustMoney, brought_gbp, clusters_gain, joiner_adds, trust_money
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.due_diligence import due_diligence, looked_into
from placeplan.clusters.hosts import centre_share, not_viable_today, today_money
from placeplan.clusters.trust_groups import NEW, OUTSIDE, TODAY, Group
from placeplan.clusters.trust_pooling import pooled_group

Index = NDArray[np.int64]
JOINING = ["trust", "academic_year", "schools", "joins", "flagged", "host_viable_today", "balance_gbp"]


def scorecards(
    case: ClusterCase, policy: Policy, rules: Standing, groups: Sequence[Group]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables trusts (a row a group) and trust_finance (a row a group and year, as schools join)."""
    looked = looked_into(due_diligence(case, groups))
    rows, years = [], []
    for group in groups:
        order = order_of(case, policy, group, looked)
        since, told = _since(group, order), years_from(case.years[0], order.n_years)
        money = group_money(case, policy, group, since, order.n_years)
        pooled = _pooled(group)
        settled = group_money(case, policy, group, np.full(len(group.rows), -1), len(case.years))
        centre = float(settled.centre.mean())
        moved = pooled_group(case, policy, group, centre) if pooled else None
        known = ~np.isnan(case.reserves_gbp[group.rows])
        rows.append(
            {
                "trust": group.name,
                "kind": group.kind,
                **_pupils(case, group),
                **_journeys(case, policy, group),
                "income_gbp": float(money.income[-1].mean()),
                "running_gbp": float(money.running[-1].mean()),
                "running_p10_gbp": float(money.running_p10[-1]),
                "once_gbp": float(money.once.sum()),
                "balance_gbp": float(money.balance[-1].mean()),
                "balance_last_p10_gbp": float(money.balance_p10[-1]),
                "balance_p10_gbp": float(money.balance_p10.min()),
                "never_short_p10": bool((money.balance_p10 >= 0).all()),
                "running_never_short_p10": bool((money.running_p10 >= 0).all()),
                "reserves_p10_gbp": float(money.reserves_p10[-1]),
                "reserves_known": int(known.sum()),
                "reserves_p10_lowest_gbp": float(money.reserves_p10.min()),
                "reserves_share_p10": money.reserves_share_p10,
                "viable": money.viable,
                "viable_today": today_money(case, policy, group.name).viable if group.kind == TODAY else None,
                "stops_in": money.stops(told),
                "grant_gbp": money.grant_gbp,
                "grant_at_once_gbp": order.at_once_gbp,
                "delay_years": order.delay_years,
                "best_order_proven": order.exact,
                "centre_gbp": float(money.centre[-1].mean()),
                "centre_settled_gbp": centre,
                "centre_fixed_gbp": policy.number("trust_central_gbp") if pooled else np.nan,
                "centre_elsewhere_share": 1.0 - centre_share(case, policy, group.name) if pooled else np.nan,
                "top_slice_needed": money.top_slice_needed() if pooled else np.nan,
                "top_slice_to_balance": np.nan if moved is None else moved.share_to_balance,
                "schools_short": np.nan if moved is None else moved.short,
                "pooled_gbp": np.nan if moved is None else moved.moved_gbp,
                "unmet_gbp": np.nan if moved is None else moved.unmet_gbp,
                **_leadership(case, policy, group),
                **_places(case, group),
                **_faith(case, rules, group),
            }
        )
        years += [
            {
                "trust": group.name,
                "kind": group.kind,
                "academic_year": year,
                "joined": int(((since >= 0) & (since <= t)).sum()),
                "income_gbp": float(money.income[t].mean()),
                "centre_gbp": float(money.centre[t].mean()),
                "running_gbp": float(money.running[t].mean()),
                "running_p10_gbp": float(money.running_p10[t]),
                "once_gbp": float(money.once[t]),
                "balance_gbp": float(money.balance[t].mean()),
                "balance_p10_gbp": float(money.balance_p10[t]),
                "balance_p90_gbp": float(np.percentile(money.balance[t], 100 - LOW)),
                "reserves_p10_gbp": float(money.reserves_p10[t]),
            }
            for t, year in enumerate(told)
        ]
    return pd.DataFrame(rows), pd.DataFrame(years)


def _pooled(group: Group) -> bool:
    """Whether the group is a trust with a centre and one back office, and no federation or cluster of its own."""
    return group.kind != OUTSIDE


def group_money(case: ClusterCase, policy: Policy, group: Group, since: Index, n_years: int) -> TrustMoney:
    """The money of a group as its schools join; `since` (rows,) is the year from 0, -1 from the beginning."""
    return trust_money(
        case.money,
        group.rows,
        group.clusters,
        case.reserves_gbp,
        policy,
        joins=since,
        n_years=n_years,
        pooled=_pooled(group),
        centre=centre_share(case, policy, group.name),
    )


def order_of(case: ClusterCase, policy: Policy, group: Group, looked: set[int]) -> Order:
    """The order in which the group's joiners join; `looked` are schools with something to be looked into."""
    none = case.money.balance[:0]
    urns = case.everyone["urn"].to_numpy()
    came = np.concatenate([*group.joins, np.zeros(0, dtype=np.int64)])
    stands = np.setdiff1d(group.rows, came)
    home = [whole for whole in group.clusters if not np.isin(whole, came).any()]
    money = trust_money(
        case.money, stands, home, case.reserves_gbp, policy, pooled=_pooled(group), centre=0.0
    )  # fmt: skip
    adds = [joiner_adds(case.money, part, group.rows, group.clusters, policy) for part in group.joins]
    brings = [brought_gbp(case.money, part, case.reserves_gbp, policy).sum(axis=0) for part in group.joins]
    schools = np.array([len(part) for part in group.joins], dtype=np.int64)
    coming = Coming(
        adds=np.stack(adds) if adds else none,
        brings=np.stack(brings) if brings else none,
        once=policy.number("joining_gbp") * schools.astype(np.float64),
        stands=money.running,
        saved=money.reserves[0] - money.balance[0],
        fixed=policy.number("trust_central_gbp") * centre_share(case, policy, group.name) * _pooled(group),
        schools=schools,
        flagged=np.array([bool(set(urns[part].tolist()) & looked) for part in group.joins], dtype=bool),
        hub=next((k for k, part in enumerate(group.joins) if group.hub in part), None) if group.kind == NEW else None,
        at_home=len(stands),
    )
    return best_order(coming, policy)


def joined_since(case: ClusterCase, policy: Policy, group: Group, looked: set[int]) -> tuple[Index, list[str]]:
    """(rows,) the year, from 0, in which each school of a group joins, -1 where it is there; and the years told."""
    order = order_of(case, policy, group, looked)
    return _since(group, order), years_from(case.years[0], order.n_years)


def _since(group: Group, order: Order) -> Index:
    since = np.full(len(group.rows), -1, dtype=np.int64)
    for part, year in zip(group.joins, order.joins, strict=True):
        since[np.isin(group.rows, part)] = year
    return since


def _pupils(case: ClusterCase, group: Group) -> dict[str, Any]:
    small = set(case.row[case.schools["small"].to_numpy(dtype=bool)].tolist())
    clustered = {int(row) for whole in group.clusters for row in whole}
    village = [row for row in group.rows if int(row) in small]
    return {
        "schools": len(group.rows),
        "village_schools": len(village),
        "village_alone": sum(int(row) not in clustered for row in village),
        "clusters": sum(lead in group.rows for lead in group.leads),
        "joining": sum(len(part) for part in group.joins),
        "pupils": float(case.everyone["pupils"].to_numpy(dtype=float)[group.rows].sum()),
        "hub": str(case.everyone["name"].iloc[group.hub]),
    }


def _journeys(case: ClusterCase, policy: Policy, group: Group) -> dict[str, Any]:
    """Drives of members to their lead, of leads to the hub, and schools far from every other of the trust."""
    pairs = zip(group.clusters, group.leads, strict=True)
    drives = [case.drive_min[row, lead] for whole, lead in pairs for row in np.intersect1d(whole, group.rows)]
    to_hub = [case.drive_min[lead, group.hub] for lead in group.leads] or [0.0]
    within = case.drive_min[np.ix_(group.rows, group.rows)] + np.diag(np.full(len(group.rows), np.inf))
    nearest = within.min(axis=1) if len(group.rows) > 1 else np.array([np.inf])
    return {
        "longest_drive_min": float(max(drives, default=0.0)),
        "drives_min": float(sum(drives)),
        "hub_drive_min": float(max(to_hub)),
        "isolated": int((nearest > policy.number("cluster_isolated_min")).sum()),
    }


def _leadership(case: ClusterCase, policy: Policy, group: Group) -> dict[str, Any]:
    """Heads today and by the plan, their load, what is saved, and teacher posts with those that heads taught."""
    inside = [np.intersect1d(whole, group.rows) for whole in group.clusters]
    led = [whole for whole, lead in zip(group.clusters, group.leads, strict=True) if lead in group.rows]
    clustered = sum(len(part) for part in inside)
    saved = sum(
        float(clusters_gain(case.money, [whole], policy).mean()) * len(part) / len(whole)
        for whole, part in zip(group.clusters, inside, strict=True)
    )
    pupils = case.everyone["pupils"].to_numpy(dtype=float)
    rows = np.concatenate(inside) if inside else np.zeros(0, dtype=np.int64)
    teaching = (pupils[rows] < policy.number("head_teaches_below_pupils")).sum()
    return {
        "heads_today": len(group.rows),
        "executive_heads": len(led),
        "heads": len(group.rows) - clustered,
        "heads_of_school": clustered,
        "schools_per_executive_head": float(np.mean([len(whole) for whole in led])) if led else np.nan,
        "most_pupils_per_executive_head": max((float(pupils[whole].sum()) for whole in led), default=np.nan),
        "leadership_saved_gbp": float(saved),
        "teacher_posts": float(case.teacher_posts[group.rows].sum() + policy.number("head_teaching_share") * teaching),
    }


def _places(case: ClusterCase, group: Group) -> dict[str, Any]:
    places = case.places[group.rows]
    pupils = case.everyone["pupils"].to_numpy(dtype=float)[group.rows]
    known = places > 0
    return {
        "places": float(places[known].sum()),
        "filled_share": float(pupils[known].sum() / places[known].sum()) if known.any() else np.nan,
    }


def _faith(case: ClusterCase, rules: Standing, group: Group) -> dict[str, Any]:
    """Church and other schools, the articles that suit all, and the safeguards that follow."""
    church = np.array([name != "" for name in faiths(case.everyone)], dtype=bool)[group.rows]
    at = {int(row): k for k, row in enumerate(case.row)}
    known = case.today[case.today["trust"] == group.name]
    if len(known):
        articles = str(known["articles"].iloc[0])
    else:
        suits = np.atleast_1d(rules.suits[[at[int(row)] for row in group.rows]].all(axis=0))
        articles = next((name for name, fits in zip(rules.articles, suits, strict=True) if fits), "none suit all")
    addendum = articles == MINORITY and church.any() and not church.all()
    protected = articles not in (*ARTICLES[:2], "none suit all") and not church.all()
    safeguard = "addendum on religious character" if addendum else "non-church character protected" if protected else ""
    return {
        "church_schools": int(church.sum()),
        "church_share": float(church.mean()),
        "articles": f"{articles} (assumed)" if group.name in case.articles_assumed else articles,
        "safeguard": safeguard,
    }


def joining_order(case: ClusterCase, policy: Policy, groups: Sequence[Group], flags: pd.DataFrame) -> pd.DataFrame:
    """Table joining: a row a joiner, in the order in which they join, and whether its host is viable without it."""
    looked = looked_into(flags)
    urns, names = case.everyone["urn"].to_numpy(), case.everyone["name"].astype(str).to_numpy()
    failing = set(not_viable_today(case, policy))
    rows = []
    for group in groups:
        order = order_of(case, policy, group, looked)
        when = years_from(case.years[0], order.n_years)
        adds = [float(joiner_adds(case.money, part, group.rows, group.clusters, policy).mean()) for part in group.joins]
        rows += [
            {
                "trust": group.name,
                "academic_year": when[year],
                "schools": len(part),
                "joins": ", ".join(names[part]),
                "flagged": bool(set(urns[part].tolist()) & looked),
                "host_viable_today": group.name not in failing if group.kind == TODAY else None,
                "balance_gbp": added,
            }
            for year, part, added in sorted(
                zip(order.joins.tolist(), group.joins, adds, strict=True), key=lambda item: (item[0], -item[2])
            )
        ]
    return pd.DataFrame(rows, columns=JOINING)
