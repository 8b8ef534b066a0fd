"""The map of closures: before and after tell what the tables tell, whoever's name is in them."""

import re
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from browser import DESKTOP, PHONE, OpenedPage, open_page
from shapely.geometry import Point
from test_closures_study import C, study_with
from test_maps_questions import CRS, HOSTILE, NOTES, balance_tables, schools

from maps.closure_tables import closure_tables
from maps.closure_words import AFTER, BEFORE, ClosingTables, certainty, facts, median_m
from maps.closures import MOST_LINES, closures_map
from placeplan.pages.closures import closes_any, going
from placeplan.results import read_stage
from placeplan.study import Study

YEAR = "2024/25"
DECISIONS = pd.DataFrame(
    [
        ("100", "close", YEAR, 210, 0, 1.0),
        ("101", "close", "2026/27", 210, 0, 0.4),
        ("102", "mothball", YEAR, 315, 210, 1.0),
        ("103", "expand", YEAR, 210, 315, 1.0),
    ],
    columns=["facility", "action", "academic_year", "places_before", "places_after", "probability"],
).assign(name=HOSTILE, cost_gbp=0.0, proposer="LA", decider="LA", reason=HOSTILE)


def effects() -> pd.DataFrame:
    rows = [("100", HOSTILE, YEAR, 1.0, "close", 3.0, 3.0), ("101", "St. Mary’s", "2026/27", 0.4, "close", 1.0, 3.0)]
    columns = ["facility", "name", "academic_year", "probability", "action", "stays", "draws"]
    return pd.DataFrame(rows, columns=columns).assign(
        without_place=[0.0, 2.0], moved_again=0.0, together_in_plan=0.5, could_stay_together=1.0,
        religious_character=["none", "Roman Catholic"],
    )  # fmt: skip


