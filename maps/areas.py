"""Planning areas as outlines, for maps whose figures are of schools and journeys."""

import geopandas as gpd
import numpy as np

from maps.layers import Layer, Shapes, Style
from maps.palette import GREY, WHITE
from maps.tables import text

OUTLINE = Style("planning area", WHITE, line=GREY, line_px=1.2, opacity=0.05)


def area_layers(areas: gpd.GeoDataFrame) -> list[Layer]:
    """Outlines of planning areas, one layer a phase; the first is shown.

    ``areas``: planning_area, phase, name, geometry (polygons, EPSG:27700).
    """
    layers: list[Layer] = []
    for phase, own in areas.groupby("phase"):
        shapes = Shapes(
            key=f"{phase} planning areas",
            geometry=own.geometry,
            titles=own["name"].astype(str).tolist(),
            fields=[{"Planning area": text(area), "Phase": str(phase)} for area in own["planning_area"]],
        )
        name = f"{str(phase).capitalize()} planning areas"
        layers.append(Layer(f"areas-{phase}", name, shapes, [OUTLINE], np.zeros(len(own), int), shown=not layers))
    return layers
