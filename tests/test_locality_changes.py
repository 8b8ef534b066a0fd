"""Merged, split and redrawn localities: declared ones keep their history to the last pupil, others are told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_study import write_small_study
from test_bad_input import found
from test_missing_data import edit, mean, sound

from geodata.locality_changes import carry_history
from geodata.redrawn import undeclared
from geodata.years import COMPULSORY, academic_year
from placeplan.study import Study

HEAD = "from_locality,to_locality,academic_year,share\n"
MERGED = "2020/21"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "study")


def declare(folder: Path, *rows: str) -> None:
    (folder / "inputs/locality_changes.csv").write_text(HEAD + "\n".join(rows) + "\n")


def merge(folder: Path, old: str = "Q") -> None:
    """Until 2019/20 eight of B's 25 pupils a year group, and births, were counted under another code."""

    def pupils(table: pd.DataFrame) -> pd.DataFrame:
        b = (table["locality"] == "B") & (table["academic_year"] < MERGED)
        part = table[b].assign(locality=old, pupils="8")
        table.loc[b, "pupils"] = "17"
        return pd.concat([table, part])

    def births(table: pd.DataFrame) -> pd.DataFrame:
        b = (table["locality"] == "B") & (table["year_ending"] < "2020-09-01")
        part = table[b].assign(locality=old, births="8")
        table.loc[b, "births"] = "17"
        return pd.concat([table, part])

    edit(folder, "pupils", pupils)
    edit(folder, "births", births)


def test_a_declared_merger_has_a_clean_history(folder: Path, tmp_path: Path) -> None:
    """The forecast is that of a study that never had the former code."""
    whole, _ = sound(write_small_study(tmp_path / "whole"))
    merge(folder)
    declare(folder, f"Q,B,{MERGED},")
    merged, said = sound(folder)
    pd.testing.assert_frame_equal(whole, merged)
    assert "counts before 2020/21 are carried to today's localities: Q → B" in said
    pupils = Study.open(folder).tables["pupils"]
    assert pupils[pupils["locality"] == "B"].groupby("academic_year")["pupils"].sum().tolist() == [25 * 12] * 6


def test_a_former_code_that_nobody_declared_is_an_error(folder: Path) -> None:
    """Left out, a third of the village's history would be missing and its ratios wrong."""
    merge(folder)
    (problem,) = [p for p in found(folder) if p.file == "pupils.csv"]
    assert problem.field == "locality" and problem.row == 218
    assert "Q is not in localities (and 35 more rows)" in problem.what and "locality_changes" in problem.mend


def add_locality(folder: Path, code: str) -> None:
    import geopandas as gpd

    path = folder / "inputs/localities.gpkg"
    localities = gpd.read_file(path)
    more = localities.iloc[[1]].assign(locality=code, name=f"Village {code}")
    pd.concat([localities, more]).to_file(path)


def test_an_undeclared_merger_is_told_and_not_counted_twice(folder: Path) -> None:
    """Q is still listed: its last 96 pupils must not be forecast beside B, which has them now."""
    merge(folder)
    add_locality(folder, "Q")
    forecast, said = sound(folder)
    assert mean(forecast, "B", "2027/28", "Y9") == pytest.approx(25)
    assert forecast.loc[forecast["locality"] == "Q", "mean"].eq(0).all()
    assert "from 2019/20 to 2020/21 Q lost 80 pupils of cohorts on roll and B gained 80" in said
    assert "Q,B,2020/21,1" in said
    declare(folder, f"Q,B,{MERGED},1")
    assert "lost 80" not in sound(folder)[1]


BAD: dict[str, tuple[tuple[str, ...], int, str, str]] = {
    "more than all of it": (("Q,B,2020/21,0.7", "Q,A,2020/21,0.4"), 2, "share", "add up to 1.1"),
    "a part that nobody takes": (("Q,B,2020/21,0.7",), 2, "share", "add up to 0.7, and Q is not in localities"),
    "a circle": (("Q,B,2020/21,", "B,Q,2021/22,0.1"), 2, "to_locality", "in a circle: B, Q"),
    "itself": (("Q,B,2020/21,", "A,A,2020/21,0.5"), 3, "to_locality", "into itself"),
    "nowhere": (("Q,Z9,2020/21,",), 2, "to_locality", "Z9 is not in localities"),
    "from nowhere": (("Q,B,2020/21,", "W,B,2020/21,"), 3, "from_locality", "W has no pupils and no births"),
    "before the history": (("Q,B,2017/18,",), 2, "academic_year", "not within the history"),
    "after the base year": (("Q,B,2023/24,",), 2, "academic_year", "2017/18 to 2022/23"),
}


@pytest.mark.parametrize("case", BAD)
def test_changes_that_cannot_be_carried_are_refused(folder: Path, case: str) -> None:
    rows, number, field, words = BAD[case]
    merge(folder)
    declare(folder, *rows)
    hits = [p for p in found(folder) if p.file == "locality_changes.csv" and p.row == number and p.field == field]
    assert any(words in problem.what and problem.mend for problem in hits), found(folder)


def test_a_locality_that_is_gone_has_no_pupils(folder: Path) -> None:
    declare(folder, "C,B,2020/21,1")
    (problem,) = found(folder)
    assert problem.file == "pupils.csv" and problem.row == 134
    assert "All of C went elsewhere in 2020/21, and it still has 12 pupils in 2020/21 R" in problem.what


