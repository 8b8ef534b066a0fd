"""Layers of the GeoPackage: where pupils live, where places are short, what changes, who moves, who belongs together.

Every figure is one of a result table; the columns say of which year. Looks and classes are those of the map pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from placeplan.exports.geopackage import MapLayer
from placeplan.exports.styles import Kind, Rule, between, field, words
from placeplan.geography import by_year, planning_areas, points
from placeplan.likely import likely
from placeplan.pages.parts import journey_lines, school_points
from placeplan.results import read_stage
from placeplan.study import Study

if TYPE_CHECKING:
    import geopandas as gpd

    from maps.layers import Style

MEASURES = ["pupils", "places", "need", "spare"]
DECIDED = ["facility", "action", "academic_year", "places_before", "places_after", "cost_gbp", "decider", "probability"]
MOVED_PUPILS = (10.0, 30.0)
WIDTHS_PX = (1.0, 2.5, 5.0)


def export_layers(study: Study, results: Path, ran: Collection[str]) -> list[MapLayer]:
    """Every layer that the stages that `ran` and the study's geometry carry, the lowest last."""
    bounded = "geometry" in study.tables["localities"]
    layers: list[MapLayer] = []
    if "estate" in ran:
        layers += site_layer(study, results) if "sites" in study.tables else []
    if "balance" in ran and study.tables["schools"]["easting"].notna().any():
        layers.append(school_layer(study, results, ran))
    if "estate" in ran:
        layers += journey_layer(study, results)
    if "clusters" in ran:
        layers += group_layers(study, read_stage(results / "clusters", "clusters"))
    if bounded and "balance" in ran:
        layers += balance_layers(study, read_stage(results / "balance", "balance"))
    if bounded and "forecast" in ran:
        layers += demand_layers(study, read_stage(results / "forecast", "forecast_phase"))
    return layers


# -- where pupils live ---------------------------------------------------------------------------------------------


def demand_layers(study: Study, forecast: pd.DataFrame) -> Iterable[MapLayer]:
    """A layer a phase: localities with their pupils in the base year and in the last, and the change."""
    from maps.classes import change_labels, symmetric_breaks
    from maps.layers import Style
    from maps.palette import CHANGE, PALE

    localities, base = study.tables["localities"], study.settings.base_year
    last = str(forecast["academic_year"].max())
    for phase, rows in forecast.groupby("phase", sort=False):
        now, then = (rows[rows["academic_year"] == year].set_index("locality") for year in (base, last))
        table = localities[["locality", "name", f"planning_area_{phase}", "geometry"]].rename(
            columns={f"planning_area_{phase}": "planning_area"}
        )
        code = table["locality"]
        table = table.assign(base_year=base, last_year=last, pupils_base=code.map(now["mean"]))
        for name, column in (("pupils_last", "mean"), ("p10_last", "p10"), ("p90_last", "p90")):
            table[name] = code.map(then[column])
        table["change"] = table["pupils_last"] - table["pupils_base"]
        table["change_share"] = table["change"] / table["pupils_base"].where(table["pupils_base"] > 0)
        breaks = symmetric_breaks(table["change"].to_numpy(dtype=float))
        looks = [Style(label, fill) for label, fill in zip(change_labels(breaks), CHANGE, strict=True)]
        rules = [Rule(where, look) for where, look in zip(between("change", breaks), looks, strict=True)]
        kind: Kind = "marker" if (table.geometry.geom_type == "Point").all() else "fill"
        blank = Rule(f"{field('change')} IS NULL", Style("no figure", PALE, opacity=0.3))
        yield MapLayer(
            f"demand_{phase}",
            f"{str(phase).capitalize()} pupils by locality: change from {base} to {last}, mean forecast",
            table,
            kind,
            [*rules, blank],
        )


# -- where places are short ----------------------------------------------------------------------------------------


