"""Where pupils of schools that really closed went, against the gravity model, as Markdown.

    python -m benchmarks.closed_schools [FOLDER]      a folder of Code-Point Open's CSV files, which places postcodes

Reads england/ and gias/ in the folder named by PLACEPLAN_DATA, else ../shared/data beside the checkout. Of Code-Point
Open that folder holds three postcode areas; Ordnance Survey publishes the whole.

Nobody publishes who moved where. What can be seen is that neighbours grew: the gain of a neighbour is its roll of
January 2023 less what schools with room 10 to 40 km away let expect of one with its roll and capacity of May 2015 in
town or country. Figures are of all closures together, with standard errors from as many schools at a time that did not
close.
"""

import gzip
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.forecast import data_folder
from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY
from models.bands import Band
from models.cohorts import FloatArray
from models.journeys import Places, base_nodes

NEIGHBOURS = 10  # nearest schools with room, among which gains are looked for
RING_M = (10_000, 40_000)  # straight; schools from which growth is expected
REACH_M = 20_000  # straight; homes and schools that the gravity model is given round a closure
MOST_GAIN = 3  # standard deviations; beyond, a school was filling or emptying for other reasons
PLACEBOS, SETS = 150, 4000  # schools that did not close, and sets of them for standard errors
PLACEBO_PUPILS = (5, 60)
LEAST_FROM_CLOSURE_M = 40_000
DECAYS = (0.3, 2.0)  # per km, beside that of policy
PARTS = {
    "nearest": slice(0, 1),
    "second": slice(1, 2),
    "third": slice(2, 3),
    "fourth to tenth": slice(3, 10),
    "all ten": slice(0, 10),
}
BAND = Band(PRIMARY)
CLOSED = 1  # stands for the closed school's URN in the gravity model
GRID = ["easting", "northing"]

Rule = Callable[["Closure"], FloatArray]


@dataclass(frozen=True, eq=False)
class England:
    """Primary schools R–Y6 (urn, easting, northing, nor and capacity of May 2015, now) and homes by LSOA."""

    schools: pd.DataFrame
    points: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> "England":
        """Schools of January 2023 with a roll and a capacity of May 2015; children of 4 to 10 in mid-2017."""
        now = pd.read_csv(folder / "england/schools_2023.csv.gz", low_memory=False)
        now["now"] = now[[group.lower() for group in PRIMARY]].sum(axis=1)
        now = now.rename(columns={"may_nor_2015": "nor", "net_capacity_2015": "capacity"})
        whole = (now["r"] > 0) & (now["y6"] > 0) & (now["phase_type_grouping"] == "State-funded primary")
        now["rural"] = now["urban_rural"].astype(str).str.contains("Rural")
        known = (now["nor"] > 0) & (now["capacity"] > 0) & now["easting"].notna()
        points = pd.read_csv(folder / "england/lsoa11_points.csv.gz").rename(columns={"LSOA11CD": "locality"})
        children = pd.read_parquet(folder / "england/lsoa11_children_2017.parquet").set_index("lsoa11_code")
        living = children[[str(age) for age in range(4, 11)]].sum(axis=1)
        points["children"] = points["locality"].map(living).astype(float)
        return cls(now[whole & known].reset_index(drop=True), points)


@dataclass(frozen=True, eq=False)
class Closure:
    """A closed school: where it stood, its pupils, its neighbours with room from the nearest on, and their gains.

    `round_about` are all schools within reach; `neighbours` are rows of it; `noise` is the standard deviation of gains
    of schools of their size where nothing closed, whose square grows with the roll.
    """

    at: FloatArray
    pupils: float
    round_about: pd.DataFrame
    neighbours: pd.DataFrame
    gain: FloatArray
    noise: FloatArray
    points: pd.DataFrame


def metres(at: FloatArray, to: pd.DataFrame) -> FloatArray:
    """Straight distance from one point (2,)."""
    distance: FloatArray = np.hypot(*(to[GRID].to_numpy(dtype=float) - at).T)
    return distance


def closure(england: England, at: FloatArray, pupils: float, own_urn: int | None = None) -> Closure:
    """A closure and the gains of its neighbours; `own_urn` is a school that did not close and is looked past."""
    others = england.schools[england.schools["urn"] != own_urn] if own_urn else england.schools
    away = metres(at, others)
    with_room = others["capacity"] >= others["nor"] + 1
    ring = others[with_room & (away >= RING_M[0]) & (away <= RING_M[1])]
    usual = ring[(ring["now"] / ring["nor"]).between(0.5, 2)]
    expected = np.linalg.lstsq(_features(usual), usual["now"].to_numpy(dtype=float), rcond=None)[0]
    spread = ((usual["now"] - _features(usual) @ expected) ** 2 / usual["nor"]).mean()
    near = others.assign(away=away)[away <= REACH_M].sort_values("away")
    neighbours = near[with_room.loc[near.index]].head(NEIGHBOURS)
    noise = np.sqrt(spread * neighbours["nor"].to_numpy(dtype=float))
    gain = neighbours["now"].to_numpy(dtype=float) - _features(neighbours) @ expected
    points = england.points[metres(at, england.points) <= REACH_M]
    return Closure(at, pupils, near, neighbours, np.clip(gain, -MOST_GAIN * noise, MOST_GAIN * noise), noise, points)


