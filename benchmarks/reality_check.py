"""How well the sustainability score of 2015 foresaw which primary schools of England had closed by 2023, as Markdown.

    python -m benchmarks.reality_check [FOLDER]      the folder of open data; else as for the other benchmarks

Schools are scored as the product scores them, on rolls and places of May 2015 at the prices of today's formula; the
score was stated before it was held against closures. Rural is a school most of whose neighbours in its planning area
that stand in 2023 are rural, for those that are gone have no address. Only aggregates are printed.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from benchmarks.fates import (
    AMALGAMATED,
    CLOSED,
    CONVERTED,
    FATES,
    OPEN,
    REPLACED,
    fates,
    kind,
    read_closed,
    read_links,
    read_schools,
)
from benchmarks.forecast import data_folder
from geodata.funding_values import funding_values
from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.funded_schools import FundedSchools
from models.sustainability import sustainability

Array = NDArray[np.float64]
TAUGHT = {"infant": slice(0, 3), "junior": slice(3, 7), "first": slice(0, 5), "primary": slice(0, 7)}
SMALL = 105  # pupils
RIVALS = {"score": "score", "money alone": "money", "roll alone": "pupils", "places filled alone": "filled"}
BY_CHANCE = 1.959964  # standard errors either way of a 95 % interval


def scored(folder: Path) -> pd.DataFrame:
    """Primary schools of May 2015: fate, inferred, recorded, pupils, places, rural (or nan), score, money, filled."""
    then, now = read_schools(folder)
    told = fates(then, now, read_links(folder), read_closed(folder))
    pupils = then["may_nor_2015"].to_numpy(dtype=float)
    serves = np.zeros((len(then), len(COMPULSORY)), dtype=bool)
    for row, name in enumerate(then["school_name"]):
        serves[row, TAUGHT[kind(name)]] = True
    policy = Policy({})
    rolls = serves * (pupils / serves.sum(axis=1))[:, None]
    found = sustainability(_funded(then, serves), rolls, funding_values(None, policy), policy)
    return told.assign(
        pupils=pupils,
        places=then["net_capacity_2015"],
        rural=_rural(then, now),
        score=found.score,
        money=found.balance_share,
        filled=found.filled_share,
    )


def _funded(then: pd.DataFrame, serves: NDArray[np.bool_]) -> FundedSchools:
    """Without sparsity and with the national share of additional needs: of schools that are gone no more is known."""
    n = len(then)
    return FundedSchools(
        key=then["laestab"].tolist(),
        phase=["primary"] * n,
        serves=serves,
        places=then["net_capacity_2015"].to_numpy(dtype=float),
        september=np.zeros(n, dtype=bool),
        estimated=np.zeros(n, dtype=bool),
        additional_gbp=np.full(n, np.nan),
        distance_m=np.full(n, np.nan),
        lump_sums=np.ones(n),
        split_site=np.zeros(n),
    )


def _rural(then: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """1 where more than half of the other schools of its planning area are rural, else 0; nan without others."""
    known = now[now["urban_rural"].notna()].assign(rural=lambda t: t["urban_rural"].str.contains("Rural").astype(float))
    by_area = known.groupby("primary_planning_area")["rural"].agg(["sum", "count"])
    own = then["laestab"].map(known.drop_duplicates("laestab").set_index("laestab")["rural"])
    area = then["primary_planning_area"]
    others = area.map(by_area["count"]) - own.notna()
    share = (area.map(by_area["sum"]) - own.fillna(0)) / others.where(others > 0)
    return (share > 0.5).astype(float).where(share.notna())


def placements(value: Array, closed: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Of each closed school the share of open ones above it, of each open one the share of closed ones below it."""
    low, high = value[closed], value[~closed]
    ranks = rankdata(np.concatenate([low, high]))
    above = 1.0 - (ranks[: len(low)] - rankdata(low)) / len(high)
    below = (ranks[len(low) :] - rankdata(high)) / len(low)
    return above, below


def auc(value: Array, closed: NDArray[np.bool_], rival: Array | None = None) -> tuple[float, float]:
    """Area under the ROC curve of a low value for closing, less that of a rival, and DeLong's standard error."""
    above, below = placements(value, closed)
    if rival is not None:
        others = placements(rival, closed)
        above, below = above - others[0], below - others[1]
    variance = above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)
    return float(above.mean()), float(np.sqrt(variance))


