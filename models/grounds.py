"""On what ground a school may be considered for closing, and what protects it whatever the ground.

A commissioner may close a school where places significantly exceed demand, where provision is not sustainable, or where
quality is below standard. Each ground is tested with figures that are shown beside it:

* surplus: the school has at least `ground_spare_share` of its places empty by the roll last counted and in every plan
  year from `ground_years` on, by the median and by the high forecast, and its planning area holds the places that
  policy asks for in every plan year. A forecast alone is no surplus: that of one school is the least certain of all;
* sustainability: its score (`models.sustainability`) on the last roll told lies below `ground_score`; what its shadow
  budget comes to stands beside it (`models.budgets.viable`);
* quality: it is in formal intervention, or in a formal category of concern. Grades are not ranked against one another:
  the evidence is named with its framework and date.

A ground makes a school eligible, not a closure right: what closes is decided by the whole plan. Protected are schools
with a SEND unit, and designated rural primaries unless the study allows them and writes up the four factors of section
15(4) of the Education and Inspections Act 2006.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.fallbacks import RURAL_CLASS, RURAL_UNKNOWN
from geodata.policy import Policy
from models.options import Facility
from models.rules import Kept

Array = NDArray[np.float64]
SURPLUS, SUSTAINABILITY, QUALITY = "surplus", "sustainability", "quality"
LEAST_WORDS = 20  # letters, below which a factor is not taken for written up
FACTORS = ("community", "transport", "motor_vehicles", "alternatives")  # of section 15(4), (a) to (d)


def grounds(
    facilities: Sequence[Facility],
    schools: pd.DataFrame,
    kept: Sequence[Kept],
    money: pd.DataFrame,
    factors: Mapping[str, str],
    counted: Mapping[str, float],
    policy: Policy,
    high: Mapping[tuple[str, str], Array] | None = None,
) -> pd.DataFrame:
    """One row a school of `facilities`: the figures of each ground, which hold, what protects it, and `eligible`.

    `schools` has the schools' own columns; `kept` what policy asks of areas; `money` has urn, score,
    lowest_reserves_gbp and first_deficit_year; `factors` is what is wrong with the write-up of each urn that has one
    (`lacking_factors`), `counted` the roll of the base year by urn: nothing is known of a school without. A capacity
    that is a guess (capacity_estimated) is no evidence of surplus. `high` is the high forecast over the median by
    planning area and phase, (T,). Columns: urn, name, planning_area, roll_counted, places_first (of the first plan
    year), roll_last, places_last, spare_share (least from ground_years on), spare_from (that plan year, 1 the first),
    spare_high (the same by the high forecast), area_meets_policy, score (0–100), lowest_reserves_gbp,
    first_deficit_year, concern (in words); surplus, sustainability, quality: whether the ground holds; ground (in
    words; "" for none), protected (why; "" where it is not), eligible.
    """
    known = schools.assign(key=schools["urn"].astype(str)).set_index("key")
    of_money = money.assign(key=money["urn"].astype(str)).set_index("key")
    met = areas_that_meet_policy(kept)
    here = [facility for facility in facilities if facility.key in known.index]
    table = pd.DataFrame([_figures(facility, met, high or {}, policy) for facility in here], columns=FIGURES)
    table["roll_counted"] = [float(counted.get(urn, np.nan)) for urn in table["urn"]]
    now = 1 - table["roll_counted"] / table["places_first"].where(table["places_first"] > 0)
    of_school = known.loc[table["urn"]].reset_index()
    table["score"] = of_money["score"].reindex(table["urn"]).to_numpy(dtype=float)
    table["lowest_reserves_gbp"] = of_money["lowest_reserves_gbp"].reindex(table["urn"]).to_numpy(dtype=float)
    table["first_deficit_year"] = of_money["first_deficit_year"].reindex(table["urn"]).to_numpy(dtype=object)
    table["concern"] = [concern_words(row) for row in of_school.to_dict("records")]
    guessed = np.array([bool(row.get("capacity_estimated")) for row in of_school.to_dict("records")], dtype=bool)
    table[SURPLUS] = table["area_meets_policy"] & (table["spare_share"] >= policy.number("ground_spare_share"))
    for least in (table["spare_high"], now):
        table[SURPLUS] &= least >= policy.number("ground_spare_share")
    table[SURPLUS] &= ~guessed
    table[SUSTAINABILITY] = table["score"] < policy.number("ground_score")
    table[QUALITY] = table["concern"] != ""
    table["ground"] = [_words(row) for row in table.to_dict("records")]
    table["protected"] = [_protection(row, factors, counted, policy) for row in of_school.to_dict("records")]
    table["eligible"] = (table["ground"] != "") & (table["protected"] == "")
    return table


NO_ROLL = "no pupils of it are given for the base year (table rolls)"
FIGURES = [
    "urn", "name", "planning_area", "places_first", "roll_last", "places_last", "spare_share", "spare_from",
    "spare_high", "area_meets_policy",
]  # fmt: skip


def areas_that_meet_policy(kept: Sequence[Kept]) -> set[tuple[str, str]]:
    """Planning areas, by phase, in which today's estate holds what policy asks in every plan year."""
    areas = {(one.planning_area, one.phase) for one in kept}
    return areas - {(one.planning_area, one.phase) for one in kept if one.today < one.asked - 1e-6}


