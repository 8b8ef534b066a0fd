"""Localities that were merged, split, redrawn or recoded: earlier counts carried into today's localities.

Ratios learnt over a change of boundaries would take two areas for one. The table `locality_changes` says where the
history of a code went; carried there before anything is learnt, it stays whole to the last pupil. What is not known
on one side of a merger is not known of the sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geodata.problems import Problem, nearest
from geodata.settings import Settings
from geodata.years import academic_year, start_year, start_years

TABLE = "locality_changes"
CARRIED = {"pupils": "pupils", "births": "births", "flows": "pupils"}  # table: its count
NOTHING = 1e-9  # shares of a locality that add up to 1 leave less than this
Tables = Mapping[str, pd.DataFrame]


def carry_history(tables: Tables) -> dict[str, pd.DataFrame]:
    """Tables with the history of every changed locality under today's codes."""
    done = dict(tables)
    if TABLE not in done:
        return done
    changes = done[TABLE]
    start = start_years(changes["academic_year"])
    for year in sorted(start.unique()):
        rows = changes[start == year]
        for name in CARRIED.keys() & done.keys():
            done[name] = _carried(done[name], name, rows, int(year))
    return done


def _carried(table: pd.DataFrame, name: str, changes: pd.DataFrame, year: int) -> pd.DataFrame:
    """One table after the changes of one year.

    Of a locality that is wholly gone, rows of later years move too: births are often published under old codes.
    """
    count = CARRIED[name]
    before = _before(table, year)
    left = 1 - table["locality"].map(changes.groupby("from_locality")["share"].sum())  # NaN: not changed
    old = left.notna() & (before | (left <= NOTHING))
    if not old.any():
        return table
    moved = table[old].merge(changes, left_on="locality", right_on="from_locality", suffixes=("", "_of_change"))
    moved = moved.assign(locality=moved["to_locality"], **{count: moved[count] * moved["share"]})[list(table)]
    staying = table[old & (left > NOTHING)]
    staying = staying.assign(**{count: staying[count] * left[staying.index]})
    together = pd.concat([table[~old], staying, moved], ignore_index=True)
    unknown = together[count].isna() | _half_known(together, table, name, changes, year)
    keys = [column for column in table if column not in (count, "estimated")]
    groups = together.assign(unknown=unknown).groupby(keys, dropna=False, sort=False, as_index=False)
    summed = groups.agg({count: "sum", "estimated": "any", "unknown": "any"})
    summed[count] = summed[count].mask(summed["unknown"])
    return summed[list(table)]


def _before(table: pd.DataFrame, year: int) -> pd.Series:
    """Rows counted before the academic year that starts in `year`."""
    if "academic_year" in table:
        return start_years(table["academic_year"]) < year
    return table["year_ending"] < pd.Timestamp(year, 9, 1)


def _half_known(together: pd.DataFrame, table: pd.DataFrame, name: str, changes: pd.DataFrame, year: int) -> pd.Series:
    """Rows of a locality in years of which one of the areas it was made from has no row at all."""
    if name == "flows":  # nobody from there at a school is no row, not an unknown
        return pd.Series(False, index=together.index)
    time = "academic_year" if "academic_year" in table else "year_ending"
    to = changes["to_locality"].unique()
    parts = pd.concat(
        [changes[["from_locality", "to_locality"]], pd.DataFrame({"from_locality": to, "to_locality": to})]
    ).drop_duplicates()
    given = table.loc[_before(table, year), ["locality", time]].drop_duplicates()
    given = parts.merge(given, left_on="from_locality", right_on="locality")
    wanted = given.groupby("to_locality")["from_locality"].nunique()
    there = given.groupby(["to_locality", time]).size()
    short = there[there < wanted.reindex(there.index.get_level_values(0)).to_numpy()].index
    return pd.Series(pd.MultiIndex.from_frame(together[["locality", time]]).isin(short), index=together.index)


def change_notes(tables: Tables) -> Iterator[str]:
    """What was carried, a sentence for each year of changes; `tables` as they stand in the files."""
    if TABLE not in tables:
        return
    for year, rows in tables[TABLE].groupby("academic_year"):
        named = ", ".join(
            f"{row.from_locality} → {row.to_locality}" + (f" ({row.share:.0%})" if row.share < 1 else "")
            for row in rows.head(5).itertuples()
        ) + (f" and {len(rows) - 5:,} more" if len(rows) > 5 else "")
        yield f"locality_changes: counts before {year} are carried to today's localities: {named}."


