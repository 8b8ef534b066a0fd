"""Schools as markers: told apart by shape, described in one way on every map."""

from typing import Final

import geopandas as gpd
import numpy as np

from maps.geometry import separated
from maps.layers import Layer, Shapes, Style
from maps.palette import INK, WHITE
from maps.tables import text, whole

PHASE_STYLES: Final = (
    Style("primary school", WHITE, line=INK, line_px=2, opacity=1, shape="circle", size_px=14),
    Style("secondary school", WHITE, line=INK, line_px=2, opacity=1, shape="square", size_px=16),
    Style("other phase", WHITE, line=INK, line_px=2, opacity=1, shape="diamond", size_px=17),
)


def school_shapes(schools: gpd.GeoDataFrame) -> Shapes:
    """Popups of schools: urn, name, phase, places, pupils, religious_character, geometry (points,
    EPSG:27700).
    """
    columns = ["urn", "phase", "religious_character", "places", "pupils"]
    return Shapes(
        key="schools",
        geometry=separated(schools.geometry),
        titles=schools["name"].astype(str).tolist(),
        fields=[
            {
                "URN": text(urn),
                "Phase": text(phase),
                "Character": text(character),
                "Places": whole(places),
                "Pupils": whole(pupils),
            }
            for urn, phase, character, places, pupils in schools[columns].itertuples(index=False)
        ],
    )


def schools_layer(schools: gpd.GeoDataFrame) -> Layer:
    """Schools by phase: circle, square, diamond."""
    phase = schools["phase"].astype(str).str.lower().to_numpy()
    kind = np.select([phase == "primary", phase == "secondary"], [0, 1], 2)
    return Layer("schools", "Schools", school_shapes(schools), PHASE_STYLES, kind)
