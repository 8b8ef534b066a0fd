"""A study small enough to work out by hand: three villages on a line, three primaries and one secondary.

A ——5 km—— B ——5 km—— C        100 km east of nowhere, straight lines, no roads
100001     100002     100003   primaries of 1 FE (210 places); 100010 is the secondary, at B
"""

from pathlib import Path

from geodata.years import COMPULSORY, academic_year

POINTS = {"A": (400_000, 300_000), "B": (405_000, 300_000), "C": (410_000, 300_000)}
FREE_VEHICLES = ("taxi_gbp_per_year = 0", "minibus_gbp_per_year = 0", "bus_gbp_per_year = 0")
PRIMARIES = {"A": 100001, "B": 100002, "C": 100003}
SECONDARY = 100010
PER_YEAR_GROUP = {"A": 20, "B": 25, "C": 12}

STUDY = """[study]
name = "Three villages"
base_year = "2022/23"
horizon_years = 5

[policy]
detour_factor = 1.0
"""


def write_small_study(folder: Path, years: int = 6) -> Path:
    """Write the study: every year group of a village has the same pupils in every year, and as many births."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY)
    boxes = {
        name: f"POLYGON(({x - 2500} {y - 2500},{x + 2500} {y - 2500},{x + 2500} {y + 2500},{x - 2500} {y + 2500},"
        f"{x - 2500} {y - 2500}))"
        for name, (x, y) in POINTS.items()
    }
    write_geometry(inputs / "localities.gpkg", boxes)
    starts = range(2023 - years, 2023)
    rows = ["academic_year,locality,year_group,pupils"]
    rows += [
        f"{academic_year(start)},{name},{group},{pupils}"
        for start in starts
        for name, pupils in PER_YEAR_GROUP.items()
        for group in COMPULSORY
    ]
    (inputs / "pupils.csv").write_text("\n".join(rows) + "\n")
    rows = ["locality,year_ending,births"]
    rows += [f"{name},{year}-08-31,{births}" for name, births in PER_YEAR_GROUP.items() for year in range(2010, 2023)]
    (inputs / "births.csv").write_text("\n".join(rows) + "\n")
    rows = ["urn,name,phase,easting,northing,capacity,pan,low_age,high_age,type,planning_area,urban_rural"]
    rows += [
        f"{urn},{name} Primary School,primary,{POINTS[name][0]},{POINTS[name][1]},"
        "210,30,4,11,Community school,P,Urban town"
        for name, urn in PRIMARIES.items()
    ]
    x, y = POINTS["B"]
    rows.append(f"{SECONDARY},Middle Road School,secondary,{x},{y},300,60,11,16,Community school,S,Urban town")
    (inputs / "schools.csv").write_text("\n".join(rows) + "\n")
    rows = ["academic_year,urn,year_group,pupils"]
    rows += [f"2022/23,{PRIMARIES[name]},{g},{n}" for name, n in PER_YEAR_GROUP.items() for g in COMPULSORY[:7]]
    rows += [f"2022/23,{SECONDARY},{g},{sum(PER_YEAR_GROUP.values())}" for g in COMPULSORY[7:]]
    (inputs / "rolls.csv").write_text("\n".join(rows) + "\n")
    return folder


def policy(folder: Path, *lines: str) -> None:
    """Lines at the end of study.toml, where [policy] is the open section."""
    path = folder / "study.toml"
    path.write_text(path.read_text() + "\n".join(lines) + "\n")


def grow(folder: Path, village: str, births: int) -> None:
    """From the births of 2018/19 on, the village has so many children a year."""
    path = folder / "inputs/births.csv"
    lines = path.read_text().splitlines()
    late = [f"{village},{year}-08-31" for year in range(2019, 2023)]
    path.write_text("\n".join(f"{line.rsplit(',', 1)[0]},{births}" if line.startswith(tuple(late)) else line
                              for line in lines) + "\n")  # fmt: skip


def write_geometry(path: Path, shapes: dict[str, str]) -> None:
    """Localities with a boundary each, from WKT."""
    import geopandas as gpd
    import shapely

    gpd.GeoDataFrame(
        {"locality": list(shapes), "name": [f"Village {name}" for name in shapes]},
        geometry=[shapely.from_wkt(text) for text in shapes.values()],
        crs="EPSG:27700",
    ).to_file(path)