def change_problems(tables: Tables, settings: Settings) -> Iterable[Problem]:
    """Changes that cannot be carried: unknown codes, shares above 1, circles, years outside the history."""
    if TABLE not in tables or not {"pupils", "localities"} <= tables.keys():
        return
    changes = tables[TABLE].dropna(subset=["from_locality", "to_locality", "academic_year", "share"])
    yield from _unknown_codes(changes, tables)
    yield from _years_outside(changes, tables, settings)
    yield from _shares(changes, tables)
    yield from _circles(changes)


def _unknown_codes(changes: pd.DataFrame, tables: Tables) -> Iterator[Problem]:
    today = set(tables["localities"]["locality"].dropna().astype(str))
    counted = {code for name in ("pupils", "births") if name in tables for code in tables[name]["locality"].dropna()}
    onward = set(changes["from_locality"])
    for row in changes[~changes["to_locality"].isin(today | onward)].itertuples():
        what = f"{row.to_locality} is not in localities, so nobody would take the history of {row.from_locality}."
        near = nearest(row.to_locality, sorted(today)) if len(today) < 2000 else ""
        mend = near if near.startswith("Did") else "Correct it, or add it to localities."
        yield Problem(TABLE, what, mend, int(row.Index) + 2, "to_locality")
    for row in changes[~changes["from_locality"].isin(counted | set(changes["to_locality"]))].itertuples():
        what = f"{row.from_locality} has no pupils and no births to carry."
        yield Problem(TABLE, what, "Correct the code, or take the row out.", int(row.Index) + 2, "from_locality")


def _years_outside(changes: pd.DataFrame, tables: Tables, settings: Settings) -> Iterator[Problem]:
    first = min(tables["pupils"]["academic_year"].dropna(), default=settings.base_year)
    outside = (changes["academic_year"] <= first) | (changes["academic_year"] > settings.base_year)
    for row in changes[outside].itertuples():
        what = f"{row.academic_year} is not within the history: pupils are of {first} to {settings.base_year}."
        mend = f"Give the first year counted under the new codes, {_next(first)} to {settings.base_year}."
        yield Problem(TABLE, what, mend, int(row.Index) + 2, "academic_year")


def _next(year: str) -> str:
    return academic_year(start_year(year) + 1)


def _shares(changes: pd.DataFrame, tables: Tables) -> Iterator[Problem]:
    """Shares of one locality in one year, and what is counted of it afterwards."""
    pupils, today = tables["pupils"], set(tables["localities"]["locality"].dropna().astype(str))
    pupils = pupils.dropna(subset=["academic_year", "locality"])
    for (code, year), rows in changes.groupby(["from_locality", "academic_year"]):
        row, total = int(rows.index[0]) + 2, float(rows["share"].sum())
        if total > 1 + NOTHING:
            what = f"The shares of {code} in {year} add up to {total:g}, more than all of it."
            yield Problem(TABLE, what, "Correct them: together they are 1, or less where a part stays.", row, "share")
        elif total < 1 - NOTHING and code not in today:
            what = f"The shares of {code} in {year} add up to {total:g}, and {code} is not in localities."
            yield Problem(TABLE, what, "Say where the rest went, so that they add up to 1.", row, "share")
        elif total >= 1 - NOTHING:
            later = pupils[(pupils["locality"] == code) & (pupils["academic_year"] >= year) & (pupils["pupils"] > 0)]
            if len(later):
                one = later.iloc[0]
                what = f"All of {code} went elsewhere in {year}, and it still has {one['pupils']:g} pupils in "
                what += f"{one['academic_year']} {one['year_group']}."
                mend = f"Correct the year of the change in {TABLE}, or give the share that went."
                yield Problem("pupils", what, mend, int(later.index[0]) + 2, "locality")


def _circles(changes: pd.DataFrame) -> Iterator[Problem]:
    codes, at = np.unique(changes[["from_locality", "to_locality"]].astype(str).to_numpy(), return_inverse=True)
    if not len(codes):
        return
    from_, to = at.reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(from_)), (from_, to)), shape=(len(codes), len(codes)))
    circles, member = connected_components(graph, connection="strong")
    for circle in np.flatnonzero(np.bincount(member, minlength=circles) > 1):
        named = [str(code) for code in codes[member == circle]]
        row = int(changes.index[np.flatnonzero(np.isin(member[from_], circle))[0]]) + 2
        what = f"The changes run in a circle: {', '.join(named)}."
        yield Problem(TABLE, what, "Take one of them out.", row, "to_locality")
    for row in changes[changes["from_locality"] == changes["to_locality"]].itertuples():
        what = f"{row.from_locality} would be carried into itself."
        yield Problem(TABLE, what, "Name the locality that takes its history.", int(row.Index) + 2, "to_locality")