def deciles(schools: pd.DataFrame) -> pd.DataFrame:
    """Schools, highest score and closed ones by tenth of the score, from the lowest."""
    tenth = np.minimum(10 * (schools["score"].rank(method="first") - 1) // len(schools), 9).astype(int) + 1
    closed = schools["fate"] == CLOSED
    table = pd.DataFrame({"tenth": tenth, "score": schools["score"], "closed": closed})
    grouped = table.groupby("tenth")
    return pd.DataFrame(
        {
            "schools": grouped.size(),
            "highest": grouped["score"].max(),
            "closed": grouped["closed"].sum(),
            "share": grouped["closed"].mean(),
        }
    )


def show_counts(schools: pd.DataFrame) -> None:
    print("| by 2023 | schools | pupils of 2015 | below 105 |\n|---|---|---|---|")
    for fate in FATES:
        of = schools[schools["fate"] == fate]
        print(f"| {fate} | {len(of):,} | {of['pupils'].sum():,.0f} | {(of['pupils'] < SMALL).sum():,} |")
    print(f"\nRural {(schools['rural'] == 1).sum():,}, urban {(schools['rural'] == 0).sum():,}, unknown "
          f"{schools['rural'].isna().sum():,}\n")  # fmt: skip
    print(f"| recorded to February 2017 | {' | '.join(f'rule: {fate}' for fate in FATES)} |")
    print("|---" * (1 + len(FATES)) + "|")
    for reason in (REPLACED, AMALGAMATED, CLOSED):
        of = schools.loc[schools["recorded"] == reason, "inferred"].value_counts()
        print(f"| {reason} | {' | '.join(str(of.get(fate, 0)) for fate in FATES)} |")


def show_areas(schools: pd.DataFrame) -> None:
    recorded = schools["recorded"] == CLOSED
    everything = schools["fate"].isin([OPEN, CLOSED])
    small = schools["pupils"] < SMALL
    groups = {
        "all": everything,
        "rural": everything & (schools["rural"] == 1),
        "urban": everything & (schools["rural"] == 0),
        f"below {SMALL} pupils": everything & small,
        f"{SMALL} pupils and more": everything & ~small,
        "closures on record, to February 2017": everything & ((schools["fate"] == OPEN) | recorded),
        "closures by the rule": everything & ~recorded,
        "converted and replaced as open": everything | schools["fate"].isin([CONVERTED, REPLACED]),
        "amalgamated as closed": everything | (schools["fate"] == AMALGAMATED),
    }
    print(f"\n| schools | open | closed | {' | '.join(RIVALS)} |\n{'|---' * (3 + len(RIVALS))}|")
    for name, which in groups.items():
        of = schools[which]
        closed = of["fate"].isin([CLOSED, AMALGAMATED]).to_numpy()
        cells = [shown(*auc(of[column].to_numpy(dtype=float), closed)) for column in RIVALS.values()]
        print(f"| {name} | {(~closed).sum():,} | {closed.sum()} | {' | '.join(cells)} |")
    of = schools[everything]
    closed = (of["fate"] == CLOSED).to_numpy()
    print("\n| area of the score less that of | difference | chance of as much |\n|---|---|---|")
    for name, column in list(RIVALS.items())[1:]:
        apart, error = auc(of["score"].to_numpy(), closed, of[column].to_numpy(dtype=float))
        low, high = apart - BY_CHANCE * error, apart + BY_CHANCE * error
        print(f"| {name} | {apart:+.3f} ({low:+.3f} to {high:+.3f}) | {2 * norm.sf(abs(apart) / error):.2g} |")


def shown(area: float, error: float) -> str:
    low, high = max(area - BY_CHANCE * error, 0.0), min(area + BY_CHANCE * error, 1.0)
    return f"{area:.3f} ({low:.3f} to {high:.3f})"


def show_deciles(schools: pd.DataFrame) -> None:
    counted = schools[schools["fate"].isin([OPEN, CLOSED])]
    print("\n| tenth by score | schools | score up to | closed | share closed |\n|---|---|---|---|---|")
    for tenth, row in deciles(counted).iterrows():
        print(f"| {tenth} | {row['schools']:,.0f} | {row['highest']:.1f} | {row['closed']:.0f} | {row['share']:.2%} |")
    ranked = counted.sort_values("score", kind="stable")["fate"] == CLOSED
    for share in (0.01, 0.02, 0.05):
        first = ranked.head(round(share * len(ranked)))
        print(f"\nLowest {share:.0%}: {first.sum()} of {len(first)} closed ({first.mean():.1%}), "
              f"{first.sum() / ranked.sum():.0%} of all closures")  # fmt: skip


def main() -> None:
    """Print the tables."""
    schools = scored(Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder())
    show_counts(schools)
    show_areas(schools)
    show_deciles(schools)


if __name__ == "__main__":
    main()