def balance_layers(study: Study, balance: pd.DataFrame) -> Iterable[MapLayer]:
    """A layer a phase: planning areas with pupils, places, need and spare of every year, and of the last by itself.

    Sums over year groups, never netted off. `need_most` is the most in any year, `need_most_year` the first such year.
    """
    areas, last = planning_areas(study), str(balance["academic_year"].max())
    for phase, rows in balance.groupby("phase", sort=False):
        sums = rows.groupby(["planning_area", "academic_year"])[MEASURES].sum()
        latest = sums.xs(last, level="academic_year").add_suffix("_last")
        latest["spare_share_last"] = latest["spare_last"] / latest["places_last"].where(latest["places_last"] > 0)
        most = sums["need"].reset_index().sort_values(["need", "academic_year"], ascending=[False, True])
        most = most.drop_duplicates("planning_area").set_index("planning_area")
        told = latest.assign(last_year=last, need_most=most["need"], need_most_year=most["academic_year"])
        own = areas[areas["phase"] == phase][["planning_area", "phase", "geometry"]]
        table = own.merge(told.reset_index(), on="planning_area", how="inner")
        table = table.merge(by_year(rows, ["planning_area"], MEASURES), on="planning_area", how="left")
        yield MapLayer(
            f"balance_{phase}",
            f"{str(phase).capitalize()} places by planning area in {last}: need and spare, never netted off",
            table,
            "fill",
            _balance_rules(),
            label="planning_area",
        )


def _balance_rules() -> list[Rule]:
    """Need comes before spare, however much is spare, as on the map page."""
    from maps.balance import LEAST_NEED, NEED_PUPILS, SPARE_PERCENT, STYLES

    short, some = f"{field('need_last')} >= {LEAST_NEED:g}", f"{field('places_last')} > 0"
    of_need = [f"{short} AND {where}" for where in between("need_last", NEED_PUPILS)]
    enough = f"{field('need_last')} < {LEAST_NEED:g}"
    of_spare = [f"{enough} AND {some} AND {where}" for where in between("spare_share_last", SPARE_PERCENT / 100)]
    nothing = f"{enough} AND NOT ({some})"
    return [Rule(where, style) for where, style in zip([*of_spare, *of_need, nothing], STYLES, strict=True)]


# -- what changes --------------------------------------------------------------------------------------------------


def school_layer(study: Study, results: Path, ran: Collection[str]) -> MapLayer:
    """Every school with its places and rolls, what it does under the plan, and its cluster and trust."""
    base = study.settings.base_year
    schools = school_points(study)[["urn", "name", "phase", "planning_area", "capacity", "trust", "geometry"]]
    schools = schools.rename(columns={"capacity": "net_capacity", "trust": "trust_today"})
    places, rolls = (read_stage(results / "balance", name) for name in ("school_places", "roll_forecast"))
    last = str(rolls["academic_year"].max())
    schools = schools.assign(base_year=base, last_year=last)
    for name, table, column in (("places", places, "places"), ("roll", rolls, "pupils")):
        for suffix, year in (("base", base), ("last", last)):
            sums = table[table["academic_year"] == year].groupby("urn")[column].sum()
            schools[f"{name}_{suffix}"] = schools["urn"].map(sums)
    decided = likely_decisions(results) if "estate" in ran else pd.DataFrame(columns=DECIDED)
    schools = _with_decisions(schools, schools["urn"].astype(str), decided)
    if "clusters" in ran:
        clusters = read_stage(results / "clusters", "clusters")[["urn", "cluster", "role", "trust"]]
        schools = schools.merge(clusters.rename(columns={"trust": "trust_planned"}), on="urn", how="left")
    shows = f"Schools with places and rolls of {base} and {last}, and what the plan changes"
    return MapLayer("schools", shows, schools, "marker", _action_rules(schools["action"]), label="name")


def site_layer(study: Study, results: Path) -> list[MapLayer]:
    """Candidate sites and what becomes of them; none where no site has a place on the map."""
    from maps.decisions import NOT_CHOSEN

    sites = points(study.tables["sites"])
    if sites.empty:
        return []
    wanted = ["site", "name", "phase", "min_fe", "max_fe", "available_from", "owner", "planning_status", "geometry"]
    sites = sites[[name for name in wanted if name in sites]]
    sites = _with_decisions(sites, sites["site"].astype(str), likely_decisions(results))
    chosen = _action_rules(sites["action"])[1:]
    rules = [Rule(f"{field('action')} IS NULL", NOT_CHOSEN), *chosen]
    return [MapLayer("sites", "Candidate sites and what the plan does there", sites, "marker", rules, label="name")]


def likely_decisions(results: Path) -> pd.DataFrame:
    """The decisions as the map shows them: those that are likely, one a facility, the most drastic."""
    from maps.decisions import ACTIONS

    decisions = likely(read_stage(results / "estate", "decisions")[DECIDED])
    rank = decisions["action"].map(list(ACTIONS).index)
    drastic = decisions.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("facility", keep="last")
    return drastic.drop(columns="rank")