def _features(schools: pd.DataFrame) -> FloatArray:
    """Intercept, roll and capacity (fuller schools grow less), and whether the school is rural."""
    parts = [np.ones(len(schools)), schools["nor"], schools["capacity"], schools["rural"]]
    features: FloatArray = np.column_stack(parts).astype(float)
    return features


def nearest(closed: Closure) -> FloatArray:
    """All to the nearest school with room."""
    return closed.pupils * (np.arange(len(closed.neighbours)) < 1)


def three(closed: Closure) -> FloatArray:
    """Equal shares to the three nearest with room."""
    return closed.pupils * (np.arange(len(closed.neighbours)) < 3) / 3


def gravity(decay_per_km: float | None = None) -> Rule:
    """The product's model: who attends the closed school, and then each home as its neighbours' children go.

    A home's movers are shared over the other schools with room as its pupils are shared in the fitted model.
    """
    changed = {} if decay_per_km is None else {"gravity_decay_primary_per_km": decay_per_km}
    policy = Policy({"node_min_pupils": 0, **changed})
    detour = policy.number("detour_factor")

    def moved(closed: Closure) -> FloatArray:
        schools, points = closed.round_about, closed.points
        urns = [CLOSED, *(int(urn) for urn in schools["urn"])]
        there = np.vstack([closed.at, schools[GRID].to_numpy(dtype=float)])
        here = points[GRID].to_numpy(dtype=float)
        living = pd.DataFrame(0.0, index=points["locality"], columns=list(COMPULSORY))
        living[PRIMARY[0]] = points["children"].to_numpy()  # one cell stands for the band, whose sums alone count
        rolls = pd.DataFrame(0.0, index=urns, columns=list(COMPULSORY))
        rolls[PRIMARY[0]] = [closed.pupils, *schools["nor"]]
        places = Places(
            points=points.assign(demand_point=points["locality"], weight_primary=1.0),
            urns=urns,
            year_groups=dict.fromkeys(urns, PRIMARY),
            distance_m=np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1)) * detour,
            pupils=living,
            rolls=rolls,
        )
        nodes, _ = base_nodes(places, [BAND], policy)
        flows = nodes.pivot_table(index="locality", columns="urn", values="pupils", fill_value=0.0)
        movers = flows[CLOSED]
        open_ = schools.loc[schools["capacity"] >= schools["nor"] + 1, "urn"]
        others = flows.reindex(columns=open_, fill_value=0.0)
        total = others.sum(axis=1)
        share = others.div(total.where(total > 0), axis=0).fillna(0.0)
        gained = share.mul(movers, axis=0).sum()
        return gained.reindex(closed.neighbours["urn"], fill_value=0.0).to_numpy(dtype=float)

    return moved


def door(closed: Closure) -> FloatArray:
    """As if all pupils lived at the closed school: to others with room by roll and distance, at policy's decay."""
    policy = Policy({})
    schools = closed.round_about[closed.round_about["capacity"] >= closed.round_about["nor"] + 1]
    km = schools["away"] * policy.number("detour_factor") / 1000
    pull = schools["nor"] * np.exp(-policy.number("gravity_decay_primary_per_km") * km)
    gained: FloatArray = closed.pupils * (pull / pull.sum()).to_numpy(dtype=float)[: len(closed.neighbours)]
    return gained


def really_closed(folder: Path, codes: pd.DataFrame, england: England) -> list[Closure]:
    """Primary schools that closed from summer 2015 on: reason "Closure", no successor, and placed by their postcode."""
    gias = folder / "gias"
    closed = pd.read_csv(gias / "closed_schools_to_2017.csv.gz", encoding="cp1252", low_memory=False)
    links = pd.read_csv(gias / "links_2025.csv.gz", encoding="cp1252")
    followed = links.loc[links["LinkType"].str.contains("Successor|Result of|Merged|Split"), "URN"]
    shut = pd.to_datetime(closed["Closure date"], errors="coerce")
    closed = closed[
        (closed["Phase of education"] == "Primary")
        & (closed["Reason establishment closed"] == "Closure")
        & (shut >= "2015-06-01")
        & ~closed["URN"].isin(followed)
    ]
    number = closed["Local authority (code)"] * 10000 + closed["Establishment number"]
    counted = pd.read_csv(folder / "england/scap_2015_ud1.csv.gz", encoding="cp1252").set_index("laestab")
    closed = closed.assign(pupils=number.map(counted["may_nor_2015"]), code=_code(closed["Postcode"]))
    placed = closed.merge(codes, on="code")
    print(f"{len(closed)} schools closed for good; {len(placed)} are placed by their postcode and counted in 2015.\n")
    placed = placed[placed["pupils"] > 0]
    return [closure(england, row[GRID].to_numpy(dtype=float), float(row["pupils"])) for _, row in placed.iterrows()]


