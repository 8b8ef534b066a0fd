"""Need and spare under the plan: its places by area agree with what the plan keeps there, and both stand on the map."""

from pathlib import Path

import pandas as pd
import pytest
from browser import open_page
from test_maps_questions import NOTES, balance_tables, saved

from maps.before_after import before_after_table, before_and_after, counted
from maps.page import map_page
from placeplan.estate.planned_balance import planned_balance
from placeplan.results import read_stage
from placeplan.study import Study

YEARS = ["2022/23", "2023/24", "2024/25"]


def sides() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A1 lacks 12 places in Reception from 2023/24; the plan adds 10 there, and places 110 of the 112 pupils."""
    areas, balance = balance_tables()
    known = balance.merge(areas[["planning_area", "phase", "name"]], on=["planning_area", "phase"])
    short = known["need"] > 0
    planned = known.assign(places=known["places"] + 10 * short, need=known["need"] - 10 * short, placed=110.0)
    return known, planned


@pytest.mark.browser
def test_need_before_and_after_the_plan(tmp_path: Path) -> None:
    """Money is asked for without a word on how much need it meets; or one view's figures under the other's name."""
    areas, _ = balance_tables()
    known, planned = sides()
    layers = before_and_after(areas, known, planned, YEARS)
    page = map_page(NOTES, layers, before_after_table(known, planned), years=YEARS, first_year=2)
    with open_page(saved(tmp_path, page)) as opened:
        read = lambda: [text for text in opened.page.locator(".map-label").all_text_contents() if text]  # noqa: E731
        assert read() == ["need 12, spare 20"]
        opened.show("planned-primary")
        assert read() == ["need 2, spare 20"]
        assert "where they are on roll if nothing changes" in opened.page.inner_text("#legend")
        opened.page.locator(".layer-planned-primary").first.dispatch_event("click")
        assert opened.page.locator(".popup tbody tr").first.inner_text().split() == ["R", "72", "70", "2", "0"]
        opened.page.locator(".numbers summary").click()
        rows = [row.split("\t") for row in opened.page.locator("table").last.inner_text().split("\n")]
        assert ["primary", "One", "2024/25", "112", "120", "12", "20", "130", "2", "20", "110"] in rows
        assert opened.problems() == []


def test_who_has_no_place_under_the_plan_is_told() -> None:
    """Need in one area looks unmet where the plan sends its pupils to another; or the other way round."""
    assert counted(0.2).endswith("it leaves nobody without a place.")
    known, planned = sides()
    assert "it leaves up to 12 pupils in a year without a place." in before_after_table(known, planned, 12.0)


def test_without_a_plan_there_is_one_side() -> None:
    areas, _ = balance_tables()
    known, _ = sides()
    assert [layer.key for layer in before_and_after(areas, known, None, YEARS)] == [
        "balance-primary",
        "balance-secondary",
    ]
    assert before_after_table(known, None) == ""


def test_places_under_the_plan_agree_with_those_retained(closing_villages: Study) -> None:
    """Places of a closed or larger school counted in another area, or in another year, than the plan's own rows do."""
    results = closing_villages.results
    balance, allocation = read_stage(results / "balance", "balance"), read_stage(results / "estate", "allocation")
    planned = planned_balance(closing_villages, balance, read_stage(results / "estate", "plan_places"), allocation)
    kept = read_stage(results / "estate", "retained")
    kept = kept[kept["kind"] == "total"].set_index(["planning_area", "phase", "academic_year"])["plan"]
    places = planned.groupby(["planning_area", "phase", "academic_year"])["places"].sum()
    assert len(kept) and places.reindex(kept.index).tolist() == pytest.approx(kept.tolist())
    today = balance.groupby(["planning_area", "phase", "academic_year"])["places"].sum().reindex(kept.index)
    assert (kept != today).any(), "the plan changes something"
    placed = planned.drop_duplicates(["planning_area", "phase", "academic_year"])["placed"].sum()
    assert placed == pytest.approx(allocation["pupils"].sum())
