"""Pupils from new homes: dwellings × certainty × yield × how far the homes have filled, less what is counted already.

    pupils of year group g = yield(phase of g) × pattern(type, tenure, bedrooms) ÷ year groups of the phase
                             × share(age of g − years lived in)

New homes fill with young families. `share(c)` compares the children who were `c` years old when the homes were first
lived in with the number of a settled estate: all of them up to a certain age, fewer the older they were, because few
families move with teenagers. c < 0 are children born there since. So children of new homes are cohorts too: those in
Y3 are next year's Y4; Reception is full at once, the primary yield after `housing_ramp_years`, and the secondary
yield five years after that.

The chain of cohorts carries whoever is on roll in the base year, or in the births of the locality. Added are all
children of homes first lived in after the base year, and of older homes those who moved in below school age and come
to school after it. What remains is cut by the share of building that past ratios already carry and by the share of
families who only moved within the study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.fields import packaged_csv
from geodata.policy import Policy
from geodata.years import PHASES, PRIMARY, SECONDARY, age_of, start_year
from models.cohorts import BoolArray, FloatArray, IntArray, cube_frame, year_labels

OLDEST_PRIMARY_AGE = age_of(PRIMARY[-1])
LARGEST = 4  # bedrooms: yields are published for 1, 2, 3 and "4 and more"
SIXTH_FORM = ("Y12", "Y13")
TERMS = ("new homes as planned", "homes that may not be built", "already in past ratios", "moves within the study")


def housing_pupils(
    housing: pd.DataFrame,
    localities: Sequence[str],
    base_start: int,
    starts: IntArray,
    year_groups: Sequence[str],
    policy: Policy,
) -> tuple[FloatArray, list[str]]:
    """Pupils added (L, H, G) in the academic years that start in `starts` (H,), never negative; and notes.

    `housing` has locality, academic_year of completion, dwellings and, optionally, type, tenure, bedrooms and
    certainty (a probability).
    """
    terms, notes = housing_terms(housing, localities, base_start, starts, year_groups, policy)
    added: FloatArray = np.maximum(sum(terms.values()), 0.0)
    return added, notes


def housing_table(
    terms: Mapping[str, FloatArray], localities: Sequence[str], starts: IntArray, year_groups: Sequence[str]
) -> pd.DataFrame:
    """The terms as a table: locality, academic_year, year_group, term, pupils; cells without pupils are left out."""
    axes = {"locality": localities, "academic_year": year_labels(starts), "year_group": year_groups}
    frames = [cube_frame(axes, pupils=pupils).assign(term=term) for term, pupils in terms.items()]
    table = pd.concat(frames, ignore_index=True)[[*axes, "term", "pupils"]]
    return table[table["pupils"] != 0].reset_index(drop=True)


def housing_terms(
    housing: pd.DataFrame,
    localities: Sequence[str],
    base_start: int,
    starts: IntArray,
    year_groups: Sequence[str],
    policy: Policy,
    only: BoolArray | None = None,
) -> tuple[dict[str, FloatArray], list[str]]:
    """What `housing_pupils` adds, term by term: each of `TERMS` (L, H, G), the last three zero or below.

    `only` (rows of `housing`) tells the pupils of these homes alone; what past ratios carry of them is their share of
    what they carry of all.
    """
    row = pd.Index(localities).get_indexer(housing["locality"])
    kept = row >= 0
    notes = []
    if not kept.all():
        notes.append(f"{int((~kept).sum())} housing rows name a locality that is not in the list; left out.")
    homes, row = housing[kept], row[kept]
    completed = homes["academic_year"].map(start_year).to_numpy(dtype=np.int64)
    planned = homes["dwellings"].to_numpy(dtype=float)
    certainty = homes["certainty"].fillna(1.0).to_numpy(dtype=float) if "certainty" in homes else np.ones(len(homes))
    in_trend, said = _share_in_trend(row, completed, planned * certainty, base_start, policy)
    moves = policy.number("housing_local_movers")
    if moves:
        said.append(f"{moves:.0%} of the pupils of new homes are taken to live in the study already.")
    each = {
        TERMS[0]: planned,
        TERMS[1]: -planned * (1 - certainty),
        TERMS[2]: -planned * certainty * in_trend,
        TERMS[3]: -planned * certainty * (1 - in_trend) * moves,
    }
    a_dwelling = _pupils_a_dwelling(homes, completed, base_start, starts, year_groups, policy)
    if only is not None:
        a_dwelling = a_dwelling * only[kept][:, None, None]
    terms = {}
    for term, dwellings in each.items():
        terms[term] = np.zeros((len(localities), len(starts), len(year_groups)))
        np.add.at(terms[term], row, dwellings[:, None, None] * a_dwelling)
    return terms, notes + said


def yield_pattern(homes: pd.DataFrame, phase: str) -> FloatArray:
    """Yield of each row's dwellings (R,) as a multiple of that of all dwellings, from geodata/housing_yields.csv.

    That of its type and bedrooms, else of the one that is given, else 1; and an affordable or market home as many
    times that as such homes yield of all.
    """
    listed = packaged_csv("housing_yields.csv")
    listed = listed[listed["phase"] == phase]
    known = listed.set_index(["type", "tenure", "bedrooms"])["yield"].astype(float)
    known = known / known["", "", ""]
    kind, tenure, size = _words(homes, "type"), _words(homes, "tenure"), _words(homes, "bedrooms", most=LARGEST)
    blank = np.full(len(homes), "")
    pattern = np.full(len(homes), np.nan)
    for of_kind, of_size in ((kind, size), (blank, size), (kind, blank), (blank, blank)):
        found = known.reindex(pd.MultiIndex.from_arrays([of_kind, blank, of_size])).to_numpy(dtype=float)
        pattern = np.where(np.isnan(pattern), found, pattern)
    of_tenure: FloatArray = known.reindex(pd.MultiIndex.from_arrays([blank, tenure, blank])).to_numpy(dtype=float)
    return pattern * np.where(np.isnan(of_tenure), 1.0, of_tenure)


def _words(homes: pd.DataFrame, column: str, most: int | None = None) -> NDArray[np.object_]:
    """A column (R,) as text, "" where it is blank or missing; a number above `most` counts as that."""
    if column not in homes:
        return np.full(len(homes), "", dtype=object)
    values = homes[column]
    if most is not None:
        values = values.astype("Int64").clip(upper=most).astype("string")
    words: NDArray[np.object_] = values.astype(object).where(values.notna(), "").to_numpy(dtype=object)
    return words


def _pupils_a_dwelling(
    homes: pd.DataFrame,
    completed: IntArray,
    base_start: int,
    starts: IntArray,
    year_groups: Sequence[str],
    policy: Policy,
) -> FloatArray:
    """Pupils (R, H, G) of one dwelling of each row that the chain does not carry."""
    age = np.array([age_of(group) for group in year_groups])
    lived_in = completed + policy.integer("housing_occupancy_lag_years")
    years = starts[None, :] - lived_in[:, None]  # (R, H) since the homes were first lived in
    age_then = age - years[:, :, None]
    share = np.where(years[:, :, None] >= 0, _share_of_settled(age_then, policy), 0.0)
    new = (lived_in > base_start)[:, None, None]
    age_in_base_year = age - (starts - base_start)[:, None]
    still_to_come = (age_then >= 0) & (age_in_base_year < age[0])
    pupils: FloatArray = _settled_by_group(homes, year_groups, policy)[:, None, :] * share * (new | still_to_come)
    return pupils


def _share_of_settled(age_then: IntArray, policy: Policy) -> FloatArray:
    lag, ramp = policy.integer("housing_occupancy_lag_years"), policy.integer("housing_ramp_years")
    youngest_short = OLDEST_PRIMARY_AGE - (ramp - lag)  # so that Y6 is complete `ramp` years after completion
    missing = policy.number("housing_older_children_fall") * np.maximum(age_then - youngest_short, 0)
    share: FloatArray = np.maximum(1 - missing, 0.0)
    return share


def _settled_by_group(homes: pd.DataFrame, year_groups: Sequence[str], policy: Policy) -> FloatArray:
    """Settled pupils (R, G) a year group: the phase's yield over its year groups.

    Below school age as many a year as in the primary phase; Y12 and Y13 by `housing_yield_sixth_form`.
    """
    pattern = {phase: yield_pattern(homes, phase) for phase in PHASES}
    of_phase = {
        phase: pattern[phase] * policy.by_phase("housing_yield_{phase}", phase) / len(groups)
        for phase, groups in PHASES.items()
    }
    of_sixth_form = pattern["secondary"] * policy.number("housing_yield_sixth_form") / len(SIXTH_FORM)
    columns = []
    for group in year_groups:
        if age_of(group) <= OLDEST_PRIMARY_AGE:
            columns.append(of_phase["primary"])
        else:
            columns.append(of_phase["secondary"] if group in SECONDARY else of_sixth_form)
    return np.stack(columns, axis=1)


def _share_in_trend(
    row: IntArray, completed: IntArray, dwellings: FloatArray, base_start: int, policy: Policy
) -> tuple[FloatArray, list[str]]:
    """Share (R,) of each row's dwellings that past ratios carry.

    Where the table has completions in each of the last `housing_trend_years`, ratios carry that rate of building: in
    a locality that built 20 dwellings a year, 20 of every later year's. Else the policy's share, everywhere.
    """
    window = policy.integer("housing_trend_years")
    recent: BoolArray = (completed > base_start - window) & (completed <= base_start)
    if len(np.unique(completed[recent])) < window:
        share = policy.number("housing_in_trend")
        return np.full(len(row), share), [f"Past ratios are taken to carry {share:.0%} of the planned housing."]
    built = np.bincount(row[recent], dwellings[recent], minlength=int(row.max()) + 1) / window
    _, cell = np.unique(np.stack([row, completed]), axis=1, return_inverse=True)
    together = np.bincount(cell.ravel(), dwellings)[cell.ravel()]
    carried = np.divide(built[row], together, out=np.zeros(len(row)), where=together > 0)
    note = f"Past ratios are taken to carry each locality's completions of the last {window} years."
    return np.minimum(carried, 1.0), [note]