def moved() -> pd.DataFrame:
    """School 100: six pupils of Y1 at d0 newly beyond 2 miles and newly entitled, four of Y5 at d1 within 3 miles.

    School 101: eight at d1, far before and after; and two from outside the study. Everybody goes to 102 or 103.
    """
    rows = [
        ("100", "102", "R 102", True, "Y1", "d0", 6.0, 1000.0, 4000.0, 0.0, 6.0, 6.0, 0.0, 6.0, 6.0),
        ("100", "103", "R 103", False, "Y5", "d1", 4.0, 2000.0, 4000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        ("101", "103", "R 103", False, "Y5", "d1", 8.0, 6000.0, 7000.0, 8.0, 8.0, 0.0, 4.0, 4.0, 0.0),
        ("101", "103", "R 103", False, "Y5", "outside", 2.0, None, None, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ]
    columns = ["facility", "receiving", "receiving_name", "same_religious_character", "year_group", "demand_point"]
    columns += ["pupils", "distance_before_m", "distance_after_m", "beyond_before", "beyond_after", "newly_beyond"]
    columns += ["entitled_before", "entitled_after", "newly_entitled"]
    table = pd.DataFrame(rows, columns=columns).astype({"distance_before_m": float, "distance_after_m": float})
    years = table["facility"].map({"100": YEAR, "101": "2026/27"})
    return table.assign(academic_year=years, home_known=table["distance_before_m"].notna())


def tables(approximate: bool = False, least: float = 1.0) -> ClosingTables:
    """Every whole number is told unless `least` says otherwise."""
    return ClosingTables(effects(), moved(), (3219.0, 4828.0), approximate, 1.3, futures=10, noise=0.05, least=least)


HOMES = gpd.GeoDataFrame(
    {"demand_point": ["d0", "d1"], "name": [HOSTILE, "South"]}, geometry=[Point(480500, 300500), Point(484500, 302500)]
).set_crs(CRS)


def page(own: ClosingTables | None = None) -> str:
    known = schools().astype({"urn": str})
    return closures_map(own or tables(), known, HOMES, DECISIONS, balance_tables()[0].assign(name="Area"), NOTES)


def saved(folder: Path, text: str) -> Path:
    file = folder / "closures.html"
    file.write_text(text, encoding="utf-8")
    return file


def fact(opened: OpenedPage, side: int, name: str) -> str:
    read: str = opened.page.evaluate(
        "([n, name]) => [...document.querySelectorAll(`#facts-${n} dt`)].find((dt) => dt.textContent === name)"
        ".nextSibling.textContent",
        [side, name],
    )
    return read


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_before_on_the_first_map_and_after_on_the_second(tmp_path: Path, size: tuple[int, int]) -> None:
    with open_page(saved(tmp_path, page()), size) as opened:
        told = opened.page
        assert told.input_value("#side-1") == "all-before" and told.input_value("#side-2") == "all-after"
        # Two homes of 100 and one known home of 101, on each map: a line each, and two homes with a sign.
        expected = {"journeys": 6, "walking": 4, "closing": 2 + 4}
        assert {key: opened.counts()[key] for key in expected} == expected
        assert fact(opened, 1, "Who") == "20 pupils on roll in the closing year (2024/25, 2026/27)"
        assert fact(opened, 1, "Too far to walk").startswith("8 ")
        assert fact(opened, 2, "Too far to walk") == "14; newly 6"
        assert fact(opened, 2, "Free transport") == "10 entitled; newly 6"
        assert fact(opened, 2, "Religious character") == "kept for 30 % of pupils"
        assert fact(opened, 2, "Without a place") == "2 pupils"
        assert fact(opened, 1, "Home not known").startswith("2,")
        assert "40 % to 100 %" in fact(opened, 2, "How certain")
        assert "+14" in told.locator(".map-label").all_text_contents()
        read = "n => placeplan.state.views[n].layers.find((one) => one.key === 'walking').style_of"
        # d0: six newly too far afterwards. d1: eight of 100's and 101's twelve too far before and after.
        assert told.evaluate(read, 0) == [0, 1], "nobody is newly too far before anything closes"
        assert told.evaluate(read, 1) == [2, 1]
        kinds = "n => placeplan.state.views[n].layers.find((one) => one.key === 'journeys').style_of"
        assert told.evaluate(kinds, 0) == [0, 0, 0]
        assert sorted(told.evaluate(kinds, 1)) == [1, 2, 2], (
            "one journey to a school of the same character, two to another"
        )
        assert opened.problems() == []


@pytest.mark.browser
def test_each_closure_alone(tmp_path: Path) -> None:
    """Figures of one school on the map of another."""
    with open_page(saved(tmp_path, page())) as opened:
        told = opened.page
        told.select_option("#side-1", "100-before")
        told.select_option("#side-2", "100-after")
        assert opened.counts()["journeys"] == 4 and opened.counts()["closing"] == 1 + 3
        assert fact(opened, 2, "Too far to walk") == "6; newly 6"
        assert fact(opened, 2, "Median journey") == "4.0 km (1.0 km before)"
        assert fact(opened, 2, "How certain") == (
            "closes in 100 % of the 10 futures planned for. Plans made again, each with pupils changed at random by up "
            "to 5 % in each locality: 3 of 3 close it"
        )
        fills = "signs => signs.map((sign) => sign.querySelector('path').getAttribute('d').length)"
        after = told.eval_on_selector_all("#side-2 >> xpath=ancestor::section >> css=.layer-walking", fills)
        assert len(set(after)) == 2, "d0 is newly beyond, d1 is not: two signs"
        told.select_option("#side-1", "101-before")
        assert fact(opened, 1, "Longest journey") == "6.0 km"
        assert opened.problems() == []


@pytest.mark.browser
def test_hostile_names_are_text(tmp_path: Path) -> None:
    with open_page(saved(tmp_path, page())) as opened:
        opened.page.fill("#query", "img")
        opened.page.press("#query", "Enter")
        assert HOSTILE in opened.page.inner_text(".popup h2")
        assert "close, 2024/25" in opened.page.locator(".popup dl").first.inner_text()
        opened.page.locator(".numbers summary").click()
        assert HOSTILE in opened.page.inner_text(".numbers")
        opened.show("changes")
        assert opened.counts()["changes"] == 1, "what is expanded takes nothing away"
        assert opened.problems() == []


@pytest.mark.browser
def test_the_table_has_the_numbers_of_the_map(tmp_path: Path) -> None:
    with open_page(saved(tmp_path, page())) as opened:
        opened.page.locator(".numbers summary").click()
        rows = [row.split("\t") for row in opened.page.locator(".numbers table").first.inner_text().split("\n") if row]
        head = next(row for row in rows if row[0] == "School")
        told = {row[1]: dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head)}
        assert told["100"]["Newly too far"] == "6" and told["101"]["Too far after"] == "8"
        all_of_them = [told["–"][name] for name in ("Pupils", "Newly entitled", "Median after (km)")]
        assert all_of_them == ["20", "6", "4.0"], "ten pupils go 4 km and eight 7"


def test_approximate_distances_are_called_so() -> None:
    assert "approximate: straight line × 1.3" in page(tables(approximate=True))
    assert "approximate" not in page().split("map-data")[1]


def test_one_closing_school_has_no_view_of_all() -> None:
    assert "all-before" not in page(tables().of("100"))


def test_no_closure_is_no_page() -> None:
    with pytest.raises(ValueError, match="no school closes"):
        page(replace(tables(), effects=effects().iloc[:0]))


def test_a_page_stays_small_with_many_homes() -> None:
    """Thousands of lines that nobody can tell apart; the legend says how many are left out."""
    many = pd.concat([moved().iloc[:1].assign(demand_point=f"d{n}", pupils=1.0 + n) for n in range(MOST_LINES + 50)])
    homes = gpd.GeoDataFrame(
        {"demand_point": many["demand_point"], "name": "x"},
        geometry=[Point(480000 + n, 300000) for n in range(len(many))],
    ).set_crs(CRS)
    own = replace(tables().of("100"), going=many)
    text = closures_map(own, schools().astype({"urn": str}), homes, DECISIONS, balance_tables()[0], NOTES)
    assert f"the {MOST_LINES:,} largest of {len(many):,} journeys" in text


# -- from a study ---------------------------------------------------------------------------------------------------


def test_who_is_beyond_agrees_with_the_displaced_one_by_one(closing_villages: Study) -> None:
    """Ages or limits mixed up in arrays: counted here once more, pupil row by pupil row."""
    folder = closing_villages.results / "estate"
    own = going(closing_villages, folder)
    year = read_stage(folder, "closure_effects")["academic_year"].iloc[0]
    newly = before = 0.0
    for row in read_stage(folder, "displaced").itertuples():
        if row.cohort == "on roll" and row.academic_year == year:
            limit = 2 * 1609.344 if row.year_group in ("R", "Y1", "Y2", "Y3") else 3 * 1609.344
            before += row.pupils * (row.distance_before_m > limit)
            newly += row.pupils * (row.distance_after_m > limit >= row.distance_before_m)
    assert own["newly_beyond"].sum() == pytest.approx(newly) and newly > 70
    assert own["beyond_before"].sum() == pytest.approx(before)
    told = read_stage(folder, "closure_effects").iloc[0]
    assert own["pupils"].sum() == pytest.approx(told["pupils_displaced"])
    assert own["newly_entitled"].sum() == pytest.approx(told["newly_entitled"])
    assert [median_m(own, when) for when in (BEFORE, AFTER)] == [told["median_before_m"], told["median_after_m"]]
    tables = ClosingTables(
        read_stage(folder, "closure_effects").assign(stays=3.0, draws=3.0),
        own,
        (1, 2),
        True,
        1.0,
        futures=1,
        noise=0.05,
    )
    assert facts(tables, AFTER)["Year groups"].endswith(f"; {100 * told['could_stay_together']:.0f} % could")


@pytest.mark.browser
def test_the_studys_page_tells_its_closure(closing_villages: Study) -> None:
    file = closing_villages.results / "maps/closures.html"
    assert 'href="closures.html"' in (closing_villages.results / "maps/index.html").read_text(encoding="utf-8")
    with open_page(file) as opened:
        assert fact(opened, 1, "Who").startswith("72 pupils")
        assert fact(opened, 2, "Too far to walk") == "72; newly 72"
        assert opened.problems() == []
    assert file.stat().st_size < 2_000_000 and re.search(rf"\b{C}\b", file.read_text(encoding="utf-8"))


def test_a_plan_that_closes_nothing_has_no_page(tmp_path: Path) -> None:
    """An empty map, or an index that leads to a page that is not there."""
    study = study_with(tmp_path / "study", "closures_max = 0", stages=("forecast", "balance", "estate", "maps"))
    assert not closes_any(study.results)
    assert not (study.results / "maps/closures.html").exists()
    assert "closures.html" not in (study.results / "maps/index.html").read_text(encoding="utf-8")


def test_of_one_forecast_no_share_of_futures_is_told() -> None:
    """A closing that nobody has tried in another future would look certain."""
    one = replace(tables().of("100"), futures=1)
    assert certainty(one).startswith("closes under the plan, which is made for one forecast. Plans made again")
    untried = replace(one, effects=one.effects.assign(draws=float("nan")))
    assert certainty(untried) == "closes under the plan, which is made for one forecast"
    assert "Plans made again, each" not in closure_tables(untried, HOMES, DECISIONS.iloc[:0])


def test_fewer_than_five_pupils_are_not_counted_in_public() -> None:
    """Neighbours could name the four pupils of one home who are entitled to free transport."""
    own = replace(tables(least=5.0), going=moved().replace({"pupils": {4.0: 3.7}}))
    told = re.compile(r"""[>"\s+]3\.7[<"\s]""")
    assert "fewer than 5" in page(own) and not told.search(page(own))
    assert told.search(page(replace(own, least=0.0))), "the number is looked for in the right form"


def test_what_is_left_of_all_does_not_tell_a_small_number() -> None:
    """Seventeen in all and sixteen at one school say that one child goes to the other, and from where."""
    going = moved().iloc[:2].assign(pupils=[16.0, 1.0])
    own = replace(tables(least=5.0), going=going)
    assert own.displaced() == "17" and own.few(16.0) == "about 15" and own.few(1.0) == "fewer than 5"
    shown = closure_tables(own, HOMES, DECISIONS.iloc[:0])
    assert "about 15" in shown and ">16<" not in shown
    assert not re.search(r">16\b", page(own)) and "about +15" in page(own)
    many = replace(own, going=going.assign(pupils=[16.0, 9.0]))
    assert many.few(16.0) == "16", "nothing is hidden, so nothing is rounded"
