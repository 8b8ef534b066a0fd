"""How good each answer is and what it was made of: solver, bound and gap by stage, licences of data and libraries."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import metadata, version
from typing import Any

from placeplan.study import Study

LIBRARIES = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "geopandas",
    "shapely",
    "pyogrio",
    "pyproj",
    "osmnx",
    "networkx",
    "pyomo",
    "highspy",
    "ortools",
    "numba",
    "folium",
    "jinja2",
    "xlsxwriter",
)


def proof_contents(summaries: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each stage that solved something: status, cost, bound, gap, why it stopped, solver and seconds."""
    rows = []
    for stage, told in summaries.items():
        if told.get("bound") is None or told.get("objective") is None:
            continue
        rows.append(
            {
                "stage": stage,
                "status": told["status"],
                "objective": told["objective"],
                "bound": told["bound"],
                "gap": told.get("gap"),
                "stopped_by": told.get("stopped_by") or "the gap asked for",
                "route": told.get("route") or "",
                "seconds": told.get("run_seconds"),
            }
        )
    return rows


def licence_contents() -> list[tuple[str, str, str]]:
    """Name, version and licence of the libraries on whose code the figures rest, as they say themselves."""
    return [(name, version(name), _licence(name)) for name in LIBRARIES]


def _licence(name: str) -> str:
    told = metadata(name)
    for key in ("License-Expression", "License"):
        if key in told and 0 < len(told[key]) <= 60 and "\n" not in told[key]:
            return told[key]
    marks = [mark.split(" :: ")[-1] for mark in told.get_all("Classifier") or [] if mark.startswith("License ::")]
    return ", ".join(marks) or "see its own file"


def policy_read(study: Study, summaries: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Keys of the policy values on which results that stand rest, those the study changed among them."""
    return {key for told in summaries.values() for key in told.get("policy_read", ())} | set(study.policy.overrides)
