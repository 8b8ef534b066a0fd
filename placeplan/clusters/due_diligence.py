"""What is to be looked into before a school joins a trust: balance, repairs, contracts, site, consent, intervention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from placeplan.clusters.case import ClusterCase
from placeplan.clusters.trust_groups import Group

OWN_SITE = ("council", "authority")
LAST = ("balance", "condition", "PFI", "intervention")  # flags that put a joiner later, where its year is all the same


def looked_into(flags: pd.DataFrame) -> set[int]:
    """Schools with something that puts them last: a deficit, repairs, a PFI contract, intervention."""
    return set(flags.loc[flags["flag"].isin(LAST), "urn"])


def due_diligence(case: ClusterCase, groups: Sequence[Group]) -> pd.DataFrame:
    """A row for everything to be looked into before a school joins: urn, name, trust, flag, what."""
    schools, rows = case.everyone, []
    balance = case.money.balance.mean(axis=(1, 2))
    reserves = case.reserves_gbp
    for group in groups:
        for row in np.concatenate(group.joins) if group.joins else np.zeros(0, dtype=np.int64):
            school = schools.iloc[int(row)]
            flags = [
                ("balance", f"short by £{-balance[row]:,.0f} a year as it is", balance[row] < 0),
                ("balance", f"a deficit of £{-reserves[row]:,.0f} to bring in", reserves[row] < 0),
                ("condition", f"urgent repairs of £{_number(school.get('condition_gbp')):,.0f}",
                 _number(school.get("condition_gbp")) > 0),
                ("PFI", f"a contract until {school.get('pfi_until')}", pd.notna(school.get("pfi_until"))),
                ("site", f"the consent of {school.get('site_owner')} to the use of its land is {_said(school)}",
                 _other_owner(school.get("site_owner")) and school.get("land_consent") != "given"),
                ("consent", f"its consent is {school.get('consent') or 'unknown'}", school.get("consent") != "given"),
                ("intervention", f"in intervention: {school.get('concern') or 'no category given'}",
                 bool(school.get("in_intervention"))),
            ]  # fmt: skip
            rows += [
                {"urn": int(school["urn"]), "name": school["name"], "trust": group.name, "flag": flag, "what": what}
                for flag, what, holds in flags
                if holds
            ]
    return pd.DataFrame(rows, columns=["urn", "name", "trust", "flag", "what"])


def _said(school: pd.Series) -> str:
    return str(school.get("land_consent") or "unknown")


def _number(value: object) -> float:
    return 0.0 if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type]


def _other_owner(owner: object) -> bool:
    """Whether somebody else than the authority owns the site."""
    return isinstance(owner, str) and not any(word in owner.lower() for word in OWN_SITE)