def _code(postcode: pd.Series) -> pd.Series:
    return postcode.astype(str).str.replace(" ", "").str.upper()


def postcodes(folder: Path) -> pd.DataFrame:
    """Code and easting, northing of every file of Code-Point Open in a folder, with or without a row of headings."""
    frames = []
    for path in sorted(folder.rglob("*.csv*")):
        if "_lsoa" in path.name or not (path.name.startswith("codepoint") or len(path.name.split(".")[0]) <= 2):
            continue
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
            table = pd.read_csv(stream, header=None, usecols=[0, 2, 3], names=["postcode", "easting", "northing"],
                                dtype=str)  # fmt: skip
        frames.append(table)
    table = pd.concat(frames, ignore_index=True)
    grid = table[GRID].apply(pd.to_numeric, errors="coerce")
    return grid.assign(code=_code(table["postcode"])).dropna().query("easting > 0").drop_duplicates("code")


def placebos(england: England, real: list[Closure], rng: np.random.Generator) -> list[Closure]:
    """Small schools that did not close, none of them near a closure, as if they had."""
    schools = england.schools
    small = schools[schools["nor"].between(*PLACEBO_PUPILS)]
    far = np.all([metres(closed.at, small) >= LEAST_FROM_CLOSURE_M for closed in real], axis=0)
    chosen = small[far].sample(PLACEBOS, random_state=rng)
    return [
        closure(england, row[GRID].to_numpy(dtype=float), float(row["nor"]), int(row["urn"]))
        for _, row in chosen.iterrows()
    ]


def show(real: list[Closure], control: list[Closure], rng: np.random.Generator) -> None:
    """Gains by rank, and of each rule the share it sends there, its slope and its error."""
    sets = rng.integers(0, len(control), (SETS, len(real)))
    (gains, weight), (null, null_weight) = (_gains(group) for group in (real, control))
    rules: dict[str, Rule] = {
        "gravity": gravity(),
        **{f"gravity, {decay:g} per km": gravity(decay) for decay in DECAYS},
        "gravity from the school's door": door,
        "all to the nearest": nearest,
        "three nearest alike": three,
    }
    sent, would = ({name: _padded(rule, of) for name, rule in rules.items()} for of in (real, control))
    pupils, small = (np.array([closed.pupils for closed in group])[:, None] for group in (real, control))
    print(f"{len(real)} closures, {pupils.sum():.0f} pupils; shares of a closed school's pupils\n")
    print(f"| neighbours with room | gained | standard error | where nothing closed | {' | '.join(rules)} |")
    print("|---" * (4 + len(rules)) + "|")
    per_pupil = (null_weight * small * null)[sets].sum(axis=1) / (null_weight * small**2)[sets].sum(axis=1)
    for name, rank in PARTS.items():
        none = per_pupil[:, rank].sum(axis=1)
        every = [
            (weight * pupils * of).sum(axis=0) / (weight * pupils**2).sum(axis=0) for of in (gains, *sent.values())
        ]
        seen, *shares = (of[rank].sum() for of in every)
        print(f"| {name} | {' | '.join(f'{share:.0%}' for share in (seen, none.std(), none.mean(), *shares))} |")
    print("\n| rule | slope | standard error | where nothing closed | squared error against nobody comes |")
    print("|---" * 5 + "|")
    for name in rules:
        made, other = sent[name], would[name]
        above, below = ((null_weight * other * part).sum(axis=1)[sets].sum(axis=1) for part in (null, other))
        slope = (weight * made * gains).sum() / (weight * made**2).sum()
        error = (weight * (gains - made) ** 2).sum() / (weight * gains**2).sum()
        print(
            f"| {name} | {slope:.2f} | {(above / below).std():.2f} | {(above / below).mean():.2f} | {error - 1:+.1%} |"
        )


def _gains(closures: list[Closure]) -> tuple[FloatArray, FloatArray]:
    """Gains and weights (closures, NEIGHBOURS): one over the noise squared; 0 where there are fewer neighbours."""
    return _padded(lambda closed: closed.gain, closures), _padded(lambda closed: closed.noise**-2, closures)


def _padded(value: Rule, closures: list[Closure]) -> FloatArray:
    rows = [value(closed) for closed in closures]
    return np.array([np.pad(row, (0, NEIGHBOURS - len(row))) for row in rows])


def main() -> None:
    """Print the tables."""
    folder, rng = data_folder(), np.random.default_rng(0)
    codes = postcodes(Path(sys.argv[1]) if len(sys.argv) > 1 else folder)
    england = England.read(folder)
    real = really_closed(folder, codes, england)
    show(real, placebos(england, real, rng), rng)


if __name__ == "__main__":
    main()
