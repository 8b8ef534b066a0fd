"""Text of the files in maps/assets: Leaflet as published, and the page's own script, style and frame.

MANIFEST.csv lists what comes from elsewhere: file, name, version, licence, licence_file, sha256, source. The
files are kept byte for byte; what an offline page must not contain is taken out here, on reading.
"""

import re
from importlib.resources import files


def asset_text(name: str) -> str:
    """Text of one file of maps/assets; FileNotFoundError if there is none of that name."""
    return files("maps").joinpath("assets", name).read_text(encoding="utf-8")


def leaflet_script() -> str:
    """Leaflet's script with its licence in front, as the licence asks, and without the pointer to a source
    map.
    """
    script = re.sub(r"//# sourceMappingURL=\S+\s*$", "", asset_text("leaflet.js"))
    return f"/*\n{asset_text('leaflet-LICENSE.txt')}*/\n{script}"


def leaflet_style() -> str:
    """Leaflet's style without its pictures, which belong to a marker and a button that no page uses."""
    return re.sub(r"url\(images/[^)]*\)", "none", asset_text("leaflet.css"))
