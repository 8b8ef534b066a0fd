"""Need and spare places under the plan beside those if nothing changes: a view of each, and a table of both."""

from dataclasses import replace
from typing import Final

import geopandas as gpd
import pandas as pd

from maps.balance import balance_layer
from maps.layers import Layer
from maps.tables import html_table, whole

COUNTED: Final = (
    "Pupils are counted where they are on roll if nothing changes. The plan gives some of them a place in another "
    "area: the table says how many it places in each."
)
KEYS: Final = ["phase", "name", "academic_year"]
SUMS: Final = ["pupils", "places", "need", "spare"]


def counted(without_place: float) -> str:
    """How pupils are counted, and how many the plan leaves without a place in the worst year."""
    left = "nobody" if without_place < 0.5 else f"up to {whole(without_place)} pupils in a year"
    return f"{COUNTED} In the forecast planned for, it leaves {left} without a place."


def before_and_after(
    areas: gpd.GeoDataFrame,
    balance: pd.DataFrame,
    planned: pd.DataFrame | None,
    years: list[str],
    without_place: float = 0.0,
) -> list[Layer]:
    """Views of each phase if nothing changes and under the plan; ``planned`` has the columns of a balance,
    ``without_place`` are the pupils whom it gives no place in the worst year.
    """
    layers: list[Layer] = []
    for phase, own in areas.groupby("phase"):
        own = own.reset_index(drop=True)
        now = balance_layer(own, balance[balance["phase"] == phase], str(phase), years, shown=not layers)
        layers.append(replace(now, name=f"{now.name} if nothing changes"))
        if planned is not None:
            then = balance_layer(own, planned[planned["phase"] == phase], str(phase), years, shown=False)
            layers.append(
                replace(
                    then,
                    key=f"planned-{phase}",
                    name=f"{then.name} under the plan",
                    shapes=now.shapes,
                    head=then.shapes.head,
                    rows=then.shapes.rows,
                    legend=f"{then.legend} {counted(without_place)}",
                )
            )
    return layers


def before_after_table(balance: pd.DataFrame, planned: pd.DataFrame | None, without_place: float = 0.0) -> str:
    """One row per area, phase and year; nothing without a plan. ``planned`` has ``placed`` too."""
    if planned is None:
        return ""
    now, then = (table.groupby(KEYS)[SUMS].sum() for table in (balance, planned))
    placed = planned.groupby(KEYS)["placed"].first()
    both = then.add_suffix("_plan").join(now)
    columns = {
        "Pupils if nothing changes": both["pupils"],
        "Places": both["places"],
        "Need": both["need"],
        "Spare": both["spare"],
        "Places under the plan": both["places_plan"],
        "Need under the plan": both["need_plan"],
        "Spare under the plan": both["spare_plan"],
        "Pupils the plan places there": placed.reindex(both.index),
    }
    heads = both.index.to_frame(index=False).set_axis(["Phase", "Planning area", "Year"], axis=1)
    told = {name: column.map(whole).to_numpy() for name, column in columns.items()}
    table = pd.concat([heads, pd.DataFrame(told)], axis=1)
    what = "Need and spare places if nothing changes, and under the plan, each summed over year groups."
    caption = f"{what} {counted(without_place)}"
    return html_table(table, caption, row_heads=3, numbers=list(columns))