def _with_decisions(features: gpd.GeoDataFrame, key: pd.Series, decided: pd.DataFrame) -> gpd.GeoDataFrame:
    """Features with the columns of their decision, blank where nothing changes."""
    told = decided.rename(columns={"academic_year": "action_from", "cost_gbp": "action_cost_gbp"}).set_index("facility")
    kinds = {"action": object, "action_from": object, "decider": object}
    matched = told.reindex(key).astype({**dict.fromkeys(told.columns, float), **kinds})
    return features.assign(**{name: matched[name].to_numpy() for name in matched.columns})


def _action_rules(actions: pd.Series) -> list[Rule]:
    """Rules of the actions that occur, staying first, in the order of the legend."""
    from maps.decisions import ACTIONS

    occurring = set(actions.dropna())
    stays = Rule(f"{field('action')} IS NULL", ACTIONS["stay"])
    changes = [name for name in ACTIONS if name in occurring]
    return [stays, *(Rule(f"{field('action')} = {words(name)}", ACTIONS[name]) for name in changes)]


# -- who moves -----------------------------------------------------------------------------------------------------


def journey_layer(study: Study, results: Path) -> list[MapLayer]:
    """Lines from home to the new school of pupils who move, in the last plan year; none where nobody moves."""
    from maps.estate import MOVED

    allocation = read_stage(results / "estate", "allocation")
    last = str(allocation["academic_year"].max())
    moved = allocation[(allocation["academic_year"] == last) & allocation["moved"].astype(bool)]
    lines = journey_lines(study, moved)
    if lines.empty:
        return []
    lines = lines.assign(academic_year=last).drop(columns="moved")
    labels = [f"under {MOVED_PUPILS[0]:g} pupils", f"{MOVED_PUPILS[0]:g} to under {MOVED_PUPILS[1]:g} pupils"]
    labels.append(f"{MOVED_PUPILS[1]:g} pupils or more")
    looks = [replace(MOVED, label=text, line_px=px) for text, px in zip(labels, WIDTHS_PX, strict=True)]
    rules = [Rule(where, look) for where, look in zip(between("pupils", MOVED_PUPILS), looks, strict=True)]
    shows = f"Straight lines from home to school of pupils who go elsewhere than today, {last}"
    return [MapLayer("moved_pupils", shows, lines, "line", rules)]


# -- who belongs together ------------------------------------------------------------------------------------------


def group_layers(study: Study, clusters: pd.DataFrame) -> list[MapLayer]:
    """Layers clusters and trusts: an outline round the schools of each; only those that stand on the map."""
    at = study.tables["schools"][["urn", "easting", "northing"]]
    placed = points(clusters.merge(at, on="urn", how="left"))
    of = {
        "clusters": (
            "cluster",
            placed[placed["cluster"].notna()],
            "Clusters of village schools under one executive head",
        ),
        "trusts": ("trust", placed[placed["trust"].notna()], "Village schools of each trust under the plan"),
    }
    return [_groups(name, *given) for name, given in of.items() if len(given[1])]


def _groups(name: str, group: str, placed: gpd.GeoDataFrame, shows: str) -> MapLayer:
    import geopandas as gpd

    from maps.clusters import MARGIN_M, apart_colours
    from maps.palette import GROUPS

    by_group = placed.groupby(group)
    table = pd.DataFrame(
        {
            "schools": by_group.size(),
            "pupils": by_group["pupils"].sum(),
            "lead": placed[placed["role"] == "lead"].groupby(group)["name"].agg(", ".join),
            "longest_drive_min": by_group["travel_min"].max(),
            "members": by_group["name"].agg(", ".join),
        }
    ).rename_axis(group)
    hulls = gpd.GeoSeries([rows.union_all().convex_hull.buffer(MARGIN_M) for _, rows in by_group], crs=placed.crs)
    table = table.reset_index().assign(colour=apart_colours(hulls, len(GROUPS)))
    features = gpd.GeoDataFrame(table, geometry=hulls, crs=placed.crs)
    rules = [Rule(f"{field('colour')} = {number}", look) for number, look in enumerate(_group_looks(group))]
    return MapLayer(name, shows, features, "fill", rules, label=group)


def _group_looks(group: str) -> list[Style]:
    """Four colours that only tell neighbours apart; one line of the legend says so."""
    from maps.layers import Style
    from maps.palette import GROUPS, INK

    label = f"one {group}; colours only tell neighbours apart"
    return [Style("" if n else label, colour, line=INK, line_px=1.2, opacity=0.35) for n, colour in enumerate(GROUPS)]