def test_what_is_half_known_is_not_known(folder: Path) -> None:
    """B without Q's part, or with Q's suppressed, is not B."""
    merge(folder)
    edit(folder, "pupils", lambda p: p[~((p["locality"] == "Q") & (p["academic_year"] == "2017/18"))])
    edit(folder, "pupils", lambda p: p.assign(pupils=p["pupils"].mask(
        (p["locality"] == "Q") & (p["academic_year"] == "2018/19") & (p["year_group"] == "Y4"), "c")))  # fmt: skip
    declare(folder, f"Q,B,{MERGED},1")
    pupils = Study.open(folder).tables["pupils"].query("locality == 'B'")
    unknown = pupils[pupils["pupils"].isna()]
    assert (unknown["academic_year"] == "2017/18").sum() == 12
    assert unknown.loc[unknown["academic_year"] == "2018/19", "year_group"].tolist() == ["Y4"]
    assert len(unknown) == 13


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=3, max_size=3))
def test_carrying_conserves_every_pupil(seed: int, shares: list[float]) -> None:
    """Whatever goes where, and on again: the sum of each year and year group stays, and old codes keep the rest."""
    rng = np.random.default_rng(seed)
    years = [academic_year(start) for start in range(2017, 2023)]
    axes = {"academic_year": years, "locality": list("ABCD"), "year_group": COMPULSORY}
    rows = pd.MultiIndex.from_product(axes.values(), names=list(axes))
    pupils = rows.to_frame(index=False).assign(pupils=rng.poisson(20, len(rows)).astype(float), estimated=False)
    changes = pd.DataFrame(
        [("A", "B", "2019/20", shares[0]), ("B", "C", "2021/22", shares[1]), ("A", "D", "2020/21", shares[2])],
        columns=["from_locality", "to_locality", "academic_year", "share"],
    )
    carried = carry_history({"pupils": pupils, "locality_changes": changes})["pupils"]
    keys = ["academic_year", "year_group"]
    pd.testing.assert_series_equal(carried.groupby(keys)["pupils"].sum(), pupils.groupby(keys)["pupils"].sum())
    kept = carried[(carried["locality"] == "A") & (carried["academic_year"] == "2018/19")]["pupils"].sum()
    was = pupils[(pupils["locality"] == "A") & (pupils["academic_year"] == "2018/19")]["pupils"].sum()
    assert kept == pytest.approx(was * (1 - shares[0]) * (1 - shares[2]))


# What the counts tell of


def county(seed: int, places: int = 12, size: float = 60.0) -> pd.DataFrame:
    """Localities whose cohorts move up for nine years, one in twenty pupils coming or going a year."""
    rng = np.random.default_rng(seed)
    cohort = rng.poisson(size * rng.uniform(0.6, 1.6, (places, 1)), (places, 12)).astype(float)
    years = []
    for _ in range(9):
        years.append(cohort)
        moved = rng.binomial(cohort[:, :-1].astype(int), 0.95) + rng.poisson(0.05 * cohort[:, :-1])
        cohort = np.concatenate([rng.poisson(cohort[:, :3].mean(axis=1))[:, None], moved], axis=1).astype(float)
    axes = [[academic_year(2014 + t) for t in range(9)], [f"L{n:02d}" for n in range(places)], COMPULSORY]
    rows = pd.MultiIndex.from_product(axes, names=["academic_year", "locality", "year_group"]).to_frame(index=False)
    return rows.assign(pupils=np.stack(years).ravel())


def recoded(pupils: pd.DataFrame, **codes: str) -> pd.DataFrame:
    late = pupils["academic_year"] >= "2019/20"
    codes_now = pupils["locality"].mask(late, pupils["locality"].replace(codes))
    keys = ["academic_year", "locality", "year_group"]
    return pupils.assign(locality=codes_now).groupby(keys, as_index=False)["pupils"].sum()


CHANGES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], tuple[str, ...], tuple[str, ...], bool]] = {
    "merged": (lambda p: recoded(p, L03="L04"), ("L03",), ("L04",), True),
    "recoded": (lambda p: recoded(p, L03="N03"), ("L03",), ("N03",), True),
    "two into a new one": (lambda p: recoded(p, L03="N", L05="N"), ("L03", "L05"), ("N",), True),
    "a part redrawn": (
        lambda p: p.assign(pupils=(p["pupils"] + np.where(p["academic_year"] >= "2019/20",
            p["locality"].map({"L03": -0.4, "L04": 0.4}).fillna(0.0)
            * p["pupils"].where(p["locality"] == "L03").groupby([p["academic_year"], p["year_group"]]).transform("max"),
            0.0)).round()),
        ("L03",), ("L04",), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("seed", range(5))
def test_changed_boundaries_are_found(case: str, seed: int) -> None:
    change, old, new, gone = CHANGES[case]
    (one,) = undeclared(change(county(seed)))
    assert (set(one.from_), one.to, one.start, one.gone) == (set(old), new, 2019, gone)
    assert one.gained == pytest.approx(one.lost, rel=0.1)
    if not gone:
        assert one.share == pytest.approx(0.4, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([4.0, 15.0, 60.0]))
def test_counties_that_nobody_redrew_are_left_alone(seed: int, size: float) -> None:
    """A false alarm sets aside years of good counts."""
    assert undeclared(county(seed, size=size)) == []


def test_a_year_not_returned_is_no_merger() -> None:
    """A locality that lacks a year and comes back, beside one that miscounted by as many that year."""
    pupils = county(1)
    gap = pupils["academic_year"] == "2018/19"
    lost = pupils[gap & (pupils["locality"] == "L03")]["pupils"].to_numpy()
    pupils.loc[gap & (pupils["locality"] == "L04"), "pupils"] += lost
    assert undeclared(pupils[~(gap & (pupils["locality"] == "L03"))]) == []
