"""Rules about closing: so many a year, a balance of faiths, and nothing closed and built again – by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_estate_options import YEARS, village

from geodata.policy import Policy
from models.closure_rows import closures_a_year, faith_shares, nothing_undone, retained_near
from models.facilities import faiths, may_receive
from models.growth import expand
from models.options import Facility, Option, stay
from models.reductions import close
from models.rules import Row

A, B, C = "900001", "900002", "900003"


def three() -> list[Facility]:
    return [village(key=key, name=key) for key in (A, B, C)]


def offered(schools: list[Facility], closing: tuple[str, ...]) -> list[Option]:
    options = [o for school in schools for o in stay(school, YEARS, Policy({}))]
    return options + [
        o for school in schools if school.key in closing for o in close(replace(school, ground="x"), YEARS, Policy({}))
    ]


def kept(rows: list[Row], options: list[Option], chosen: dict[str, str]) -> bool:
    """Whether the rows hold where schools follow the option of a year (close, expand) and the others stay."""
    taken = [o for o, option in enumerate(options) if option.academic_year == chosen.get(option.facility, "")]
    levels = [row.values[np.isin(row.options, taken)].sum() for row in rows]
    return all(row.lower - 1e-9 <= level <= row.upper + 1e-9 for row, level in zip(rows, levels, strict=True))


def test_no_more_than_so_many_close_in_a_year() -> None:
    options = offered(three(), (A, B))
    rows = closures_a_year(options, Policy({"closures_max_per_year": 1}))
    assert kept(rows, options, {A: "2024/25", B: "2025/26"}) and not kept(rows, options, {A: "2024/25", B: "2024/25"})
    assert closures_a_year(options, Policy({})) == []


def test_one_faith_does_not_give_all_the_places() -> None:
    """A is Catholic, a third of places: none once it closes, half once B does; either is more than 10 points."""
    options = offered(three(), (A, B))
    faith = {A: "roman catholic", B: "", C: ""}

    def rows(share: float | None) -> list[Row]:
        return faith_shares(three(), options, YEARS, faith, Policy({"faith_share_range": share}))

    assert kept(rows(0.1), options, {}) and not kept(rows(0.1), options, {A: "2024/25"})
    assert not kept(rows(0.1), options, {B: "2024/25"}) and kept(rows(0.2), options, {B: "2024/25"})
    assert not kept(rows(0.2), options, {A: "2024/25"}) and kept(rows(0.4), options, {A: "2024/25"})
    assert rows(None) == [] and faith_shares(three(), offered(three(), ()), YEARS, faith, Policy({})) == []


def test_nothing_is_closed_where_places_are_built_later() -> None:
    options = offered(three(), (A,))
    options += expand(village(key=B), YEARS, Policy({"expand_fe": (0.5,)}))
    rows = nothing_undone(three(), options)
    assert not kept(rows, options, {A: "2024/25", B: "2026/27"})
    assert kept(rows, options, {A: "2025/26", B: "2025/26"})  # it replaces what closes
    assert kept(rows, options, {A: "2026/27", B: "2024/25"}) and kept(rows, options, {B: "2026/27"})


def test_places_are_kept_near_every_village() -> None:
    """A and B are near one village, C near another: A may go, for B's 210 places hold the 168 of both; C may not."""
    schools = three()  # 12 a year group each: 84 pupils of 210 places
    options = offered(schools, (A, B, C))
    minutes = np.array([[5.0, 9.0, 40.0], [40.0, 40.0, 5.0], [40.0, 40.0, 5.0]])
    rows = retained_near(schools, options, YEARS, minutes, Policy({"retained_within_min": 10}))
    assert len(rows) == 2 * len(YEARS)  # the two points near C share theirs
    assert kept(rows, options, {A: "2024/25"}) and not kept(rows, options, {A: "2024/25", B: "2024/25"})
    assert not kept(rows, options, {C: "2024/25"}) and kept(rows, options, {})
    assert retained_near(schools, options, YEARS, minutes, Policy({})) == []


def test_nobody_from_a_closing_school_is_planned_into_one_in_a_category_of_concern() -> None:
    schools = pd.DataFrame(
        {"urn": [900001, 900002, 900003], "gender": "mixed", "admissions_policy": "non-selective",
         "religious_character": ["Roman Catholic", "None", None], "concern": [None, "special measures", None],
         "in_intervention": [False, True, False]}
    )  # fmt: skip
    allowed = may_receive(schools, 1, [A], Policy({}))
    assert not allowed[0, 1] and allowed[0, 2] and allowed[0, 3]
    assert allowed[2, 1] and allowed[1, 1]  # others may choose it, and its own pupils stay
    assert may_receive(schools, 1, [A], Policy({"close_receiving_concern": "yes"}))[0, 1]
    assert faiths(schools) == {A: "roman catholic", B: "", C: ""}


@pytest.mark.parametrize("most", [0.05, 0.3])
def test_todays_estate_keeps_every_rule_about_closing(most: float) -> None:
    """Else a county could not be planned at all."""
    options = offered(three(), (A, B, C))
    faith = {A: "roman catholic", B: "church of england", C: ""}
    rows = faith_shares(three(), options, YEARS, faith, Policy({"faith_share_range": most}))
    assert kept(rows + nothing_undone(three(), options), options, {})
