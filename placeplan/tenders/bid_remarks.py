"""What must be settled about a bid before any award, besides its scores: when it came, and what its site can carry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd

from geodata.competitions import day
from geodata.policy import Policy
from geodata.sites import planning_status
from geodata.years import start_year
from models.calendar import PLANNING_WEEKS
from placeplan.study import Study


def remarks(study: Study, competition: pd.Series, bids: pd.DataFrame) -> dict[str, str]:
    """By bid, remarks in words; bids of which nothing is to be said are left out."""
    sites = study.tables.get("sites")
    known = sites is not None and isinstance(competition["site"], str)
    site = sites.set_index("site").loc[competition["site"]] if sites is not None and known else None
    told = {}
    for _, bid in bids.iterrows():
        said = [*_receipt(bid, competition), *(_of_site(bid, site) if site is not None else [])]
        if site is not None and isinstance(bid["opens"], str):
            said += _calendar(bid, competition, site, study.policy)
        if said:
            told[str(bid["bid"])] = "; ".join(said)
    return told


def _receipt(bid: pd.Series, competition: pd.Series) -> Iterator[str]:
    received, closes = bid["received_at"], competition["closes"]
    if isinstance(received, pd.Timestamp) and isinstance(closes, pd.Timestamp) and received.normalize() > closes:
        yield f"received after the last day, {day(closes)}: decide whether it may stand, and log why"


def _of_site(bid: pd.Series, site: pd.Series) -> Iterator[str]:
    fe, opens = bid["fe"], bid["opens"]
    if pd.notna(fe) and fe > site["max_fe"]:
        yield f"offers {fe:g} FE, the site takes at most {site['max_fe']:g}"
    if pd.notna(fe) and pd.notna(site["min_fe"]) and fe < site["min_fe"]:
        yield f"offers {fe:g} FE, the site is for {site['min_fe']:g} at least"
    if isinstance(opens, str) and start_year(opens) < start_year(site["available_from"]):
        yield f"opens in {opens}, the site is available from {site['available_from']}"


def _calendar(bid: pd.Series, competition: pd.Series, site: pd.Series, policy: Policy) -> Iterator[str]:
    """Judging, deciding, planning permission and building from the last day for bids, as long as policy says."""
    closes = day(competition["closes"])
    if closes is None:
        return
    status = planning_status(site["planning_status"])
    names = ("assess_proposals_weeks", "opening_decision_weeks", PLANNING_WEEKS[status])
    weeks = [policy.number(name) for name in names]
    transfer = day(site["transfer_date"])
    begun = max(closes + timedelta(weeks=sum(weeks)), transfer or closes)
    phase = "primary" if site["phase"] == "primary" else "secondary"
    built = begun + timedelta(weeks=policy.number(f"build_new_{phase}_weeks"))
    if built > date(start_year(bid["opens"]), 9, 1):
        yield f"opens in {bid['opens']}, but by the calendar of policy is not built before {built.isoformat()}"