def concern_words(school: Mapping[str, Any]) -> str:
    """The formal category of concern with its framework and date; "" where there is none."""
    if isinstance(school.get("concern"), str) and school["concern"]:
        framework, day = school.get("concern_framework"), school.get("concern_date")
        found = f", {framework}" if isinstance(framework, str) else ""
        when = f", {day:%d %B %Y}".replace(", 0", ", ") if isinstance(day, pd.Timestamp) and not pd.isna(day) else ""
        return f"{school['concern']}{found}{when}"
    return "in formal intervention" if bool(school.get("in_intervention")) else ""


def lacking_factors(table: pd.DataFrame | None) -> dict[str, str]:
    """What is wrong with each school's write-up of the four factors, by urn; "" where each is in words of its own.

    Words that stand under more than one school or factor, capitals, digits and points apart, are no assessment of any,
    nor is a note of a few letters.
    """
    if table is None:
        return {}
    words = table[[*FACTORS]].apply(lambda column: column.astype("string").str.casefold().fillna(""))
    words = words.apply(lambda column: column.str.replace(r"[\W\d_]+", " ", regex=True).str.strip())
    times = Counter(words.to_numpy(dtype=object).ravel().tolist())
    found = {}
    for urn, row in zip(table["urn"].astype(str), words.to_dict("records"), strict=True):
        few = [name for name in FACTORS if len(row[name]) < LEAST_WORDS]
        again = [name for name in FACTORS if name not in few and times[row[name]] > 1]
        said = [f"{', '.join(few)}: nothing, or a few letters"] if few else []
        said += [f"{', '.join(again)}: words that stand elsewhere in the table too"] if again else []
        found[urn] = "; ".join(said)
    return found


def _figures(
    facility: Facility, met: set[tuple[str, str]], high: Mapping[tuple[str, str], Array], policy: Policy
) -> tuple[object, ...]:
    columns = facility.columns
    pupils, places = (array[:, columns].sum(axis=1) for array in (facility.pupils, facility.places))
    first = min(policy.integer("ground_years"), len(pupils) - 1)
    raised = [high[area, phase] for phase, area in facility.planning_area.items() if (area, phase) in high]
    many = pupils * np.max([np.ones(len(pupils)), *raised], axis=0)
    spare, least = (
        np.divide(places - on_roll, places, out=np.zeros_like(places), where=places > 0)[first:]
        for on_roll in (pupils, many)
    )
    enough = all((area, phase) in met for phase, area in facility.planning_area.items())
    area = ", ".join(dict.fromkeys(facility.planning_area.values()))
    return (
        facility.key, facility.name, area, places[0], pupils[-1], places[-1], float(spare.min()), first + 1,
        float(least.min()), enough,
    )  # fmt: skip


def _words(row: Mapping[str, Any]) -> str:
    """The grounds that hold, with their figures."""
    said = []
    if row[SURPLUS]:
        said.append(
            f"surplus: {row['roll_counted']:.0f} on roll when last counted for {row['places_first']:.0f} places; "
            f"at least {row['spare_share']:.0%} of places empty from plan year {row['spare_from']} on, "
            f"{row['spare_high']:.0%} by the high forecast, with {row['roll_last']:.0f} on roll in the last plan year"
        )
    if row[SUSTAINABILITY]:
        first = row["first_deficit_year"]
        since = f", in deficit from {first}" if isinstance(first, str) else ""
        debt = (
            f", reserves fall to £{row['lowest_reserves_gbp']:,.0f}".replace("£-", "−£")
            if row["lowest_reserves_gbp"] < 0
            else ""
        )
        said.append(f"sustainability: scores {row['score']:.0f} of 100{debt}{since}")
    if row[QUALITY]:
        said.append(f"quality: {row['concern']}")
    return "; ".join(said)


def _protection(school: Mapping[str, Any], factors: Mapping[str, str], counted: Collection[str], policy: Policy) -> str:
    """What protects a school whatever the ground; "" where nothing does."""
    said = [] if school["key"] in counted else [NO_ROLL]
    if float(school.get("sen_places") or 0) > 0:
        said.append("it has a SEND unit")
    if school.get("rural_from") == RURAL_UNKNOWN:
        said.append("it is not known whether it is a designated rural primary (rural_designated, urban_rural)")
    if bool(school.get("rural_designated")):
        rural = "treated as a designated rural primary, by its rural-urban class"
        rural = rural if school.get("rural_from") == RURAL_CLASS else "designated rural primary"
        if policy.value("close_rural") != "yes":
            said.append(f"{rural} (close_rural)")
        elif lacking := factors.get(school["key"], "nothing"):
            said.append(f"{rural} whose four factors are not written up (rural_factors: {lacking})")
    return "; ".join(said)
