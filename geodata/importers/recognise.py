"""Which published file is which: by its columns, never by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from geodata.importers.report import ImportReport
from geodata.importers.sources import BOUNDARIES, CSV, ROADS, Source, open_source
from geodata.problems import BadInput, Problem

LSOA = r"lsoa(\d\d)?(cd|code)"
DISTRICT = r"(ltla|lad)\d*(cd|code)?|districtcode"
YEAR_GROUP_COUNT = r"(full|part)time(girls|boys)(early\d|nursery\d|reception|yeargroup\d+)"
NET_CAPACITY = r"netcapacity(\d{4})"


@dataclass(frozen=True)
class Kind:
    """One kind of published file: what it is, what it is used for, and how its columns tell."""

    name: str
    what: str
    used_for: str
    tells: Callable[[Source], bool]


def _has(*patterns: str) -> Callable[[Source], bool]:
    return lambda source: all(source.first(pattern) for pattern in patterns)


def _shapes_of(pattern: str) -> Callable[[Source], bool]:
    return lambda source: source.has_geometry and source.first(pattern) is not None


NOT_USED = "not used"
KINDS: tuple[Kind, ...] = (
    Kind(
        "census",
        "DfE school census by school, published layout",
        "schools, rolls",
        _has("urn", "laname", YEAR_GROUP_COUNT),
    ),
    Kind(
        "compiled",
        "school census by school, one column a year group",
        "schools, rolls",
        _has("urn", "laname", "schoolname", "r", "y1", "y11"),
    ),
    Kind(
        "gias",
        "GIAS register of schools (edubasealldata)",
        "schools",
        _has("urn", "laname", "establishmentname", "establishmentstatusname", "phaseofeducationname"),
    ),
    Kind(
        "capacity",
        "DfE school capacity survey by school",
        "capacity, planning areas",
        _has("laestab", NET_CAPACITY),
    ),
    Kind(
        "place_planning",
        "DfE school place planning estimates by planning area (layout not yet seen on a published file)",
        "planned places",
        _has("laname", "planningareacode", "ncyeargroup", "laplannedplaces"),
    ),
    Kind(
        "forecast_outturn",
        "published forecasts against outturn",
        NOT_USED,
        _has("(forecastnor|.*forecastpupilsonroll.*|.*yearaheadforecastaccuracy.*)"),
    ),
    Kind(
        "year_group_rolls",
        "pupils by authority and year group",
        "pupils",
        _has("(new)?lacode", "(academicyear|timeperiod)", "(nc)?yeargroup", "(pupils|headcount|pupilcount)"),
    ),
    Kind(
        "births",
        "births by district",
        "births",
        _has(DISTRICT, "births", "(yeartomid|yearending)"),
    ),
    Kind("oa_shapes", "boundaries of output areas", NOT_USED, _shapes_of(r"oa\d\d(cd|code)")),
    Kind("boundaries", "boundaries of LSOAs", "localities", _shapes_of(LSOA)),
    Kind("other_shapes", "boundaries of areas that are not LSOAs", NOT_USED, _shapes_of(r"[a-z]+\d\d(cd|code)")),
    Kind(
        "population",
        "residents by LSOA and single year of age",
        "apportioning pupils and births",
        _has(LSOA, "(age)?0", "(age)?4", "(age)?15"),
    ),
    Kind("points", "one point an LSOA", "demand points", _has(LSOA, "easting", "northing")),
    Kind("rural", "rural-urban class of LSOAs", "localities", _has(LSOA, r"ruc\d*(code|cd)?")),
    Kind("districts", "lookup from LSOA to district", "which LSOAs are the authority's", _has(LSOA, DISTRICT)),
    Kind("msoas", "lookup from LSOA to MSOA", NOT_USED, _has(LSOA, r"msoa\d\d(cd|code)")),
    Kind(
        "postcodes",
        "postcodes with coordinates",
        "schools without coordinates",
        _has("postcode", "eastings?", "northings?"),
    ),
)
ROAD_KIND = Kind("roads", "OpenStreetMap roads", "roads", lambda source: source.path.name.endswith(ROADS))


def recognise(source: Source) -> Kind | None:
    """The kind of a file; None where no kind has such columns."""
    return next((kind for kind in (ROAD_KIND, *KINDS) if kind.tells(source)), None)


def find_sources(folders: Sequence[Path], report: ImportReport) -> dict[str, list[Source]]:
    """Files of the folders by kind, in the order of the folders and then of their names; BadInput without a folder."""
    missing = [folder for folder in folders if not folder.is_dir()]
    if missing or not folders:
        raise BadInput(
            [Problem(str(f), "There is no such folder.", "Give folders of published files.") for f in missing]
            or [Problem("import", "No folder is given.", "Give folders of published files.")]
        )
    found: dict[str, list[Source]] = {}
    for path in (path for folder in folders for path in sorted(folder.resolve().iterdir())):
        if path.name.startswith((".", "~")):
            continue
        source, kind = _open(path, report)
        if source and kind:
            found.setdefault(kind.name, []).append(source)
            report.recognised.append((source.label, kind.what, kind.used_for))
    return found


def _open(path: Path, report: ImportReport) -> tuple[Source | None, Kind | None]:
    label = f"{path.parent.name}/{path.name}"
    if path.is_dir():
        report.left_out.append(f"{label}/: a folder within a folder is not looked into; give it by name.")
        return None, None
    if not path.name.endswith((*CSV, *BOUNDARIES, *ROADS, ".parquet")):
        report.left_out.append(f"{label}: not recognised; this format is not read.")
        return None, None
    try:
        source = open_source(path)
    except Exception as error:
        report.left_out.append(f"{label}: the file cannot be read ({type(error).__name__}: {error}).")
        return None, None
    kind = recognise(source)
    if kind is None:
        report.left_out.append(f"{label}: not recognised by its columns.")
    return source, kind
